"""Whatever a server says or a caller gives, drawn by Hypothesis and carried over a real connection, in virtual time."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cobalt_async import AsyncCobalt, Page, RefreshedToken, RetryPolicy, Secret, errors
from tests.faults.raw import NEW_SECRET, TOKEN, TOKEN_ID, Answer, Server, answer, judge, ok, page, raw, refreshed
from tests.virtual_time import VirtualLoop

Call = Callable[[AsyncCobalt], Awaitable[object]]

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
AT_ONCE = RetryPolicy(tries=2, base=0, max_wait=0)


def over_the_wire(served: Answer, *calls: Call, token: str | Secret = TOKEN) -> tuple[list[object], Server]:
    """What calls of one client come to, one after the other: values, or errors of ours that tell nothing."""

    async def run() -> tuple[list[object], Server]:
        outcomes: list[object] = []
        async with raw(served) as server:
            base_url = f"http://127.0.0.1:{server.port}"
            async with AsyncCobalt(token, base_url=base_url, retry=AT_ONCE) as cobalt:
                for call in calls:
                    try:
                        outcomes.append(await call(cobalt))
                    except Exception as error:  # noqa: BLE001 - what it is, is judged
                        judge(error)
                        assert error.__context__ is None
                        outcomes.append(error)
        return outcomes, server

    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        return runner.run(run())


async def reading(cobalt: AsyncCobalt) -> object:
    """One page."""
    return await cobalt.tokens.list()


async def refreshing(cobalt: AsyncCobalt) -> object:
    """One refresh."""
    return await cobalt.tokens.refresh(TOKEN_ID)


def targets(server: Server) -> list[str]:
    """What was asked for, as it stood in the request lines."""
    return [request.split(b" ")[1].decode("ascii") for request in server.requests]


# ---- bodies

NAMES = st.sampled_from(["data", "pagination", "next_page", "resource", "id", "name", "secret", "expire_at", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
ROWS = st.fixed_dictionaries({"resource": st.fixed_dictionaries({"id": LEAVES | st.just("api_a"), "name": LEAVES})})
PAGES = st.fixed_dictionaries(
    {"data": st.lists(ROWS | VALUES, max_size=2), "pagination": st.just({"next_page": None}) | VALUES}
)
REFRESHED = st.fixed_dictionaries(
    {"id": st.just(TOKEN_ID) | LEAVES, "name": LEAVES, "secret": st.just(NEW_SECRET) | LEAVES},
    optional={"expire_at": LEAVES, "resource": VALUES},
)


@quick
@given(PAGES | VALUES)
def test_any_json_is_the_page_that_it_says_or_unreadable(body: Any) -> None:
    """A JSON body is the very ids that stand in it, all of them, or UnreadableError; it is asked for once."""
    [outcome], server = over_the_wire(answer(200, body), reading)
    assert len(server.requests) == 1
    if isinstance(outcome, Page):
        assert [token.id for token in outcome.items] == [row["resource"]["id"] for row in body["data"]]
        assert outcome.next_page == body["pagination"]["next_page"]
    else:
        assert isinstance(outcome, errors.UnreadableError)


@quick
@given(REFRESHED | VALUES)
@example({"resource": refreshed(), "id": 5})
def test_any_json_gives_the_secret_that_stands_in_it_or_none(body: Any) -> None:
    """The answer to a refresh: a secret that comes out stood in it, one that stood there comes out, and one POST."""
    [outcome], server = over_the_wire(answer(200, body), refreshing)
    assert len(server.requests) == 1
    fresh = outcome if isinstance(outcome, RefreshedToken) else getattr(outcome, "refreshed", None)
    if fresh is None:
        assert type(outcome) is errors.RefreshInDoubtError
        assert json.dumps(body).count(f'"secret": "{NEW_SECRET}"') == 0 or len(secrets_in(body)) > 1
    else:
        assert isinstance(outcome, RefreshedToken) or type(outcome) is errors.RefreshError
        assert fresh.secret.reveal() in secrets_in(body)


def secrets_in(value: Any) -> set[str]:
    """Every string that stands under the name `secret` in a JSON value, and could be one."""
    found = set()
    if isinstance(value, dict):
        text = value.get("secret")
        found = {text} if isinstance(text, str) and re.fullmatch(r"[!-~]{1,512}", text) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found.union(*map(secrets_in, inner))


# ---- next_page

PATHS = (
    st.text(max_size=40)
    | st.from_regex(r"\A/tokens\?cursor=[!-~]{1,20}\Z")
    | st.from_regex(r"\A(https?:)?//[a-z.]{1,9}/tokens\?cursor=[a-z]{1,5}\Z")
    | st.from_regex(r"\A/tokens\?(cursor|limit|x)=[a-z0-9%]{0,5}(&(cursor|limit|x)=[a-z0-9%]{0,5}){0,3}\Z")
)


@quick
@given(PATHS)
@example("/tokens?cursor=abc&limit=5")
@example("//evil.test/tokens?cursor=a")
def test_any_next_page_is_asked_for_as_it_stands_or_not_at_all(next_page: str) -> None:
    """A `next_page` is asked for to the byte, at our own host, or ends in PaginationError; what came is delivered."""
    got: list[str] = []

    async def walk(cobalt: AsyncCobalt) -> None:
        async for token in cobalt.tokens.iter():
            got.append(token.id)  # noqa: PERF401 - one by one, since the walk may fail

    async def serve(exchange: Any) -> None:
        first = len(seen) == 0
        seen.append(exchange.request)
        await exchange.say(ok("api_a", next_page=next_page) if first else ok("api_b"))

    seen: list[bytes] = []
    [outcome], server = over_the_wire(serve, walk)
    assert all(f"Host: 127.0.0.1:{server.port}".encode() in request for request in server.requests)
    if outcome is None:
        assert (targets(server), got) == (["/tokens", next_page], ["api_a", "api_b"])
        assert sum(name == "cursor" for name, _ in parse_qsl(urlsplit(next_page).query)) == 1
    else:
        assert isinstance(outcome, errors.UnreadableError)
        assert targets(server) == ["/tokens"]
        assert got == (["api_a"] if isinstance(outcome, errors.PaginationError) else [])


# ---- headers

LATIN = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=20)
NUMBERS = st.integers(-(10**12), 10**12).map(str) | st.sampled_from(["0", "1e3", "nan", "-0", "+5", "1_0", "0x10", ""])
WEIRD = st.lists(
    st.tuples(
        st.sampled_from(["X-Rate-Limit-Remaining", "X-Rate-Limit-Limit", "Retry-After", "Set-Cookie", "Location",
                         "Connection", "Date", "X-Any"]),
        NUMBERS | LATIN,
    )
    | st.tuples(st.just("Content-Type"), LATIN | st.sampled_from(["application/json", "text/html", "a/b+json"]))
    | st.tuples(st.just("Content-Encoding"), LATIN | st.sampled_from(["gzip", "deflate", "br", "identity", "GZIP, br"]))
    | st.tuples(st.just("Content-Length"), NUMBERS)
    | st.tuples(st.just("Transfer-Encoding"), st.sampled_from(["chunked", "identity", "gzip, chunked", "x"])),
    max_size=6,
)  # fmt: skip


@quick
@given(st.sampled_from([200, 200, 201, 401, 429, 503, 509]), WEIRD, st.booleans())
def test_any_headers_end_in_a_value_or_an_error_of_ours(status: int, lines: list[tuple[str, str]], true: bool) -> None:
    """Doubled, contradictory and senseless headers: the whole value, or an error with a name; never a part of a list.

    Whatever the first answer was, a second call ends too, and no request carries a cookie.
    """
    body = json.dumps(page("api_a", "api_b") | refreshed()).encode()
    given_lines = [*lines, ("Content-Length", str(len(body)))] if true else lines
    head = "".join(f"{name}: {value}\r\n" for name, value in given_lines)
    data = f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + body
    [first, second, fresh], server = over_the_wire(data, reading, reading, refreshing)
    for outcome in (first, second):
        if isinstance(outcome, Page):
            assert status == 200
            assert [token.id for token in outcome.items] == ["api_a", "api_b"]
        else:
            assert isinstance(outcome, errors.CobaltError)
            assert not isinstance(outcome, errors.ConfigurationError | errors.RefreshError)
    held = fresh if isinstance(fresh, RefreshedToken) else getattr(fresh, "refreshed", None)
    assert held is None or held.secret.reveal() == NEW_SECRET
    assert sum(request.startswith(b"POST") for request in server.requests) <= 1
    assert not any(b"\r\ncookie:" in request.lower() for request in server.requests)


@quick
@given(LATIN | NUMBERS | st.integers(0, 10**9).map(str), st.sampled_from([429, 509]))
@example("120", 429)
@example("  7 ", 509)
def test_any_retry_after_is_a_bounded_number_of_seconds(value: str, status: int) -> None:
    """A Retry-After is surfaced as seconds, 0 or more and finite; digits are taken at their word, one request each."""
    [outcome], server = over_the_wire(answer(status, {}, Retry_After=value), reading)
    if isinstance(outcome, errors.UnreadableError):  # a control character in a header is no HTTP
        assert not value.isprintable()
        return
    assert type(outcome) is errors.RateLimitedError
    assert outcome.retry_after is not None
    assert 0 <= outcome.retry_after <= 10**12
    digits = value.strip(" \t")
    if re.fullmatch(r"[0-9]{1,10}", digits, re.ASCII):
        assert outcome.retry_after == float(digits)
        assert len(server.requests) == (2 if float(digits) == 0 else 1)  # what says "now" is asked once more


# ---- what callers give

BENDING = st.text("aZ09_-.~%2f/?#&=;:@ \\\t", min_size=1, max_size=12)  # what has a meaning of its own in a URL
TEXTS = BENDING | st.text(max_size=30) | st.from_regex(r"\A[!-~]{1,40}\Z") | LATIN
CANARY = "canary-Given-0123456789"


@quick
@given(TEXTS, TEXTS)
@example("", "")
@example("", "\n")
@example("a ", "")
@example("", "x" * 490)
def test_a_token_goes_over_the_wire_unharmed_or_is_refused(before: str, after: str) -> None:
    """A token that is accepted stands in the header to the byte; any other is refused and not repeated."""
    token = f"{before}{CANARY}{after}"
    if re.fullmatch(r"[!-~]{1,512}", token):
        _, server = over_the_wire(ok(), reading, token=token)
        assert f"\r\nAuthorization: Bearer {token}\r\n".encode() in server.requests[0]
        assert server.requests[0].count(CANARY.encode()) == 1
        return
    for make in (Secret, AsyncCobalt, AsyncCobalt("t").with_token, AsyncCobalt("t").use_token):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is looked at
            make(token)
        assert make is Secret or isinstance(caught.value, errors.ConfigurationError)
        assert CANARY not in str(caught.value)


@quick
@given(st.from_regex(r"\Aapi_[A-Za-z0-9]{1,30}\Z") | (BENDING | st.text(max_size=9)).map("api_{}".format) | TEXTS)
@example("api_a\n")
@example("api_\u0661")
@example("api_a/../b")
def test_an_id_is_one_segment_of_the_path_or_nothing_is_sent(token_id: str) -> None:
    """`refresh` posts to /tokens/{id}/refresh and nowhere else, or is a ConfigurationError and opens no connection."""
    [outcome], server = over_the_wire(answer(200, refreshed()), lambda cobalt: cobalt.tokens.refresh(token_id))
    if isinstance(outcome, RefreshedToken):
        assert re.fullmatch(r"api_[A-Za-z0-9]+", token_id)
        assert server.requests[0].startswith(f"POST /tokens/{token_id}/refresh HTTP/1.1\r\n".encode())
        assert len(server.requests) == 1
    else:
        assert type(outcome) is errors.ConfigurationError
        assert server.connections == 0


LIMITS = st.none() | st.integers() | st.integers(1, 1000) | st.booleans() | st.floats() | st.text(max_size=3)
CURSORS = st.none() | st.from_regex(r"\A[A-Za-z0-9._~%+=/-]{1,30}\Z") | TEXTS | st.integers()


@quick
@given(LIMITS, CURSORS)
@example(None, "a%20b")
@example(5, "a%2Bb==")
@example(5, "a&limit=1")
def test_limit_and_cursor_are_parameters_or_nothing_is_sent(limit: Any, cursor: Any) -> None:
    """`limit` and `cursor` go out as they came in, as one parameter each, or are a ConfigurationError and no I/O."""
    [outcome], server = over_the_wire(ok(), lambda cobalt: cobalt.tokens.list(limit=limit, cursor=cursor))
    if isinstance(outcome, Page):
        asked = [f"cursor={cursor}"] * (cursor is not None) + [f"limit={limit}"] * (limit is not None)
        assert targets(server) == ["/tokens" + "?" * bool(asked) + "&".join(asked)]
        assert not isinstance(limit, bool | float | str)
        parts = urlsplit(targets(server)[0])
        assert [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)] == [
            name for name, value in (("cursor", cursor), ("limit", limit)) if value is not None
        ]
        assert parts.fragment == ""
    else:
        assert type(outcome) is errors.ConfigurationError
        assert server.connections == 0
