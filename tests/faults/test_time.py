"""T rows: every wait has an end that the caller chose, and says which it was."""

import asyncio
import socket

import pytest

from cobalt_async import AsyncCobalt, RetryPolicy, Timeouts, errors
from tests.faults.raw import TOKEN, TOKEN_ID, Exchange, answer, client, failure, head, ok, page, raw
from tests.virtual_time import now, virtually

QUICK = Timeouts(total=1.2, connect=1, read=1, refresh=1.2)
ONCE = RetryPolicy(tries=1)


async def drip(exchange: Exchange) -> None:
    """A byte now and then, so that no single wait is long."""
    await exchange.say(head(200, length=10_000, Content_Type="application/json"))
    while True:
        await exchange.say(b" ")
        await asyncio.sleep(0.02)


async def silence(exchange: Exchange) -> None:
    """Nothing at all."""
    await exchange.reader.read()


async def test_t01_a_drip_ends_with_total() -> None:
    """T01: a body that drips ends with `total`, as NoAnswerError; a refresh with `refresh`, in doubt."""
    async with raw(drip) as server, client(server, timeouts=QUICK, retry=ONCE) as cobalt:
        assert "1.2 s" in str(await failure(cobalt.tokens.list(), errors.NoAnswerError))
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2


async def test_t03_silence_ends_with_read() -> None:
    """T03: a server that accepts and says nothing ends with `read`, long before `total`."""
    slow = Timeouts(total=60, read=0.5)
    async with raw(silence) as server, client(server, timeouts=slow, retry=ONCE) as cobalt:
        async with asyncio.timeout(20):
            assert "0.5 s" in str(await failure(cobalt.tokens.list(), errors.NoAnswerError))
    assert len(server.requests) == 1


async def test_t04_a_handshake_that_never_comes_ends_with_connect() -> None:
    """T04: a TLS peer that never handshakes ends with `connect`: NotSentError, nothing was sent."""
    async with raw(silence) as server:
        url = server.url.replace("http:", "https:")
        async with AsyncCobalt(TOKEN, base_url=url, timeouts=QUICK, retry=ONCE) as cobalt:
            await failure(cobalt.tokens.list(), errors.NotSentError)
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
    assert (server.requests, server.connections) == ([], 2)


async def test_t04_a_name_that_is_never_resolved_ends_with_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """T04, T05: a name lookup that hangs ends with `connect` as well: NotSentError."""

    async def never(*arguments: object, **more: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    async with AsyncCobalt(TOKEN, base_url="http://localhost:1", timeouts=QUICK, retry=ONCE) as cobalt:
        async with asyncio.timeout(20):
            assert "1 s" in str(await failure(cobalt.tokens.list(), errors.NotSentError))


async def test_t05_a_black_hole_ends_with_connect() -> None:
    """T05: a port that never accepts ends with `connect`: NotSentError for a reading and for a refresh."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:  # until the backlog is full and a SYN is not answered any more
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        url = f"http://localhost:{hole.getsockname()[1]}"
        async with AsyncCobalt(TOKEN, base_url=url, timeouts=QUICK, retry=ONCE) as cobalt:
            await failure(cobalt.tokens.list(), errors.NotSentError)
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
        for filler in fillers:
            filler.close()


async def test_t06_the_wait_for_a_connection_is_nobodys_timeout() -> None:
    """T06: 100 calls on 4 connections, 50 ms each: none times out, though the last waits longer than any limit."""
    under_way = most = 0

    async def slow(exchange: Exchange) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        await exchange.say(ok())

    tight = Timeouts(total=1.0, connect=0.9, read=0.9)
    async with raw(slow) as server, client(server, timeouts=tight, retry=ONCE, max_connections=4) as cobalt:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(cobalt.with_token(f"{TOKEN}{number}").tokens.list())
    assert (len(server.requests), most) == (100, 4)


async def test_t07_a_page_is_bounded_before_it_is_parsed() -> None:
    """T07: 13 MB of JSON never reach the parser: UnreadableError at the cap, which `max_page_bytes` lowers."""
    body = page(*[f"api_{number:040d}" for number in range(100)])
    async with raw(answer(200, b" " * 13_000_000), answer(200, body)) as server:
        async with client(server, max_page_bytes=2_000) as cobalt:
            assert "2000 bytes" in str(await failure(cobalt.tokens.list(), errors.UnreadableError))
            assert "2000 bytes" in str(await failure(cobalt.tokens.list(), errors.UnreadableError))
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [429, 509])
@virtually
async def test_t08_a_deadline_before_the_window_opens_is_told_at_once(status: int) -> None:
    """T08: Retry-After 50 and 5 s left: RateLimitedError with the number, at once, after one request."""
    async with raw(answer(status, {}, Retry_After="50")) as server, client(server, base_url=server.address) as cobalt:
        error = await failure(cobalt.tokens.list(deadline=5), errors.RateLimitedError)
        again = await failure(cobalt.tokens.list(deadline=5), errors.RateLimitedError)
        assert now() == 0.0  # nobody waited for the deadline
    assert error.retry_after == again.retry_after == 50.0
    assert len(server.requests) == 1


async def test_a_deadline_bounds_tries_pages_and_waits_together() -> None:
    """Whatever is slow, `deadline` ends it: NoAnswerError where something left, NotSentError where nothing did."""
    async with raw(silence) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(deadline=0.8), errors.NoAnswerError)
    assert len(server.requests) == 1
    async with raw(silence) as server:
        async with AsyncCobalt(TOKEN, base_url=server.url.replace("http:", "https:")) as cobalt:
            await failure(cobalt.tokens.list(deadline=0.8), errors.NotSentError)
