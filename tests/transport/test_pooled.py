"""What comes on a connection after its answer reaches nobody, however little of it there is and whenever it comes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from cobalt_async import AsyncCobalt
from cobalt_async.transport import pooled
from tests.faults.raw import TOKEN, Exchange, Server, ok, raw
from tests.faults.scenes import certificates

EVIL = ok("api_EVIL")
CUTS = [1, 9, EVIL.index(b"\r\n") + 2, 30, EVIL.index(b"{"), len(EVIL) - 1, len(EVIL)]
WAYS = ["plain", "tracer", "lent session"]


@asynccontextmanager
async def going(way: str, server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[AsyncCobalt]:
    """A client whose readings go in this way."""
    given: dict[str, Any] = {"base_url": server.url, "ssl": tls}
    async with aiohttp.ClientSession() as lent:
        if way == "tracer":
            given["trace_configs"] = [aiohttp.TraceConfig()]
        if way == "lent session":
            given["session"] = lent
        async with AsyncCobalt(TOKEN, **given) as cobalt:
            yield cobalt


class Late:
    """A server that says the beginning of one answer too many, and the rest as soon as it is asked again there."""

    def __init__(self, cut: int, *, at_once: bool) -> None:
        self.writer: asyncio.StreamWriter
        self._cut = cut
        self._at_once = at_once
        self._asked = 0

    async def serve(self, exchange: Exchange) -> None:
        """The first connection is the one that goes wrong."""
        self._asked += 1
        if self._asked == 1:
            self.writer = exchange.writer
            await exchange.say(ok("api_mine") + (EVIL[: self._cut] if self._at_once else b""))
        elif exchange.writer is self.writer:
            await exchange.say(EVIL[self._cut :] + ok("api_mine"))
        else:
            await exchange.say(ok("api_mine"))

    def begin(self) -> None:
        """It stands in the client's socket when this returns, and nobody has read it yet."""
        self.writer.write(EVIL[: self._cut])


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("moment", ["with the answer", "while it rests", "as it is taken"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_the_beginning_of_an_answer_that_nobody_asked_for_ends_its_connection(
    cut: int, moment: str, way: str, secure: bool
) -> None:
    """The next token gets its own answer, on another connection."""
    late = Late(cut, at_once=moment == "with the answer")
    serving, asking = certificates() if secure else (None, None)
    async with raw(late.serve, tls=serving) as server, going(way, server, asking) as cobalt:
        await cobalt.tokens.list()
        if moment != "with the answer":
            late.begin()
        if moment != "as it is taken":
            await asyncio.sleep(0.01)
        page = await cobalt.with_token("another-token").tokens.list()
        assert [token.id for token in page.items] == ["api_mine"]
        assert server.connections == 2


@pytest.mark.parametrize("way", WAYS)
async def test_in_a_crowd_too(way: str) -> None:
    """Where others are under way nobody polls; what comes is read, and seen, all the same."""
    late = Late(30, at_once=False)
    async with raw(late.serve) as server, going(way, server) as cobalt:
        await cobalt.tokens.list()
        late.begin()
        others = (cobalt.with_token(f"token-number-{number}").tokens.list() for number in range(5))
        pages = await asyncio.gather(*others)
    assert {token.id for page in pages for token in page.items} == {"api_mine"}


@pytest.mark.parametrize("way", WAYS)
async def test_a_body_that_comes_after_its_head_is_over_when_it_is_read(way: str) -> None:
    """aiohttp puts the connection back inside its parser; what follows in the same segment is seen nevertheless."""
    own = ok("api_mine")
    body = own.index(b"{")

    async def serve(exchange: Exchange) -> None:
        await exchange.say(EVIL[30:] + own[:body] if len(server.requests) > server.connections else own[:body])
        await asyncio.sleep(0.01)
        await exchange.say(own[body:] + EVIL[:30])

    async with raw(serve) as server, going(way, server) as cobalt:
        for _ in range(2):
            assert (await cobalt.tokens.list()).items[0].id == "api_mine"
    assert server.connections == 2


@pytest.mark.parametrize("way", WAYS)
async def test_a_connection_on_which_nothing_more_came_serves_the_next(way: str) -> None:
    """Again and again, with bodies of a known length and in chunks."""
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = ok("api_mine").partition(b"\r\n\r\n")[2]
    chunks += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with raw(ok(), chunks, ok(), chunks) as server, going(way, server) as cobalt:
        for _ in range(6):
            await cobalt.tokens.list()
    assert (server.connections, len(server.requests)) == (1, 6)


@pytest.mark.parametrize("cut", [0, 30])
async def test_a_tracer_that_takes_its_time_ends_nobody_elses_connection(cut: int) -> None:
    """Between an answer and its reader somebody else may take the connection: what they are told stays theirs, and
    what came with the answer is none of it.
    """
    ended, came = asyncio.Event(), asyncio.Event()

    async def dawdle(*_: object) -> None:
        ended.set()
        await came.wait()

    async def serve(exchange: Exchange) -> None:
        if len(server.requests) == 1:
            return await exchange.say(ok("api_first") + EVIL[:cut])
        came.set()
        await asyncio.sleep(0.02)
        return await exchange.say((EVIL[cut:] if cut and server.connections == 1 else b"") + ok("api_mine"))

    tracer = aiohttp.TraceConfig()
    tracer.on_request_end.append(dawdle)
    async with raw(serve) as server, AsyncCobalt(TOKEN, base_url=server.url, trace_configs=[tracer]) as cobalt:
        first = asyncio.create_task(cobalt.tokens.list())
        await ended.wait()
        pages = await asyncio.gather(first, cobalt.with_token("another-token").tokens.list())
    assert [page.items[0].id for page in pages] == ["api_first", "api_mine"]
    assert (server.connections, len(server.requests)) == (2 if cut else 1, 2)


def deaf(own: Callable[..., Any]) -> Callable[..., None]:
    """Says what aiohttp says, and then is told nothing of it."""

    def instead(self: ResponseHandler, **given: Any) -> None:
        own(self, **given)
        self._parser = type("Deaf", (), {"feed_eof": lambda _: None, "feed_data": lambda *_: ((), False, b"")})()

    return instead


@pytest.mark.parametrize("way", WAYS)
async def test_where_a_parser_does_not_show_what_it_holds_no_connection_is_used_twice(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another aiohttp all is right, and slow."""
    with monkeypatch.context() as patched:
        patched.setattr(ResponseHandler, "set_response_params", deaf(ResponseHandler.set_response_params))
        assert not pooled.can_tell(asyncio.get_running_loop())
    monkeypatch.setattr(pooled, "can_tell", lambda _: False)
    async with raw(ok()) as server, going(way, server) as cobalt:
        for _ in range(3):
            await cobalt.tokens.list()
    assert (server.connections, len(server.requests)) == (3, 3)


@pytest.mark.parametrize("missing", ["set_response_params", "data_received", "should_close"])
async def test_where_aiohttp_has_other_insides_it_cannot_tell(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is called otherwise there."""
    assert pooled.can_tell(asyncio.get_running_loop())
    monkeypatch.setattr(ResponseHandler, missing, None)
    assert not pooled.can_tell(asyncio.get_running_loop())
