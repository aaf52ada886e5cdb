"""The one request that must not be lost: written down before it leaves, its answer on the disk before it is read."""

import asyncio
import contextlib
import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve

from ..client import AsyncCobalt
from ..errors import CobaltError, ConfigurationError, NotSentError, RateLimitedError
from ..models import RefreshedToken
from ..protocol import answers, requests
from ..protocol.answers import DOUBTFUL, Response
from ..protocol.content import decode
from ..secret import Secret
from .journal import Journal
from .points import Point, reached
from .records import Entry, Send
from .words import Seen, of_answer

_LARGEST = 1_048_576  # bytes, of an answer that was compressed
_SOON = timedelta(seconds=1)
_DID_NOT_RUN = frozenset({Seen.NO, Seen.THROTTLED, Seen.DENIED, Seen.NOT_LEFT})


class _Stays(Exception):
    """The request does not leave: what must be written down before that cannot be."""


class Refreshes:
    """The refreshes of one rotation. `new` is the secret that the last one with one brought."""

    def __init__(self, cobalt: AsyncCobalt, journal: Journal, entry: Entry) -> None:
        self.new: RefreshedToken | None = None
        self.why: str = ""
        self._cobalt = cobalt
        self._journal = journal
        self._entry = entry
        self._number = 0
        self._brought_new = 0  # the number of the answer that `new` is from
        self._unspooled: dict[int, bytes] = {}  # answers that the disk did not take
        self._stays: OSError | None = None

    @property
    def _id(self) -> str:
        return self._entry.intent.rotation_id

    async def send(self, secret: Secret, token_id: str, *, by_sibling: bool, known: Collection[Secret | None]) -> Seen:
        """Ask for the refresh once, with this secret; one that is `known` is none that it brought."""
        request = requests.refresh_token(token_id, key=str(uuid.uuid4()), version=self._cobalt._version)
        send = Send(datetime.now(UTC), token_id, by_sibling)
        try:
            taken = [*self._entry.sends, *self._journal.spool.numbers(self._id)]
            self._number = max(taken, default=0) + 1
            self._journal.spool.reserve(self._id, self._number)
            reached(Point.RESERVED)
            self._sent(send)
        except OSError as error:
            self.why = _not_written(error)
            return Seen.NOT_LEFT
        self._entry.sends[self._number] = send
        reached(Point.SENT)
        try:
            response = await self._cobalt._change(request, secret, on_answer=self._keep, on_leave=self._leave)
        except (ConfigurationError, NotSentError, RateLimitedError) as error:
            seen, self.why = Seen.NOT_LEFT, str(error)
        except CobaltError as error:
            seen, self.why = Seen.UNKNOWN, str(error)
        else:
            seen = self._read(response, token_id, known)
        if self._stays is not None:
            seen, self.why, self._stays = Seen.NOT_LEFT, _not_written(self._stays), None
        self._answered(seen)
        return seen

    def look(self, known: Collection[Secret | None]) -> Seen:
        """Look for the latest whole secret among the answers that are kept, but for those that are `known`."""
        try:
            answered = self._journal.spool.answers(self._id)
        except OSError as error:
            self.why = f"the spool cannot be read ({error.strerror or type(error).__name__}); mend {self._journal.path}"
            return Seen.UNCLEAR
        for number, body in answered:
            new = _secret_kept(self._entry, number, body, known)
            if new is not None:
                self._found(new, number, body)
                return Seen.FOUND
        if answered or self._entry.sends or self._entry.damaged:
            return Seen.NOTHING
        self.why = "it was written down and never sent"
        return Seen.NEVER_SENT

    def _sent(self, send: Send) -> None:
        by = "sibling" if send.by_sibling else "self"
        self._journal.append(self._id, "SENT", n=self._number, token_id=send.token_id, by=by)

    def _leave(self) -> None:
        """The first byte is about to be written; settling counts from here, also for who resumes after a crash."""
        send, now = self._entry.sends[self._number], datetime.now(UTC)
        if now - send.at > _SOON:  # it had to wait for its turn, or for a connection
            try:
                self._sent(send)
            except OSError as error:
                self._stays = error
            if self._stays is not None:
                raise _Stays
        send.at, send.clock = now, asyncio.get_running_loop().time()

    def _keep(self, status: int, body: bytes, complete: bool) -> None:
        """An answer came, or a part of one: whatever it is, it goes to the disk before anything else happens."""
        reached(Point.RECEIVED)
        try:
            self._journal.spool.keep(self._id, self._number, body)
        except OSError:
            self._unspooled[self._number] = body  # kept in memory, and tried again where the store does not take it
        reached(Point.KEPT)

    def keep_again(self) -> bool:
        """Try again to put the answer with the new secret on the disk, if it did not take it; True if it stands there.

        Without a new secret there is nothing to keep.
        """
        body = None if self.new is None else self._unspooled.get(self._brought_new)
        if body is not None:
            try:
                self._journal.spool.keep(self._id, self._brought_new, body)
            except OSError:
                return False
            del self._unspooled[self._brought_new]
        return True

    @property
    def spool_file(self) -> Path | None:
        """Where the new secret stands, None where there is none."""
        return None if self.new is None else self._journal.spool.path(self._id, self._brought_new)

    def _found(self, new: RefreshedToken, number: int, body: bytes) -> None:
        """Take it, and do what a crash has kept from being done."""
        written = self._entry.new
        self._take(new, number)
        if not self._journal.spool.path(self._id, number).exists():
            self._unspooled[number] = body
            self.keep_again()
        if self._entry.new != written:
            with contextlib.suppress(OSError):
                self._spooled()

    def _read(self, response: Response, token_id: str, known: Collection[Secret | None]) -> Seen:
        """What an answer says; a secret that is known already is an echo."""
        refused = 400 <= response.status < 500 and response.status not in DOUBTFUL
        new = None if refused or response.status == 509 else _secret_in(response, token_id)
        if new is not None and new.secret in known:
            new = None
        self.why = f"the refresh was answered {response.status or 'without a head that can be read'}"
        if response.flaw is not None:
            self.why += f", and its body is not whole ({response.flaw})"
        if new is not None:
            self._take(new, self._number)
        return of_answer(response.status, has_secret=new is not None)

    def _take(self, new: RefreshedToken, number: int) -> None:
        self.new, self._brought_new = new, number
        self._entry.new = self._entry.fingerprint(new.secret)
        self._entry.new_token_id = new.id if requests.is_token_id(new.id) else self._entry.token_id

    def _answered(self, seen: Seen) -> None:
        """Write down how it ended. Where that cannot be, `resume` will take it for unknown, which is the safe side."""
        self._entry.sends[self._number].seen = seen
        try:
            self._journal.remark(self._id, "ANSWERED", n=self._number, seen=seen.value)
            reached(Point.ANSWERED)
            if seen is Seen.NEW:
                self._spooled()
                reached(Point.SPOOLED)
        except OSError:
            return

    def _spooled(self) -> None:
        assert self._entry.new is not None  # noqa: S101 - it was just taken
        self._journal.append(self._id, "SPOOLED", token_id=self._entry.token_id, new=self._entry.new.hex())


