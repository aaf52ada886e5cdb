import fcntl
import json
import shlex
import signal
import subprocess
import termios
from array import array
from pathlib import Path

import pytest

from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import PATIENCE, Run, started, wait_until

FIRST = "cobalt-async: interrupted; what is under way is finished first, and a second time ends it at once\n"


@pytest.fixture
def long(sandbox: CobaltSandbox, tmp_path: Path) -> Path:
    """Forty users with a token each."""
    secrets = [sandbox.add_user(f"user {number}").tokens[0].secret for number in range(40)]
    path = tmp_path / "long.csv"
    path.write_text("label,secret,owner\n" + "".join(f"{n},{secret},me\n" for n, secret in enumerate(secrets)))
    path.chmod(0o600)
    return path


def _interrupt(process: "subprocess.Popen[bytes]", sandbox: CobaltSandbox, number: int = signal.SIGINT) -> None:
    """Once some were asked."""
    wait_until(lambda: len(sandbox.requests) >= 8)
    process.send_signal(number)


def _said(process: "subprocess.Popen[bytes]") -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_ends_it_cleanly(long: Path, sandbox: CobaltSandbox, number: int) -> None:
    """Reports hold what landed and are marked incomplete, a checkpoint is there, and a line says how to go on."""
    sandbox.faults.delay(0.1, times=None)
    formats = ("--format", "json", "--format", "table")
    with started("audit", "long.csv", "--out", "out", "--concurrency", "2", "--quiet", *formats) as process:
        _interrupt(process, sandbox, number)
        assert process.wait(PATIENCE) == 130
        assert _said(process) == (
            f"{FIRST}cobalt-async: to go on: cobalt-async audit long.csv --format json --format table --out out"
            " --concurrency 2 --quiet --resume out/cobalt-audit.checkpoint\n"
        )
    report = json.loads((long.parent / "out" / "report.json").read_text())
    assert report["summary"]["complete"] is False
    assert report["summary"]["stopped"]
    assert 0 < report["summary"]["counts"]["ALIVE"] < 40
    assert "NOT complete." in (long.parent / "out" / "report.txt").read_text()


def test_an_interrupted_audit_goes_on(long: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """The line that it printed does the rest: all verdicts, and what is known is not asked again.

    It has all that was asked, but for --checkpoint: a resumed audit keeps what it goes on with.
    """
    sandbox.faults.delay(0.1, times=None)
    Path("our policy.toml").write_text("max_tokens_per_user = 3\n")
    with long.open("a") as file:
        file.write("bad\n")
    more = ["--policy", "our policy.toml", "--save-baseline", "$new", "--skip-bad-rows", "--fail-on", "never"]
    asked = ["--format", "jsonl", "--concurrency", "2", "--rate", "0.0", *more]
    with started("audit", "long.csv", "--quiet", "--checkpoint=kept", *asked) as process:
        _interrupt(process, sandbox)
        assert process.wait(PATIENCE) == 130
        assert process.stdout is not None
        landed = [line for line in map(json.loads, process.stdout.read().splitlines()) if line["verdict"] == "ALIVE"]
        hint = _said(process).splitlines()[-1]
    sandbox.faults.clear()
    sandbox.requests.clear()
    words = shlex.split(hint.partition("to go on: ")[2])
    assert words == ["cobalt-async", "audit", "long.csv", *asked, "--quiet", "--resume", "kept"]
    ended = run(*words[1:])
    assert ended.code == 3
    assert [json.loads(line)["verdict"] for line in ended.out.splitlines()] == ["ALIVE"] * 40
    assert Path("$new").is_file()
    assert len(sandbox.requests) < 40 - len(landed) + 5


def test_a_checkpoint_has_a_free_name(long: Path, sandbox: CobaltSandbox) -> None:
    """One that is there already is not touched; with `--checkpoint`, its file is the one to go on with."""
    (long.parent / "cobalt-audit.checkpoint").write_text("mine")
    sandbox.faults.delay(0.1, times=None)
    for arguments, name in (((), "cobalt-audit-2.checkpoint"), (("--checkpoint", "own one"), "'own one'")):
        sandbox.requests.clear()
        with started("audit", "long.csv", "--concurrency", "2", "--quiet", *arguments) as process:
            _interrupt(process, sandbox)
            assert process.wait(PATIENCE) == 130
            assert _said(process).endswith(f"--resume {name}\n")
        assert (long.parent / name.strip("'")).is_file()
    assert (long.parent / "cobalt-audit.checkpoint").read_text() == "mine"


def test_the_second_ends_it_at_once(long: Path, sandbox: CobaltSandbox) -> None:
    """Whatever is under way: exit code 130, and neither a report nor half of one."""
    sandbox.faults.delay(3600, times=None)
    before = sorted(long.parent.iterdir())
    with started("audit", "long.csv", "--out", "out") as process:
        wait_until(lambda: sandbox.requests)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().decode() == FIRST
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE / 4) == 130
        assert _said(process) == "cobalt-async: interrupted\n"
    assert sorted(long.parent.iterdir()) == before


