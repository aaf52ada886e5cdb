import io
import json
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from cobalt_async import errors
from cobalt_async.cli.tokens import list_tokens
from cobalt_async.testing import CobaltSandbox, SandboxUser
from tests.cli.calling import COMMAND, PATIENCE, Run, run_process, started

CANARY = "canary-secret-0123456789"


@pytest.fixture
def ada(sandbox: CobaltSandbox) -> SandboxUser:
    """A user with more tokens than a page holds."""
    return sandbox.add_user("ada", tokens=120)


@pytest.fixture
def _as_ada(ada: SandboxUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds one of her tokens."""
    monkeypatch.setenv("COBALT_API_TOKEN", ada.tokens[0].secret)


@pytest.mark.usefixtures("_as_ada")
def test_a_table_of_all_pages(ada: SandboxUser, sandbox: CobaltSandbox, run: Run) -> None:
    """Each token is a line, asked for 100 at a time; no secret stands in it."""
    ended = run("tokens", "list")
    assert (ended.code, ended.err) == (0, "")
    heading, *lines = ended.out.splitlines()
    assert heading.split() == ["ID", "ENDS", "WITH", "EXPIRES", "NAME"]
    assert [line.split()[0] for line in lines] == [token.id for token in ada.tokens]
    assert lines[0].split() == [ada.tokens[0].id, ada.tokens[0].secret[-4:], "never", "ada", "1"]
    assert [seen.path.partition("limit=")[2] for seen in sandbox.requests] == ["100", "100"]
    assert not any(token.secret in ended.out for token in ada.tokens)


@pytest.mark.usefixtures("_as_ada")
def test_json(ada: SandboxUser, run: Run) -> None:
    """`--json` is one array of all tokens."""
    ended = run("tokens", "list", "--json")
    listed = json.loads(ended.out)
    assert [token["id"] for token in listed] == [token.id for token in ada.tokens]
    assert listed[0] == {
        "id": ada.tokens[0].id,
        "name": "ada 1",
        "last_characters": ada.tokens[0].secret[-4:],
        "expire_at": None,
    }
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.usefixtures("_as_ada")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_ending_is_a_whole_secret(sandbox: CobaltSandbox, run: Run, options: tuple[str, ...]) -> None:
    """A server that sends all of it where four characters belong is not repeated."""
    item = {"resource": {"id": "api_a", "name": "n", "last_characters": CANARY}}
    sandbox.faults.answer(200, {"data": [item], "pagination": {"next_page": None, "prev_page": None}})
    ended = run("tokens", "list", *options)
    assert ended.code == 0
    assert CANARY not in ended.out
    assert "[not repeated here]" in ended.out


@pytest.mark.usefixtures("_as_ada")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_is_printed_of_half_a_listing(sandbox: CobaltSandbox, run: Run, options: tuple[str, ...]) -> None:
    """Where the second page fails, standard output is empty and the exit code is 6."""
    item = {"resource": {"id": "api_a", "name": "n"}}
    pagination = {"next_page": "/tokens?cursor=abc", "prev_page": None}
    sandbox.faults.answer(200, {"data": [item], "pagination": pagination})
    sandbox.faults.answer(404)
    ended = run("tokens", "list", *options)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (6, "", 1)
    assert ended.err.startswith("cobalt-async: GET /tokens was answered 404")


@pytest.mark.usefixtures("_as_ada")
def test_a_name_cannot_play_with_the_terminal(ada: SandboxUser, run: Run) -> None:
    """Control characters in a name are written out."""
    ada.tokens[0].rename("x\x1b[2J\ny\u202e")
    assert r"x\x1b[2J\ny\u202e" in run("tokens", "list").out


def test_without_a_token(sandbox: CobaltSandbox, run: Run) -> None:
    """One line says where it is taken from, exit code 2, and nothing was sent."""
    ended = run("tokens", "list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "cobalt-async: no token: set COBALT_API_TOKEN, or name a file with --token-file\n"
    assert sandbox.requests == []


@pytest.mark.parametrize("shape", ["{}", "{}\n", "{}\r\n", "\ufeff{}\n", "\n {} \n"])
def test_a_token_from_a_file(ada: SandboxUser, tmp_path: Path, run: Run, shape: str) -> None:
    """Line ends, blanks around it and a byte order mark do not count; the file beats the environment."""
    path = tmp_path / "token"
    path.write_text(shape.format(ada.tokens[0].secret), encoding="utf-8", newline="")
    assert run("tokens", "list", "--token-file", str(path)).code == 0


def test_a_token_from_standard_input(ada: SandboxUser) -> None:
    """`--token-file -` reads it there."""
    ended = run_process("tokens", "list", "--token-file", "-", stdin=f"{ada.tokens[0].secret}\n".encode())
    assert (ended.code, len(ended.out.splitlines())) == (0, 121)


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (None, "it cannot be read (No such file or directory)"),
        (b"", "1 to 512 characters"),
        (b"\n", "1 to 512 characters"),
        (f"{CANARY}\n{CANARY}\n".encode(), "one token and nothing else"),
        (f"TOKEN={CANARY} ".encode() * 20, "one token and nothing else"),
        (b"\xff\xfe" + CANARY.encode("utf-16"), "not text"),
        (b"x" * 100_000, "1 to 512 characters"),
    ],
)
def test_a_file_without_a_token(
    sandbox: CobaltSandbox, tmp_path: Path, run: Run, content: bytes | None, flaw: str
) -> None:
    """One line names the file and the flaw, not the content; exit code 2; nothing was sent."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    ended = run("tokens", "list", "--token-file", str(path))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"cobalt-async: {path}: ")
    assert flaw in ended.err
    assert len(ended.err.splitlines()) == 1
    assert CANARY not in ended.err
    assert sandbox.requests == []


def test_a_directory_is_no_token_file(sandbox: CobaltSandbox, tmp_path: Path, run: Run) -> None:
    """It is named, exit code 2."""
    ended = run("tokens", "list", "--token-file", str(tmp_path))
    assert ended.code == 2
    assert "directory" in ended.err


def test_no_frame_of_an_error_holds_a_files_text(tmp_path: Path) -> None:
    """A tool that shows the locals of a traceback shows nothing of the file."""
    path = tmp_path / "token"
    path.write_text(f"{CANARY} {CANARY}")
    with pytest.raises(errors.ConfigurationError) as caught:
        list_tokens(as_json=False, token_file=str(path), region=None, base_url=None)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    del told.stack[0]  # this test's own
    assert told.stack
    assert CANARY not in "".join(told.format())


@pytest.mark.usefixtures("_as_ada")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full() -> None:
    """Where only the last flush fails, it is one line and exit code 2 all the same."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run((*COMMAND, "tokens", "list"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "cobalt-async: cannot write to standard output: No space left on device\n"


@pytest.mark.usefixtures("_as_ada")
def test_a_reader_that_is_gone() -> None:
    """Nothing is said, now or when Python ends, and the exit code is not 0."""
    with started("tokens", "list") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b""


def test_standard_input_that_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds no token."""
    monkeypatch.setattr(sys, "stdin", None)
    assert run("tokens", "list", "--token-file", "-").code == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert run("tokens", "list", "--token-file", "-").code == 2


@pytest.mark.usefixtures("_as_ada")
@pytest.mark.parametrize(
    ("arguments", "flaw"),
    [
        (("--region", "us", "--base-url", "https://example.com"), "base_url and region"),
        (("--base-url", "http://example.com"), "base_url: https"),
        (("--base-url", "nonsense"), "base_url: https"),
    ],
)
def test_where_it_cannot_go(run: Run, arguments: tuple[str, ...], flaw: str) -> None:
    """A wrong address is one line and exit code 2."""
    ended = run("tokens", "list", *arguments)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert flaw in ended.err


@pytest.mark.usefixtures("_as_ada")
def test_another_base_url(ada: SandboxUser, run: Run) -> None:
    """`--base-url` beats the environment."""
    with CobaltSandbox() as other:
        ended = run("tokens", "list", "--base-url", other.url)
        assert len(other.requests) == 1
    assert ended.code == 6
    assert "401" in ended.err
    assert ada.tokens[0].secret not in ended.err


@pytest.mark.parametrize(("name", "value"), [("COBALT_BASE_URL", "nonsense"), ("COBALT_REGION", "mars")])
def test_a_wrong_environment(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The variable is named, exit code 2."""
    monkeypatch.setenv("COBALT_API_TOKEN", CANARY)
    monkeypatch.setenv(name, value)
    ended = run("tokens", "list")
    assert ended.code == 2
    assert f"${name}" in ended.err
    assert CANARY not in ended.err


def test_nobody_there(run: Run, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    """A request that failed is one line and exit code 6."""
    monkeypatch.setenv("COBALT_API_TOKEN", CANARY)
    monkeypatch.setenv("COBALT_BASE_URL", f"http://127.0.0.1:{unused_tcp_port}")
    ended = run("tokens", "list")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (6, "", 1)
    assert CANARY not in ended.err
