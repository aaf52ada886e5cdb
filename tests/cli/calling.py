"""What these tests share: one call of the command line, in this process or in one of its own."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import attrs

from tests.processes import ending

COMMAND = (sys.executable, "-m", "cobalt_async")
CANARY = "canary-secret-0123456789"
"""A secret that no output may hold; nobody's token."""
PATIENCE = 60
"""Seconds after which something that should have happened never will."""


@attrs.frozen
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str


class Run(Protocol):
    def __call__(self, *arguments: str) -> Ended: ...


def run_process(*arguments: str, stdin: bytes = b"") -> Ended:
    """Run it as a process of its own, without a terminal."""
    words = (*COMMAND, *arguments)
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=PATIENCE, check=False)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Start it as a process with pipes; it is ended with the block, if it has not by then."""
    pipe = subprocess.PIPE
    with ending(subprocess.Popen((*COMMAND, *arguments), stdin=pipe, stdout=pipe, stderr=pipe)) as process:
        yield process


def on_a_terminal(*arguments: str, both: bool = False) -> tuple[int, bytes, bytes]:
    """Run it with a terminal as standard error: exit code, standard output, and what the terminal shows.

    `both`: standard output goes to the terminal too.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    shown = b""
    out = theirs if both else subprocess.PIPE
    with ending(subprocess.Popen((*COMMAND, *arguments), stdout=out, stderr=theirs, env=environment)) as process:
        os.close(theirs)
        try:
            while piece := _read(ours):
                shown += piece
            written = b"" if process.stdout is None else process.stdout.read()
            return process.wait(PATIENCE), written, shown
        finally:
            os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for what happens on another thread or in another process."""
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.005)
