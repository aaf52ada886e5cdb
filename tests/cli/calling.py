"""What these tests share: one call of the command line, in this process or in one of its own."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

import attrs

COMMAND = (sys.executable, "-m", "cobalt_async")
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


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for what happens on another thread or in another process."""
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.005)
