import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import aiohttp
import attrs
import pytest
import trustme

from cobalt_async import AsyncCobalt, RefreshedToken, RetryPolicy, Secret, Timeouts
from cobalt_async.errors import (
    CobaltError,
    ConfigurationError,
    NoAnswerError,
    NotSentError,
    RateLimitedError,
    RefreshInDoubtError,
    ServerError,
    UnauthorizedError,
    UnreadableError,
)
from cobalt_async.protocol import requests
from cobalt_async.protocol.answers import Response
from cobalt_async.testing import CobaltSandbox, RateLimit
from tests.virtual_time import now, settle, virtually

TOKEN = "token-of-the-client-tests"
PAGE = b'{"data":[],"pagination":{"next_page":null,"prev_page":null}}'
FRESH = b'{"id":"api_a","secret":"new-secret-of-the-client","name":"ci","expire_at":null}'
ONCE = RetryPolicy(tries=1)
NO_COBALT = ("COBALT_API_TOKEN", "COBALT_BASE_URL", "COBALT_REGION")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings."""
    for name in NO_COBALT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def sandbox() -> AsyncIterator[CobaltSandbox]:
    """A sandbox."""
    async with CobaltSandbox() as opened:
        yield opened


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """The bytes of an answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class BareServer:
    """A server that notes the heads of what it is asked and answers with the test's bytes, when the test says so."""

    def __init__(self, reply: bytes | None = http(PAGE)) -> None:
        self.heads: list[str] = []
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()
        self.url = ""
        self._reply = reply

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                self.arrived.set()
                await self.go.wait()
                if self._reply is None:
                    await reader.read()
                    return
                writer.write(self._reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: BareServer, tls: ssl.SSLContext | None = None) -> AsyncIterator[BareServer]:
    """Serve on 127.0.0.1, and end every connection afterwards."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):  # how a test ends a connection
            await server(reader, writer)

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    server.url = f"http{'s' if tls else ''}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settle()


# --- arguments and environment


def test_the_defaults_are_the_seeds() -> None:
    """Without arguments and environment: https://api.cobalt.io, v1, no token, a pool of 100 (F1)."""
    cobalt = AsyncCobalt()
    assert cobalt.base_url == "https://api.cobalt.io"
    assert cobalt.max_connections == 100
    assert cobalt.unclaimed == ()
    assert repr(cobalt) == "<AsyncCobalt https://api.cobalt.io v1>"


@pytest.mark.parametrize(
    ("environment", "arguments", "url"),
    [
        ({}, {"region": "us"}, "https://api.us.cobalt.io"),
        ({}, {"region": "eu"}, "https://api.eu.cobalt.io"),
        ({}, {"base_url": "https://gateway.example.com/cobalt/"}, "https://gateway.example.com/cobalt"),
        ({"COBALT_REGION": "eu"}, {}, "https://api.eu.cobalt.io"),
        ({"COBALT_REGION": ""}, {}, "https://api.cobalt.io"),
        ({"COBALT_BASE_URL": "https://a.example.com"}, {}, "https://a.example.com"),
        ({"COBALT_BASE_URL": ""}, {}, "https://api.cobalt.io"),
        ({"COBALT_BASE_URL": "https://a.example.com", "COBALT_REGION": "eu"}, {}, "https://a.example.com"),
        ({"COBALT_BASE_URL": "https://a.example.com"}, {"region": "us"}, "https://api.us.cobalt.io"),
        ({"COBALT_BASE_URL": "nonsense"}, {"region": "us"}, "https://api.us.cobalt.io"),
        ({"COBALT_REGION": "eu"}, {"region": "us"}, "https://api.us.cobalt.io"),
        ({"COBALT_REGION": "nonsense"}, {"base_url": "https://b.example.com"}, "https://b.example.com"),
    ],
)
def test_where_requests_go(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], arguments: dict[str, Any], url: str
) -> None:
    """An argument beats the environment, an explicit region beats `$COBALT_BASE_URL`, an empty variable is none."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert AsyncCobalt(**arguments).base_url == url


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"COBALT_API_TOKEN": f"{TOKEN}\n"}, r"^\$COBALT_API_TOKEN: a token is printable ASCII"),
        ({"COBALT_API_TOKEN": f"{TOKEN} x"}, r"^\$COBALT_API_TOKEN: "),
        ({"COBALT_BASE_URL": "http://api.cobalt.io"}, r"^\$COBALT_BASE_URL: https, because"),
        ({"COBALT_BASE_URL": "api.cobalt.io"}, r"^\$COBALT_BASE_URL: https://HOST"),
        ({"COBALT_REGION": "us-east-1"}, r"^\$COBALT_REGION: 'us' or 'eu', nothing else$"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str) -> None:
    """A variable that holds something wrong is a ConfigurationError with its name, and without a token."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said) as caught:
        AsyncCobalt()
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"token": ""}, "^token: a token has 1 to 512 characters, this one has 0$"),
        ({"token": 5}, "^token: a token is a str, not int$"),
        ({"token": b"x"}, "^token: a token is a str, not bytes$"),
        ({"base_url": ""}, "^base_url: "),
        ({"base_url": "http://api.cobalt.io"}, "^base_url: https, because"),
        ({"base_url": "https://u:p@a.io"}, "^base_url: "),
        ({"base_url": 5}, "^base_url: "),
        ({"region": "uk"}, "^region: 'us' or 'eu', nothing else$"),
        ({"region": ""}, "^region: "),
        ({"region": ["us"]}, "^region: "),
        ({"region": "us", "base_url": "https://a.io"}, "^base_url and region: one of them, not both$"),
        ({"api_version": "v3"}, "^api_version: "),
        ({"api_version": None}, "^api_version: "),
        ({"session": "x"}, "^session: ClientSession, not str$"),
        ({"ssl": False}, "^ssl: SSLContext, not bool$"),
        ({"ssl": True}, "^ssl: SSLContext, not bool$"),
        ({"proxy": "socks5://proxy"}, "^proxy: "),
        ({"proxy": ""}, "^proxy: "),
        ({"proxy": "http://proxy.example.com", "base_url": "http://localhost"}, "^proxy: a plain-http base_url"),
        ({"timeouts": 30}, "^timeouts: Timeouts, not int$"),
        ({"timeouts": None}, "^timeouts: "),
        ({"retry": 4}, "^retry: RetryPolicy, not int$"),
        ({"max_connections": 0}, "^max_connections: "),
        ({"max_connections": True}, "^max_connections: "),
        ({"max_page_bytes": 0}, "^max_page_bytes: "),
        ({"max_page_bytes": 1e6}, "^max_page_bytes: "),
        ({"trace_configs": None}, "^trace_configs: "),
        ({"trace_configs": aiohttp.TraceConfig()}, "^trace_configs: "),
        ({"trace_configs": ["x"]}, "^trace_configs: "),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], said: str) -> None:
    """Every wrong argument of the constructor is a ConfigurationError that begins with its name."""
    with pytest.raises(ConfigurationError, match=said):
        AsyncCobalt(**arguments)


