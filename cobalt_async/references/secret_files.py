"""A secret that stands alone in a file."""

import os
import stat

from .flaw import Flaw, shown, why
from .found import Found, read_secret, without_line_end

LONGEST = 4096  # bytes, the line's end included

_REMEDY = "name a file that holds the secret and nothing else"

# Not to wait for the other end of a FIFO, nor to be given a terminal. Windows has neither.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


def exposes(mode: int) -> bool:
    """Whether the mode of a regular file lets others than its owner at it."""
    return stat.S_ISREG(mode) and os.name == "posix" and bool(mode & 0o077)


def read_secret_file(path: str) -> Found | Flaw:
    """The secret in a regular file of at most 4 KiB, without one line end after it; it never waits."""
    place = f"file {shown(path)}"
    try:
        mode, text = _read(path)
    except (OSError, ValueError) as error:
        return Flaw(f"{place}: it cannot be read ({why(error)}); mend the path or the permissions")
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        return Flaw(f"{place}: it is {kind}; {_REMEDY}")
    if len(text) > LONGEST:
        return Flaw(f"{place}: it is longer than {LONGEST} bytes; {_REMEDY}")
    if not text.strip():
        return Flaw(f"{place}: it is empty; {_REMEDY}")
    return read_secret(without_line_end(text), place, exposed=path if exposes(mode) else None)


def _read(path: str) -> tuple[int, bytes]:
    """The mode of what is there, and of a regular file what it holds, up to a byte too much."""
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        return mode, os.read(descriptor, LONGEST + 1) if stat.S_ISREG(mode) else b""
    finally:
        os.close(descriptor)
