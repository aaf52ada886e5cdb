"""A prepared reading goes the way that aiohttp's own session would send it: watched, so that a change there is seen."""

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
from cobalt_async.transport import hooks
from tests.canary import Hunter
from tests.faults.raw import TOKEN, Answer, Exchange, answer, client, failure, head, ok, page, raw

ONCE = RetryPolicy(tries=1)


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
    """With this aiohttp readings are prepared: were `_request` not recognised, all would be right, and slow."""
    async with aiohttp.ClientSession() as session:
        assert hooks.is_plain(session)


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
        "from cobalt_async.transport import hooks",
        "class Session: trace_configs = ()",
        "assert not hooks.is_plain(Session)",
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
                    outcomes.append([await cobalt.tokens.list(), await cobalt.tokens.list(limit=7, cursor="a%2Fb")])
    assert server.requests[:4] == server.requests[4:]
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


async def test_both_ways_make_the_same_request(
    monkeypatch: pytest.MonkeyPatch, by_session: Callable[[], list[str]]
) -> None:
    """aiohttp's request is in the same state when it is sent: a field that `_request` sets on top is seen here, and so
    is one that a reading keeps of the page before.
    """
    states: list[dict[str, Any]] = []
    own = aiohttp.ClientRequest.send
    # Whose they are differs, not what they are; and the key is compared as aiohttp asks for it.
    foreign = {"_session", "_timer", "_source_traceback", "loop", "pooled_key"}

    async def send(self: aiohttp.ClientRequest, conn: Any) -> aiohttp.ClientResponse:
        states.append({name: value for name, value in vars(self).items() if name not in foreign})
        states[-1].update(connection_key=self.connection_key, response=self.response)
        states[-1]["headers"] = self.headers.copy()  # as it is sent: what is prepared gives the token back at once
        return await own(self, conn)

    monkeypatch.setattr(aiohttp.ClientRequest, "send", send)
    async with raw(ok()) as server:
        for stand in (list, by_session):
            stand()
            async with client(server) as cobalt:
                await cobalt.tokens.list(limit=3)
                await cobalt.tokens.list(cursor="page1")
                await cobalt.tokens.list(cursor="page2", limit=3)
    for state in states:
        state["_upload_tracker"] = None
        assert str(state["url"]) == str(state["original_url"])
    assert [state["url"].query_string for state in states[:3]] == ["limit=3", "cursor=page1", "cursor=page2&limit=3"]
    for prepared, usual in zip(states[:3], states[3:], strict=True):
        assert prepared == usual


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
        (head(302, Location="/elsewhere"), errors.UnreadableError),
        (head(200, length=10) + b"{", errors.NoAnswerError),
        (head(200, length=5) + b"\xff\xff\xff\xff\xff", errors.UnreadableError),
        (answer(401, {"message": "no"}, Set_Cookie="a=b"), errors.UnauthorizedError),
        (answer(503), errors.ServerError),
        (reset, errors.NoAnswerError),
        (hang, errors.NoAnswerError),
    ],
    ids=["no http", "redirect", "cut", "no text", "refused", "down", "reset", "silent"],
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
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[hooks.Prepared]:
    """Every reading that is prepared, in order."""
    made: list[hooks.Prepared] = []
    own = hooks.Prepared.__init__

    def noting(self: hooks.Prepared, *given: Any, **named: Any) -> None:
        made.append(self)
        own(self, *given, **named)

    monkeypatch.setattr(hooks.Prepared, "__init__", noting)
    return made


async def test_a_reading_is_prepared_once(prepared: list[hooks.Prepared]) -> None:
    """The same reading is prepared once, with a deadline or another token too; another reading anew."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        await cobalt.tokens.list(deadline=5.0)
        assert len(prepared) == 1
        await cobalt.tokens.list(limit=2)
        assert len(prepared) == 2
        cobalt.use_token("another-token")
        await cobalt.tokens.list(limit=2)
        await cobalt.with_token("a-third-one").tokens.list()
        assert len(prepared) == 2
    assert [b"another-token" in request for request in server.requests] == [False, False, False, True, False]
    assert [b"a-third-one" in request for request in server.requests] == [False, False, False, False, True]
    assert [TOKEN.encode() in request for request in server.requests] == [True, True, True, False, False]


async def test_two_tries_at_once_never_share_what_is_prepared(prepared: list[hooks.Prepared]) -> None:
    """Each of many readings under way at once bears its own token, in the first round and when all is prepared."""
    names = [f"token-number-{number}" for number in range(20)]
    async with raw(ok()) as server, client(server) as cobalt:
        for _ in range(3):
            await asyncio.gather(*(cobalt.with_token(name).tokens.list() for name in names))
    assert len(prepared) <= len(names)
    sent = [name for request in server.requests for name in names if f"Bearer {name}\r\n".encode() in request]
    assert sorted(sent) == sorted(names * 3)


async def test_of_many_kinds_of_readings_a_few_stay_prepared(prepared: list[hooks.Prepared]) -> None:
    """However many limits are asked for, no more than eight kinds of readings are kept."""
    async with raw(ok()) as server, client(server) as cobalt:
        for number in range(1, 21):
            await cobalt.tokens.list(limit=number)
        assert len(cobalt._root._transport._shelf._kinds) == 8
    assert len(prepared) == 20


async def test_a_walk_is_prepared_once(prepared: list[hooks.Prepared]) -> None:
    """Pages that cursors name are read with one prepared reading, which asks for each of them in turn."""
    names = [f"page{number}" for number in range(20)]
    async with raw(ok()) as server, client(server) as cobalt:
        for name in names:
            await cobalt.tokens.list(cursor=name)
    assert [request.split()[1] for request in server.requests] == [f"/tokens?cursor={name}".encode() for name in names]
    assert len(prepared) == 1


async def test_a_try_that_fails_leaves_nothing_prepared(prepared: list[hooks.Prepared]) -> None:
    """What was under way when a try broke is not sent again: the next one is prepared anew."""
    async with raw(reset, ok()) as server, client(server, retry=ONCE) as cobalt:
        await failure(cobalt.tokens.list(), errors.NoAnswerError)
        await cobalt.tokens.list()
        await cobalt.tokens.list()
    assert len(prepared) == 2


async def test_what_is_prepared_keeps_no_answer_and_no_token(prepared: list[hooks.Prepared]) -> None:
    """Once an answer is there, neither it nor the token stays with the prepared reading; and nothing shows one."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        assert cobalt._call is not None
        request = prepared[0]._request
        assert request.response is None
        assert TOKEN not in str(dict(request.headers))
        hunter = Hunter(TOKEN)
        for thing in (cobalt, cobalt._call, cobalt._call.route, prepared[0], vars(request)):
            hunter.look_inside(type(thing).__name__, thing)
    assert hunter.found == []


async def test_ask_goes_both_ways_too(by_session: Callable[[], list[str]]) -> None:
    """`_ask` is a reading like any other: prepared, and seen by who stands in `_request`'s place."""
    async with raw(answer(200, page())) as server, client(server) as cobalt:
        asked = (requests.list_tokens(limit=100), Secret("an-asked-token"), server.url, ONCE)
        plain = await cobalt._ask(*asked)
        seen = by_session()
        metered = await cobalt._ask(*asked)
    assert (plain.status, plain.body) == (metered.status, metered.body)
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