def unverifying() -> ssl.SSLContext:
    """A context that trusts everybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nameless() -> ssl.SSLContext:
    """A context that takes any host's certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("make", [unverifying, nameless])
def test_verification_cannot_be_turned_off(make: Callable[[], ssl.SSLContext]) -> None:
    """A context that does not verify certificate and host name is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="^ssl: a context that verifies"):
        AsyncCobalt(ssl=make())


async def test_the_environments_token_is_used(monkeypatch: pytest.MonkeyPatch, sandbox: CobaltSandbox) -> None:
    """Without a token argument, `$COBALT_API_TOKEN` is the token; an argument beats it."""
    ada, bob = sandbox.add_user("ada").tokens[0], sandbox.add_user("bob").tokens[0]
    monkeypatch.setenv("COBALT_API_TOKEN", ada.secret)
    async with AsyncCobalt(base_url=sandbox.url) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == ada.id
    async with AsyncCobalt(Secret(bob.secret), base_url=sandbox.url) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == bob.id


async def test_without_a_token_it_opens_and_serves_views(
    monkeypatch: pytest.MonkeyPatch, sandbox: CobaltSandbox
) -> None:
    """No token, or an empty variable: a call of its own says so, and sends nothing; a view's call goes."""
    monkeypatch.setenv("COBALT_API_TOKEN", "")
    secret = sandbox.add_user("ada").tokens[0].secret
    async with AsyncCobalt(base_url=sandbox.url) as cobalt:
        for call in (cobalt.tokens.list(), cobalt.tokens.refresh("api_a"), anext(cobalt.tokens.iter())):
            with pytest.raises(ConfigurationError, match="^no token: give one to AsyncCobalt, set .COBALT_API_TOKEN"):
                await call
        assert sandbox.requests == []
        assert (await cobalt.with_token(secret).tokens.list()).items


# --- opening and closing


async def test_before_it_is_open() -> None:
    """A call before `async with` says that the client is not open yet."""
    cobalt = AsyncCobalt(TOKEN)
    for going in (cobalt, cobalt.with_token("other")):
        for call in (going.tokens.list(), going.tokens.refresh("api_a"), anext(going.tokens.pages())):
            with pytest.raises(ConfigurationError, match="^this client is not open yet; use it inside `async with"):
                await call


async def test_after_it_is_closed(sandbox: CobaltSandbox) -> None:
    """A call after closing, of a view too, and a second opening, say that the client is closed."""
    async with AsyncCobalt(TOKEN, base_url=sandbox.url) as cobalt:
        view = cobalt.with_token("other")
    for going in (cobalt, view, cobalt.with_token("another")):
        for call in (going.tokens.list(), going.tokens.refresh("api_a"), anext(going.tokens.iter())):
            with pytest.raises(ConfigurationError, match="^this client is closed; make a new one$"):
                await call
    with pytest.raises(ConfigurationError, match="^this client is closed; make a new one$"):
        async with cobalt:
            pass
    assert sandbox.requests == []


async def test_entered_twice() -> None:
    """Opening an open client says that it is open, and does no harm to it."""
    async with AsyncCobalt(TOKEN) as cobalt:
        with pytest.raises(ConfigurationError, match="^this client is open already; enter it once$"):
            await cobalt.__aenter__()


async def test_closing_again_does_nothing() -> None:
    """`aclose` may be called before opening, and as often as one likes."""
    cobalt = AsyncCobalt(TOKEN)
    async with cobalt:
        await cobalt.aclose()
        await cobalt.aclose()
    unopened = AsyncCobalt(TOKEN)
    await unopened.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await unopened.__aenter__()


def test_on_another_loop() -> None:
    """A call, and closing, on another event loop than that of the opening say so; a new client works there."""
    cobalt = AsyncCobalt(TOKEN)
    with asyncio.Runner() as here, asyncio.Runner() as there:
        here.run(cobalt.__aenter__())
        for call in (cobalt.tokens.list(), cobalt.with_token("other").tokens.list(), cobalt.tokens.refresh("api_a")):
            with pytest.raises(ConfigurationError, match="^this client was opened on another event loop; make one"):
                there.run(call)
        with pytest.raises(ConfigurationError, match="^this client was opened on another event loop; close it there$"):
            there.run(cobalt.aclose())
        here.run(cobalt.aclose())


