"""What becomes of standard output, and of failures that are not its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.cli.calling import COMMAND, Run

FAILING = """
import sys
from cobalt_async.cli.running import run

def job():
    print("said before")
    raise OSError({error})

sys.exit(run(lambda arguments: job, ["ctok_live_Zx81kQ2mVb7Lr4TnW9yEa6Hd"]))
"""
UNBUFFERED = ["", "1"]


def told(*words: str, unbuffered: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process with pipes."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("unbuffered", UNBUFFERED)
def test_a_disk_that_takes_a_part(tmp_path: Path, unbuffered: str) -> None:
    """What is cut is one line and exit code 2, also where Python would drop the rest: here a file holds 512 bytes."""
    script = f'ulimit -f 1; exec "$@" > {tmp_path}/out'
    ended = told("/bin/sh", "-c", script, "sh", *COMMAND, "audit", "--help", unbuffered=unbuffered)
    assert ended == (2, "", "cobalt-async: cannot write to standard output: File too large\n")
    assert (tmp_path / "out").stat().st_size >= 512


def test_a_pipe_gets_all_of_it() -> None:
    """Buffered or not, it is the same text, to its last line."""
    first, second = (told(*COMMAND, "audit", "--help", unbuffered=unbuffered) for unbuffered in UNBUFFERED)
    assert first == second
    assert first[0] == 0
    assert len(first[1]) > 2000


@pytest.mark.parametrize("unbuffered", UNBUFFERED)
def test_a_pipe_that_nobody_reads(unbuffered: str) -> None:
    """Whoever has read enough is told nothing, and it ends with 130."""
    script = '("$@"; echo $? >&2) | true'
    code, out, err = told("/bin/sh", "-c", f"{script}", "sh", *COMMAND, "rules", unbuffered=unbuffered)
    assert (code, out) == (0, "")
    assert err in {"130\n", "0\n"}  # the pipe holds all of it where its reader was slow to go


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("24, 'Too many open files', '/tmp/x'", "no more files can be open at once (Too many open files); allow more"),
        (
            "13, 'Permission denied', '/tmp/x'",
            "the system refused what this needs (/tmp/x: Permission denied); see to that, and try again",
        ),
        (
            "13, 'Permission denied', 'ctok_live_Zx81kQ2mVb7Lr4TnW9yEa6Hd'",
            "the system refused what this needs ([an argument that is not repeated here]: Permission denied); see to",
        ),
        ("32, 'Broken pipe'", "the system refused what this needs (Broken pipe); see to that, and try again"),
        ("'odd'", "the system refused what this needs (OSError); see to that, and try again"),
    ],
)
@pytest.mark.parametrize("unbuffered", UNBUFFERED)
def test_what_else_the_system_refuses(error: str, line: str, unbuffered: str) -> None:
    """It is not put down to standard output, which has what was written before; exit code 6."""
    code, out, err = told(sys.executable, "-c", FAILING.format(error=error), unbuffered=unbuffered)
    assert (code, out, err.count("\n")) == (6, "said before\n", 1)
    assert err.startswith(f"cobalt-async: {line}")


def test_a_sandbox_that_cannot_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no port is to be had, `audit --sandbox` says so in a line."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "create_server", refuse)
    ended = run("audit", "--sandbox")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("cobalt-async: the sandbox does not start: ")
