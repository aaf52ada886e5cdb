"""Where an inventory comes from: a path, standard input, or a stream of the caller's."""

import io
import os
import sys
from typing import BinaryIO

from attrs import frozen

from ...errors import ConfigurationError
from ...references import exposes, why

REMEDY = "give a CSV or JSONL file of rows with label and secret (or secret_ref), or - for standard input"


@frozen
class Opened:
    """A stream, its name for messages, and whether it is ours to close.

    `folder` is where relative paths start ("": the working directory); `exposed` is the path of a regular file
    that others than its owner can read or write, of standard input and streams always None.
    """

    stream: BinaryIO
    name: str
    owned: bool
    folder: str = ""
    exposed: str | None = None


def open_inventory(source: str | os.PathLike[str] | BinaryIO) -> Opened:
    """The stream of a path, of "-" for standard input, or the one that is given; else a ConfigurationError."""
    if source == "-":
        return _standard_input()
    if not isinstance(source, str | os.PathLike):
        if isinstance(source, io.TextIOBase) or not callable(getattr(source, "readline", None)):
            kind = type(source).__name__
            raise ConfigurationError(f'source: a path, "-" or a binary stream, not {kind}')
        name = getattr(source, "name", None)
        return Opened(source, name if isinstance(name, str) else "the inventory", owned=False)
    name = os.fsdecode(source)
    try:
        return _file(open(name, "rb"), name)
    except (OSError, ValueError) as error:
        reason = why(error)
    raise ConfigurationError(f"{name}: it cannot be read ({reason}); {REMEDY}")


def _file(stream: BinaryIO, name: str) -> Opened:
    exposed = name if exposes(os.fstat(stream.fileno()).st_mode) else None
    return Opened(stream, name, owned=True, folder=os.path.dirname(name), exposed=exposed)


def _standard_input() -> Opened:
    """Standard input, by its number where it has one: so a thread that waits for it blocks nobody's exit."""
    if sys.stdin is None:
        raise ConfigurationError(f"standard input is closed; {REMEDY}")
    try:
        number = sys.stdin.fileno()
    except (OSError, ValueError):  # a test's, or a notebook's
        return Opened(sys.stdin.buffer, "standard input", owned=False)
    return Opened(open(number, "rb", closefd=False), "standard input", owned=True)