async def test_an_error_inside_closes_the_client(sandbox: CobaltSandbox) -> None:
    """`async with` closes, whatever ends its block."""
    with pytest.raises(ZeroDivisionError):
        async with AsyncCobalt(TOKEN, base_url=sandbox.url) as cobalt:
            raise ZeroDivisionError
    with pytest.raises(ConfigurationError, match="closed"):
        await cobalt.tokens.list()


async def test_a_listing_under_way_when_the_client_closes_ends_in_one_of_our_errors() -> None:
    """Closing does not wait for readings: they end at once, and say what happened in a CobaltError."""
    async with serving(BareServer(None)) as server:
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.list())
        await server.arrived.wait()
        await cobalt.aclose()
        with pytest.raises(CobaltError, match="closed"):
            await caller


async def test_with_a_lent_session_it_ends_at_once_too() -> None:
    """The session stays open, and so does the connection that a reading of ours waits on; the reading ends."""
    async with serving(BareServer(None)) as server, aiohttp.ClientSession() as session:
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url, session=session).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.list())
        await server.arrived.wait()
        await cobalt.aclose()
        with pytest.raises(CobaltError, match="closed"):
            await asyncio.wait_for(caller, 5)
        assert not session.closed


async def one_page(cobalt: AsyncCobalt) -> object:
    """A page."""
    return await cobalt.tokens.list()


async def all_pages(cobalt: AsyncCobalt) -> object:
    """All of them."""
    return [token async for token in cobalt.tokens.iter()]


@pytest.mark.parametrize(
    "reply",
    [
        http(b"", "429 Too Many Requests", "Retry-After: 60\r\n"),
        http(b"", "503 Service Unavailable"),
    ],
    ids=["window", "back-off"],
)
@pytest.mark.parametrize("read", [one_page, all_pages])
@pytest.mark.parametrize("is_lent", [False, True], ids=["own", "lent"])
@virtually
async def test_closing_ends_a_reading_that_waits(
    reply: bytes, read: Callable[[AsyncCobalt], Awaitable[object]], is_lent: bool
) -> None:
    """Before its next try, or in front of its window, a reading ends at once and is not sent any more; a view's too."""
    async with serving(BareServer(reply)) as server, aiohttp.ClientSession() as session:
        policy = RetryPolicy(base=60.0, cap=60.0)
        lent = session if is_lent else None
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url, retry=policy, session=lent).__aenter__()
        asking = [cobalt, cobalt, cobalt.with_token("another-token-0123456789")]
        callers = [asyncio.ensure_future(read(one)) for one in asking]
        await asyncio.sleep(0.1)
        sent, began = len(server.heads), now()
        assert not any(caller.done() for caller in callers)
        await cobalt.aclose()
        for caller in callers:
            with pytest.raises(NotSentError, match="the client was closed"):
                await caller
        assert now() == began
        assert len(server.heads) == sent > 0
        loop: Any = asyncio.get_running_loop()
        timers = [timer for timer in loop._scheduled if not timer.cancelled()]
        assert is_lent or timers == []  # a lent connector has its own


class ClosesOnAnswer:
    """The transport of a client that is closed as an answer comes."""

    def __init__(self, cobalt: AsyncCobalt) -> None:
        self._cobalt = cobalt
        self._transport = cobalt._root._transport

    async def send(self, *arguments: Any, **options: Any) -> Response:
        """An answer, and then the end."""
        response = await self._transport.send(*arguments, **options)
        await self._cobalt.aclose()
        return response


@virtually
async def test_what_was_answered_before_the_client_closed_is_told() -> None:
    """A reading whose answer came in the moment of closing ends in that, and is not tried again."""
    async with serving(BareServer(http(b"", "503 Service Unavailable"))) as server:
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url, retry=RetryPolicy(base=60.0)).__aenter__()
        cobalt._root.refreshes.exchange._transport = cast(Any, ClosesOnAnswer(cobalt))
        with pytest.raises(ServerError, match="503"):
            await cobalt.tokens.list()


async def test_closing_waits_for_a_refresh_under_way() -> None:
    """`aclose` waits for the answer of a refresh and for its save; the caller gets its token."""
    saved: list[RefreshedToken] = []

    async def save(fresh: RefreshedToken) -> None:
        saved.append(fresh)

    async with serving(BareServer(http(FRESH))) as server:
        server.go.clear()
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a", save=save))
        await server.arrived.wait()
        closing = asyncio.create_task(cobalt.aclose())
        await settle()
        assert not closing.done()
        server.go.set()
        await closing
        assert (await caller).secret == Secret("new-secret-of-the-client")
        assert saved


FULL = http(b"", "429 Too Many Requests", "Retry-After: 25\r\n")


async def parked(cobalt: AsyncCobalt) -> None:
    """The window for refreshes is used up."""
    with pytest.raises(RateLimitedError):
        await cobalt.tokens.refresh("api_b")


async def behind_another(cobalt: AsyncCobalt) -> None:
    """The same, and another refresh of the same token waits for it."""
    await parked(cobalt)
    asyncio.create_task(cobalt.tokens.refresh("api_a")).add_done_callback(asyncio.Task.exception)
    await settle()


async def all_busy(cobalt: AsyncCobalt) -> None:
    """A reading holds the one connection."""
    asyncio.create_task(cobalt.tokens.list()).add_done_callback(asyncio.Task.exception)
    await asyncio.sleep(1)


async def nothing(cobalt: AsyncCobalt) -> None:
    """Nothing stands in the way but the network."""
    del cobalt


