"""aiohttp's request and response, which tell the try under way what happens to it.

This is the one file that leans on what aiohttp does not document; tests watch each of its assumptions.
"""

import asyncio
import itertools
import select
import ssl as tls
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from contextvars import ContextVar
from types import FunctionType, coroutine
from typing import Any, Literal

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from multidict import istr
from yarl import URL

from ..protocol.requests import Request
from ..secret import Secret
from .attempt import Attempt, Route
from .failures import Broken, Stale, name

Send = Callable[[Connection], Awaitable[aiohttp.ClientResponse]]

current: ContextVar[Attempt] = ContextVar("cobalt_async_attempt")
_numbers = itertools.count(1)
_NO_TIMER = TimerNoop()
_AUTHORIZATION = istr("Authorization")
_NOBODYS = "Bearer -"
_KINDS = 8  # of readings
_CAN_POLL = hasattr(select, "poll")  # not on Windows
_WAY = (aiohttp.ClientSession.request, aiohttp.ClientSession._request)
_IS_OWN = all(type(step) is FunctionType and step.__code__.co_filename == aiohttp.client.__file__ for step in _WAY)


def is_plain(session: aiohttp.ClientSession) -> bool:
    """Whether nobody minds how a session's requests go: no tracer, and no mock or meter in place of aiohttp's own."""
    kind = aiohttp.ClientSession
    is_own = _IS_OWN and kind.request is _WAY[0] and kind._request is _WAY[1]
    return is_own and not session.trace_configs


class WatchedRequest(aiohttp.ClientRequest):
    """A request that looks at its connection before it is written, and notes that it was."""

    pooled_key: ConnectionKey | None = None  # worked out before, for a request that is sent again and again

    @property
    def connection_key(self) -> ConnectionKey:
        """The pool's key; one that fits no pooled connection where the try wants a fresh one."""
        key = self.pooled_key or super().connection_key
        return key if current.get().pooled else key._replace(proxy_headers_hash=-next(_numbers))

    # pyright wants the coroutine type of an `async def`, which has no public name before 3.13
    def send(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, conn: Connection
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        """Write the request, unless the pooled connection holds what nobody asked for (a late answer, say)."""
        return _send(super().send, conn)


class WatchedAnswer(aiohttp.ClientResponse):
    """A response that notes the moment its head is here."""

    def start(  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        self, connection: Connection
    ) -> Coroutine[Any, Any, aiohttp.ClientResponse]:
        """Read the head; a connection that breaks is told in a way that aiohttp does not answer with a second try."""
        return _start(super().start, connection)


class Prepared:
    """A reading that is prepared once and sent as often as one likes, for one try at a time.

    It goes the way of `ClientSession._request` in the same steps, and leaves out what no reading of ours has:
    redirects, cookies, tracers, a proxy, a body, a time limit on all of it. What is left out costs nearly as much
    as what is left. It holds a token only while it is sent.
    """

    __slots__ = ("_connector", "_headers", "_request", "_session", "_target")

    def __init__(
        self,
        request: Request,
        route: Route,
        session: aiohttp.ClientSession,
        connector: aiohttp.BaseConnector,
        *,
        ssl: tls.SSLContext | Literal[True],
    ) -> None:
        self._session = session
        self._connector = connector
        self._target = request.target
        self._request = WatchedRequest(
            request.method,
            route.url(request),
            headers={**request.headers, _AUTHORIZATION: _NOBODYS},
            loop=asyncio.get_running_loop(),
            response_class=WatchedAnswer,
            session=session,
            ssl=ssl,
        )
        self._headers = self._request.headers
        self._request.pooled_key = super(WatchedRequest, self._request).connection_key

    def turn_to(self, request: Request) -> None:
        """Be this reading from now on: it differs from the one before in nothing but its query."""
        if request.target != self._target:
            self._target = request.target
            was, query = self._request.url, request.target.partition("?")[2]
            self._request.url = self._request.original_url = URL.build(
                scheme=was.scheme, authority=was.raw_authority, path=was.raw_path, query_string=query, encoded=True
            )

    async def send(self, attempt: Attempt, secret: Secret, timeout: aiohttp.ClientTimeout) -> None:  # noqa: ASYNC109
        """Send it for an attempt, with this token; the attempt's `reply` is there once its head came."""
        if self._session.closed:
            raise RuntimeError("Session is closed")
        try:
            connection = await self._connector.connect(self._request, [], timeout)
        except TimeoutError:
            connection = None
        if connection is None:
            raise aiohttp.ConnectionTimeoutError
        try:
            if connection.protocol is not None:
                connection.protocol.set_response_params(timer=_NO_TIMER, read_until_eof=True, auto_decompress=False)
            self._headers[_AUTHORIZATION] = f"Bearer {secret.reveal()}"
            try:
                attempt.reply = await self._request.send(connection)
            finally:
                self._headers[_AUTHORIZATION] = _NOBODYS
            self._request.response = None  # the answer is the attempt's alone
            try:
                await attempt.reply.start(connection)
            except BaseException:
                attempt.reply.close()
                raise
        except BaseException:
            connection.close()
            raise


# Functions, so that no frame of ours in a traceback has a request or a response of aiohttp's: they hold the token.


async def _send(send: Send, conn: Connection) -> aiohttp.ClientResponse:
    attempt = current.get()
    protocol = conn.protocol
    if protocol is None:
        raise Stale
    if attempt.pooled:
        if not (attempt.is_alone and _is_silent(conn.transport)):
            await _two_turns()  # what woke together with this task must have been read before we look
        begun = getattr(protocol._parser, "_tail", b"")  # the parser that is written in Python keeps it there
        if begun or protocol.should_close or not protocol.is_connected():
            raise Stale
    else:
        protocol.force_close()
    attempt.leaving()
    try:
        return await send(conn)
    except (aiohttp.ClientError, OSError) as error:
        why = name(error)
    raise Broken(why)


def _is_silent(transport: asyncio.Transport | None) -> bool:
    """Whether nothing of the peer's waits to be read, its goodbye included; False where that cannot be told.

    Whatever was read before is with the parser by now: event loops hand bytes over in the turn that reads them.
    For one try alone this costs less than two turns of the loop; a crowd shares those, and sends together after them.
    """
    raw = None if transport is None else transport.get_extra_info("socket")
    if raw is None or not _CAN_POLL:
        return False
    try:
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLIN)
        return not poll.poll(0)
    except (OSError, ValueError):  # it was closed
        return False