def test_an_interrupt_while_the_inventory_is_silent(long: Path, sandbox: CobaltSandbox) -> None:
    """A pipe where nothing comes any more holds it up no longer; what landed is reported."""
    with started("audit", "-", "--format", "json", "--quiet") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(long.read_bytes())
        process.stdin.flush()
        wait_until(lambda: len(sandbox.requests) >= 41)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE / 4) == 130
        assert json.loads(process.stdout.read())["summary"]["complete"] is False


@pytest.mark.parametrize("text", [b"label", b"label,secret\n"])
def test_an_interrupt_before_there_is_a_row(tmp_path: Path, text: bytes) -> None:
    """A pipe without a whole row is one line and exit code 130, and there is no checkpoint."""
    with started("audit", "-") as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.flush()
        waiting = array("i", [1])
        pipe = process.stdin.fileno()
        wait_until(lambda: fcntl.ioctl(pipe, termios.FIONREAD, waiting) == waiting[0] == 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE / 4) == 130
        assert _said(process) == "cobalt-async: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_even_kill_9_loses_little(long: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """`--checkpoint` is kept up to date while the audit runs, but for the last few seconds: what it knows is not asked
    again.
    """
    sandbox.faults.delay(0.4, times=None)
    with started("audit", "long.csv", "--checkpoint", "kept", "--concurrency", "2", "--format", "jsonl") as process:
        assert process.stdout is not None
        wait_until(lambda: len(sandbox.requests) >= 30)
        process.kill()
        process.wait(PATIENCE)
    sandbox.faults.clear()
    sandbox.requests.clear()
    ended = run("audit", "long.csv", "--resume", "kept", "--format", "json", "--fail-on", "never")
    assert ended.code == 0
    assert json.loads(ended.out)["summary"]["counts"]["ALIVE"] == 40
    assert len(sandbox.requests) < 40


def test_the_sandbox_leaves_no_checkpoint(tmp_path: Path) -> None:
    """What it served is gone with it, so there is nothing to go on with."""
    with started("audit", "--sandbox", "--format", "jsonl", "--quiet") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(PATIENCE) == 130
        assert _said(process) == f"{FIRST}cobalt-async: interrupted; there is nothing to go on with\n"
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_inventory(long: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """One line says so, exit code 2."""
    assert run("audit", "long.csv", "--checkpoint", "kept", "--fail-on", "never").code == 0
    other = long.with_name("other.csv")
    other.write_text("\n".join(["label,secret,owner", *reversed(long.read_text().splitlines()[1:])]) + "\n")
    ended = run("audit", "other.csv", "--resume", "kept", "--format", "json")
    assert (ended.code, ended.out) == (2, "")
    assert "another inventory" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_checkpoint_of_another_host(
    long: Path, sandbox: CobaltSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says which and what to do, exit code 2; nobody is asked, and where it is of, it goes on."""
    assert run("audit", "long.csv", "--checkpoint", "kept", "--fail-on", "never").code == 0
    with CobaltSandbox() as another:
        monkeypatch.setenv("COBALT_BASE_URL", another.url)
        ended = run("audit", "long.csv", "--resume", "kept", "--format", "json")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == (
            f"cobalt-async: checkpoint kept: it holds what {sandbox.url} answered, and this run asks {another.url}; "
            "ask there, or name another file\n"
        )
        assert another.requests == []
    monkeypatch.setenv("COBALT_BASE_URL", f"{sandbox.url}/")
    assert run("audit", "long.csv", "--resume", "kept", "--fail-on", "never").code == 0


def test_how_to_go_on_tells_no_secret(long: Path, sandbox: CobaltSandbox) -> None:
    """A secret that was pasted where a file's name belongs is not repeated."""
    pasted = "ctok_live_Zx81kQ2mVb7Lr4TnW9yEa6Hd"
    sandbox.faults.delay(0.1, times=None)
    with started("audit", "long.csv", "--save-baseline", pasted, "--concurrency", "2", "--quiet") as process:
        _interrupt(process, sandbox)
        assert process.wait(PATIENCE) == 130
        said = _said(process)
    assert pasted not in said
    assert "to go on: cobalt-async audit long.csv --concurrency 2 --save-baseline [an argument that is not" in said