@pytest.mark.parametrize(
    ("before", "reply", "arguments"),
    [
        (parked, FULL, {}),
        (behind_another, FULL, {}),
        (nothing, FULL, {"base_url": "http://127.0.0.1:1", "retry": RetryPolicy(base=60.0, cap=60.0)}),
        (all_busy, None, {"max_connections": 1}),
        (nothing, None, {"base_url": "https"}),
    ],
    ids=["for its window", "behind another", "in a back-off", "for a connection", "for a handshake"],
)
@virtually
async def test_closing_ends_a_refresh_that_has_not_left(
    before: Callable[[AsyncCobalt], Awaitable[None]], reply: bytes | None, arguments: dict[str, Any]
) -> None:
    """It is not waited for, never leaves, and its caller is told so; what was asked of a view is no exception."""
    async with serving(BareServer(reply)) as server:
        arguments = {"base_url": server.url, **arguments}
        if arguments["base_url"] == "https":  # the server does not speak it
            arguments["base_url"] = server.url.replace("http:", "https:")
        cobalt = await AsyncCobalt(TOKEN, **arguments).__aenter__()
        await before(cobalt)
        sent = len(server.heads)
        callers = [asyncio.create_task(one.tokens.refresh("api_a")) for one in (cobalt, cobalt.with_token(TOKEN))]
        await settle()
        began = now()
        assert not any(caller.done() for caller in callers)
        await cobalt.aclose()
        for caller in callers:
            with pytest.raises(NotSentError, match="the client was closed"):
                await caller
        assert now() == began
        assert len(server.heads) == sent


async def test_no_refresh_begins_once_the_client_closes() -> None:
    """While closing waits for one that left, another is a ConfigurationError, as it would be a moment later."""
    async with serving(BareServer(http(FRESH))) as server:
        server.go.clear()
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
        await server.arrived.wait()
        closing = asyncio.create_task(cobalt.aclose())
        await settle()
        with pytest.raises(ConfigurationError, match="closed"):
            await cobalt.tokens.refresh("api_b")
        server.go.set()
        await closing
        assert (await caller).secret == Secret("new-secret-of-the-client")
        assert len(server.heads) == 1


async def test_closing_with_a_secret_that_nobody_took_warns() -> None:
    """A secret that came for a cancelled caller stands in `unclaimed`, and closing with it warns by its id."""
    async with serving(BareServer(http(FRESH))) as server:
        server.go.clear()
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
        await server.arrived.wait()
        caller.cancel()
        server.go.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert [fresh.secret for fresh in cobalt.unclaimed] == [Secret("new-secret-of-the-client")]
        with pytest.warns(RuntimeWarning, match="nobody has taken, of api_a: see AsyncCobalt.unclaimed"):
            await cobalt.aclose()
        assert cobalt.unclaimed


async def test_a_warning_that_is_an_exception_finds_the_client_closed() -> None:
    """Where warnings are errors, the one about a secret that nobody took comes after everything was closed."""
    async with serving(BareServer(http(FRESH))) as server:
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        server.go.clear()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
        await server.arrived.wait()
        caller.cancel()
        server.go.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        server._reply = http(PAGE)
        await cobalt.tokens.list()  # its connection stays in the pool
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning, match="nobody has taken"):
                await cobalt.aclose()
        transport = cobalt._root._transport
        assert transport._session.closed
        assert transport._connector.closed
        assert transport._watch._timer is None


async def test_use_token_claims_a_secret() -> None:
    """Going on with an unclaimed secret takes it out of `unclaimed`: closing has nothing to warn of."""
    async with serving(BareServer(http(FRESH))) as server, AsyncCobalt(TOKEN, base_url=server.url) as cobalt:
        server.go.clear()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
        await server.arrived.wait()
        caller.cancel()
        server.go.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        cobalt.use_token(cobalt.unclaimed[0].secret)
        assert cobalt.unclaimed == ()


