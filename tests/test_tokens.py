import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import pytest

from cobalt_async import AsyncCobalt, Page, RetryPolicy, Secret, Token
from cobalt_async.errors import (
    BadRequestError,
    ConfigurationError,
    NoAnswerError,
    NotSentError,
    PaginationError,
    RateLimitedError,
    ServerError,
    UnauthorizedError,
    UnreadableError,
)
from cobalt_async.protocol.answers import Response
from cobalt_async.testing import CobaltSandbox, RateLimit, SandboxUser
from tests.virtual_time import Desk, FakeTransport, Held, Outcome, answer, now, settle, virtually

T = TypeVar("T")


@pytest.fixture
async def sandbox() -> AsyncIterator[CobaltSandbox]:
    """A sandbox with three tokens a page."""
    async with CobaltSandbox(page_size=3) as opened:
        yield opened


@pytest.fixture
def ada(sandbox: CobaltSandbox) -> SandboxUser:
    """A user with ten tokens: four pages."""
    return sandbox.add_user("ada", tokens=10)


@pytest.fixture
async def cobalt(sandbox: CobaltSandbox, ada: SandboxUser) -> AsyncIterator[AsyncCobalt]:
    """Ada's client."""
    async with AsyncCobalt(ada.tokens[0].secret, base_url=sandbox.url) as opened:
        yield opened


def page(number: int, *, after: str | None = None, first: int = 0) -> Response:
    """A page of so many tokens, `api_<first>` and on."""
    rows = ",".join(f'{{"resource":{{"id":"api_{first + place}","name":"ci"}}}}' for place in range(number))
    following = "null" if after is None else f'"{after}"'
    return answer(200, f'{{"data":[{rows}],"pagination":{{"next_page":{following}}}}}'.encode())


async def ids(cobalt: AsyncCobalt, **arguments: Any) -> list[str]:
    """What `iter` gives, by id."""
    return [token.id async for token in cobalt.tokens.iter(**arguments)]


async def until_stuck(items: AsyncGenerator[T]) -> tuple[list[T], PaginationError]:
    """What a generator gave before it could not go on, and why."""
    got: list[T] = []
    with pytest.raises(PaginationError) as caught:
        async for item in items:
            got.append(item)  # noqa: PERF401 - a comprehension that fails gives nothing
    return got, caught.value


async def test_list_gives_one_page(cobalt: AsyncCobalt, ada: SandboxUser) -> None:
    """`list` is one request and one page, with its tokens in order and the way to the next."""
    page = await cobalt.tokens.list()
    first = ada.tokens[0]
    assert isinstance(page, Page)
    assert page.items[0] == Token(first.id, first.name, first.secret[-4:], None)
    assert [token.id for token in page.items] == [token.id for token in ada.tokens[:3]]
    assert page.prev_cursor is None
    assert page.next_cursor


async def test_list_takes_a_pages_cursor(cobalt: AsyncCobalt, ada: SandboxUser) -> None:
    """`cursor=page.next_cursor` is the page after it, `prev_cursor` leads back, and `limit` goes along."""
    first = await cobalt.tokens.list(limit=4)
    second = await cobalt.tokens.list(limit=4, cursor=first.next_cursor)
    assert [token.id for token in second.items] == [token.id for token in ada.tokens[4:8]]
    assert (await cobalt.tokens.list(limit=4, cursor=second.prev_cursor)).items == first.items


