"""What an audit learned, on disk and not in memory: the one file that knows SQLite.

No secret is in it: of each there is a fingerprint under a salt that stands in the same file.
"""

import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..durable import replacing
from ..errors import ConfigurationError
from ..ledger import Ledger, fingerprint
from ..models import Token
from . import tables
from .checkpoint import check_no_journal, made_new
from .credential import Credential
from .marks import kept_name, label_mark
from .tables import NOTHING, declared
from .trouble import trouble_of
from .verdicts import AuditResult, Verdict, name_of

T = TypeVar("T")

_BATCH = 500  # rows
_AT_RISK = 1.0  # seconds of results that a killed process may lose


class Facts:
    """Credentials with their verdicts, users with their tokens, and what a baseline said of both.

    Tables: `credential` has a row for each result, with what was declared of it (`mark` is the secret's
    fingerprint; `replaced_in` and `issued_in` are the ids of the rotations that replaced it, or that it came
    from); `token` has each listed token once for its user; `was_credential` and `was_token` hold a baseline, where
    `label_mark` is the label's fingerprint, and so is `label_mark(label)` in SQL. `unsaid` has the names of
    which the baseline had only `kept`, as in `kept_name(name)`. Users are numbered from 1. Rows are written in batches,
    and what `query` reads is all of them.

    `path`: a checkpoint, which outlives the run, a killed one too but for its last seconds; None for a store that the
    system drops when it is closed. A checkpoint that is there already goes on: `resumed` is True then, what it
    holds without a verdict is asked again, and so are users whose listing nobody is known to have read to its end.
    `salt`: a baseline's, so that this run can be compared with it; None for the checkpoint's own, or a new one.
    `asked`: the URLs that the run asks; a checkpoint of others is refused, unless it is so old that it does not say.

    A checkpoint that cannot be used, and a disk that fails or is full, are a ConfigurationError, at any time.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        salt: bytes | None = None,
        asked: Iterable[str] = (),
        ledger: Ledger | None = None,
    ) -> None:
        self.resumed: bool = path is not None and not made_new(path)
        self._path = path
        self._where = "the audit's temporary store (its folder is $TMPDIR)" if path is None else f"checkpoint {path}"
        self._asked = " and ".join(sorted(asked))
        self._ledger = ledger or Ledger()
        self._held: dict[str, list[tuple[Any, ...]]] = {sql: [] for sql in tables.WRITTEN_IN_BATCHES}
        self._plain = self._held[tables.ADD_PLAIN]
        self._listed = self._held[tables.LIST_PLAIN]
        self._unwritten: set[int] = set()  # users of whom tokens are held
        self._failed = False
        self._base = self._do(_connected, path)
        try:
            self.salt: bytes = self._go_on(salt) if self.resumed else self._begin(salt or secrets.token_bytes(32))
            for of_text in (label_mark, kept_name):
                self._base.create_function(of_text.__name__, 1, partial(of_text, salt=self.salt), deterministic=True)
            (self._earlier,) = self._row("SELECT COALESCE(MAX(n), 0) FROM credential")
        except BaseException:
            self._base.close()
            raise
        self._added = self._earlier
        self._due = time.monotonic() + _AT_RISK

    def mark(self, credential: Credential) -> bytes:
        """The fingerprint of a credential's secret in this file."""
        return fingerprint(credential.secret, self.salt)

    def label_mark(self, label: str) -> bytes:
        """The fingerprint of a label; no secret has the same, whatever its text."""
        return label_mark(label, self.salt)

    def add(self, credential: Credential, result: AuditResult, user: int | None) -> None:
        """One more result; `user` is the number of its user, where it is known."""
        self._added = n = self._added + 1
        label, mark, verdict = credential.label, bytearray(self.mark(credential)), result.verdict._value_
        said = declared(credential, self._ledger)
        if said is NOTHING and result.reason is None and result.region is None:
            self._plain.append((n, label, mark, verdict, user))
        else:
            self._held[tables.ADD].append((n, label, mark, verdict, result.reason, user, result.region, *said))
        if n % _BATCH == 0:
            self.commit()

    def list(self, user: int, tokens: Iterable[Token], *, start: int = 0) -> None:
        """Tokens of a user, the first of which stands at place `start` of its listing."""
        self._unwritten.add(user)
        for place, token in enumerate(tokens, start):
            if token.expire_at is None:
                self._listed.append((user, place, token.id, token.name, token.last_characters))
            else:
                moment = token.expire_at.isoformat()
                self._held[tables.LIST].append((user, place, token.id, token.name, token.last_characters, moment))
        if len(self._listed) + len(self._held[tables.LIST]) >= _BATCH:
            self.flush()

    def tokens(self, user: int) -> tuple[Token, ...]:
        """All tokens of a user, as they were listed."""
        if user in self._unwritten:
            self.flush()
        rows = self._do(self._base.execute, tables.TOKENS, (user,))
        return tuple(
            Token(token_id, name, ending, None if moment is None else datetime.fromisoformat(moment))
            for token_id, name, ending, moment in self._rows(rows)
        )

    def known(self, credential: Credential) -> tuple[AuditResult, int | None] | None:
        """The result that an earlier run has for this label and secret, and its user; what is declared now is kept."""
        mark = self.mark(credential)
        row = self._do(self._do(self._base.execute, tables.KNOWN, (mark, credential.label, self._earlier)).fetchone)
        if row is None:
            return None
        n, verdict, region, user, *said = row
        if tuple(said) != (now := declared(credential, self._ledger)):
            self.write(tables.DECLARE, [(*now, n)])
        tokens = () if user is None else self.tokens(user)
        return AuditResult(credential.label, Verdict(verdict), tokens=tokens, region=region, user=name_of(user)), user

    def ids(self) -> Iterator[tuple[int, str]]:
        """Each user's number with each of that user's token ids."""
        return self.query("SELECT user, id FROM token")

    def last_user(self) -> int:
        """The highest number that a user has, 0 where there is none."""
        self.flush()
        (last,) = self._row(tables.LAST_USER)
        return int(last)

    def merge(self, user: int, same_as: int) -> None:
        """Two users turned out to be one: from `settle` on, the second number stands for both."""
        gone, into = self._row(tables.ROOT, (user,)), self._row(tables.ROOT, (same_as,))
        if gone != into:
            self.write("INSERT INTO alias VALUES (?, ?)", [(*gone, *into)])

    def settle(self) -> None:
        """Write what is left, put users together that are one, and make ready for questions; again after more."""
        self._unite()
        self.run(tables.SETTLE)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, some at a time."""
        self.flush()
        return self._rows(self._do(self._base.execute, sql, parameters))

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        self._do(self._base.executemany, sql, rows)

    def run(self, script: str) -> None:
        """Run statements that take no values, and commit what was written before."""
        self.commit()
        self._do(self._base.executescript, script)

    def tell(self, name: str, value: object) -> None:
        """Note something about the run as a whole."""
        self.write("INSERT OR REPLACE INTO about VALUES (?, ?)", [(name, value)])

    def told(self, name: str) -> object:
        """What was noted, None where nothing was."""
        return next((value for (value,) in self.query("SELECT value FROM about WHERE name = ?", (name,))), None)

    def flush(self) -> None:
        """Write what is held back."""
        for sql, rows in self._held.items():
            if rows:
                self._do(self._base.executemany, sql, rows)
                rows.clear()
        self._unwritten.clear()

    def keep(self) -> None:
        """In a checkpoint, commit what was added, unless something was within the last second."""
        if self._path is not None and time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Write what is held back; in a checkpoint, it stays from here on even where the process is killed."""
        self.flush()
        if self._path is not None:
            self._do(self._base.commit)
            self._due = time.monotonic() + _AT_RISK

    def save(self, path: Path) -> None:
        """Write a checkpoint of all this to another file, in one step."""
        self.flush()
        self._do(self._base.commit)  # also of a temporary one: nothing can be copied out of a transaction
        if self._path is not None and path.exists() and path.samefile(self._path):
            return  # it is what it should be, and open: another in its place would get no more of this run
        check_no_journal(path)
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
        """Forget it, or leave the file behind in a whole state."""
        try:
            if not self._failed:  # that was told already
                self.commit()
        finally:
            self._base.close()

    def _begin(self, salt: bytes) -> bytes:
        self._do(self._base.executescript, tables.TABLES)
        self.salt = salt
        self.tell("salt", salt)
        self.tell("asked", self._asked)
        self.tell("began", datetime.now(UTC).isoformat())
        self._do(self._base.commit)
        return salt

    def _go_on(self, salt: bytes | None) -> bytes:
        """Take up what is there, once it is known to be a whole checkpoint of ours; its salt."""
        flaw = None
        if self._row("PRAGMA application_id") != (tables.OURS,):
            flaw = "it is no checkpoint; name one that an audit made"
        elif self._row("PRAGMA user_version") != (tables.SCHEMA,):
            flaw = "a newer version of cobalt_async made it; upgrade, or start anew with another file"
        elif self._row("PRAGMA quick_check(1)") != ("ok",) or self._row(tables.COUNT) != (tables.NUMBER,):
            flaw = "it is damaged; start anew, with another file"
        elif salt not in (None, self.told("salt")):
            flaw = "it was begun with another baseline, or with none; give that one, or start anew with another file"
        elif (asked := self.told("asked")) not in (None, self._asked):
            flaw = f"it holds what {asked} answered, and this run asks {self._asked}; ask there, or name another file"
        if flaw is not None:
            raise ConfigurationError(f"{self._where}: {flaw}")
        self._unite()
        self.run(tables.RESUME)
        (own,) = self._row("SELECT value FROM about WHERE name = 'salt'")
        return bytes(own)

    def _unite(self) -> None:
        """One number for users who are one; of an id that several of them list, the first place stays."""
        self.commit()
        for (user,) in self._rows(self._do(self._base.execute, "SELECT user FROM alias ORDER BY user")):
            (into,) = self._row(tables.ROOT, (user,))
            self.write("UPDATE alias SET same_as = ? WHERE user = ?", [(into, user)])
            self.write(tables.MERGE_TOKENS, [(into, into, user, into)])
            self.write("DELETE FROM token WHERE user = ?", [(user,)])
        self.write(tables.MERGE_CREDENTIALS, [()])
        self.commit()

    def _row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        """The one row of a SELECT."""
        row: tuple[Any, ...] = self._do(self._do(self._base.execute, sql, parameters).fetchone)
        return row

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
        while rows := self._do(cursor.fetchmany, _BATCH):
            yield from rows

    def _do(self, call: Callable[..., T], *arguments: object) -> T:
        """What SQLite is asked for; trouble with the file is raised after its own exception is dropped."""
        try:
            return call(*arguments)
        except sqlite3.DatabaseError as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise  # a bug in a statement
        self._failed = True
        raise ConfigurationError(f"{self._where}: {'; '.join(trouble)}")


def _connected(path: Path | None) -> sqlite3.Connection:
    """A new connection, which waits for nobody; no word in `path` means something to SQLite."""
    base = sqlite3.connect("" if path is None else path.absolute(), timeout=0)
    try:
        base.executescript(tables.PRAGMAS if path is None else tables.PRAGMAS_OF_A_FILE)
    except BaseException:
        base.close()
        raise
    return base
