"""A plain reading is what aiohttp's own session would send and read: watched, so that a change there is seen."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from cobalt_async import AsyncCobalt, RetryPolicy, Secret, Timeouts, errors
from cobalt_async.protocol import requests
from cobalt_async.transport import plain
from tests.canary import Hunter
from tests.faults.raw import TOKEN, Answer, Exchange, answer, client, failure, head, ok, page, raw

ONCE = RetryPolicy(tries=1)
CURSOR = "a%2Fb!$'()*+,;:@/?=-._~%7E"  # every character that one may have


@pytest.fixture
def by_session(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Call it, and from then on somebody stands in `_request`'s place, as a mock or a meter does; what they saw."""

    def stand() -> list[str]:
        seen: list[str] = []
        own = aiohttp.ClientSession._request

        async def meter(self: aiohttp.ClientSession, method: str, url: Any, **arguments: Any) -> aiohttp.ClientResponse:
            seen.append(f"{method} {url}")
            return await own(self, method, url, **arguments)

        monkeypatch.setattr(aiohttp.ClientSession, "_request", meter)
        return seen

    return stand


async def test_aiohttps_own_session_is_plain() -> None:
    """With this aiohttp readings are plain: were `_request` not recognised, all would be right, and slow."""
    async with aiohttp.ClientSession() as session:
        assert plain.is_plain(session)


async def test_who_stands_in_requests_place_sees_every_reading(by_session: Callable[[], list[str]]) -> None:
    """A mock or a meter that is put there while the client is open gets each reading, as ever."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        seen = by_session()
        await cobalt.tokens.list()
        await cobalt.tokens.list()
    assert seen == [f"GET {server.url}/tokens"] * 2
    assert len(server.requests) == 3


async def test_who_stands_in_the_public_place_sees_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ClientSession.request` may be replaced as well as `_request`."""
    own = aiohttp.ClientSession.request
    seen: list[str] = []

    def meter(self: aiohttp.ClientSession, method: str, url: Any, **arguments: Any) -> Any:
        seen.append(method)
        return own(self, method, url, **arguments)

    monkeypatch.setattr(aiohttp.ClientSession, "request", meter)
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
    assert seen == ["GET"]


