"""An inventory, row by row: the rows as they are asked for, and what each of them refers to."""

import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import TracebackType
from typing import BinaryIO, Self

import attrs

from ...errors import ConfigurationError
from ...references import Flaw, References, why
from ..credential import Credential
from .csv_lines import read_csv, read_header
from .json_lines import read_json
from .lines import LONGEST, read_lines
from .opening import REMEDY, Opened, open_inventory
from .rows import Referenced, read_row
from .seen import SeenLabels

_JSONL = (".jsonl", ".ndjson")


@attrs.frozen
class BadRow:
    """A row that is no credential: its line, counted from 1, and what is wrong with it, without its text."""

    line: int
    flaw: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.flaw}"


class Inventory(Iterator[Credential | BadRow]):
    """The rows of an inventory, as they are asked for; made by `read_inventory`.

    A reference is followed when its row is asked for, which may take as long as a command may. The file is
    closed after the last row, by `close`, or on leaving a `with`. Memory does not grow with the rows, except by
    48 bytes for each label that was seen.
    """

    def __init__(self, opened: Opened, *, command_timeout: float) -> None:
        self.name: str = opened.name
        self._opened = opened
        self._references = References(opened.folder, command_timeout)
        self._lines: Iterator[tuple[int, bytes | None]] = read_lines(opened.stream)
        self._line = 0
        self._seen = SeenLabels()
        self._stopped = False
        self._fields = self._recognize()

    def __next__(self) -> Credential | BadRow:
        upcoming = self._next_line()
        row = None if upcoming is None else self._read(*upcoming)
        if row is None or self._stopped:
            self.close()
            raise StopIteration
        return row

    def close(self) -> None:
        """Close the file, unless it is the caller's; there are no more rows."""
        self._lines = iter(())
        if self._opened.owned:
            self._opened.stream.close()

    def stop(self) -> None:
        """Let it end with the row that is being read, from any thread; a command that runs for it is killed.

        Whoever reads closes the inventory: a read that waits cannot be ended from outside.
        """
        self._stopped = True
        self._references.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, number: int, line: bytes | None) -> Credential | BadRow:
        fields = _too_long() if line is None else self._fields(line)
        row = fields if isinstance(fields, Flaw) else read_row(fields, self._opened.exposed)
        if isinstance(row, Flaw):
            return BadRow(number, row.text)
        credential = row.credential if isinstance(row, Referenced) else row
        first = self._seen.first_line(credential.label, number)
        if first != number:
            return BadRow(number, f"its label stands on line {first} already")
        if not isinstance(row, Referenced):
            return row
        found = self._references.follow(row.reference)
        if isinstance(found, Flaw):
            return BadRow(number, f"secret_ref: {found.text}")
        try:
            return attrs.evolve(credential, secret=found.secret, exposed=found.exposed)
        except ConfigurationError as error:  # a text of the row is the secret that it refers to
            return BadRow(number, str(error))

    def _recognize(self) -> Callable[[bytes], dict[str, str] | Flaw]:
        """How its lines are read; the first that is no header is put back, where no repr shows it."""
        first = self._next_line()
        if first is None:
            raise ConfigurationError(f"{self.name}: it is empty; {REMEDY}")
        number, line = first
        begins = b"" if line is None else line.lstrip()[:1]
        columns: tuple[str, ...] | Flaw = ()
        if begins == b"[":
            columns = Flaw("it begins as a JSON array does; write one object a line (`jq -c '.[]'` does)")
        elif begins == b"{" or self.name.lower().endswith(_JSONL):
            self._lines = chain((first,), self._lines)
        else:
            columns = _too_long() if line is None else read_header(line)
        del first, line  # this frame travels with the traceback, and a missing header is a line with a secret
        if isinstance(columns, Flaw):
            raise ConfigurationError(f"{self.name}, line {number}: {columns.text}")
        if not columns:
            return read_json
        row = self._next_line()
        if row is None:
            raise ConfigurationError(f"{self.name}: there are no rows under the header; nothing to audit")
        self._lines = chain((row,), self._lines)
        return partial(read_csv, columns)

    def _next_line(self) -> tuple[int, bytes | None] | None:
        try:
            upcoming = next(self._lines, None)
        except (OSError, ValueError) as error:
            reason = why(error)
        else:
            self._line = self._line if upcoming is None else upcoming[0]
            return upcoming
        raise ConfigurationError(f"{self.name}: it cannot be read after line {self._line} ({reason})")


def read_inventory(source: str | os.PathLike[str] | BinaryIO, *, command_timeout: float = 10.0) -> Inventory:
    """The credentials of a CSV or JSONL file, and a BadRow for each row that is none, lazily.

    `source`: a path, "-" for standard input, or a binary stream, which is not closed. A name that ends in
    .jsonl or .ndjson, or a first line that begins with `{`, makes it JSONL: an object of strings a line, null
    for what is absent; else it is CSV, whose first line names the columns. UTF-8, with or without a byte order
    mark, LF or CRLF, a row a line of at most 1 MiB (a quoted line end makes it a bad one); blank lines are
    skipped.

    A row has a `label`, which no other row has, and either `secret` or `secret_ref`; it may have `owner`,
    `system`, `token_id`, `region` (us, eu), `status` (active, retired) and `rotate_by` (2026-12-31), see
    `Credential`; empty is absent. `secret_ref` is one of

    - `env:NAME`, an environment variable;
    - `file:PATH`, a regular file of at most 4 KiB, without one line end after the secret; a relative path starts
      at the folder of the inventory's path, or at the working directory for standard input and streams;
    - `keyring:SERVICE/NAME`, with NAME after the last slash; needs the extra `keyring`;
    - `command:PROGRAM ARGUMENTS`, words as a shell splits them, but no shell: what it writes to its standard
      output, at most 4 KiB, without one line end. It runs in the working directory, without a terminal and
      without COBALT_API_TOKEN, for at most `command_timeout` seconds; an exit code other than 0 is a bad row.

    `Credential.exposed` is the path of the file that a secret stood in, the inventory itself included, where
    others than its owner can read or write that file.

    ConfigurationError, here and now: a file that cannot be read, is empty, has no rows, or a wrong header.
    Later: only where reading fails in the middle.
    """
    if type(command_timeout) not in {int, float} or not 0 < command_timeout < math.inf:
        raise ConfigurationError("command_timeout: seconds, more than 0 and finite")
    opened = open_inventory(source)
    try:
        return Inventory(opened, command_timeout=command_timeout)
    except BaseException:
        if opened.owned:
            opened.stream.close()
        raise


def _too_long() -> Flaw:
    return Flaw(f"it is longer than {LONGEST} bytes")
