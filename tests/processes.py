"""Processes that tests start."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import AnyStr


@contextmanager
def ending(process: "subprocess.Popen[AnyStr]") -> Iterator["subprocess.Popen[AnyStr]"]:
    """End a process with the block: where an assertion fails in there, nobody waits for what would never end."""
    with process:
        try:
            yield process
        finally:
            process.kill()
