"""A raw server on localhost that says exactly the bytes it is told: the next row of faults in five lines.

async def test_r06(parser):
    '''A 304 is an error: one request, nothing followed.'''
    async with raw(head(304)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert len(server.requests) == 1
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aiohttp.http_parser import HttpResponseParser, HttpResponseParserPy

from cobalt_async import AsyncCobalt, RetryPolicy, errors
from tests.canary import Hunter

E = TypeVar("E", bound=BaseException)

TOKEN = "canary-Token-0123456789abcdef"
NEW_SECRET = "canary-Secret-fedcba9876543210"
TOKEN_ID = "api_Dge3LsHMjtX8SGEk4a8nux"

C_PARSER = HttpResponseParser is not HttpResponseParserPy  # else the one that is written in Python
NAMED: dict[int, type[errors.RefusedError]] = {
    400: errors.BadRequestError,
    401: errors.UnauthorizedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    410: errors.GoneError,
    422: errors.UnprocessableError,
    **dict.fromkeys(range(500, 600), errors.ServerError),
}  # what else is refused is a plain RefusedError

TALLY = dict.fromkeys(
    ["faults tried", "awaits cancelled", "bytes cut or spoilt", "secrets lost", "canary hits", "foreign exceptions"], 0
)  # counted as it happens, before anything is asserted


class Exchange:
    """One request as it arrived, and the connection to misbehave on."""

    def __init__(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.writer.transport.abort()


Answer = bytes | Callable[[Exchange], Awaitable[None]]


class Server:
    """What arrived: `requests` (heads as bytes), `connections` (a count)."""

    def __init__(self, answers: tuple[Answer, ...], *, close: bool) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"
        self._answers = answers
        self._close = close
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def address(self) -> str:
        """The same without a name to look up, which takes a thread: for tests in virtual time."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(request)
                answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(Exchange(request, reader, writer))
                if self._close or writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def raw(*answers: Answer, close: bool = False, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve these answers in turn, the last one again and again; `close`: hang up after each."""
    server = Server(answers, close=close)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    server.scheme = "http" if tls is None else "https"
    try:
        yield server
    finally:
        listener.close()
        await server.stop()


async def tunnel(exchange: Exchange) -> None:
    """A CONNECT proxy: join both ends until one hangs up."""
    host, _, port = exchange.request.split(b" ")[1].decode().rpartition(":")
    reader, writer = await asyncio.open_connection("127.0.0.1" if host == "localhost" else host, int(port))
    await exchange.say(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    try:
        await asyncio.gather(pump(exchange.reader, writer), pump(reader, exchange.writer))
    finally:
        writer.close()


def client(server: Server, **arguments: Any) -> AsyncCobalt:
    """A client for that server which does not dawdle between tries."""
    return AsyncCobalt(TOKEN, **{"base_url": server.url, "retry": RetryPolicy(base=0), **arguments})


async def failure(work: Coroutine[Any, Any, object], kind: type[E]) -> E:
    """The error that this work ends in: exactly of this class, one line, without a secret anywhere about it (X05)."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - what it is, is judged here
        judge(error)
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f"no {kind.__name__}")


def judge(error: BaseException) -> None:
    """Ours, on one line, and without token or new secret in its text, args, chain, pickle or our frames' locals."""
    TALLY["foreign exceptions"] += not isinstance(error, errors.CobaltError)
    hunter = Hunter(TOKEN, NEW_SECRET)
    hunter.look_at_error(error)
    TALLY["canary hits"] += len(hunter.found)
    assert isinstance(error, errors.CobaltError)
    assert str(error).isprintable()
    assert hunter.found == []


def head(status: int, *, length: int | None = 0, **headers: str) -> bytes:
    """The head of an answer; a header's `_` becomes `-`."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(status: int, body: object = b"", *, kind: str = "application/json", **headers: str) -> bytes:
    """A whole answer; a body that is no bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, length=len(data), Content_Type=kind, **headers) + data


def page(*ids: str, next_page: object = None) -> dict[str, Any]:
    """A page of a listing."""
    rows = [
        {"resource": {"id": token_id, "name": "n", "last_characters": "abcd", "expire_at": None}} for token_id in ids
    ]
    return {"data": rows, "pagination": {"next_page": next_page, "prev_page": None}}


def ok(*ids: str, next_page: object = None) -> bytes:
    """A whole answer to `GET /tokens`."""
    return answer(200, page(*(ids or (TOKEN_ID,)), next_page=next_page))


def refreshed(secret: object = NEW_SECRET, **fields: Any) -> dict[str, Any]:
    """The body of an answer to a refresh."""
    return {"id": TOKEN_ID, "name": "n", "secret": secret, "expire_at": None, **fields}
