"""A pooled connection is looked at before anything is written to it: nobody gets what nobody asked for.

A parser that has the first bytes of an answer says nothing of them, and the next request on its connection puts a new
one in its place: the rest would be taken for the answer to that. So a parser is asked what it holds when its answer is
read and before a request is written, and in between `_Idle` stands in its place.
"""

import select
from asyncio import AbstractEventLoop, Transport
from collections.abc import Generator
from types import coroutine
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_parser import HttpParser

from .attempt import Attempt
from .failures import Stale

_CAN_POLL = hasattr(select, "poll")  # not on Windows


def protocol_of(connection: Connection) -> ResponseHandler:
    """Aiohttp's protocol on a connection; Stale where that was given up already."""
    if connection.protocol is None:
        raise Stale
    return connection.protocol


class _Idle:
    """In the place of a parser while its connection rests: whatever comes then ends the connection at once."""

    def feed_data(self, data: bytes) -> tuple[tuple[()], bool, bytes]:
        """Without data, which is how aiohttp resumes a parser, nothing happens."""
        if data:
            raise Stale  # aiohttp closes the connection, and its pool hands that on to nobody
        return (), False, b""

    def feed_eof(self) -> None:
        """The connection ended, as any may."""


_IDLE: Any = _Idle()


def rest(protocol: ResponseHandler, parser: HttpParser[Any] | None) -> None:
    """The answer that this parser read is over. A connection on which more came, if only a byte, serves nobody else."""
    if protocol._parser is not parser:  # it has ended, or the next request is on it already
        return
    if _has_begun(parser):
        protocol.close()
    else:
        protocol._parser = _IDLE


def can_tell(loop: AbstractEventLoop) -> bool:
    """Whether aiohttp's parser, whichever it is, shows here what it holds; otherwise no connection is used twice."""
    try:
        resting, asked = ResponseHandler(loop), ResponseHandler(loop)
        resting.set_response_params()
        rest(resting, resting._parser)
        is_clean = resting._parser is _IDLE and not resting.should_close
        resting.data_received(b"H")
        asked.set_response_params()
        asked.data_received(b"H")
        return is_clean and resting.should_close and _has_begun(asked._parser)
    except Exception:  # noqa: BLE001 - its insides are others
        return False


def _has_begun(parser: HttpParser[Any] | None) -> bool:
    """Whether a parser holds a part of an answer. It is told that the connection ended: one that holds nothing minds
    that as little as the peer's own goodbye, and any other is not used again.
    """
    if parser is None:  # the connection is new
        return False
    try:
        begun = parser.feed_eof() is not None
    except Exception:  # noqa: BLE001 - an answer that is not complete, in many words
        return True
    return begun or bool(getattr(parser, "_tail", b"") or getattr(parser, "_lines", ()))  # the parser in Python


async def look(protocol: ResponseHandler, attempt: Attempt) -> Transport:
    """What to write to; Stale where the connection holds what nobody asked for (a late answer, say) or has ended."""
    if not (attempt.is_alone and _is_silent(protocol.transport)):
        await _two_turns()  # what woke together with this task must have been read before we look
    transport, parser = protocol.transport, protocol._parser
    has_begun = parser is not _IDLE and _has_begun(parser)  # what comes while it rests has ended it
    if has_begun or protocol.should_close or transport is None or transport.is_closing():
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
