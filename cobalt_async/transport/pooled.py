"""A pooled connection is looked at before anything is written to it: nobody gets what nobody asked for."""

import select
from asyncio import Transport
from collections.abc import Generator
from types import coroutine

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from .attempt import Attempt
from .failures import Stale

_CAN_POLL = hasattr(select, "poll")  # not on Windows


def protocol_of(connection: Connection) -> ResponseHandler:
    """Aiohttp's protocol on a connection; Stale where that was given up already."""
    if connection.protocol is None:
        raise Stale
    return connection.protocol


async def look(protocol: ResponseHandler, attempt: Attempt) -> Transport:
    """What to write to; Stale where the connection holds what nobody asked for (a late answer, say) or has ended."""
    if not (attempt.is_alone and _is_silent(protocol.transport)):
        await _two_turns()  # what woke together with this task must have been read before we look
    begun = getattr(protocol._parser, "_tail", b"")  # the parser that is written in Python keeps it there
    transport = protocol.transport
    if begun or protocol.should_close or transport is None or transport.is_closing():
        raise Stale
    return transport


def _is_silent(transport: Transport | None) -> bool:
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
