"""What keeps a request from an answer is told as what it is, in one line, with what to do; and shows no secret."""

import asyncio
import errno
import os
import ssl
import traceback
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey

from cobalt_async import AsyncCobalt, RetryPolicy, Secret, Timeouts, errors
from cobalt_async.transport import failures
from cobalt_async.transport.attempt import Attempt, Route
from cobalt_async.transport.plain import Line
from cobalt_async.transport.watch import Watch
from tests.canary import Hunter
from tests.faults.raw import TOKEN, TOKEN_ID, Exchange, answer, client, failure, head, raw, tunnel
from tests.faults.scenes import certificates

ONCE = RetryPolicy(tries=1)
PASSWORD = "Pw9-canary-of-the-proxy"


async def hang(exchange: Exchange) -> None:
    """Say nothing until the client has gone."""
    await exchange.reader.read()


async def hang_up(exchange: Exchange) -> None:
    """End the connection."""
    exchange.writer.close()


@pytest.mark.parametrize("broken", [hang_up, b"SSH-2.0\r\n\r\n", head(502)], ids=["hangs up", "no http", "refuses"])
async def test_a_proxy_that_does_not_connect_leaves_no_doubt(broken: Any) -> None:
    """Nothing of the refresh left: it may be sent again, and a refusal later is no secret lost."""
    serving, asking = certificates()
    async with raw(answer(404), tls=serving) as server, raw(broken, tunnel) as proxy:
        async with client(server, proxy=proxy.url, ssl=asking, retry=ONCE) as cobalt:
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
            assert server.requests == []
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotFoundError)


async def test_a_lent_session_that_never_connects_ends_with_its_time() -> None:
    """The wait for the lender's pool may be long, and ends where the try would end; aiohttp has no limit for these."""

    class Slow(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            await asyncio.Event().wait()
            raise AssertionError

        async def close(self) -> None: ...

    times = Timeouts(total=0.3, connect=0.1, read=0.1, refresh=0.3)
    async with raw(hang) as proxy, aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Slow())) as lent:
        given: dict[str, Any] = {"session": lent, "timeouts": times, "retry": ONCE}
        slow = {"base_url": "https://somewhere.invalid", **given}
        silent = {"base_url": "https://localhost:9", "proxy": proxy.address, **given}
        for arguments in (slow, silent):
            async with AsyncCobalt(TOKEN, **arguments) as cobalt, asyncio.timeout(10):
                error = await failure(cobalt.tokens.list(), errors.NotSentError)
                assert error.why == "no connection within 0.3 s"
                await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)


@pytest.mark.parametrize("way", ["plain", "tracer", "lent session", "proxy", "connect"])
@pytest.mark.parametrize("said", ["nothing", "hints"])
async def test_no_frame_of_a_cancelled_reading_shows_a_secret(way: str, said: str) -> None:
    """Not in ours and not in aiohttp's: neither the token, said again in a 1xx or not, nor a proxy's password."""

    async def serve(exchange: Exchange) -> None:
        if said == "hints":
            await exchange.say(head(103, length=None, X_Echo=TOKEN))
        await hang(exchange)

    hunter = Hunter(TOKEN, PASSWORD)
    async with raw(serve) as server, aiohttp.ClientSession() as lent:
        through = f"http://user:{PASSWORD}@127.0.0.1:{server.port}"
        given: dict[str, dict[str, Any]] = {
            "tracer": {"trace_configs": [aiohttp.TraceConfig()]},
            "lent session": {"session": lent},
            "proxy": {"proxy": through},
            "connect": {"proxy": through, "base_url": "https://localhost:9"},
        }
        async with client(server, **given.get(way, {})) as cobalt:
            del given, through
            caught: TimeoutError | None = None
            try:
                async with asyncio.timeout(0.1):
                    await cobalt.tokens.list()
            except TimeoutError as error:
                caught = error
            assert caught is not None
            whole = traceback.TracebackException.from_exception(caught, capture_locals=True)
            hunter.look("traceback", "".join(whole.format()))
            hunter.look_at_error(caught)
    assert hunter.found == []


