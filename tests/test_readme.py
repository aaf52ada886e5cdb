"""README.md is true: its commands have the form that the checks rely on, and every Python block runs."""

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from cobalt_async.audit import read_policy
from cobalt_async.testing import CobaltSandbox
from tests.processes import ending

README = Path(__file__).parent.parent / "README.md"
BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)

# What each block is recognised by, and the claim that is checked of it.
CLIENT, REFRESH, AUDIT, ROTATION, SANDBOX, FASTAPI, AIOHTTP = (
    "async for token in cobalt.tokens.iter",
    "cobalt.use_token(",
    "audit(cobalt, inventory)",
    "await rotate(",
    "cobalt_sandbox.faults",
    "FastAPI(",
    "web.Application()",
)
MARKS = (CLIENT, REFRESH, AUDIT, ROTATION, SANDBOX, FASTAPI, AIOHTTP)


def block(mark: str) -> str:
    """The one Python block with this text in it."""
    (found,) = [text for text in BLOCKS if mark in text]
    return found


def run(text: str) -> dict[str, Any]:
    """Run a block as a script or, where it awaits at the top level, as a notebook's cell; its names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    code: CodeType = compile(text, str(README), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, names)  # noqa: S307 - our own README
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)
    return names


@pytest.fixture
def ada(cobalt_sandbox: CobaltSandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A user with three tokens at a sandbox, whom the environment speaks for."""
    user = cobalt_sandbox.add_user("ada", tokens=3)
    monkeypatch.setenv("COBALT_BASE_URL", cobalt_sandbox.url)
    monkeypatch.setenv("COBALT_API_TOKEN", user.tokens[0].secret)
    monkeypatch.delenv("COBALT_REGION", raising=False)
    return user


def test_every_block_is_run_by_a_test_below() -> None:
    """No Python block stands in README that nothing runs."""
    assert len(BLOCKS) == len(MARKS)
    assert {block(mark) for mark in MARKS} == set(BLOCKS)