def spooled(journal: Journal, rotation_id: str) -> RefreshedToken | None:
    """The latest whole secret among the answers that are kept for a rotation, be it one that the journal does not know.

    OSError where they cannot be read.
    """
    entry = journal.entries().get(rotation_id)
    for number, body in journal.spool.answers(rotation_id):
        new = _secret_in(Response(200, {}, body), "") if entry is None else _secret_kept(entry, number, body, ())
        if new is not None:
            return new
    return None


def _secret_kept(entry: Entry, number: int, body: bytes, known: Collection[Secret | None]) -> RefreshedToken | None:
    """The new secret in an answer that is kept; one that is `known` already, or the old one, is an echo."""
    send = entry.sends.get(number)
    if send is not None and send.seen in _DID_NOT_RUN:
        return None
    found = _secret_in(Response(200, {}, body), entry.token_id)
    is_echo = found is not None and (found.secret in known or entry.fingerprint(found.secret) == entry.intent.old)
    return None if is_echo else found


def _not_written(error: OSError) -> str:
    return f"the journal took no record ({error.strerror or type(error).__name__}), so nothing was sent"


def _secret_in(response: Response, token_id: str) -> RefreshedToken | None:
    """The new token in an answer, in whatever shape the answer is; a secret that is cut is none."""
    for encoding in ("", "gzip", "deflate"):  # it may be compressed, though it was not asked for so and nothing says it
        plain = evolve(response, body=decode(response.body, encoding, _LARGEST)[0])
        if 200 <= response.status < 300:
            refreshed = answers.read_refreshed(plain)
            if not isinstance(refreshed, str):
                return refreshed
        if (found := answers.salvage(plain, token_id)) is not None:
            return found
    return None
