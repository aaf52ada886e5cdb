"""Files that the command line names: whether they can do what is asked of them, before anything is sent."""

import os
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from stat import S_ISREG

from cobalt_async import errors

_PIECE = 1 << 20  # bytes
_MOST_COUNTED = 1 << 28  # bytes: a larger file is not read twice for the sake of a progress bar


def count_rows(file: str) -> int | None:
    """About how many rows an inventory has, by its line ends; None where that is not cheap to know."""
    lines, last = 0, b""
    try:
        with open(file, "rb") as stream:
            facts = os.fstat(stream.fileno())
            if not S_ISREG(facts.st_mode) or facts.st_size > _MOST_COUNTED:
                return None
            header = not stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
            stream.seek(0)
            while piece := stream.read(_PIECE):
                lines += piece.count(b"\n")
                last = piece
    except (OSError, ValueError):
        return None
    return max(0, lines + (last[-1:] != b"\n") - header)


def check_named(named: Iterable[tuple[str, str]]) -> None:
    """Names with the options that they were given for; ConfigurationError for one that is empty."""
    for option, name in named:
        if not name:
            raise errors.ConfigurationError(
                f"{option}: the name is empty, as a variable is that is not set; give one, or leave it out"
            )


def check_apart(named: Iterable[tuple[str, str]]) -> None:
    """The same for two that are one file, by whatever names: what is written would be the end of the other."""
    for (option, name), (other_option, other) in combinations(named, 2):
        if _is_one(name, other):
            raise errors.ConfigurationError(
                f"{option} {name} and {other_option} {other} are the same file; name another for one of them"
            )


def check_new(option: str, file: str, remedy: str) -> None:
    """A file that must not be there yet, in a folder that can be written to; else a ConfigurationError."""
    if os.path.lexists(file):
        raise errors.ConfigurationError(f"{option} {file}: it is there already; {remedy}")
    check_writable(option, file)


def check_there(option: str, file: str, remedy: str) -> None:
    """A file that must be there; else a ConfigurationError."""
    if not os.path.isfile(file):
        raise errors.ConfigurationError(f"{option} {file}: there is no such file; {remedy}")


def check_writable(option: str, file: str) -> None:
    """A file that can be written, or replaced, when the time comes; else a ConfigurationError."""
    folder = Path(file).parent
    if not folder.is_dir():
        raise errors.ConfigurationError(f"{option} {file}: there is no folder {folder}; make it, or name another")
    if not os.access(folder, os.W_OK | os.X_OK) or (os.path.exists(file) and not os.path.isfile(file)):
        raise errors.ConfigurationError(f"{option} {file}: it cannot be written; name another file")


def _is_one(name: str, other: str) -> bool:
    try:
        return os.path.realpath(name) == os.path.realpath(other) or os.path.samefile(name, other)
    except (OSError, ValueError):  # one of them is not there, or cannot be
        return False


def free_name(folder: str, stem: str, ending: str) -> str:
    """The first of `stem.ending`, `stem-2.ending`, … that is not in the folder yet."""
    number, path = 1, os.path.join(folder, stem + ending)
    while os.path.lexists(path):
        number += 1
        path = os.path.join(folder, f"{stem}-{number}{ending}")
    return path
