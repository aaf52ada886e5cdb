"""A plain reading: written to a connection of aiohttp's pool, and its answer taken from aiohttp's parser, by ourselves.

Pool, TLS, protocol and parser are aiohttp's. Left out are its request and its response, which cost more than all the
rest, and what `ClientSession._request` does that no reading of ours has: redirects, cookies, tracers, a proxy, a body.
"""

import asyncio
import ssl as tls
from collections.abc import Mapping
from functools import cached_property
from types import FunctionType
from typing import Literal

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.helpers import TimerNoop
from yarl import URL

from ..protocol.requests import Request
from ..secret import Secret
from . import pooled
from .attempt import Attempt

_NO_TIMER = TimerNoop()
_KNOWN = "3.14."  # the line of aiohttp whose insides these are; by another, readings go in the way of its session
_WAY = (aiohttp.ClientSession.request, aiohttp.ClientSession._request)
_IS_OWN = aiohttp.__version__.startswith(_KNOWN) and all(
    type(step) is FunctionType and step.__code__.co_filename == aiohttp.client.__file__ for step in _WAY
)


def is_plain(session: aiohttp.ClientSession) -> bool:
    """Whether nobody minds how a session's requests go: no tracer, no mock or meter in place of aiohttp's own, and an
    aiohttp that is known here.
    """
    kind = aiohttp.ClientSession
    is_own = _IS_OWN and kind.request is _WAY[0] and kind._request is _WAY[1]
    return is_own and not session.trace_configs


class _Target(aiohttp.ClientRequest):
    """Tells the connector where to connect, and us what aiohttp would say there; it is never sent."""

    @cached_property
    def connection_key(self) -> ConnectionKey:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The pool's key, worked out once."""
        return super().connection_key


class Line:
    """The way to one base URL for readings with the same headers: any number of tries share it. It holds no token."""

    __slots__ = ("_connector", "_head", "_path", "_session", "_target", "headers")

    def __init__(
        self,
        request: Request,
        base_url: str,
        session: aiohttp.ClientSession,
        connector: aiohttp.BaseConnector,
        *,
        ssl: tls.SSLContext | Literal[True],
    ) -> None:
        self.headers: Mapping[str, str] = request.headers
        self._session = session
        self._connector = connector
        url = URL(base_url, encoded=True)
        self._target = _Target(
            "GET",
            url,
            headers=dict(request.headers),
            loop=asyncio.get_running_loop(),
            response_class=aiohttp.ClientResponse,
            session=session,
            ssl=ssl,
        )
        self._path = url.raw_path.removesuffix("/")
        said = "".join(f"{name}: {value}\r\n" for name, value in self._target.headers.items())
        self._head = f" HTTP/1.1\r\n{said}Authorization: Bearer "

    async def ask(
        self,
        target: str,
        secret: Secret,
        attempt: Attempt,
        within: aiohttp.ClientTimeout,
        most: int,
    ) -> None:
        """Send it for an attempt, with this token, and read the answer, of at most so many bytes."""
        if self._session.closed:
            raise RuntimeError("Session is closed")
        try:
            connection = await self._connector.connect(self._target, [], within)
        except TimeoutError:
            connection = None
        if connection is None:
            raise aiohttp.ConnectionTimeoutError
        try:
            protocol = pooled.protocol_of(connection)
            transport = await pooled.look(protocol, attempt)
            protocol.set_response_params(timer=_NO_TIMER, read_until_eof=True, auto_decompress=False)
            parser = protocol._parser
            attempt.leaving()
            transport.write(f"GET {self._path}{target}{self._head}{secret.reveal()}\r\n\r\n".encode())
            while True:
                message, payload = await protocol.read()
                if not 100 <= message.code < 200 or message.code == 101:
                    break
                del message  # a head may say the token again, and this frame stands in tracebacks
            attempt.answered()
            attempt.status, attempt.headers = message.code, message.headers
            del message  # as above
            await attempt.read(payload, most)
        except BaseException:
            connection.close()
            raise
        pooled.rest(protocol, parser)
        connection.release()
