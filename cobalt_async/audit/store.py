"""One database, in a file or in none: the one file that knows SQLite."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..durable import replacing
from ..errors import ConfigurationError
from . import tables
from .trouble import trouble_of

T = TypeVar("T")

BATCH = 500
"""Rows that are written, or read, together."""


class Store:
    """The database of a checkpoint at `path`; None for one that the system drops when it is closed.

    Trouble with its file is a ConfigurationError, at any time; `has_failed` says that there was some.
    """

    def __init__(self, path: Path | None) -> None:
        self.path: Path | None = path
        self.has_failed: bool = False
        self._base = self._do(_connected, path)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, some at a time."""
        return self._rows(self._do(self._base.execute, sql, parameters))

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row of a SELECT."""
        found: tuple[Any, ...] | None = self._do(self._do(self._base.execute, sql, parameters).fetchone)
        return found

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        self._do(self._base.executemany, sql, rows)

    def run(self, script: str) -> None:
        """Run statements that take no values; what was written before is committed."""
        self._do(self._base.executescript, script)

    def commit(self) -> None:
        """In a file, what was written stays from here on even where the process is killed."""
        self._do(self._base.commit)

    def define(self, name: str, function: Callable[[str], str | bytes]) -> None:
        """Let statements call a function of one text, which gives the same for the same."""
        self._base.create_function(name, 1, function, deterministic=True)

    def copy(self, path: Path) -> None:
        """Write all that is committed to the file of a checkpoint, in one step."""
        try:
            with replacing(path) as stream:
                self._base.execute("VACUUM INTO ?", (stream.name,))
        except OSError as error:
            why = error.strerror or type(error).__name__
        except sqlite3.DatabaseError as error:
            why, _ = trouble_of(error) or (type(error).__name__, "")
        else:
            return
        raise ConfigurationError(f"checkpoint {path}: it cannot be written ({why}); name another file, or make room")

    def close(self) -> None:
        """What was committed stays, in a file; all else is forgotten."""
        self._base.close()

    def refuse(self, flaw: str) -> ConfigurationError:
        """An error about this database."""
        where = (
            "the audit's temporary store (its folder is $TMPDIR)" if self.path is None else f"checkpoint {self.path}"
        )
        return ConfigurationError(f"{where}: {flaw}")

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        while rows := self._do(cursor.fetchmany, BATCH):
            yield from rows

    def _do(self, call: Callable[..., T], *arguments: object) -> T:
        """What SQLite is asked for; trouble with the file is raised after its own exception is dropped."""
        try:
            return call(*arguments)
        except sqlite3.DatabaseError as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise  # a bug in a statement
        self.has_failed = True
        raise self.refuse("; ".join(trouble))


def _connected(path: Path | None) -> sqlite3.Connection:
    """A new connection, which waits for nobody; no word in `path` means something to SQLite."""
    base = sqlite3.connect("" if path is None else path.absolute(), timeout=0)
    try:
        base.executescript(tables.PRAGMAS if path is None else tables.PRAGMAS_OF_A_FILE)
    except BaseException:
        base.close()
        raise
    return base