def test_who_stood_there_before_we_came_sees_them_too() -> None:
    """A `_request` that was replaced before the first import of ours is not taken for aiohttp's own."""
    lines = (
        "import aiohttp, functools",
        "own = aiohttp.ClientSession._request",
        "aiohttp.ClientSession._request = functools.wraps(own)(lambda *given, **named: own(*given, **named))",
        "from cobalt_async.transport import plain",
        "class Session: trace_configs = ()",
        "assert not plain.is_plain(Session)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


def test_with_an_aiohttp_that_is_not_known_readings_go_by_its_session() -> None:
    """Its insides may be others: then all is right, and slow, until this file and ours have been looked at."""
    lines = (
        "import aiohttp",
        "class Session: trace_configs = ()",
        "aiohttp.__version__ = '3.15.0'",
        "from cobalt_async.transport import plain",
        "assert not plain.is_plain(Session)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


async def test_both_ways_say_the_same(by_session: Callable[[], list[str]]) -> None:
    """The bytes of a request are the same, header by header, whichever way it goes; and so is what comes of it."""
    outcomes = []
    async with raw(ok()) as server:
        for stand in (list, by_session):
            stand()
            for version in ("v1", "v2"):
                async with client(server, api_version=version) as cobalt:
                    outcomes.append([await cobalt.tokens.list(), await cobalt.tokens.list(limit=7, cursor=CURSOR)])
    assert server.requests[:4] == server.requests[4:]
    assert f"cursor={CURSOR}&limit=7 HTTP/1.1".encode() in server.requests[1]
    assert outcomes[:2] == outcomes[2:]
    assert server.connections == 4


async def test_both_ways_tell_the_connection_the_same(
    monkeypatch: pytest.MonkeyPatch, by_session: Callable[[], list[str]]
) -> None:
    """Pool and parser are asked with the same arguments; one that aiohttp adds, or changes, is seen here."""
    told: list[dict[str, Any]] = []

    def tell(kind: type, name: str) -> None:
        own = getattr(kind, name)
        known = inspect.signature(own)

        def telling(*given: Any, **named: Any) -> Any:
            bound = known.bind(*given, **named)
            bound.apply_defaults()
            said = {what: value for what, value in bound.arguments.items() if what not in ("self", "req", "timer")}
            if getattr(given[0], "transport", given[0]) is not None:  # else it is only tried out
                told.append({"call": name, **said, "timer": type(bound.arguments.get("timer"))})
            return own(*given, **named)

        monkeypatch.setattr(kind, name, telling)

    tell(aiohttp.TCPConnector, "connect")
    tell(ResponseHandler, "set_response_params")
    async with raw(ok()) as server:
        for stand in (list, by_session):
            stand()
            async with client(server) as cobalt:
                await cobalt.tokens.list()
    assert [one["call"] for one in told] == ["connect", "set_response_params"] * 2
    assert told[:2] == told[2:]


async def test_both_ways_keep_the_path_of_a_base_url(by_session: Callable[[], list[str]]) -> None:
    """What stands in a base URL before `/tokens` is asked for, just as it stands there."""
    async with raw(ok()) as server:
        for stand in (list, by_session):
            stand()
            async with AsyncCobalt(TOKEN, base_url=f"{server.url}/gate-way/v9/") as cobalt:
                await cobalt.tokens.list(limit=3)
    assert server.requests[0] == server.requests[1]
    assert server.requests[0].startswith(b"GET /gate-way/v9/tokens?limit=3 HTTP/1.1\r\n")


async def hang(exchange: Exchange) -> None:
    """Say nothing until the client has gone."""
    await exchange.reader.read()


async def reset(exchange: Exchange) -> None:
    """End the connection hard."""
    exchange.reset()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"what?\r\n\r\n", errors.UnreadableError),
        (head(101, length=None, Upgrade="a", Connection="upgrade"), errors.UnreadableError),
        (head(103, length=None) + answer(401, {"message": "no"}), errors.UnauthorizedError),
        (head(204, length=None), errors.UnreadableError),
        (head(302, Location="/elsewhere"), errors.UnreadableError),
        (head(200, length=10) + b"{", errors.NoAnswerError),
        (head(200, length=5) + b"\xff\xff\xff\xff\xff", errors.UnreadableError),
        (answer(401, {"message": "no"}, Set_Cookie="a=b"), errors.UnauthorizedError),
        (answer(503), errors.ServerError),
        (reset, errors.NoAnswerError),
        (hang, errors.NoAnswerError),
    ],
    ids=[
        "no http",
        "upgrade",
        "early hints",
        "no content",
        "redirect",
        "cut",
        "no text",
        "refused",
        "down",
        "reset",
        "silent",
    ],
)
async def test_both_ways_end_the_same(
    said: Answer, kind: type[errors.CobaltError], by_session: Callable[[], list[str]]
) -> None:
    """What goes wrong is told in the same words, after the same number of requests."""
    texts = []
    async with raw(said, close=True) as server:
        for stand in (list, by_session):
            stand()
            async with client(server, retry=ONCE, timeouts=Timeouts(read=0.1)) as cobalt:
                texts.append(str(await failure(cobalt.tokens.list(), kind)))
            assert len(server.requests) == len(texts)
    assert texts[0] == texts[1]


@pytest.mark.parametrize("why", ["nobody", "time"])
async def test_both_ways_never_left_the_same(
    why: str, monkeypatch: pytest.MonkeyPatch, by_session: Callable[[], list[str]]
) -> None:
    """Where there is no connection, NotSentError says why in the same words."""

    async def too_long(*_: Any, **__: Any) -> Any:
        raise TimeoutError

    if why == "time":
        monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", too_long)
    texts = []
    for stand in (list, by_session):
        stand()
        async with AsyncCobalt(TOKEN, base_url="http://127.0.0.1:9", retry=ONCE) as cobalt:
            texts.append(str(await failure(cobalt.tokens.list(), errors.NotSentError)))
    assert texts[0] == texts[1]
    assert ("no connection in time" in texts[0]) == (why == "time")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[plain.Line]:
    """Every line that is made, in order."""
    made: list[plain.Line] = []
    own = plain.Line.__init__

    def noting(self: plain.Line, *given: Any, **named: Any) -> None:
        made.append(self)
        own(self, *given, **named)

    monkeypatch.setattr(plain.Line, "__init__", noting)
    return made


