"""A baseline from its file, checked from the first byte to the last, and never held whole."""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from attrs import field, frozen

from ...errors import ConfigurationError
from ..facts import Facts
from . import lines
from .lines import End, Flaw, Head, Judged, Line, Listed

_BATCH = 500  # rows
_HEAD, _LISTED, _JUDGED, _END = range(4)  # kinds of lines, in the order in which they stand
_TORN = "it was cut short; save it anew with --save-baseline"


@frozen(kw_only=True)
class Baseline:
    """A file that `AuditRun.save_baseline` wrote: its name, and how much stands in it; the rest is read when needed.

    `made_at` is aware. `salt` is what its fingerprints are keyed with: an audit that is given this baseline goes on
    with it, so that the two can be compared. `sha256` is that of what stands in it.
    """

    path: Path
    made_at: datetime
    salt: bytes = field(repr=False)
    users: int
    tokens: int
    credentials: int
    sha256: str

    def load_into(self, facts: Facts) -> None:
        """Put it into `was_token` and `was_credential`, in the place of what stood there.

        ConfigurationError where the file is another than it was when it was read, and where `facts` have another salt.
        """
        if facts.salt != self.salt:
            raise ConfigurationError(f"{self.path}: its salt is not this audit's; give it to an audit from its start")
        facts.run("DELETE FROM was_token; DELETE FROM was_credential; DROP INDEX IF EXISTS was_token_id;")
        reading = Reading(self.path)
        listed: list[tuple[str, int, str]] = []
        judged: list[tuple[bytes, bytes, str, int | None]] = []
        for line in reading:
            match line:
                case Listed():
                    listed.extend((token_id, line.user, name) for token_id, name in line.tokens)
                case Judged():
                    judged.append((line.label_mark, line.mark, line.verdict, line.user))
            if len(listed) + len(judged) >= _BATCH or isinstance(line, End):
                facts.write("INSERT INTO was_token VALUES (?, ?, ?)", listed)
                facts.write("INSERT INTO was_credential VALUES (?, ?, ?, ?)", judged)
                listed.clear()
                judged.clear()
        if reading.end.sha256 != self.sha256:
            raise ConfigurationError(
                f"{self.path}: it was changed while it was in use; start again with what it is now"
            )
        for (token_id,) in facts.query("SELECT id FROM was_token GROUP BY id HAVING COUNT(*) > 1 LIMIT 1"):
            raise ConfigurationError(f"{self.path}: {token_id} stands in it twice; save it anew with --save-baseline")


def read_baseline(path: str | os.PathLike[str]) -> Baseline:
    """Check a baseline from its first line to its last; ConfigurationError names the file, the line and the remedy."""
    reading = Reading(Path(path))
    for _ in reading:
        pass
    head, end = reading.head, reading.end
    return Baseline(
        path=Path(path),
        made_at=head.made_at,
        salt=head.salt,
        users=end.users,
        tokens=end.tokens,
        credentials=end.credentials,
        sha256=end.sha256,
    )


class Reading:
    """One pass over a file, line by line, from a Head to an End; ConfigurationError at the first that does not fit."""

    head: Head
    end: End

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self._digest = hashlib.sha256()
        self._place: tuple[int, int | bytes] = (_HEAD, 0)  # of the line before: its kind, and its place among these
        self._users = self._tokens = self._credentials = 0

    def __iter__(self) -> Iterator[Line]:
        where = f"{self._path}"
        try:
            with _opened(self._path) as stream:
                while text := stream.readline(lines.LONGEST + 1):
                    yield self._take(text)
                self._finish()
        except Flaw as flaw:
            where, what = f"{where}, line {self._number}", f"{flaw.what}; {flaw.remedy}"
        except (OSError, ValueError) as error:  # the second: a name that no file has
            what = f"it cannot be read ({getattr(error, 'strerror', None) or error}); name a baseline"
        else:
            return
        raise ConfigurationError(f"{where}: {what}")

    def _take(self, text: bytes) -> Line:
        self._number += 1
        if self._number == 1 and not text.startswith(lines.BEGINNING):
            raise Flaw("it is no baseline", "name a file that --save-baseline wrote")
        if not text.endswith(b"\n"):
            if len(text) > lines.LONGEST:
                raise Flaw(f"it is longer than {lines.LONGEST >> 20} MiB")
            raise Flaw("it has no end", _TORN)
        line = lines.read(text)
        match line:
            case Head():
                self.head = line
                self._step(_HEAD, 0)
            case Listed():
                self._users += self._place != (_LISTED, line.user)
                self._tokens += len(line.tokens)
                self._step(_LISTED, line.user)
            case Judged():
                self._credentials += 1
                self._step(_JUDGED, line.label_mark)
            case End():
                self.end = line
                self._step(_END, 0)
                self._check_end(line)
        self._digest.update(text)
        return line

    def _finish(self) -> None:
        if self._place[0] != _END:
            self._number += 1
            raise Flaw("the last line is missing" if self._number > 1 else "it is empty", _TORN)

    def _step(self, kind: int, place: int | bytes) -> None:
        """Lines stand in order; of all of them, only a user may have several."""
        before, last = self._place
        if kind == before == _LISTED and place == last:
            return
        if self._number > 1 and (kind, place) <= (before, last):
            raise Flaw("it stands in the wrong place, or twice")
        self._place = (kind, place)

    def _check_end(self, end: End) -> None:
        counted = (self._users, self._tokens, self._credentials)
        if (end.users, end.tokens, end.credentials) != counted or end.sha256 != self._digest.hexdigest():
            raise Flaw("what stands before it is not what was saved")


def _opened(path: Path) -> BinaryIO:
    """A regular file, open: it is read more than once, and a pipe would have nobody wait for."""
    if not S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no regular file")
    return open(path, "rb")
