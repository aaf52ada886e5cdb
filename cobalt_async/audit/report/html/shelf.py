"""A shelf: rows in the order in which a person needs them, however many there are, in little memory."""

import contextlib
import heapq
import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO

from attrs import astuple, frozen

from ....errors import ConfigurationError
from ...verdicts import AuditResult, Verdict
from ..outcome import natural

ORDER = (Verdict.INDETERMINATE, Verdict.FORBIDDEN, Verdict.DEAD, Verdict.NOT_TRIED, Verdict.ALIVE)
_RANKS: Mapping[str, int] = {verdict: rank for rank, verdict in enumerate(ORDER)}
_IN_MEMORY = 5000  # rows
_MOST_FILES = 24


@frozen
class Row:
    """What is shown of one credential."""

    verdict: str
    label: str
    reason: str | None
    user: str | None
    tokens: int | None
    region: str | None

    @classmethod
    def of(cls, result: AuditResult) -> "Row":
        """The row of a result; tokens are counted where the credential is alive."""
        tokens = len(result.tokens) if result.verdict is Verdict.ALIVE else None
        return cls(result.verdict.value, result.label, result.reason, result.user, tokens, result.region)


class Shelf:
    """Keeps the first `most` rows by verdict (ORDER) and label: some in memory, the others in temporary files.

    The files are at most 24, and have no name. ConfigurationError where there is no room for them.
    """

    def __init__(self, most: int) -> None:
        self.counts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self.has_regions: bool = False
        self._most = most
        self._new: list[Row] = []
        self._files: list[IO[str]] = []
        weakref.finalize(self, _close, self._files)

    def add(self, row: Row) -> None:
        """One more."""
        self.counts[Verdict(row.verdict)] += 1
        self.has_regions = self.has_regions or row.region is not None
        self._new.append(row)
        if len(self._new) >= _IN_MEMORY:
            self._put_away()

    @property
    def count(self) -> int:
        """How many were added."""
        return sum(self.counts.values())

    @property
    def kept(self) -> int:
        """How many there are to read."""
        return min(self.count, self._most)

    def __iter__(self) -> Iterator[Row]:
        """The first of all that were added, in order."""
        runs = [*map(_read, self._files), sorted(self._new, key=_key)]
        return islice(heapq.merge(*runs, key=_key), self._most)

    def _put_away(self) -> None:
        """All that is in memory goes to a file; when there are too many of these, they become one."""
        made = _written(self if len(self._files) >= _MOST_FILES else sorted(self._new, key=_key))
        if len(self._files) >= _MOST_FILES:
            _close(self._files)
        self._files.append(made)
        self._new.clear()


def _key(row: Row) -> tuple[object, ...]:
    return (_RANKS[row.verdict], natural(row.label))


def _written(rows: Iterable[Row]) -> IO[str]:
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="ascii"))
            file.writelines(json.dumps(astuple(row)) + "\n" for row in rows)
            file.flush()
            stack.pop_all()
    except OSError as error:
        why = error.strerror or type(error).__name__
    else:
        return file
    raise ConfigurationError(f"the html report's temporary files: {why}; make room in their folder, or set $TMPDIR")


def _read(file: IO[str]) -> Iterator[Row]:
    file.seek(0)
    return (Row(*json.loads(line)) for line in file)


def _close(files: list[IO[str]]) -> None:
    for file in files:
        file.close()
    files.clear()
