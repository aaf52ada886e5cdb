"""Credentials in: an inventory as CSV, read lazily, one physical line a row."""

import io
import os
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Self

from attrs import frozen

from ..errors import ConfigurationError
from .credential import Credential
from .lines import LONGEST, read_lines
from .rows import Flaw, read_header, read_row
from .seen import SeenLabels

_REMEDY = "give a CSV file with the columns label and secret (or secret_ref), or - for standard input"


@frozen
class BadRow:
    """A row that is no credential: its line, counted from 1, and what is wrong with it, without its text."""

    line: int
    flaw: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.flaw}"


class Inventory(Iterator[Credential | BadRow]):
    """The rows of an inventory, as they are asked for; made by `read_inventory`.

    The file is closed after the last row, by `close`, or on leaving a `with`. Memory does not grow with the
    rows, except by 48 bytes for each label that was seen.
    """

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool) -> None:
        self.name = name
        self._stream = stream
        self._owned = owned
        self._lines = read_lines(stream)
        self._line = 0
        self._seen = SeenLabels()
        self._columns = self._read_columns()
        self._ahead = self._next_line()
        if self._ahead is None:
            raise ConfigurationError(f"{name}: there are no rows under the header; nothing to audit")

    def __next__(self) -> Credential | BadRow:
        upcoming, self._ahead = self._ahead, None
        if upcoming is None:
            upcoming = self._next_line()
        if upcoming is None:
            self.close()
            raise StopIteration
        return self._read(*upcoming)

    def close(self) -> None:
        """Close the file, unless it is the caller's; there are no more rows."""
        self._ahead = None
        self._lines = iter(())
        if self._owned:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, number: int, line: bytes | None) -> Credential | BadRow:
        if line is None:
            return BadRow(number, f"it is longer than {LONGEST} bytes")
        row = read_row(line, self._columns, os.environ)
        if isinstance(row, Flaw):
            return BadRow(number, row.text)
        first = self._seen.first_line(row.label, number)
        if first != number:
            return BadRow(number, f"its label stands on line {first} already")
        return row

    def _read_columns(self) -> tuple[str, ...]:
        first = self._next_line()
        if first is None:
            raise ConfigurationError(f"{self.name}: it is empty; {_REMEDY}")
        number, line = first
        columns = Flaw(f"it is longer than {LONGEST} bytes") if line is None else read_header(line)
        del first, line  # this frame travels with the traceback, and a missing header is a line with a secret
        if isinstance(columns, Flaw):
            raise ConfigurationError(f"{self.name}, line {number}: {columns.text}")
        return columns

    def _next_line(self) -> tuple[int, bytes | None] | None:
        try:
            upcoming = next(self._lines, None)
        except (OSError, ValueError) as error:
            why = _why(error)
        else:
            self._line = self._line if upcoming is None else upcoming[0]
            return upcoming
        raise ConfigurationError(f"{self.name}: it cannot be read after line {self._line} ({why})")


def read_inventory(source: str | os.PathLike[str] | BinaryIO) -> Inventory:
    """The credentials of a CSV file, and a BadRow for each row that is none, lazily.

    `source`: a path, "-" for standard input, or a binary stream, which is not closed. UTF-8, with or without
    a byte order mark, LF or CRLF; the header names `label` and at least one of `secret` and `secret_ref`, and
    each row fills in one of these two; `secret_ref` is `env:NAME`. A row is one line of at most 1 MiB: a
    quoted line end makes it a bad one. Blank lines are skipped; labels are unique.

    ConfigurationError, here and now: a file that cannot be read, is empty, has no rows, or a wrong header.
    Later: only where reading fails in the middle.
    """
    stream, name, owned = _open(source)
    try:
        return Inventory(stream, name, owned=owned)
    except BaseException:
        if owned:
            stream.close()
        raise


def _open(source: str | os.PathLike[str] | BinaryIO) -> tuple[BinaryIO, str, bool]:
    """A stream, its name for messages, and whether it is ours to close."""
    if source == "-":
        return _standard_input()
    if not isinstance(source, str | os.PathLike):
        if isinstance(source, io.TextIOBase) or not callable(getattr(source, "readline", None)):
            kind = type(source).__name__
            raise ConfigurationError(f'source: a path, "-" or a binary stream, not {kind}')
        name = getattr(source, "name", None)
        return source, name if isinstance(name, str) else "the inventory", False
    name = os.fspath(source)
    try:
        return open(name, "rb"), name, True
    except (OSError, ValueError) as error:
        why = _why(error)
    raise ConfigurationError(f"{name}: it cannot be read ({why}); {_REMEDY}")


def _standard_input() -> tuple[BinaryIO, str, bool]:
    """Standard input, by its number where it has one: so a thread that waits for it blocks nobody's exit."""
    if sys.stdin is None:
        raise ConfigurationError(f"standard input is closed; {_REMEDY}")
    try:
        number = sys.stdin.fileno()
    except (OSError, ValueError):  # a test's, or a notebook's
        return sys.stdin.buffer, "standard input", False
    return open(number, "rb", closefd=False), "standard input", True


def _why(error: OSError | ValueError) -> str:
    """An error of the system's in a few words, without a path."""
    return getattr(error, "strerror", None) or str(error)