async def test_a_cancellation_brings_along_nothing_that_was_being_dealt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python hangs that on it, and it may hold anything."""

    async def deal(*_: object) -> None:
        try:
            int(TOKEN)
        except ValueError:
            await asyncio.Event().wait()

    monkeypatch.setattr(Line, "ask", deal)
    async with AsyncCobalt(TOKEN, base_url="http://127.0.0.1:9") as cobalt:
        asking = asyncio.create_task(cobalt.tokens.list())
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
    hunter = Hunter(TOKEN)
    hunter.look_at_error(caught.value)
    assert hunter.found == []


async def test_no_frame_of_a_reading_under_way_keeps_a_head_that_is_over() -> None:
    """After a 1xx that says the token again, whoever looks at what waits does not find it."""
    said = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        await exchange.say(head(103, length=None, X_Echo=TOKEN))
        said.set()
        await hang(exchange)

    hunter = Hunter(TOKEN)
    async with raw(serve) as server, client(server) as cobalt:
        asking = asyncio.create_task(cobalt.tokens.list())
        await said.wait()
        await asyncio.sleep(0.02)
        waits: Any = asking.get_coro()
        seen = set()
        while (frame := getattr(waits, "cr_frame", None)) is not None:
            seen.add(frame.f_code.co_qualname)
            hunter.look("a local", *frame.f_locals.values())
            waits = waits.cr_await
        asking.cancel()
        await asyncio.wait([asking])
    assert "Line.ask" in seen
    assert hunter.found == []


async def test_too_many_open_files_are_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a name that is looked up and of a socket; it is no fault of the name's."""

    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    for what in ("getaddrinfo", "sock_connect"):
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), what, full)
            host = "localhost" if what == "getaddrinfo" else "127.0.0.1"
            async with AsyncCobalt(TOKEN, base_url=f"http://{host}:9", retry=ONCE) as cobalt:
                for call in (cobalt.tokens.list(), cobalt.tokens.refresh(TOKEN_ID)):
                    error = await failure(call, errors.NotSentError)
                    assert error.why == "there are too many open files; close some, or raise the limit (ulimit -n)"


async def test_a_handshake_that_is_broken_off_names_the_likely_reason() -> None:
    """A server that wants a client's certificate hangs up, or says so with an alert."""
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority = trustme.CA()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(serving)
    authority.configure_trust(asking)
    serving.verify_mode, serving.maximum_version = ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2
    async with raw(hang, tls=serving) as server, client(server, ssl=asking, retry=ONCE) as cobalt:
        for call in (cobalt.tokens.list(), cobalt.tokens.refresh(TOKEN_ID)):
            error = await failure(call, errors.NotSentError)
            assert error.why.startswith("TLS was broken off (ConnectionResetError); a client certificate,")


def alert(reason: str) -> ssl.SSLError:
    """What asyncio raises where a peer gives an alert."""
    error = ssl.SSLError(1, f"[SSL: {reason}] in other words (_ssl.c:1)")
    error.reason = reason
    return error


async def test_an_alert_is_told_by_its_name() -> None:
    """aiohttp makes its number an errno's, which it is not; with TLS 1.3 it comes after the request has left."""
    attempt = Attempt(Route("x", Secret(TOKEN), Timeouts()), mutating=True, pooled=False, on_leave=None, watch=Watch())
    key = ConnectionKey("localhost", 1, True, True, None, None, None)
    refused = aiohttp.ClientConnectorSSLError(key, alert("SSLV3_ALERT_HANDSHAKE_FAILURE"))
    told = failures.told("GET /", attempt, refused)
    assert isinstance(told, errors.NotSentError)
    assert told.why.startswith("TLS could not be agreed on (SSLV3_ALERT_HANDSHAKE_FAILURE); a client certificate,")
    attempt.leaving()
    late = aiohttp.ClientOSError(1, "x")
    late.__cause__ = alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    for one in (late, failures.Broken(failures.name(late))):
        told_late = failures.told("GET /", attempt, one)
        assert isinstance(told_late, errors.NoAnswerError)
        assert "(TLSV13_ALERT_CERTIFICATE_REQUIRED; a client certificate," in told_late.why