def test_the_listing_prints_every_token(ada: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The client's block prints all tokens of the user, id and name."""
    run(block(CLIENT))
    assert capsys.readouterr().out.splitlines() == [f"{token.id} {token.name}" for token in ada.tokens]


def test_the_refresh_saves_a_live_secret(ada: Any, cobalt_sandbox: CobaltSandbox) -> None:
    """The refresh's block leaves the new, live secret in the vault, and the old one is dead."""
    old = ada.tokens[0].secret
    names = run(block(REFRESH))
    assert list(names["vault"].values()) == [ada.tokens[0].secret]
    assert ada.tokens[0].secret != old
    assert cobalt_sandbox.alive(ada.tokens[0].secret)
    assert not cobalt_sandbox.alive(old)


def test_the_audit_tells_each_verdict(ada: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The audit's block prints a verdict for each credential, and a report."""
    del ada
    run(block(AUDIT))
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines[:2]) == ["ci DEAD None 0", "laptop DEAD None 0"]
    assert len(lines) > 2


def test_the_policy_is_one(tmp_path: Path) -> None:
    """The TOML block is accepted, its suppression too."""
    (text,) = re.findall(r"^```toml\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "policy.toml"
    path.write_text(text, "utf-8")
    policy = read_policy(path)
    assert policy.max_tokens_per_user == 5
    assert [known.rule for known in policy.suppress] == ["CT301"]


def test_the_sandbox_says_what_the_other_shell_types(tmp_path: Path) -> None:
    """The sandbox prints the line that README tells of, and it runs."""
    shown = re.search(r"`COBALT_BASE_URL=… (cobalt-async audit [^`]+)`", README.read_text("utf-8"))
    assert shown is not None
    command = [sys.executable, "-m", "cobalt_async", "sandbox", "--inventory", "inventory.csv"]
    environment = {**os.environ, "PYTHONPATH": str(README.parent)}
    environment.pop("COBALT_API_TOKEN", None)
    with ending(subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "cobalt-async audit" in line)
        setting, _, typed = line.strip().partition(" ")
        assert (setting.partition("=http://")[0], typed) == ("COBALT_BASE_URL", shown[1])
        environment["COBALT_BASE_URL"] = setting.partition("=")[2]
        words = [sys.executable, "-m", "cobalt_async", *typed.split()[1:], "--quiet"]
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 1, done.stderr
    assert "\nALIVE " in done.stdout


def test_the_rotation_stores_a_live_secret(
    ada: Any,
    cobalt_sandbox: CobaltSandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rotation's block leaves the new, live secret in the .env file, and the client goes on with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COBALT_SIBLING", ada.tokens[1].secret)
    old = ada.tokens[0].secret
    Path(".env").write_text(f"# mine\nCOBALT_API_TOKEN={old}\n", "utf-8")
    names = run(block(ROTATION))
    assert capsys.readouterr().out.startswith("SUCCESS\n")
    assert Path(".env").read_text("utf-8") == f"# mine\nCOBALT_API_TOKEN={ada.tokens[0].secret}\n"
    assert cobalt_sandbox.alive(ada.tokens[0].secret)
    assert not cobalt_sandbox.alive(old)
    assert names["cobalt"].has_token


def test_the_sandbox_works_in_a_users_own_pytest(tmp_path: Path) -> None:
    """The pytest block passes in an empty folder, with the fixture that the plugin brings."""
    (tmp_path / "test_mine.py").write_text(block(SANDBOX), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_fastapi_backend_answers_and_says_wait(ada: Any, cobalt_sandbox: CobaltSandbox) -> None:
    """The FastAPI block lists the names, and answers 503 with Retry-After where the rate limit is used up."""
    testclient = pytest.importorskip("fastapi.testclient")
    with testclient.TestClient(run(block(FASTAPI))["app"]) as client:
        headers = {"X-Cobalt-Token": ada.tokens[0].secret}
        assert client.get("/tokens", headers=headers).json() == [token.name for token in ada.tokens]
        cobalt_sandbox.faults.answer(509)
        refused = client.get("/tokens", headers=headers)
    assert refused.status_code == 503
    assert 0 < int(refused.headers["Retry-After"]) <= 60


async def test_the_aiohttp_backend_answers_and_says_wait(ada: Any, cobalt_sandbox: CobaltSandbox) -> None:
    """The aiohttp.web block does the same."""
    app: web.Application = run(block(AIOHTTP))["app"]
    async with TestClient(TestServer(app)) as client:
        headers = {"X-Cobalt-Token": ada.tokens[0].secret}
        assert await (await client.get("/tokens", headers=headers)).json() == [token.name for token in ada.tokens]
        cobalt_sandbox.faults.answer(509)
        refused = await client.get("/tokens", headers=headers)
    assert refused.status == 503
    assert 0 < int(refused.headers["Retry-After"]) <= 60


@pytest.mark.parametrize("mark", ["try", "test"])
def test_each_command_is_one_line_under_its_mark(mark: str) -> None:
    """Right under `<!-- try -->` and `<!-- test -->` stands a `sh` block of one line, which makes its venv itself."""
    lines = README.read_text("utf-8").splitlines()
    (at,) = [number for number, line in enumerate(lines) if line == f"<!-- {mark} -->"]
    assert lines[at + 1] == "```sh"
    assert lines[at + 2].startswith("python3 -m venv ")
    assert lines[at + 3] == "```"


def test_it_is_a_cheat_sheet() -> None:
    """README is at most 250 lines, the table of what it costs among them."""
    assert len(README.read_text("utf-8").splitlines()) <= 250


def test_the_command_line_that_it_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    """Every `cobalt-async …` command in README is one that `--help` knows."""
    from cobalt_async.cli import main

    commands = set(re.findall(r"`?cobalt-async ([a-z]+)", README.read_text("utf-8")))
    assert commands
    ask: Callable[[list[str]], int] = main
    ask(["--help"])
    known = capsys.readouterr().out
    assert not [command for command in commands if command not in known]
