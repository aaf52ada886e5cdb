"""Transport: the session of one client, and the way of one request through it."""

import asyncio
import ssl
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Literal

import aiohttp
from yarl import URL

from ..errors import CobaltError, ConfigurationError, NoAnswerError, NotSentError, UnreadableError
from ..protocol.answers import Response
from ..protocol.content import decode
from ..protocol.requests import Request
from ..secret import Secret
from . import pooled
from .attempt import Attempt, OnAnswer, Route
from .failures import Stale, told
from .hooks import WatchedAnswer, WatchedRequest, current
from .plain import Line, is_plain
from .watch import Watch

_MOST_LINES = 8  # base URLs
_NO_CONTENT_TYPE = ("Content-Type",)  # aiohttp would make one up for a POST without a body


class Transport:
    """The connections of one client: a session of aiohttp's with every default that could harm turned off."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession | None,
        verify: ssl.SSLContext | None,
        proxy: Secret | None,
        max_connections: int,
        max_page_bytes: int,
        trace_configs: list[aiohttp.TraceConfig],
    ) -> None:
        self._lender = session
        self._verify = verify
        self._proxy = proxy  # sealed, for the password in it
        self._is_plain = session is None and proxy is None
        self._max_connections = max_connections
        self._max_page_bytes = max_page_bytes
        self._trace_configs = trace_configs
        self._session: aiohttp.ClientSession  # from `open` on
        self._connector: aiohttp.BaseConnector  # (the same)
        self._watch: Watch  # (the same)
        self._can_pool: bool  # (the same)
        self._slots = asyncio.Semaphore(max_connections)
        self._lines: dict[str, Line] = {}  # by base URL

    def open(self) -> None:
        """Make the session, on the loop that runs now and for it."""
        lender = self._lender
        self._connector = aiohttp.TCPConnector(limit=0) if lender is None else self._borrow(lender)
        self._watch = Watch()
        self._can_pool = pooled.can_tell(asyncio.get_running_loop())
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=lender is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            request_class=WatchedRequest,
            response_class=WatchedAnswer,
            trace_configs=self._trace_configs,
        )

    async def close(self) -> None:
        """Close the session, and its connections unless they are lent."""
        try:
            await self._session.close()
        finally:
            self._watch.close()

    async def send(
        self,
        request: Request,
        route: Route,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        """One try. A mutating request goes on a connection of its own.

        `on_leave()` is called just before the first byte is written. `on_answer(status, raw_bytes, complete)` is
        called, synchronously and before anything is parsed, for every answer whose head came, a partial one too;
        it may block, on an fsync say. Where no head came: NotSentError, NoAnswerError or UnreadableError. But of what
        a mutating request brought every byte counts: where only its head cannot be read, its status is 0.
        """
        mutating = request.budget == "mutate"
        if self._slots.locked():
            await self._wait_for_slot(request, route.deadline)
        else:
            await self._slots.acquire()
        try:
            pools = self._can_pool and not mutating
            keeps = self._max_page_bytes if mutating else 0
            attempt = Attempt(route, mutating=mutating, pooled=pools, on_leave=on_leave, watch=self._watch, keeps=keeps)
            failure = await self._carry(request, route, attempt, on_answer)
            if isinstance(failure, Stale):
                attempt = Attempt(
                    route, mutating=mutating, pooled=False, on_leave=on_leave, watch=self._watch, keeps=keeps
                )
                failure = await self._carry(request, route, attempt, on_answer)
        finally:
            self._slots.release()
        if failure is not None:
            if not (raw := attempt.raw()) or not isinstance(failure, NoAnswerError | UnreadableError):
                raise failure
            why = failure.why if isinstance(failure, NoAnswerError) else failure.flaw
            return Response(0, {}, b"", why, isinstance(failure, NoAnswerError), raw=raw)
        encoding = attempt.headers.get("Content-Encoding", "")
        plain, garbled = decode(attempt.body(), encoding, self._max_page_bytes)
        raw = attempt.raw() if attempt.keeps else b""
        return Response(attempt.status, attempt.headers, plain, attempt.flaw or garbled, attempt.cut, raw=raw)

    async def _carry(
        self, request: Request, route: Route, attempt: Attempt, on_answer: OnAnswer | None
    ) -> CobaltError | Stale | None:
        """Send and read as far as it goes. What kept any head from coming is returned in our words, not raised."""
        connect = min(route.timeouts.connect, route.timeouts.total)
        self._watch.add(attempt)
        try:
            attempt.connecting(connect, lent=self._lender is not None)
            if self._is_plain and attempt.pooled and is_plain(self._session):
                line = self._line(request, route)
                await line.ask(request.target, route.secret, attempt, _connect_within(connect), self._max_page_bytes)
            else:
                await self._ask_by_session(request, route, attempt, _connect_within(connect))
        except Stale as stale:
            return stale
        except asyncio.CancelledError as cancelled:
            if not attempt.take_back():
                cancelled.__context__ = None
                raise cancelled.with_traceback(None)  # noqa: B904 - aiohttp's frames hold the token, and a proxy's password
            return self._told(request, attempt, TimeoutError())
        except Exception as error:  # noqa: BLE001 - whatever aiohttp may raise ends here
            attempt.take_back()  # something on the way may have made another exception of it
            return self._told(request, attempt, error)
        else:
            return None
        finally:
            self._watch.remove(attempt)
            if on_answer is not None and (attempt.status or attempt.raw()):
                on_answer(attempt.status, attempt.spoken(), attempt.complete)

    def _told(self, request: Request, attempt: Attempt, failure: Exception) -> CobaltError | None:
        """What a failure comes to; None where an answer came nevertheless, or a part of one."""
        attempt.stop(failure)
        if attempt.status:
            return None
        if self._session.closed:
            return (NoAnswerError if attempt.left else NotSentError)(str(request), "the client was closed")
        return told(str(request), attempt, failure)

    async def _ask_by_session(
        self, request: Request, route: Route, attempt: Attempt, within: aiohttp.ClientTimeout
    ) -> None:
        """Ask in the way of aiohttp's session, whoever stands in it: a proxy, a tracer, a mock."""
        mark = current.set(attempt)
        try:
            async with self._session.request(
                request.method,
                route.url(request),
                headers=route.headers(request),
                allow_redirects=False,
                timeout=within,
                ssl=self._tls(route),
                proxy=None if self._proxy is None else URL(self._proxy.reveal()),
                skip_auto_headers=_NO_CONTENT_TYPE if request.method == "POST" else None,
            ) as attempt.reply:
                await attempt.read_reply(self._max_page_bytes)
        finally:
            current.reset(mark)

    def _line(self, request: Request, route: Route) -> Line:
        """The way of a plain reading; of more than a few the oldest goes."""
        line = self._lines.get(route.base_url)
        if line is None or line.headers is not request.headers:
            while len(self._lines) >= _MOST_LINES:
                del self._lines[next(iter(self._lines))]
            line = Line(request, route.base_url, self._session, self._connector, ssl=self._tls(route))
            self._lines[route.base_url] = line
        return line

    def _tls(self, route: Route) -> ssl.SSLContext | Literal[True]:
        """How a peer is verified, whatever a lent connector was told about that.

        The default is made for the first who speaks TLS: to read all of a system's authorities takes a while.
        """
        if self._verify is None and self._proxy is None and route.base_url.startswith("http:"):
            return True  # nobody is asked
        return self._verify or _default_context()

    async def _wait_for_slot(self, request: Request, deadline: float | None) -> None:
        """Wait for one of the connections; the clock of the try has not started yet."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
                return
        except TimeoutError:
            pass
        raise NotSentError(str(request), "the deadline passed while all connections were busy")

    def _borrow(self, lender: aiohttp.ClientSession) -> aiohttp.BaseConnector:
        """The connector of the caller's session, and not more of it than that."""
        connector = lender.connector
        if lender.closed or connector is None or connector.closed:
            raise ConfigurationError("session: it is closed; give one that is open, or none")
        if connector._loop is not asyncio.get_running_loop():
            raise ConfigurationError("session: it belongs to another event loop; give one of this loop, or none")
        limits = (connector.limit, connector.limit_per_host, self._max_connections)
        self._slots = asyncio.Semaphore(min(limit for limit in limits if limit))
        return connector


@cache
def _default_context() -> ssl.SSLContext:
    """Python's default, which on some systems (Debian's, say) would still speak TLS 1.0."""
    context = ssl.create_default_context()
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    return context


@lru_cache(maxsize=64)
def _connect_within(seconds: float) -> aiohttp.ClientTimeout:
    """No limit of aiohttp's but this one: the others count the wait for the pool, or never ring."""
    return aiohttp.ClientTimeout(total=None, connect=None, sock_connect=seconds, sock_read=None)
