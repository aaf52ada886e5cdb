"""What is known of one try while it is under way, and its answer as far as it came."""

import asyncio
import math
from collections.abc import Callable, Mapping

import aiohttp
from attrs import frozen
from yarl import URL

from ..protocol.limits import Timeouts
from ..protocol.requests import Request
from ..secret import Secret
from .watch import Watch

OnAnswer = Callable[[int, bytes, bool], None]

_NOTHING = bytearray()  # all that a reading keeps beside its body


@frozen
class Route:
    """Where a try goes, for whom and for how long."""

    base_url: str
    secret: Secret
    timeouts: Timeouts
    deadline: float | None = None  # on the loop's clock

    def headers(self, request: Request) -> dict[str, str]:
        """The headers of a request, with the token."""
        return {**request.headers, "Authorization": f"Bearer {self.secret.reveal()}"}

    def url(self, request: Request) -> URL:
        """Where a request goes, just as it stands."""
        return URL(self.base_url + request.target, encoded=True)


class Attempt:
    """One try: which time limit runs, whether the request left, and what came back.

    Bytes of the answer stand here and in no frame, and there is no `vars` of it, so that no traceback shows them.
    """

    __slots__ = (
        "_cancelling",
        "_deadline",
        "_limit",
        "_loop",
        "_mutating",
        "_on_leave",
        "_parts",
        "_raw",
        "_read",
        "_seconds",
        "_started",
        "_task",
        "_total",
        "_waits",
        "_watch",
        "complete",
        "cut",
        "ends",
        "expired",
        "flaw",
        "headers",
        "keeps",
        "left",
        "pooled",
        "reply",
        "rest",
        "status",
    )

    def __init__(
        self,
        route: Route,
        *,
        mutating: bool,
        pooled: bool,
        on_leave: Callable[[], None] | None,
        watch: Watch,
        keeps: int = 0,
    ) -> None:
        times = route.timeouts
        self._read, self._total = (times.refresh, times.refresh) if mutating else (times.read, times.total)
        self._mutating = mutating
        self.pooled: bool = pooled
        self.keeps: int = keeps  # so many bytes of the answer, head and all
        self.left: bool = False
        self.reply: aiohttp.ClientResponse  # of aiohttp's session, where the try goes that way; it knows the token
        self.rest: Callable[[], None] | None = None  # what its connection needs before somebody else may have it
        self._waits = False
        self.status: int = 0
        self.headers: Mapping[str, str] = {}
        self.complete: bool = False
        self.flaw: str | None = None
        self.cut: bool = False
        self._limit = ""
        self._seconds = 0.0
        self.expired: bool = False
        self.ends: float = math.inf
        self._watch = watch
        self._parts: list[bytes] = []
        self._raw = bytearray() if keeps else _NOTHING
        self._deadline = route.deadline
        self._on_leave = on_leave
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._cancelling = 0 if self._task is None else self._task.cancelling()
        self._started = self._loop.time()

    def connecting(self, within: float, *, lent: bool) -> None:
        """The search for a connection begins. In a lent pool it may be a wait for somebody else's: that has all of
        the time of a try, and does not count as a part of it.
        """
        self._waits = lent
        within = self._total if lent else within
        self._until(self._started + within, "no connection within {:g} s", within)

    def leaving(self) -> None:
        """The first byte is about to be written. What changes something is not given up on from here on."""
        self.left = True
        if self._mutating:
            self._deadline = None
        if self._on_leave is not None:
            self._on_leave()
        now = self._loop.time()
        if self._waits:
            self._started = now
        ends = min(now + self._read, self._started + self._total)
        self._until(ends, "no answer within {:g} s", min(self._read, self._total))

    def answered(self) -> None:
        """The head of the answer is here."""
        self._until(self._started + self._total, "the answer was not complete within {:g} s", self._total)

    def _until(self, when: float, limit: str, seconds: float) -> None:
        """From here on the try ends at `when`, or at the deadline if that is sooner."""
        if self._deadline is not None and self._deadline <= when:
            when, limit = self._deadline, "the deadline passed"
        self._limit, self._seconds = limit, seconds
        self.ends = when
        self._watch.until(when)

    @property
    def is_alone(self) -> bool:
        """Whether no other try of this client is under way."""
        return len(self._watch.under_way) == 1

    @property
    def limit(self) -> str:
        """The time limit that runs, in words."""
        return self._limit.format(self._seconds)

    def expire(self) -> None:
        """The limit that runs has run out: whatever is waited for is given up."""
        if not self.expired and self._task is not None:
            self._task.cancel()  # once: it is taken back once
        self.expired = True

    def abandon(self) -> None:
        """The client is being closed: a reading ends now; what may have changed something is still waited for."""
        if not self._mutating:
            self.expire()

    def take_back(self) -> bool:
        """Take back the cancellation of `expire`; whether nobody else cancels the task. As `asyncio.timeout` does."""
        return self.expired and self._task is not None and self._task.uncancel() <= self._cancelling

    async def read_reply(self, most: int) -> None:
        """Read the answer that the session gave."""
        self.status, self.headers = self.reply.status, self.reply.headers
        try:
            await self.read(self.reply.content, most)
        finally:
            self.let_rest()

    def let_rest(self) -> None:
        """The answer is over; aiohttp puts its connection back by itself, and nobody else has had it since."""
        if self.rest is not None:
            self.rest()

    async def read(self, content: aiohttp.StreamReader, most: int) -> None:
        """Read an answer's body to its end, or to the first thing that is wrong: `flaw` names it."""
        size = 0
        try:
            if content.is_eof():  # all of it is here already, as nearly always
                self._parts.append(content.read_nowait())
                size = len(self._parts[-1])
            while size <= most and not content.at_eof():
                self._parts.append(await content.readany())
                size += len(self._parts[-1])
            if size > most:
                self.flaw = f"a body of more than {most} bytes"
            else:
                self.complete = True
        except aiohttp.ClientPayloadError as error:
            self.cut = "not completed" in str(error)
            self.flaw = "the connection ended inside the body" if self.cut else "a body that breaks HTTP's framing"

    def stop(self, failure: Exception) -> None:
        """The try ended with an exception; what came of the answer stays."""
        if self.flaw is None and not self.complete:
            self.cut = True
            self.flaw = self.limit if isinstance(failure, TimeoutError) else "the connection broke inside the body"

    def body(self) -> bytes:
        """The bytes of the body that came, just as they came."""
        return b"".join(self._parts)

    def note(self, data: bytes) -> None:
        """This came, head or body."""
        self._raw += data[: self.keeps - len(self._raw)]

    def raw(self) -> bytes:
        """What came, head and all, as far as it is kept."""
        return bytes(self._raw)

    def spoken(self) -> bytes:
        """The body where it is all that was said; else everything that is kept, a secret may stand beside it."""
        body = self.body()
        is_all = self.complete and ("Content-Length" not in self.headers or self._raw.endswith(body))
        return body if is_all or not self._raw else self.raw()