@coroutine
def _two_turns() -> Generator[None]:
    """`asyncio.sleep(0)`, twice."""
    yield
    yield


async def _start(start: Send, connection: Connection) -> aiohttp.ClientResponse:
    try:
        answer = await start(connection)
    except (aiohttp.ClientConnectionError, OSError) as error:
        why = name(error)
    else:
        current.get().answered()
        return answer
    raise Broken(why)


class Shelf:
    """Readings that are prepared and not under way, a few of each; most readings are the same reading.

    A page that a cursor names is read once: all such are of one kind, and turned to their query.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], tuple[Mapping[str, str], list[Prepared]]] = {}

    def take(self, request: Request, route: Route) -> Prepared | None:
        """One for this request at this route's base URL, for the caller alone; None where there is none."""
        known = self._kinds.get((route.base_url, _kind(request)))
        if known is None or known[0] is not request.headers or not known[1]:
            return None
        prepared = known[1].pop()
        prepared.turn_to(request)
        return prepared

    def put(self, prepared: Prepared, request: Request, route: Route) -> None:
        """It did its work; of more than a few kinds the oldest goes."""
        kind = (route.base_url, _kind(request))
        known = self._kinds.get(kind)
        if known is not None and known[0] is request.headers:
            known[1].append(prepared)
            return
        while len(self._kinds) >= _KINDS:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = request.headers, [prepared]


def _kind(request: Request) -> str:
    return request.target.partition("?")[0] + "?cursor=…" if "cursor=" in request.target else request.target