async def test_a_cancelled_closing_warns_all_the_same() -> None:
    """Where `aclose` itself is cancelled while it waits, the secret nobody took is still told of."""
    async with serving(BareServer(http(FRESH))) as server:
        server.go.clear()
        cobalt = await AsyncCobalt(TOKEN, base_url=server.url).__aenter__()
        caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
        await server.arrived.wait()
        caller.cancel()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            closing = asyncio.create_task(cobalt.aclose())
            await settle()
            closing.cancel()
            await settle()
            server.go.set()
            results = await asyncio.gather(caller, closing, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        assert cobalt.unclaimed
        assert any("nobody has taken" in str(warning.message) for warning in told)


# --- views and tokens


async def test_a_view_has_its_own_token_and_closes_nothing(sandbox: CobaltSandbox) -> None:
    """`with_token` is the same client for another token; leaving or closing it leaves the client open."""
    ada, bob = sandbox.add_user("ada").tokens[0], sandbox.add_user("bob").tokens[0]
    async with AsyncCobalt(ada.secret, base_url=sandbox.url) as cobalt:
        async with cobalt.with_token(bob.secret) as view:
            assert (await view.tokens.list()).items[0].id == bob.id
        await view.aclose()
        assert (await view.tokens.list()).items[0].id == bob.id
        assert (await cobalt.tokens.list()).items[0].id == ada.id
        assert view.base_url == cobalt.base_url
        assert view.max_connections == cobalt.max_connections


async def test_use_token_goes_on_with_the_new_secret(sandbox: CobaltSandbox) -> None:
    """After a refresh the client goes on with the new secret; its views keep theirs."""
    one, two = sandbox.add_user("ada", tokens=2).tokens
    async with AsyncCobalt(one.secret, base_url=sandbox.url) as cobalt:
        view = cobalt.with_token(two.secret)
        fresh = await cobalt.tokens.refresh(one.id)
        with pytest.raises(UnauthorizedError):
            await cobalt.tokens.list()
        cobalt.use_token(fresh.secret)
        assert len((await cobalt.tokens.list()).items) == 2
        cobalt.use_token(two.secret)
        assert len((await view.tokens.list()).items) == 2


async def test_use_token_on_a_view_is_the_views(sandbox: CobaltSandbox) -> None:
    """A view's token changes for the view alone."""
    ada, bob = sandbox.add_user("ada").tokens[0], sandbox.add_user("bob").tokens[0]
    async with AsyncCobalt(ada.secret, base_url=sandbox.url) as cobalt:
        view = cobalt.with_token("another")
        view.use_token(bob.secret)
        assert (await view.tokens.list()).items[0].id == bob.id
        assert (await cobalt.tokens.list()).items[0].id == ada.id


async def test_a_request_under_way_finishes_with_its_token() -> None:
    """`use_token` does not touch what has left, nor its retries."""
    async with serving(BareServer(http(b"", "503 Service Unavailable"))) as server:
        server.go.clear()
        policy = RetryPolicy(tries=2, base=0)
        async with AsyncCobalt("first-token", base_url=server.url, retry=policy) as cobalt:
            caller = asyncio.create_task(cobalt.tokens.list())
            await server.arrived.wait()
            cobalt.use_token("second-token")
            server.go.set()
            with pytest.raises(CobaltError):
                await caller
        assert [("first-token" in head, "second-token" in head) for head in server.heads] == [(True, False)] * 2


@pytest.mark.parametrize("token", ["", "a b", "x" * 513, None, 5, b"x", "ä"])
def test_a_wrong_token_of_a_view_is_told(token: Any) -> None:
    """`with_token` and `use_token` check what they are given, and say `token`."""
    cobalt = AsyncCobalt(TOKEN)
    for take in (cobalt.with_token, cobalt.use_token):
        with pytest.raises(ConfigurationError, match="^token: a token "):
            take(token)


def test_a_views_region() -> None:
    """`with_token(region=)` sends a view elsewhere, unless the base URL was given explicitly."""
    view = AsyncCobalt(TOKEN, region="us").with_token("other", region="eu")
    assert view.base_url == "https://api.eu.cobalt.io"
    assert AsyncCobalt(TOKEN).with_token("other").base_url == "https://api.cobalt.io"
    with pytest.raises(ConfigurationError, match="^region: this client has an explicit base_url"):
        AsyncCobalt(TOKEN, base_url="https://a.io").with_token("other", region="eu")
    with pytest.raises(ConfigurationError, match="^region: 'us' or 'eu'"):
        AsyncCobalt(TOKEN).with_token("other", region="uk")  # type: ignore[arg-type]


def test_a_view_beside_an_environments_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit region of a view beats `$COBALT_BASE_URL`, as the constructor's does."""
    monkeypatch.setenv("COBALT_BASE_URL", "https://a.io")
    assert AsyncCobalt(TOKEN).with_token("other", region="eu").base_url == "https://api.eu.cobalt.io"


async def test_a_views_timeouts_and_retry_are_its_own(sandbox: CobaltSandbox) -> None:
    """`timeouts` and `retry` of a view are for the view alone; wrong ones are named."""
    secret = sandbox.add_user("ada").tokens[0].secret
    async with AsyncCobalt(secret, base_url=sandbox.url, retry=RetryPolicy(base=0)) as cobalt:
        sandbox.faults.answer(503)
        with pytest.raises(CobaltError):
            await cobalt.with_token(secret, retry=ONCE).tokens.list()
        sandbox.faults.answer(503)
        assert (await cobalt.tokens.list()).items
        with pytest.raises(ConfigurationError, match="^retry: "):
            cobalt.with_token(secret, retry=4)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="^timeouts: "):
            cobalt.with_token(secret, timeouts=4)  # type: ignore[arg-type]


async def test_nothing_grows_with_views(sandbox: CobaltSandbox) -> None:
    """A view that is made and dropped leaves nothing behind in the client."""
    async with AsyncCobalt(TOKEN, base_url=sandbox.url) as cobalt:
        for number in range(1000):
            cobalt.with_token(f"token-{number}")
        assert len(cobalt._root.refreshes.exchange._turnstiles) == 0


async def test_views_of_one_token_share_its_window() -> None:
    """Two views of one token meet one window; another token's goes on (budgets live on the root)."""
    async with CobaltSandbox(rate_limit=RateLimit(get=1)) as sandbox:
        ada, bob = sandbox.add_user("ada").tokens[0], sandbox.add_user("bob").tokens[0]
        impatient = RetryPolicy(max_wait=0)
        async with AsyncCobalt(ada.secret, base_url=sandbox.url, retry=impatient) as cobalt:
            await cobalt.tokens.list()
            with pytest.raises(RateLimitedError):
                await cobalt.with_token(ada.secret).tokens.list()
            await cobalt.with_token(bob.secret).tokens.list()
        assert len(sandbox.requests) == 2


# --- the seam of the audit


async def test_ask_carries_any_secret_anywhere() -> None:
    """`_ask` sends a reading with the secret and to the place it is given, and gives the answer as it came."""
    async with serving(BareServer()) as here, serving(BareServer(http(b"{}", "401 No", "X-Own: y\r\n"))) as there:
        async with AsyncCobalt(base_url=here.url) as cobalt:
            secret = Secret("another-secret-than-the-clients")
            response = await cobalt._ask(requests.list_tokens(limit=100), secret, there.url)
    assert (response.status, response.body, response.headers["x-own"]) == (401, b"{}", "y")
    assert here.heads == []
    [head] = there.heads
    assert head.startswith("GET /tokens?limit=100 HTTP/1.1\r\n")
    assert "Authorization: Bearer another-secret-than-the-clients\r\n" in head