async def test_one_line_serves_all_readings_of_a_base_url(lines: list[plain.Line]) -> None:
    """Whatever is asked, with a deadline or another token too."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        await cobalt.tokens.list(limit=2, deadline=5.0)
        cobalt.use_token("another-token")
        await cobalt.tokens.list(cursor="page2")
        await cobalt.with_token("a-third-one").tokens.list()
    assert len(lines) == 1
    assert [b"another-token" in request for request in server.requests] == [False, False, True, False]
    assert [b"a-third-one" in request for request in server.requests] == [False, False, False, True]
    assert [TOKEN.encode() in request for request in server.requests] == [True, True, False, False]


async def test_tries_at_once_share_a_line_and_nothing_else(lines: list[plain.Line]) -> None:
    """Each of many readings under way at once bears its own token, and gets its own answer."""
    names = [f"token-number-{number}" for number in range(20)]

    async def echo(exchange: Exchange) -> None:
        name = exchange.request.partition(b"Bearer ")[2].partition(b"\r\n")[0]
        await exchange.say(ok(f"api_{name.decode().rpartition('-')[2]}"))

    async with raw(echo) as server, client(server) as cobalt:
        for _ in range(3):
            pages = await asyncio.gather(*(cobalt.with_token(name).tokens.list() for name in names))
            assert [page.items[0].id for page in pages] == [f"api_{number}" for number in range(20)]
    assert len(lines) == 1
    assert len(server.requests) == 60


async def test_of_many_base_urls_a_few_have_a_line(lines: list[plain.Line]) -> None:
    """However many are asked, no more than eight lines are kept."""
    async with raw(ok()) as server, client(server) as cobalt:
        first = requests.list_tokens()
        for number in [*range(20), 0, 0]:
            await cobalt._ask(first, Secret(TOKEN), f"{server.url}/{number}")
        assert len(cobalt._root._transport._lines) == 8
    assert len(lines) == 21
    assert [request.split()[1] for request in server.requests[-2:]] == [b"/0/tokens"] * 2


async def test_a_line_keeps_no_answer_and_no_token(lines: list[plain.Line]) -> None:
    """Once an answer is there, neither it nor the token stays with the line; and nothing shows one."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        assert cobalt._call is not None
        hunter = Hunter(TOKEN)
        held = [getattr(lines[0], name) for name in plain.Line.__slots__]
        for thing in (cobalt, cobalt._call, cobalt._call.route, *held, vars(lines[0]._target)):
            hunter.look_inside(type(thing).__name__, thing)
    assert hunter.found == []


@pytest.mark.parametrize("at", ["head", "body"])
async def test_who_is_cancelled_takes_the_connection_along(at: str) -> None:
    """What was asked on it is still to come: the next reading has another connection, and its own answer. A head that
    says the token again stands in no frame of the traceback.
    """
    came = asyncio.Event()

    async def first(exchange: Exchange) -> None:
        await exchange.say(head(200, length=1000, X_Echo=TOKEN) + b"{" if at == "body" else b"")
        came.set()
        await hang(exchange)

    hunter = Hunter(TOKEN)
    async with raw(first, ok("api_mine")) as server, client(server) as cobalt:
        asking = asyncio.create_task(cobalt.tokens.list())
        await came.wait()
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await asking
        hunter.look_at_error(caught.value)
        assert hunter.found == []
        page = await cobalt.tokens.list()
    assert [token.id for token in page.items] == ["api_mine"]
    assert server.connections == 2


async def test_ask_goes_both_ways_too(by_session: Callable[[], list[str]]) -> None:
    """`_ask` is a reading like any other: plain, and seen by who stands in `_request`'s place."""
    async with raw(answer(200, page())) as server, client(server) as cobalt:
        asked = (requests.list_tokens(limit=100), Secret("an-asked-token"), server.url)
        usual = await cobalt._ask(*asked)
        seen = by_session()
        metered = await cobalt._ask(*asked)
    assert (usual.status, usual.body) == (metered.status, metered.body)
    assert seen == [f"GET {server.url}/tokens?limit=100"]
    assert server.requests[0] == server.requests[1]


async def test_a_closed_client_sends_nothing() -> None:
    """A try that begins when the client was closed opens no connection."""
    async with raw(ok()) as server:
        async with client(server) as cobalt:
            await cobalt.tokens.list()
            assert cobalt._call is not None
            call, transport = cobalt._call, cobalt._root._transport
        await failure(transport.send(requests.list_tokens(), call.route), errors.NotSentError)
        assert server.connections == 1
