import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cobalt_async import Secret
from cobalt_async.references import Flaw, Processes
from tests.canary import TOKEN, hunting

SECRET = Secret(TOKEN)


def feed(*words: str, seconds: float = 30.0, secret: Secret = SECRET) -> Flaw | None:
    """Give the secret to a program."""
    return Processes(seconds).feed(words, secret)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No test leaves a child or an open file."""
    files = set(os.listdir("/dev/fd"))
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(set(os.listdir("/dev/fd")) - files) <= 1  # the one that lists them


@pytest.mark.parametrize("size", [1, 40, 512])
def test_it_reads_the_secret(tmp_path: Path, size: int) -> None:
    """On its standard input stands the secret's text, without a line end, and then its end."""
    assert feed("sh", "-c", f"cat >{tmp_path}/got", secret=Secret("x" * size)) is None
    assert (tmp_path / "got").read_text() == "x" * size


def test_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its arguments nor its environment hold the secret, nor our own token."""
    monkeypatch.setenv("COBALT_API_TOKEN", TOKEN)
    program = f"cat /proc/self/environ /proc/self/cmdline >{tmp_path}/seen; cat >/dev/null"
    assert feed("sh", "-c", program) is None
    assert (tmp_path / "seen").stat().st_size
    assert TOKEN not in (tmp_path / "seen").read_text()


@pytest.mark.parametrize(
    ("program", "flaw"),
    [
        ("cat >/dev/null; exit 3", "its exit code is 3; run it by hand to see why"),
        ("exit 3", "its exit code is 3; run it by hand to see why"),
        ("cat >/dev/null; kill -9 $$", "signal 9 ended it; run it by hand to see why"),
        ("true", "it did not read the secret from its standard input"),
        ("head -c 5 >/dev/null", "it did not read the secret from its standard input"),
        ("exec <&-; true", "it did not read the secret from its standard input"),
    ],
)
def test_it_fails(program: str, flaw: str) -> None:
    """A bad exit code is a flaw, and so is a secret that nobody read, whatever the exit code says."""
    if program.startswith("head"):
        program = f"{sys.executable} -c 'import os; os.read(0, 5)'"
    assert feed("sh", "-c", program) == Flaw(flaw)


def test_it_cannot_be_started() -> None:
    """The flaw names no program: the caller does."""
    assert feed("no-such-program-x") == Flaw(
        "it cannot be started (No such file or directory); it runs without a shell, by its path or $PATH"
    )


def test_no_room_for_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no descriptors left, it is a flaw."""

    def fail() -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe", fail)
    assert feed("true") == Flaw("it cannot be started (Too many open files)")


@pytest.mark.parametrize("program", ["exec sleep 60", "cat >/dev/null; sleep 60 & wait", "trap '' TERM; sleep 60"])
def test_it_hangs(program: str) -> None:
    """It is ended when its time is up, with what it started."""
    began = time.monotonic()
    assert feed("sh", "-c", program, seconds=0.3) == Flaw("it did not end within 0.3 s, and was ended")
    assert time.monotonic() - began < 20


def test_what_it_writes_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    """Ten megabytes to each output, with the secret in between, block nobody and are seen by nobody."""
    program = "import sys\nfor s in (sys.stdout, sys.stderr):\n s.write('x' * 10_000_000 + sys.stdin.read())"
    with hunting(TOKEN) as hunter:
        assert feed(sys.executable, "-c", program) is None
    assert capfd.readouterr() == ("", "")
    assert hunter.found == []


def test_a_child_that_outlives_it(tmp_path: Path) -> None:
    """A child that is left behind is not waited for, even one that keeps the input open."""
    began = time.monotonic()
    assert feed("sh", "-c", f"cat >{tmp_path}/got; sleep 20 & echo $! >{tmp_path}/child") is None
    assert time.monotonic() - began < 15
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_somebody_holds_the_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a fork of ours inherited it, the input has no end: the program is waited for, but not the input."""
    held: list[int] = []
    pipe = os.pipe

    def inherited() -> tuple[int, int]:
        theirs, ours = pipe()
        if not held:
            held.append(os.dup(ours))
        return theirs, ours

    monkeypatch.setattr(os, "pipe", inherited)
    program = f"import os; os.read(0, {len(TOKEN)})"
    assert feed(sys.executable, "-c", program) is None
    os.close(held[0])


def test_stopped_before() -> None:
    """None starts after `stop`."""
    stopped = Processes(10.0)
    stopped.stop()
    assert isinstance(stopped.feed(["true"], SECRET), Flaw)


def test_it_runs_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """With more in its environment, without our own token and without input; what it writes is seen by nobody."""
    monkeypatch.setenv("COBALT_API_TOKEN", TOKEN)
    program = f"echo aloud; echo aloud >&2; echo $MORE-${{COBALT_API_TOKEN-unset}}-$(wc -c) >{tmp_path}/seen"
    assert Processes(30.0).run(["sh", "-c", program], {"MORE": "more"}) is None
    assert (tmp_path / "seen").read_text() == "more-unset-0\n"
    assert capfd.readouterr() == ("", "")


def test_what_it_runs_may_fail() -> None:
    """A bad exit code, too long a time, no such program: each is told as for any other."""
    assert Processes(30.0).run(["false"], {}) == Flaw("its exit code is 1; run it by hand to see why")
    assert Processes(0.2).run(["sleep", "60"], {}) == Flaw("it did not end within 0.2 s, and was ended")
    missing = Processes(30.0).run(["no-such-program-x"], {})
    assert isinstance(missing, Flaw)
    assert missing.text.startswith("it cannot be started (No such file or directory)")