async def test_without_a_limit_none_is_sent(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """`limit=None` leaves it to the server (F9)."""
    await cobalt.tokens.list()
    assert sandbox.requests[0].path == "/tokens"


async def test_iter_gives_every_token_once(cobalt: AsyncCobalt, ada: SandboxUser, sandbox: CobaltSandbox) -> None:
    """`iter` follows next_page to the end."""
    assert await ids(cobalt) == [token.id for token in ada.tokens]
    assert len(sandbox.requests) == 4


async def test_iter_asks_for_its_limit_on_every_page(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """`iter(limit=4)` asks for 4 on every page, though the documented next_page carries no limit (F10)."""
    await ids(cobalt, limit=4)
    assert [request.path.count("limit=4") for request in sandbox.requests] == [1, 1, 1]


async def test_a_limit_in_next_page_is_not_doubled() -> None:
    """Where next_page keeps the limit, it is asked for once."""
    async with CobaltSandbox(next_page_keeps_limit=True) as sandbox:
        secret = sandbox.add_user("ada", tokens=10).tokens[0].secret
        async with AsyncCobalt(secret, base_url=sandbox.url) as cobalt:
            assert len(await ids(cobalt, limit=4)) == 10
        assert [request.path.count("limit=") for request in sandbox.requests] == [1, 1, 1]


async def test_pages_gives_the_pages(cobalt: AsyncCobalt) -> None:
    """`pages` gives what `iter` reads, page by page."""
    assert [len(page.items) async for page in cobalt.tokens.pages()] == [3, 3, 3, 1]


async def test_a_user_without_other_tokens_is_one_page(sandbox: CobaltSandbox) -> None:
    """A listing of one token is that token, and no second request."""
    lone = sandbox.add_user("bob").tokens[0]
    async with AsyncCobalt(lone.secret, base_url=sandbox.url) as cobalt:
        assert await ids(cobalt) == [lone.id]
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("method", ["iter", "pages"])
def test_they_are_async_generators(method: str) -> None:
    """`iter` and `pages` are async generators, so that they can be closed early."""
    desk = Desk(FakeTransport())
    assert inspect.isasyncgen(getattr(desk.tokens, method)())


@pytest.mark.parametrize("method", ["iter", "pages"])
@pytest.mark.parametrize(
    "arguments",
    [{"limit": 0}, {"limit": True}, {"cursor": ""}, {"max_pages": 0}, {"max_items": "1"}, {"deadline": -1}],
    ids=str,
)
def test_wrong_arguments_are_told_at_the_call(method: str, arguments: dict[str, object]) -> None:
    """A wrong argument of `iter` and `pages` is a ConfigurationError where they are called, not where they run."""
    with pytest.raises(ConfigurationError, match=f"^{next(iter(arguments))}: "):
        getattr(Desk(FakeTransport()).tokens, method)(**arguments)


@virtually
async def test_wrong_arguments_of_list_are_told_before_anything_is_sent() -> None:
    """`list` checks `limit`, `cursor` and `deadline` first."""
    desk = Desk(FakeTransport())
    wrong: list[dict[str, Any]] = [{"limit": 0}, {"cursor": "a b"}, {"deadline": 0}]
    for arguments in wrong:
        with pytest.raises(ConfigurationError, match=f"^{next(iter(arguments))}: "):
            await desk.tokens.list(**arguments)
    assert desk.transport.sent == []


@pytest.mark.parametrize("path", ["//evil.test/tokens?cursor=a", "https://evil.test/tokens?cursor=a", "/tokens", ""])
async def test_an_unsafe_next_page_is_never_followed(cobalt: AsyncCobalt, sandbox: CobaltSandbox, path: str) -> None:
    """`list` raises PaginationError; `pages` and `iter` deliver that page first, then raise; nothing is asked."""
    body = {"data": [{"resource": {"id": "api_a", "name": "ci"}}], "pagination": {"next_page": path}}
    sandbox.faults.answer(200, body, times=3)
    with pytest.raises(PaginationError) as caught:
        await cobalt.tokens.list(cursor="a1")
    assert (caught.value.cursor, caught.value.items_so_far) == ("a1", 0)
    pages, error = await until_stuck(cobalt.tokens.pages())
    assert [token.id for page in pages for token in page.items] == ["api_a"]
    tokens, error = await until_stuck(cobalt.tokens.iter())
    assert [token.id for token in tokens] == ["api_a"]
    assert (error.cursor, error.items_so_far) == (None, 1)
    assert len(sandbox.requests) == 3


@virtually
async def test_a_page_that_pages_delivers_can_be_asked_for_its_cursor() -> None:
    """A page with a next_page that is no URL at all is delivered, can be used, and then PaginationError comes."""
    desk = Desk(FakeTransport(page(1, after="//[")))
    with pytest.raises(PaginationError):
        async for got in desk.tokens.pages():
            assert got.next_cursor is None


@virtually
async def test_a_loop_ends_in_an_error() -> None:
    """A listing that leads back to a page that was read is a PaginationError, after each page came once."""
    desk = Desk(
        FakeTransport(
            page(1, after="/tokens?cursor=a"),
            page(1, first=1, after="/tokens?cursor=b"),
            page(1, first=2, after="/tokens?cursor=a"),
        )
    )
    got, error = await until_stuck(desk.tokens.iter())
    assert [token.id for token in got] == ["api_0", "api_1", "api_2"]
    assert "3 items were delivered" in str(error)
    assert error.cursor == "b"


async def test_max_pages_is_a_cap_and_not_an_end(cobalt: AsyncCobalt, ada: SandboxUser) -> None:
    """After `max_pages` a listing that goes on raises; its `.cursor` reads the last page again and goes on."""
    got, error = await until_stuck(cobalt.tokens.iter(max_pages=2))
    assert (len(got), error.items_so_far) == (6, 6)
    assert "max_pages=2" in str(error)
    rest = [token.id async for token in cobalt.tokens.iter(cursor=error.cursor)]
    assert rest == [token.id for token in ada.tokens[3:]]
    assert len(await ids(cobalt, max_pages=4)) == 10


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
async def test_max_items_is_a_cap_and_not_an_end(cobalt: AsyncCobalt, ada: SandboxUser, most: int) -> None:
    """After `max_items` a listing that goes on raises, in the middle of a page too; resuming misses nothing."""
    got, error = await until_stuck(cobalt.tokens.iter(max_items=most))
    assert len(got) == error.items_so_far == most
    assert f"max_items={most} items" in str(error)
    rest = [token async for token in cobalt.tokens.iter(cursor=error.cursor)]
    assert {token.id for token in (*got, *rest)} == {token.id for token in ada.tokens}


async def test_a_cap_that_fits_exactly_is_no_error(cobalt: AsyncCobalt) -> None:
    """Exactly as many items as the cap allows is a whole listing."""
    assert len(await ids(cobalt, max_items=10)) == 10


async def test_resuming_after_a_failure_misses_nothing(
    cobalt: AsyncCobalt, sandbox: CobaltSandbox, ada: SandboxUser
) -> None:
    """`pages` can be taken up at the `next_cursor` of the last page that came."""
    cursor: str | None = None
    got: list[str] = []
    with pytest.raises(UnreadableError):
        async for page in cobalt.tokens.pages():
            got += [token.id for token in page.items]
            cursor = page.next_cursor
            if len(got) == 6:
                sandbox.faults.answer(200, "not JSON")
    got += [token.id async for token in cobalt.tokens.iter(cursor=cursor)]
    assert got == [token.id for token in ada.tokens]


async def test_a_token_on_two_pages_comes_once(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """Where the listing moves under the walk, `iter` gives a token once."""
    one = {"resource": {"id": "api_a", "name": "ci"}}
    two = {"resource": {"id": "api_b", "name": "ci"}}
    sandbox.faults.answer(200, {"data": [one], "pagination": {"next_page": "/tokens?cursor=x"}})
    sandbox.faults.answer(200, {"data": [one, two], "pagination": {"next_page": None}})
    assert await ids(cobalt) == ["api_a", "api_b"]


async def test_an_error_on_a_later_page_is_raised(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """A listing is never silently short: what goes wrong on page two is raised there."""
    for status, kind in ((401, UnauthorizedError), (400, BadRequestError), (404, Exception)):
        got = 0
        with pytest.raises(kind):
            async for _ in cobalt.tokens.iter():
                got += 1
                if got == 3:
                    sandbox.faults.answer(status)
        assert got == 3


async def test_leaving_early_leaves_nothing(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """After `break` and `aclose()` no request is under way and no task is left."""
    await cobalt.tokens.list()  # the connection is there, and the server's task behind it
    before = asyncio.all_tasks()
    going = cobalt.tokens.iter()
    async for _ in going:
        break
    await going.aclose()
    assert len(sandbox.requests) == 2
    assert asyncio.all_tasks() == before
    gc.collect()
    assert len((await cobalt.tokens.list()).items) == 3


async def test_an_unfinished_walk_holds_no_connection(sandbox: CobaltSandbox, ada: SandboxUser) -> None:
    """Between two pages no connection is held: with a pool of one, other calls go on."""
    async with AsyncCobalt(ada.tokens[0].secret, base_url=sandbox.url, max_connections=1) as cobalt:
        going = cobalt.tokens.pages()
        await anext(going)
        assert len((await cobalt.tokens.list()).items) == 3
        await going.aclose()


async def test_a_walk_under_a_callers_timeout_is_not_torn(cobalt: AsyncCobalt) -> None:
    """A consumer's own timeout around one step is the consumer's: the walk goes on (PEP 789)."""
    going = cobalt.tokens.pages()
    async with asyncio.timeout(30):
        await anext(going)
    async with asyncio.timeout(30):
        assert len((await anext(going)).items) == 3
    await going.aclose()


async def test_a_walk_goes_on_with_the_secret_of_the_moment(cobalt: AsyncCobalt, sandbox: CobaltSandbox) -> None:
    """`use_token` in the middle of a walk: the next page is asked for with the new secret."""
    going = cobalt.tokens.pages()
    await anext(going)
    token = sandbox.users[0].tokens[0]
    cobalt.use_token(token.refresh())
    assert len([page async for page in going]) == 3
    assert sandbox.requests[-1].headers["Authorization"] == f"Bearer {token.secret}"


@virtually
async def test_a_deadline_counts_all_tries() -> None:
    """`deadline` is for the whole call: tries and waits together, and ends with what the last try met."""
    desk = Desk(FakeTransport(*[answer(503)] * 3), retry=RetryPolicy(tries=10, base=4.0, cap=4.0))
    with pytest.raises(ServerError):
        await desk.tokens.list(deadline=5.0)
    assert (now(), len(desk.transport.sent)) == (4.0, 3)


@virtually
async def test_a_deadline_is_passed_on_to_each_try() -> None:
    """The transport is told the moment at which the call ends, the same on every page."""
    desk = Desk(FakeTransport(page(1, after="/tokens?cursor=a"), page(1, first=1)))
    await asyncio.sleep(100)
    assert [token.id async for token in desk.tokens.iter(deadline=50.0)] == ["api_0", "api_1"]
    assert [sent.route.deadline for sent in desk.transport.sent] == [150.0, 150.0]


@virtually
async def test_a_deadline_counts_the_consumers_own_time() -> None:
    """A consumer who takes too long over a page gets an error for the next, and it is not sent."""
    desk = Desk(FakeTransport(page(1, after="/tokens?cursor=a")))
    with pytest.raises((NotSentError, NoAnswerError), match="the deadline passed"):
        async for _ in desk.tokens.iter(deadline=5.0):
            await asyncio.sleep(6)
    assert len(desk.transport.sent) == 1


@virtually
async def test_a_deadline_while_parked_is_a_rate_limit() -> None:
    """A deadline that would pass while the window is closed is RateLimitedError, at once, with the wait."""
    desk = Desk(FakeTransport(answer(509)))
    with pytest.raises(RateLimitedError) as caught:
        await desk.tokens.list(deadline=10.0)
    assert caught.value.retry_after == 60.0
    with pytest.raises(RateLimitedError):
        await desk.tokens.list(deadline=10.0)
    assert (now(), len(desk.transport.sent)) == (0.0, 1)


@virtually
async def test_cancelling_a_listing_ends_it_at_once() -> None:
    """A reading is not must-finish: a cancellation goes straight through."""
    held = Held(answer())
    desk = Desk(FakeTransport(held))
    caller = asyncio.create_task(desk.tokens.list())
    await held.arrived.wait()
    caller.cancel()
    await settle()
    assert caller.cancelled()


async def test_the_documented_limit_is_lived_with() -> None:
    """With the documented windows on, a walk of 30 pages at once with others stays within them."""
    async with CobaltSandbox(page_size=1, rate_limit=RateLimit(get=100, mutate=20)) as sandbox:
        secret = sandbox.add_user("ada", tokens=30).tokens[0].secret
        async with AsyncCobalt(secret, base_url=sandbox.url) as cobalt:
            walks = await asyncio.gather(*[ids(cobalt) for _ in range(3)])
        assert [len(walk) for walk in walks] == [30, 30, 30]
        assert len(sandbox.requests) == 90


async def test_tokens_of_one_user_share_a_window_at_the_server() -> None:
    """Two tokens of one user meet one window (F23): the second's 509 is a RateLimitedError where it may not wait."""
    async with CobaltSandbox(rate_limit=RateLimit(get=1, mutate=1), retry_after=True) as sandbox:
        one, two = sandbox.add_user("ada", tokens=2).tokens
        async with AsyncCobalt(one.secret, base_url=sandbox.url, retry=RetryPolicy(max_wait=0)) as cobalt:
            await cobalt.tokens.list()
            with pytest.raises(RateLimitedError) as caught:
                await cobalt.with_token(two.secret).tokens.list()
        assert caught.value.status == 509
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after <= 60


@virtually
async def test_a_failure_of_a_walk_names_no_cursor() -> None:
    """The name of the request in an error is its path: a cursor stays out of logs."""

    async def broken() -> Outcome:
        return NoAnswerError("GET /tokens", "the connection broke")

    desk = Desk(FakeTransport(broken), retry=RetryPolicy(tries=1))
    with pytest.raises(NoAnswerError, match="^GET /tokens got no whole answer"):
        await desk.tokens.list(cursor="a1")
    assert desk.transport.sent[0].route.secret == Secret("token-of-this-test")