async def test_ask_leaves_the_rate_windows_alone() -> None:
    """A used up window of `_ask` comes back at once, every time, and the client's own callers do not wait for it."""
    async with serving(BareServer(http(b"{}", "509 Over", "Retry-After: 600\r\n"))) as server:
        async with AsyncCobalt(TOKEN, base_url=server.url) as cobalt:
            for _ in range(2):
                response = await cobalt._ask(requests.list_tokens(), Secret(TOKEN), server.url)
                assert (response.status, response.headers["Retry-After"]) == (509, "600")
            with pytest.raises(RateLimitedError):
                await cobalt.tokens.list()
            assert len(server.heads) == 3
            assert len(cobalt._root.refreshes.exchange._turnstiles) == 1


async def test_ask_raises_what_stopped_it() -> None:
    """NotSentError where nobody is there, NoAnswerError where none came, UnreadableError for what is no HTTP."""
    async with serving(BareServer(b"what?\r\n\r\n")) as odd, serving(BareServer(None)) as mute:
        async with AsyncCobalt(base_url=odd.url, timeouts=Timeouts(read=0.05), retry=ONCE) as cobalt:
            for url, kind in (
                ("http://127.0.0.1:9", NotSentError),
                (mute.url, NoAnswerError),
                (odd.url, UnreadableError),
            ):
                with pytest.raises(kind):
                    await cobalt._ask(requests.list_tokens(), Secret(TOKEN), url)


async def test_ask_needs_an_open_client() -> None:
    """Before it is open and after it is closed, `_ask` is a ConfigurationError."""
    cobalt = AsyncCobalt()
    for said in ("not open yet", "is closed"):
        with pytest.raises(ConfigurationError, match=said):
            await cobalt._ask(requests.list_tokens(), Secret(TOKEN), "http://127.0.0.1:9")
        await cobalt.aclose()


# --- how it goes over the wire


@pytest.mark.parametrize("served", ["v1", "v2"])
@pytest.mark.parametrize("asked", ["v1", "v2"])
async def test_both_versions_against_both(asked: str, served: str) -> None:
    """v1 and v2 list and refresh, whatever the server answers in (F2, F6, F13)."""
    async with CobaltSandbox(served) as sandbox:  # type: ignore[arg-type]
        one, two = sandbox.add_user("ada", tokens=2).tokens
        async with AsyncCobalt(one.secret, base_url=sandbox.url, api_version=asked) as cobalt:  # type: ignore[arg-type]
            assert len((await cobalt.tokens.list()).items) == 2
            assert (await cobalt.tokens.refresh(two.id)).secret.reveal() == two.secret
        accepted = {request.headers["Accept"] for request in sandbox.requests}
        assert accepted == {f"application/vnd.cobalt.{asked}+json"}


async def test_a_path_prefix_is_kept() -> None:
    """A base URL with a path goes before every path, that of page two as well."""
    body = b'{"data":[],"pagination":{"next_page":"/tokens?cursor=a"}}'
    async with serving(BareServer(http(body))) as server:
        async with AsyncCobalt(TOKEN, base_url=f"{server.url}/gateway/cobalt/") as cobalt:
            await cobalt.tokens.list(limit=2)
            with pytest.raises(CobaltError):
                await anext(cobalt.tokens.iter())
        targets = [head.split()[1] for head in server.heads]
        assert targets == [f"/gateway/cobalt/tokens{query}" for query in ("?limit=2", "", "?cursor=a")]


async def test_what_one_call_sends() -> None:
    """On the wire stand the headers that are meant, and no others; a POST has no body and no content type in v1."""
    async with serving(BareServer(http(FRESH))) as server:
        async with AsyncCobalt(TOKEN, base_url=server.url) as cobalt:
            with pytest.raises(UnreadableError):
                await cobalt.tokens.list()
            await cobalt.tokens.refresh("api_a")
    names = [sorted(line.partition(":")[0].lower() for line in head.splitlines()[1:] if line) for head in server.heads]
    assert names[0] == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    extra = {"content-length", "idempotency-key"}
    assert set(names[1]) - {"connection"} == {*names[0], *extra}
    assert "content-length: 0\r\n" in server.heads[1].lower()


async def test_no_redirect_is_followed(sandbox: CobaltSandbox) -> None:
    """A 3xx is UnreadableError, of a refresh doubt; the place it names never sees a request."""
    async with serving(BareServer()) as elsewhere, AsyncCobalt(TOKEN, base_url=sandbox.url) as cobalt:
        for status in (301, 302, 303, 307, 308):
            sandbox.faults.answer(status, b"", {"Location": f"{elsewhere.url}/tokens"}, times=2)
            with pytest.raises(UnreadableError, match=f"a redirect .{status}."):
                await cobalt.tokens.list()
            with pytest.raises(RefreshInDoubtError):
                await cobalt.tokens.refresh("api_a")
        assert elsewhere.heads == []


async def test_a_body_that_is_too_large_is_not_read(sandbox: CobaltSandbox) -> None:
    """`max_page_bytes` bounds what is read."""
    async with AsyncCobalt(TOKEN, base_url=sandbox.url, max_page_bytes=1000) as cobalt:
        sandbox.faults.answer(200, PAGE + b" " * 1000)
        with pytest.raises(UnreadableError, match="a body of more than 1000 bytes"):
            await cobalt.tokens.list()
        sandbox.faults.answer(200, PAGE + b" " * (1000 - len(PAGE)))
        await cobalt.tokens.list()


