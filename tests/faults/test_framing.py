"""F rows: connections that end, break, lie about lengths, or hold what nobody asked for."""

import asyncio
import json
import os
import socket

import pytest

from cobalt_async import Timeouts, errors
from cobalt_async.transport import pooled
from tests.faults.raw import (
    C_PARSER,
    NEW_SECRET,
    TOKEN_ID,
    Answer,
    Exchange,
    answer,
    client,
    failure,
    head,
    ok,
    page,
    raw,
    refreshed,
)

BODY = json.dumps(refreshed()).encode()
HALF = BODY[: BODY.index(b"canary-S") + 12]  # cut inside the secret
QUICK = Timeouts(total=2, connect=2, read=0.8, refresh=2)  # for servers that never answer


def cut(body: bytes, *, reset: bool = False, chunked: bool = False) -> Answer:
    """A body that breaks off: the head promises more."""

    async def serve(exchange: Exchange) -> None:
        if chunked:
            start = head(200, length=None, Transfer_Encoding="chunked", Content_Type="application/json")
            await exchange.say(start + f"{len(body) + 9:x}\r\n".encode() + body)
        else:
            await exchange.say(head(200, length=len(body) + 9, Content_Type="application/json") + body)
        if reset:
            exchange.reset()
        else:
            exchange.writer.close()

    return serve


@pytest.mark.parametrize(("row", "arguments"), [("F01", {}), ("F02", {"reset": True}), ("F03", {"chunked": True})])
async def test_f01_to_f03_a_cut_reading_is_tried_again(row: str, arguments: dict[str, bool]) -> None:
    """F01 to F03: a reading whose body is cut is read again; cut every time, NoAnswerError after four tries."""
    spoilt = cut(json.dumps(page("api_a")).encode(), **arguments)
    async with raw(spoilt, ok("api_a")) as server, client(server) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == "api_a"
    assert len(server.requests) == 2, row
    async with raw(spoilt) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.NoAnswerError)
    assert len(server.requests) == 4, row


@pytest.mark.parametrize("arguments", [{}, {"chunked": True}], ids=["length", "chunked"])
async def test_f01_to_f03_a_cut_refresh_is_in_doubt_unless_its_secret_came_whole(arguments: dict[str, bool]) -> None:
    """F01 to F03: one POST; a secret that is cut is never used, one that came whole is in `.refreshed`."""
    async with raw(cut(HALF, **arguments)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert (len(server.requests), error.refreshed) == (1, None)
    async with raw(cut(BODY[:-2], **arguments)) as server, client(server) as cobalt:
        whole = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshError)
    assert whole.refreshed is not None
    assert whole.refreshed.secret.reveal() == NEW_SECRET
    assert len(server.requests) == 1


NO_HTTP = {
    "F06 a chunk size that is no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
    "F06 a negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
    "F07 length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "F07 two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}{}{}{}",
    "F07 length -1": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "F07 length abc": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n{}",
    "F21 a header of 9 kB": answer(200, page(), X_Big="a" * 9000),
    "F21 200 headers": head(200, length=2, **{f"X_{number}": "1" for number in range(200)}) + b"{}",
    "F21 a NUL in a header": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}",
}  # fmt: skip


@pytest.mark.parametrize("case", NO_HTTP)
async def test_f06_f07_f21_what_is_not_http_is_unreadable(case: str) -> None:
    """F06, F07, F21: UnreadableError (not a status 400 that nobody sent) after one request; a refresh is in doubt."""
    async with raw(NO_HTTP[case], close=True) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2


async def test_f06_a_huge_chunk_is_an_error_in_bounded_time() -> None:
    """F06: a chunk of 2**68 bytes is refused by the C parser and waited for in vain, four times, by the other."""
    kind, tries = (errors.UnreadableError, 1) if C_PARSER else (errors.NoAnswerError, 4)
    huge = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"
    async with raw(huge) as server, client(server, timeouts=QUICK) as cobalt:
        await failure(cobalt.tokens.list(), kind)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == tries + 1


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"<html>no</html>\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
async def test_f08_another_protocol_is_an_error(banner: bytes) -> None:
    """F08: SSH, bare HTML or HTTP/2 where HTTP/1 should be: unreadable; a line without an end is no answer at all.

    The C parser needs no end of the line to see that it is no HTTP. A refresh is in doubt, and sent once.
    """
    kind, tries = (errors.NoAnswerError, 4) if b"SSH" in banner and not C_PARSER else (errors.UnreadableError, 1)
    async with raw(banner, close=True) as server, client(server, timeouts=QUICK) as cobalt:
        await failure(cobalt.tokens.list(), kind)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == tries + 1


async def test_f09_a_junk_byte_behind_a_refresh_leaks_nothing() -> None:
    """F09: the C parser drops the answer: RefreshError with the secret in `.refreshed` alone; the other reads it."""
    async with raw(answer(200, refreshed()) + b"x") as server, client(server) as cobalt:
        if C_PARSER:
            error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshError)
            assert error.refreshed is not None
            assert error.refreshed.secret.reveal() == NEW_SECRET
            assert error.__context__ is None
        else:
            assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET
    assert len(server.requests) == 1


