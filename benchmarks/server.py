"""A plain HTTP/1.1 server for the benchmarks, run as a process of its own; it stands on nothing of ours.

It parses no more of a request than it needs, and is faster than any client here. To `GET /tokens` it answers

    Bearer live…, benchmark   a canned page of 10 tokens
    Bearer uUSER.SIZE.…       a page of that user's SIZE tokens, as `limit` and `cursor` ask
    Bearer forbidden…         403
    any other                 401

and to the rest 404; it sends no rate headers. It prints its port, and ends when its standard input does: nobody
can leave it behind.
"""

import asyncio
import json
import re
import sys

TOKENS = 10

_NAMED = re.compile(rb"\r\nAuthorization: Bearer (?:(live|benchmark)|(forbidden)|u(\d+)\.(\d+)\.)")
_CURSOR = re.compile(rb"[?&]cursor=(\d+)")
_LIMIT = re.compile(rb"[?&]limit=(\d+)")

_PAGE = json.dumps(
    {
        "data": [
            {
                "resource": {
                    "id": f"api_Dge3LsHMjtX8SGEk4a8n{number:02}",
                    "last_characters": f"9q{number:02}",
                    "name": f"Lorem ipsum {number}",
                    "expire_at": None,
                }
            }
            for number in range(TOKENS)
        ],
        "pagination": {"next_page": None, "prev_page": None},
    }
).encode()
_REFUSAL = b'{"message":"Unauthorized"}'


def _answer(status: str, body: bytes) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        "\r\n",
    )
    return "\r\n".join(lines).encode() + body


_OK = _answer("200 OK", _PAGE)
_UNAUTHORIZED = _answer("401 Unauthorized", _REFUSAL)
_FORBIDDEN = _answer("403 Forbidden", b'{"message":"Forbidden"}')
_NOT_FOUND = _answer("404 Not Found", b"{}")


class Plain(asyncio.Protocol):
    """One connection, kept alive; no request has a body."""

    def __init__(self) -> None:
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *heads, self._rest = (self._rest + data).split(b"\r\n\r\n")
        if heads:
            self._transport.write(b"".join([choose(head) for head in heads]))


def choose(head: bytes) -> bytes:
    """The whole answer to a request, by its head without the empty line."""
    if not head.startswith((b"GET /tokens ", b"GET /tokens?")):
        return _NOT_FOUND
    named = _NAMED.search(head)
    if named is None:
        return _UNAUTHORIZED
    if named[1] or named[2]:
        return _OK if named[1] else _FORBIDDEN
    target = head[: head.index(b"\r\n")]
    start, limit = (found and int(found[1]) for found in (_CURSOR.search(target), _LIMIT.search(target)))
    return _answer("200 OK", _page(named[3].decode(), int(named[4]), start or 0, limit or TOKENS))


def _page(user: str, size: int, start: int, limit: int) -> bytes:
    """A page of one user's listing."""
    end = min(start + limit, size)
    rows = [
        f'{{"resource":{{"id":"api_{user}x{number}","name":"service {number}","last_characters":"redacted",'
        '"expire_at":null}}'
        for number in range(start, end)
    ]
    after = f'"/tokens?cursor={end}"' if end < size else "null"
    return f'{{"data":[{",".join(rows)}],"pagination":{{"next_page":{after},"prev_page":null}}}}'.encode()


async def serve() -> None:
    """Listen on a free port, say which, and go on to the end of standard input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Plain, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
