"""What an audit learned, on disk and not in memory.

No secret is in it: of each there is a fingerprint under a salt that stands in the same file.
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..ledger import Ledger, fingerprint
from ..models import Token
from . import checkpoint, tables
from .credential import Credential
from .marks import kept_name, label_mark
from .store import BATCH, Store
from .tables import NOTHING, declared
from .verdicts import AuditResult, Verdict, name_of

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
        self.resumed: bool = path is not None and not checkpoint.made_new(path)
        self._is_lasting = path is not None
        self._ledger = ledger or Ledger()
        self._held: dict[str, list[tuple[Any, ...]]] = {sql: [] for sql in tables.WRITTEN_IN_BATCHES}
        self._plain = self._held[tables.ADD_PLAIN]
        self._listed = self._held[tables.LIST_PLAIN]
        self._unwritten: set[int] = set()  # users of whom tokens are held
        self._store = Store(path)
        try:
            self.salt: bytes = self._open(salt, " and ".join(sorted(asked)))
            for of_text in (label_mark, kept_name):
                self._store.define(of_text.__name__, partial(of_text, salt=self.salt))
            (self._earlier,) = self._one("SELECT COALESCE(MAX(n), 0) FROM credential")
            (self._place,) = self._one(tables.LAST_PLACE)
        except BaseException:
            self._store.close()
            raise
        self._added = self._earlier
        self._met = bytearray(self._earlier // 8 + 1)  # a bit for each of these rows
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
        if n % BATCH == 0:
            self.commit()

    def list(self, user: int, tokens: Iterable[Token]) -> None:
        """Tokens of a user, in the order of its listing, none of which is on record."""
        self._unwritten.add(user)
        for token in tokens:
            self._place = place = self._place + 1
            if token.expire_at is None:
                self._listed.append((user, place, token.id, token.name, token.last_characters))
            else:
                moment = token.expire_at.isoformat()
                self._held[tables.LIST].append((user, place, token.id, token.name, token.last_characters, moment))
        if len(self._listed) + len(self._held[tables.LIST]) >= BATCH:
            self.flush()

    def tokens(self, user: int) -> tuple[Token, ...]:
        """All tokens of a user, as they were listed."""
        if user in self._unwritten:
            self.flush()
        return tuple(
            Token(token_id, name, ending, None if moment is None else datetime.fromisoformat(moment))
            for token_id, name, ending, moment in self._store.query(tables.TOKENS, (user,))
        )

    def known(self, credential: Credential) -> tuple[AuditResult, int | None] | None:
        """The result that an earlier run has for this label and secret, and its user; what is declared now is kept."""
        rows = list(self._store.query(tables.KNOWN, (self.mark(credential), credential.label, self._earlier)))
        if not rows:
            return None
        n, verdict, region, user, *said = next((row for row in rows if not self._has_met(row[0])), rows[0])
        self._met[n >> 3] |= 1 << (n & 7)
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
        (last,) = self._one(tables.LAST_USER)
        return int(last)

    def merge(self, user: int, same_as: int) -> None:
        """Two users turned out to be one: from `settle` on, the second number stands for both."""
        gone, into = self._one(tables.ROOT, (user,)), self._one(tables.ROOT, (same_as,))
        if gone != into:
            self.write("INSERT INTO alias VALUES (?, ?)", [(*gone, *into)])

    def forget_unmet(self) -> tuple[int, int]:
        """Drop what an earlier run knew of credentials that this one, which read all there are, did not meet.

        How many users, and tokens of theirs, go with them.
        """
        self._unite()
        gone = [(n,) for n in range(1, self._earlier + 1) if not self._has_met(n)]
        self.run(tables.UNMET)
        self.write("INSERT INTO gone VALUES (?)", gone)
        self.write(tables.LEFT_OVER, [()])
        users, listed = self._one(tables.COUNT_LEFT_OVER)
        self.run(tables.FORGET)
        return users, listed

    def settle(self) -> None:
        """Write what is left, put users together that are one, and make ready for questions; again after more."""
        self._unite()
        self.run(tables.SETTLE)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, some at a time."""
        self.flush()
        return self._store.query(sql, parameters)

    def write(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        self._store.write(sql, rows)

    def run(self, script: str) -> None:
        """Run statements that take no values, and commit what was written before."""
        self.commit()
        self._store.run(script)

    def tell(self, name: str, value: object) -> None:
        """Note something about the run as a whole."""
        self.write(tables.TELL, [(name, value)])

    def told(self, name: str) -> object:
        """What was noted, None where nothing was."""
        return next((value for (value,) in self.query("SELECT value FROM about WHERE name = ?", (name,))), None)

    def flush(self) -> None:
        """Write what is held back."""
        for sql, rows in self._held.items():
            if rows:
                self._store.write(sql, rows)
                rows.clear()
        self._unwritten.clear()

    def keep(self) -> None:
        """In a checkpoint, commit what was added, unless something was within the last second."""
        if self._is_lasting and time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Write what is held back; in a checkpoint, it stays from here on even where the process is killed."""
        self.flush()
        if self._is_lasting:
            self._store.commit()
            self._due = time.monotonic() + _AT_RISK

    def save(self, path: Path) -> None:
        """Write a checkpoint of all this to another file, in one step."""
        self.flush()
        self._store.commit()  # also of a temporary one: nothing can be copied out of a transaction
        if self._store.path is not None and path.exists() and path.samefile(self._store.path):
            return  # it is what it should be, and open: another in its place would get no more of this run
        checkpoint.check_no_journal(path)
        self._store.copy(path)

    def close(self) -> None:
        """Forget it, or leave the file behind in a whole state."""
        try:
            if not self._store.has_failed:  # that was told already
                self.commit()
        finally:
            self._store.close()

    def _has_met(self, n: int) -> int:
        return self._met[n >> 3] & 1 << (n & 7)

    def _open(self, salt: bytes | None, asked: str) -> bytes:
        """Begin, or take up what is there; the salt."""
        if not self.resumed:
            salt = salt or secrets.token_bytes(32)
            checkpoint.begin(self._store, salt, asked)
            return salt
        own = checkpoint.go_on(self._store, salt, asked)
        self._unite()
        self.run(tables.RESUME)
        return own

    def _unite(self) -> None:
        """One number for users who are one; of an id that several of them list, the first place stays."""
        self.commit()
        for (user,) in self._store.query("SELECT user FROM alias ORDER BY user"):
            (into,) = self._one(tables.ROOT, (user,))
            self.write("UPDATE alias SET same_as = ? WHERE user = ?", [(into, user)])
            self.write(tables.MERGE_TOKENS, [(into, into, user, into)])
            self.write("DELETE FROM token WHERE user = ?", [(user,)])
        self.write(tables.MERGE_CREDENTIALS, [()])
        (self._place,) = self._one(tables.LAST_PLACE)
        self.commit()

    def _one(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        """The one row of a SELECT that always has one."""
        return next(self._store.query(sql, parameters))