@pytest.mark.parametrize("pushed", [ok("api_EVIL"), answer(408, {}), b"junk"], ids=["F10", "F11", "F12"])
async def test_f10_to_f12_what_is_pushed_into_an_idle_connection_reaches_nobody(pushed: bytes) -> None:
    """F10 to F12: an answer, a 408 or junk on an idle connection is given to no later request: it gets a fresh one."""
    idle, go = asyncio.Event(), asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        await exchange.say(ok("api_mine"))
        if server.connections == 1:
            await go.wait()
            await exchange.say(pushed)
            idle.set()

    async with raw(serve) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        go.set()
        await idle.wait()
        page = await cobalt.with_token("another-token").tokens.list()
    assert [token.id for token in page.items] == ["api_mine"]
    assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize("company", [False, True], ids=["alone", "in company"])
@pytest.mark.parametrize("can_poll", [True, False], ids=["polled", "without poll"])
async def test_f10_what_is_pushed_at_the_last_moment_reaches_nobody_either(
    company: bool, can_poll: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F10: an answer that lies unread in the socket when the next request is about to leave is not given to it,
    whether another is under way or none, and where the system has no `poll`.
    """
    monkeypatch.setattr(pooled, "_CAN_POLL", can_poll)
    held: list[socket.socket] = []
    came, go = asyncio.Event(), asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        if b"Bearer slow" in exchange.request:
            came.set()
            await go.wait()
        held.append(exchange.writer.get_extra_info("socket"))
        await exchange.say(ok("api_mine"))

    async with raw(serve) as server, client(server) as cobalt, asyncio.TaskGroup() as others:
        if company:
            others.create_task(cobalt.with_token("slow").tokens.list())
            await came.wait()
        await cobalt.tokens.list()
        os.write(held[0].fileno(), ok("api_EVIL"))  # past the loop: nobody has read it yet
        page = await cobalt.with_token("another-token").tokens.list()
        go.set()
    assert [token.id for token in page.items] == ["api_mine"]
    assert (server.connections, len(server.requests)) == (2 + company, 2 + company)


async def test_f10_only_an_open_connection_on_which_nothing_waits_is_silent() -> None:
    """F10: what cannot be polled, because it is closed or has no socket, is not taken for silent."""
    async with raw(ok("api_1")) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        (protocol,) = [one for kept in cobalt._root._transport._connector._conns.values() for one, _ in kept]
        assert pooled._is_silent(protocol.transport)
        assert not pooled._is_silent(None)
        assert protocol.transport is not None
        protocol.transport.close()
        await asyncio.sleep(0)
        assert not pooled._is_silent(protocol.transport)
    assert server.connections == 1


async def test_f10_a_refresh_never_takes_a_pooled_connection() -> None:
    """F10: two readings share a connection; a refresh has one of its own before, between and after."""
    async with raw(ok(), answer(200, refreshed()), ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        await cobalt.tokens.refresh(TOKEN_ID)
        await cobalt.tokens.list()
    assert (server.connections, len(server.requests)) == (2, 3)


async def hang_up(exchange: Exchange) -> None:
    """Not one byte."""
    exchange.writer.close()


async def half_a_head(exchange: Exchange) -> None:
    """A reset inside the head."""
    await exchange.say(b"HTTP/1.1 200 OK\r\nCont")
    exchange.reset()


@pytest.mark.parametrize(("row", "answer"), [("F14", hang_up), ("F15", half_a_head)])
async def test_f14_f15_tries_are_counted_truthfully(row: str, answer: Answer) -> None:
    """F14, F15: no byte, or half a head: exactly `tries` GETs and one POST on the wire, and nothing behind our back."""
    async with raw(answer) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.NoAnswerError)
        assert len(server.requests) == 4, row
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 5, row


async def test_f16_refreshes_survive_a_server_that_closes_idle_connections() -> None:
    """F16: against a server that hangs up as soon as a connection is idle, 100 of 100 refreshes succeed."""
    async with raw(answer(200, refreshed()), close=True) as server, client(server) as cobalt:
        for _ in range(100):
            await cobalt.tokens.refresh(TOKEN_ID)
    assert len(server.requests) == 100


@pytest.mark.parametrize("status", [204, 205])
async def test_f18_no_content_is_no_answer_to_us(status: int) -> None:
    """F18: 204 and 205 are UnreadableError; a refresh finds the secret in what a 204 should not have, a 205 has it."""
    async with raw(answer(status, refreshed()), close=True) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        if status == 204:
            error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshError)
            assert error.refreshed is not None
        else:
            assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("flood", "kind", "tries"),
    [
        (b"X-A: b\r\n" * 100, errors.UnreadableError, 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n", errors.NoAnswerError, 4),
    ],
    ids=["headers", "1xx"],
)
async def test_f21_endless_heads_end(flood: bytes, kind: type[errors.CobaltError], tries: int) -> None:
    """F21: headers without end are unreadable, 1xx answers without end no answer in time; a refresh: in doubt."""

    async def serve(exchange: Exchange) -> None:
        if b"X-A" in flood:
            await exchange.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await exchange.say(flood)
            await asyncio.sleep(0.001)

    async with raw(serve) as server, client(server, timeouts=QUICK) as cobalt:
        await failure(cobalt.tokens.list(), kind)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == tries + 1
