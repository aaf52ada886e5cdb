"""aiohttp's request and response, which tell the try under way what happens to it.

With `plain.py`, `pooled.py` and `recording.py` these are the files that lean on what aiohttp does not document; tests
watch each of their assumptions.
"""

import itertools
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection

from . import pooled
from .attempt import Attempt
from .failures import Broken, name
from .recording import record

Send = Callable[[Connection], Awaitable[aiohttp.ClientResponse]]

current: ContextVar[Attempt] = ContextVar("cobalt_async_attempt")
_numbers = itertools.count(1)


class WatchedRequest(aiohttp.ClientRequest):
    """A request that looks at its connection before it is written, and notes that it was."""

    @property
    def connection_key(self) -> ConnectionKey:
        """The pool's key; one that fits no pooled connection where the try wants a fresh one."""
        key = super().connection_key
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


# Functions, so that no frame of ours in a traceback has a request or a response of aiohttp's: they hold the token.


async def _send(send: Send, conn: Connection) -> aiohttp.ClientResponse:
    attempt = current.get()
    protocol = pooled.protocol_of(conn)
    if attempt.pooled:
        await pooled.look(protocol, attempt)
        attempt.rest = partial(pooled.rest, protocol, protocol._parser)
    else:
        protocol.force_close()
    if attempt.keeps:
        record(protocol, attempt.note)
    attempt.leaving()
    try:
        return await send(conn)
    except (aiohttp.ClientError, OSError) as error:
        why = name(error)
    raise Broken(why)


async def _start(start: Send, connection: Connection) -> aiohttp.ClientResponse:
    try:
        answer = await start(connection)
    except (aiohttp.ClientConnectionError, OSError) as error:
        why = name(error)
    else:
        attempt = current.get()
        attempt.answered()
        if answer.connection is None:  # all of it came at once, and the connection is in the pool again
            attempt.let_rest()
        return answer
    raise Broken(why)