async def test_tracers_see_the_requests(sandbox: CobaltSandbox) -> None:
    """`trace_configs` are aiohttp's tracers, and are handed what is sent."""
    seen: list[str] = []

    async def started(_: object, __: object, what: aiohttp.TraceRequestStartParams) -> None:
        seen.append(f"{what.method} {what.url.path} {'Authorization' in what.headers}")

    tracer = aiohttp.TraceConfig()
    tracer.on_request_start.append(started)
    secret = sandbox.add_user("ada").tokens[0].secret
    async with AsyncCobalt(secret, base_url=sandbox.url, trace_configs=[tracer]) as cobalt:
        await cobalt.tokens.list()
    assert seen == ["GET /tokens True"]


async def test_a_proxy_is_asked_in_its_way() -> None:
    """Plain http goes through a proxy of this machine as an absolute URL, with the proxy's own password."""
    async with serving(BareServer()) as proxy:
        where = proxy.url.replace("http://", "http://user:word@")
        async with AsyncCobalt(TOKEN, base_url="http://127.0.0.1:9", proxy=where) as cobalt:
            await cobalt.tokens.list()
    assert proxy.heads[0].startswith("GET http://127.0.0.1:9/tokens HTTP/1.1")
    assert "Proxy-Authorization: Basic " in proxy.heads[0]


async def test_a_proxy_that_refuses_is_not_sent() -> None:
    """A proxy that says no to a tunnel: the request never left, and the password is in no message."""
    async with serving(BareServer(http(b"", "407 Proxy Authentication Required"))) as proxy:
        where = proxy.url.replace("http://", "http://user:word@")
        async with AsyncCobalt(TOKEN, base_url="https://127.0.0.1:9", proxy=where, retry=ONCE) as cobalt:
            with pytest.raises(NotSentError, match="the proxy answered 407") as caught:
                await cobalt.tokens.list()
    assert proxy.heads[0].startswith("CONNECT 127.0.0.1:9 ")
    assert TOKEN not in proxy.heads[0]
    assert "word" not in str(caught.value)


async def test_the_environments_proxy_is_not_read(monkeypatch: pytest.MonkeyPatch, sandbox: CobaltSandbox) -> None:
    """`$HTTP_PROXY` and its like have no say."""
    async with serving(BareServer()) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        secret = sandbox.add_user("ada").tokens[0].secret
        async with AsyncCobalt(secret, base_url=sandbox.url) as cobalt:
            assert (await cobalt.tokens.list()).items
        assert proxy.heads == []


async def test_nobody_there_is_not_sent() -> None:
    """A port where nobody listens: NotSentError, for a refresh too, without doubt."""
    async with serving(BareServer()) as gone:
        pass
    async with AsyncCobalt(TOKEN, base_url=gone.url, retry=RetryPolicy(tries=2, base=0)) as cobalt:
        with pytest.raises(NotSentError, match="ECONNREFUSED"):
            await cobalt.tokens.list()
        with pytest.raises(NotSentError, match="ECONNREFUSED"):
            await cobalt.tokens.refresh("api_a")


# --- time


@virtually
async def test_a_deadline_before_it_left_is_not_sent() -> None:
    """A deadline that passes while all connections are busy: nothing left."""
    async with serving(BareServer()) as server:
        server.go.clear()
        async with AsyncCobalt(TOKEN, base_url=server.url, max_connections=1) as cobalt:
            busy = asyncio.create_task(cobalt.tokens.list())
            await server.arrived.wait()
            with pytest.raises(NotSentError, match="the deadline passed while all connections were busy"):
                await cobalt.with_token("other").tokens.list(deadline=5.0)
            assert now() < 6.0
            server.go.set()
            await busy
        assert len(server.heads) == 1


@virtually
async def test_a_deadline_after_it_left_is_no_answer() -> None:
    """A deadline that passes while a server thinks: it left, and Cobalt may have acted."""
    async with serving(BareServer(None)) as server, AsyncCobalt(TOKEN, base_url=server.url) as cobalt:
        with pytest.raises(NoAnswerError, match="the deadline passed"):
            await cobalt.tokens.list(deadline=5.0)
        assert now() == pytest.approx(5.0, abs=0.1)
        assert len(server.heads) == 1


@virtually
async def test_a_refresh_has_its_own_time() -> None:
    """A refresh is given `Timeouts.refresh` seconds, whatever `read`, `total` and the deadline say once it left."""
    async with serving(BareServer(None)) as server:
        times = Timeouts(read=1.0, total=2.0, refresh=90.0)
        async with AsyncCobalt(TOKEN, base_url=server.url, timeouts=times) as cobalt:
            with pytest.raises(RefreshInDoubtError, match="no answer within 90 s"):
                await cobalt.tokens.refresh("api_a", deadline=5.0)
            assert now() == pytest.approx(90.0, abs=0.1)


@virtually
async def test_read_and_total_bound_a_reading() -> None:
    """`read` bounds the wait for the answer's head, `total` the body."""
    async with serving(BareServer(None)) as server:
        async with AsyncCobalt(TOKEN, base_url=server.url, timeouts=Timeouts(read=7.0), retry=ONCE) as cobalt:
            with pytest.raises(NoAnswerError, match="no answer within 7 s"):
                await cobalt.tokens.list()
    unfinished = BareServer(http(PAGE + b" ")[:-1])
    async with serving(unfinished) as server:
        async with AsyncCobalt(TOKEN, base_url=server.url, timeouts=Timeouts(total=25.0), retry=ONCE) as cobalt:
            before = now()
            with pytest.raises(NoAnswerError, match="the answer was not complete within 25 s"):
                await cobalt.tokens.list()
            assert now() - before == pytest.approx(25.0, abs=0.1)


