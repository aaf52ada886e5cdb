"""Requests off the wire, answers onto it, and faults played. The only file here that does I/O on a loop."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from .door import Door
from .faults import Answered, Cut, Delayed, Dripped, Fault, Faults, HungUp, Raw
from .messages import MEDIA_TYPES, Answer, SeenRequest, accepted_version

_PATIENCE: Final = 1.0
"""Seconds that closing waits for a connection whose client neither reads nor goes."""


class _Written(web.StreamResponse):
    """Tells aiohttp that the answer is on the wire already, and whether another may follow."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class Serving:
    """One HTTP server on `localhost`, from `start` to `stop`, on the loop that called `start`."""

    def __init__(
        self, execute: Callable[[SeenRequest], Answer], *, faults: Faults, seen: Callable[[SeenRequest], None]
    ) -> None:
        self._execute = execute
        self._faults = faults
        self._seen = seen
        self._closing = asyncio.Event()
        self._server: web.Server | None = None
        self._door: Door | None = None

    def start(self, port: int) -> int:
        """Listen on the running loop, and give the port; RuntimeError if it is taken."""
        # Bodies are not decompressed: nothing reads them, and a broken one is no business of the endpoints.
        self._server = web.Server(self._handle, access_log=None, auto_decompress=False)
        self._door = Door(self._server, port=port)
        self._door.open()
        return self._door.port

    async def stop(self) -> None:
        """Close all connections, those with an answer under way too."""
        self._closing.set()
        if self._door is not None and self._server is not None:
            await self._door.close()
            transports = [connection.transport for connection in self._server.connections]
            self._server.pre_shutdown()
            await self._server.shutdown(_PATIENCE)
            for transport in transports:
                if transport is not None:
                    transport.abort()  # its client does not read, or it would be closed by now
            await asyncio.sleep(0)  # the turn of the loop in which asyncio closes what was aborted

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = SeenRequest(method=request.method, path=request.raw_path, headers=request.headers)
        self._seen(seen)
        if request.can_read_body:
            try:
                await request.read()
            except (ConnectionError, web.RequestPayloadError):
                return _hang_up(request)
        fault = self._faults.take(seen.method, seen.path)
        if fault is None:
            return _send(request, self._execute(seen))
        return await self._play(fault, request, seen)

    async def _play(self, fault: Fault, request: web.BaseRequest, seen: SeenRequest) -> web.StreamResponse:
        match fault:
            case Answered(answer, executed):
                if executed:
                    self._execute(seen)
                return _send(request, _labelled(answer, seen))
            case HungUp(executed):
                if executed:
                    self._execute(seen)
                return _hang_up(request)
            case Delayed(seconds):
                answer = self._execute(seen)
                return _send(request, answer) if await self._sleep(seconds) else _hang_up(request)
            case Cut(at_byte):
                answer = self._execute(seen)
                return _send_last(request, answer.head(keep_alive=False) + answer.body[:at_byte])
            case Dripped(bytes_per_chunk, interval):
                return await self._drip(request, self._execute(seen), bytes_per_chunk, interval)
            case Raw(data, executed):
                if executed:
                    self._execute(seen)
                return _send_last(request, data)

    async def _drip(self, request: web.BaseRequest, answer: Answer, size: int, interval: float) -> web.StreamResponse:
        transport = request.transport
        pieces = [answer.body[start : start + size] for start in range(0, len(answer.body), size)]
        _write(transport, answer.head(keep_alive=False))
        for number, piece in enumerate(pieces):
            if number and not await self._sleep(interval):
                return _hang_up(request)
            if transport is None or transport.is_closing():
                break
            _write(transport, piece)
        return _Written(keep_alive=False)

    async def _sleep(self, seconds: float) -> bool:
        """Wait in real time; False if the sandbox closes meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return True
        return False


def _send(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    keep_alive = request.keep_alive and not answer.ends_connection
    body = b"" if request.method == "HEAD" else answer.body
    _write(request.transport, answer.head(keep_alive=keep_alive) + body)
    return _Written(keep_alive=keep_alive)


def _send_last(request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    _write(request.transport, data)
    return _Written(keep_alive=False)


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return _Written(keep_alive=False)


def _write(transport: asyncio.Transport | None, data: bytes) -> None:
    if transport is not None and not transport.is_closing():
        transport.write(data)


def _labelled(answer: Answer, seen: SeenRequest) -> Answer:
    """Call a body what Cobalt would call its own answer, unless its headers say what it is."""
    if not answer.body or any(name.lower() == "content-type" for name, _ in answer.headers):
        return answer
    version = accepted_version(seen.headers)
    return answer.with_headers(("Content-Type", "application/json" if version is None else MEDIA_TYPES[version]))
