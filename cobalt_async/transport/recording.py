"""The answer to a refresh as it comes: a secret in it is good, whatever a parser thinks of what is around it."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import HttpParser

_LINGERS = 1.0  # seconds; what a parser stumbled over is seldom the last segment


def record(protocol: ResponseHandler, note: Callable[[bytes], None]) -> None:
    """Have all that comes on this connection noted, the answer's head too."""
    parser: HttpParser[Any] | None = getattr(protocol, "_parser", None)
    if parser is not None:
        recorder: Any = _Recorder(protocol, parser, note)
        protocol._parser = recorder


class _Recorder:
    """Stands before a parser of aiohttp's, and listens on for a while where that gives up.

    aiohttp ends a connection at the first thing that its parser does not take, and nobody reads what was still to come.
    """

    __slots__ = ("_failure", "_note", "_parser", "_protocol")

    def __init__(self, protocol: ResponseHandler, parser: HttpParser[Any], note: Callable[[bytes], None]) -> None:
        self._protocol = protocol
        self._parser = parser
        self._note = note
        self._failure: Exception | None = None

    def __getattr__(self, name: str) -> object:
        """Whatever else aiohttp wants of a parser."""
        return getattr(self._parser, name)

    def feed_data(self, data: bytes) -> tuple[Any, bool, bytes]:
        """As the parser's; what it raised is raised where time is over, which is told by no data at all."""
        self._note(data)
        if self._failure is None:
            try:
                return self._parser.feed_data(data)
            except Exception as failure:  # noqa: BLE001 - raised again below
                self._failure = failure.with_traceback(None)  # its frames hold the answer
            asyncio.get_running_loop().call_later(_LINGERS, self._protocol.data_received, b"")
        elif not data:
            raise self._failure
        return (), False, b""

    def feed_eof(self) -> object:
        """The connection has ended: who waits for a head is told why there is none, and who reads a body that it is
        not complete.
        """
        if self._failure is None:
            return self._parser.feed_eof()
        self._protocol.data_received(b"")
        raise self._failure