@virtually
async def test_a_wait_for_a_slot_is_not_counted() -> None:
    """Time in the queue for a connection does not use up the try's time."""
    async with serving(BareServer()) as server:
        server.go.clear()
        times = Timeouts(read=30.0, total=30.0)
        async with AsyncCobalt(TOKEN, base_url=server.url, max_connections=1, timeouts=times) as cobalt:
            first = asyncio.create_task(cobalt.tokens.list())
            await server.arrived.wait()
            second = asyncio.create_task(cobalt.with_token("other").tokens.list())
            await asyncio.sleep(29)
            server.go.set()
            await first
            server.go.clear()
            await settle()
            await asyncio.sleep(29)
            server.go.set()
            await second


@virtually
async def test_a_wait_for_a_lent_connection_is_not_counted() -> None:
    """A refresh that waited long for a slot of a lent connector has its whole time once it leaves."""
    async with serving(BareServer(None)) as slow, serving(BareServer(http(FRESH))) as server:
        server.go.clear()
        times = Timeouts(total=30.0, refresh=90.0)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            async with AsyncCobalt(TOKEN, base_url=server.url, session=session, timeouts=times) as cobalt:
                own = asyncio.create_task(session.get(slow.url))
                await slow.arrived.wait()
                caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
                await asyncio.sleep(200)
                own.cancel()
                await server.arrived.wait()
                await asyncio.sleep(80)
                server.go.set()
                assert (await caller).id == "api_a"


# --- a lent session


async def test_a_lent_session_is_never_closed(sandbox: CobaltSandbox) -> None:
    """The caller's session serves before, while and after; a refresh does not close its connector either."""
    token = sandbox.add_user("ada").tokens[0]
    async with aiohttp.ClientSession() as session:
        async with AsyncCobalt(token.secret, base_url=sandbox.url, session=session) as cobalt:
            await cobalt.tokens.list()
            await cobalt.tokens.refresh(token.id)
        assert not session.closed
        assert session.connector is not None
        assert not session.connector.closed
        async with session.get(sandbox.url) as reply:
            assert reply.status == 404


async def test_nothing_of_a_lent_session_travels() -> None:
    """Its headers, authentication, cookies and base_url stay behind, and a server's cookies do not come in."""
    lent: dict[str, Any] = {
        "headers": {"X-Own": "mine", "Authorization": "Basic bWluZQ==", "Accept": "text/html"},
        "cookies": {"own": "mine"},
        "base_url": "http://127.0.0.1:9/elsewhere/",
        "cookie_jar": aiohttp.CookieJar(unsafe=True),
    }
    async with serving(BareServer(http(PAGE, headers="Set-Cookie: tracked=yes\r\n"))) as server:
        async with aiohttp.ClientSession(**lent) as session:
            async with AsyncCobalt(TOKEN, base_url=server.url, session=session) as cobalt:
                await cobalt.tokens.list()
                await cobalt.with_token("other").tokens.list()
            assert [cookie.key for cookie in session.cookie_jar] == ["own"]
    for head in server.heads:
        assert "mine" not in head
        assert "cookie" not in head.lower()
        assert "Basic" not in head
    assert f"Authorization: Bearer {TOKEN}\r\n" in server.heads[0]
    assert "Accept: application/vnd.cobalt.v1+json\r\n" in server.heads[0]


async def test_a_lent_connector_does_not_switch_verification_off() -> None:
    """`TCPConnector(ssl=False)` is the caller's business: our requests verify, and say how to trust a private CA."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(BareServer(), context) as server:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            async with AsyncCobalt(TOKEN, base_url=server.url, session=session) as cobalt:
                with pytest.raises(NotSentError, match="certificate does not hold .*; a private CA goes to ssl="):
                    await cobalt.tokens.list()
            assert server.heads == []
            async with AsyncCobalt(TOKEN, base_url=server.url, session=session, ssl=trusting) as cobalt:
                await cobalt.tokens.list()
        async with AsyncCobalt(TOKEN, base_url=server.url) as cobalt:
            with pytest.raises(NotSentError, match="certificate does not hold"):
                await cobalt.tokens.list()
        async with AsyncCobalt(TOKEN, base_url=server.url, ssl=trusting) as cobalt:
            await cobalt.tokens.list()
        assert len(server.heads) == 2


async def test_a_closed_session_is_told_when_the_client_opens() -> None:
    """A session that is closed lends nothing: ConfigurationError that says `session`."""
    async with aiohttp.ClientSession() as session:
        pass
    with pytest.raises(ConfigurationError, match="^session: it is closed"):
        async with AsyncCobalt(TOKEN, session=session):
            pass


def test_a_session_of_another_loop_is_told_when_the_client_opens() -> None:
    """A session that lives on another event loop lends nothing either: ConfigurationError that says `session`."""

    async def make() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def use(session: aiohttp.ClientSession) -> None:
        async with AsyncCobalt(TOKEN, session=session):
            pass

    with asyncio.Runner() as here, asyncio.Runner() as there:
        session = here.run(make())
        try:
            with pytest.raises(ConfigurationError, match="^session: "):
                there.run(use(session))
        finally:
            here.run(session.close())


async def test_a_lent_session_that_closes_meanwhile_is_told() -> None:
    """A lender who closes under us: the call ends in one of our errors, and nothing hangs."""
    async with serving(BareServer()) as server, aiohttp.ClientSession() as session:
        async with AsyncCobalt(TOKEN, base_url=server.url, session=session, retry=ONCE) as cobalt:
            await session.close()
            with pytest.raises(CobaltError):
                await cobalt.tokens.list()


def test_a_client_is_no_value() -> None:
    """What a client holds is not shown by `repr`, and its Request never holds the token."""
    cobalt = AsyncCobalt(TOKEN)
    assert TOKEN not in repr(vars(cobalt))
    request = requests.list_tokens()
    assert TOKEN not in repr(attrs.asdict(request, recurse=False))
