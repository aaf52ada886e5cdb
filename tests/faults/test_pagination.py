"""P rows: a listing is complete or an error, and is never followed anywhere but along /tokens."""

import itertools
from typing import Any

import pytest

from cobalt_async import AsyncCobalt, Page, errors
from tests.faults.raw import Exchange, answer, client, failure, ok, page, raw

UNSAFE = {
    "P01": ["https://evil.test/tokens?cursor=a", "http://evil.test:80/tokens?cursor=a"],
    "P02": ["//evil.test/tokens?cursor=a", "///evil.test/tokens?cursor=a"],
    "P03": ["/\t/evil.test?cursor=a", "/\n/evil.test?cursor=a", " //evil.test?cursor=a", "\t/tokens?cursor=a"],
    "P04": ["http://localhost/tokens?cursor=a", "https://localhost/tokens?cursor=a"],
    "P06": ["/\\evil.test?cursor=a", "https:evil.test?cursor=a", "\\\\evil.test\\tokens?cursor=a"],
    "P07": ["/tokens/../admin?cursor=a", "/tokens/%2e%2e/admin?cursor=a", "/admin?cursor=a", "/tokens/?cursor=a"],
    "P08": [
        "/tokens?cursor=a\r\nX-Evil: 1",
        "/tokens?cursor=a b",
        "/tokens?cursor=a%0d%0ab",
        "/tokens?cursor=é",
        "/tokens?cursor=\ud800",
        "/tokens?cursor=a#b",
        "/tokens?cursor=%zz",
    ],
    "nothing to follow": ["", "/tokens", "/tokens?", "/tokens?cursor=", "/tokens?limit=5", "?cursor=a"],
    "two words": ["/tokens?cursor=a&cursor=b"],
}
CASES = [(row, value) for row, values in UNSAFE.items() for value in values]


async def everything(cobalt: AsyncCobalt, got: list[str], **arguments: Any) -> None:
    """Follow a listing, keeping what it delivers."""
    async for token in cobalt.tokens.iter(**arguments):
        got.append(token.id)  # noqa: PERF401 - one by one, since the walk may fail in the middle


@pytest.mark.parametrize(("row", "next_page"), CASES)
async def test_p01_to_p08_an_unsafe_next_page_is_not_followed(row: str, next_page: str) -> None:
    """P01 to P08: one request, the page is delivered, then PaginationError; `list` raises at once."""
    kind = errors.UnreadableError if "\ud800" in next_page else errors.PaginationError  # half a character is no text
    async with raw(ok("api_a", next_page=next_page)) as server, client(server) as cobalt:
        got: list[str] = []
        error = await failure(everything(cobalt, got), kind)
        assert len(server.requests) == 1, row
        await failure(cobalt.tokens.list(), kind)
    if isinstance(error, errors.PaginationError):
        assert (got, error.items_so_far, error.cursor) == (["api_a"], 1, None)
    assert "evil" not in str(error)


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_p09_p10_a_circle_ends_after_one_round(length: int) -> None:
    """P09, P10: a circle of one, two or more pages is noticed where it closes; each page was read once."""

    async def serve(exchange: Exchange) -> None:
        number = len(server.requests) - 1
        await exchange.say(ok(f"api_{number}", next_page=f"/tokens?cursor=c{number % length}"))

    async with raw(serve) as server, client(server) as cobalt:
        got: list[str] = []
        error = await failure(everything(cobalt, got), errors.PaginationError)
    assert len(server.requests) == length + 1
    assert error.items_so_far == len(got) == length + 1


@pytest.mark.parametrize(("cap", "requests", "items"), [({"max_pages": 7}, 7, 7), ({"max_items": 5}, 5, 5)])
async def test_p11_endless_cursors_meet_a_cap(cap: dict[str, int], requests: int, items: int) -> None:
    """P11: ever new cursors end at max_pages or max_items, with a cursor to resume from."""
    count = itertools.count()

    async def serve(exchange: Exchange) -> None:
        number = next(count)
        await exchange.say(ok(f"api_{number}", next_page=f"/tokens?cursor=c{number}"))

    async with raw(serve) as server, client(server) as cobalt:
        got: list[str] = []
        error = await failure(everything(cobalt, got, **cap), errors.PaginationError)
    assert (len(server.requests), len(got), error.items_so_far) == (requests, items, items)
    assert error.cursor == f"c{requests - 2}"


@pytest.mark.parametrize("value", [False, True, 5, 1.5, {}, []])
async def test_p13_a_next_page_of_another_type_is_unreadable(value: object) -> None:
    """P13: a next_page that is no string and not null is UnreadableError naming its path."""
    async with raw(ok(next_page=value)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert "pagination.next_page" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("pagination", "where"), [(..., "pagination"), (None, "pagination"), ({}, "next_page")])
async def test_p14_a_listing_must_say_whether_it_goes_on(pagination: object, where: str) -> None:
    """P14: a missing or null `pagination`, or one without next_page, is UnreadableError; a null next_page ends."""
    body = page("api_a")
    if pagination is ...:
        del body["pagination"]
    else:
        body["pagination"] = pagination
    async with raw(answer(200, body), ok("api_a")) as server, client(server) as cobalt:
        assert where in str(await failure(cobalt.tokens.list(), errors.UnreadableError))
        assert (await cobalt.tokens.list()).next_page is None
    assert len(server.requests) == 2


async def test_p15_empty_pages_end() -> None:
    """P15: pages that hold nothing and promise more end after three in a row."""

    async def serve(exchange: Exchange) -> None:
        await exchange.say(answer(200, page(next_page=f"/tokens?cursor=c{len(server.requests)}")))

    async with raw(serve) as server, client(server) as cobalt:
        error = await failure(everything(cobalt, []), errors.PaginationError)
    assert (len(server.requests), error.items_so_far, error.cursor) == (3, 0, "c2")


async def test_p16_a_token_on_two_pages_comes_once() -> None:
    """P16: when the list changes meanwhile, `iter` gives each id once; `pages` shows what was sent."""
    shifting = (ok("api_a", "api_b", next_page="/tokens?cursor=c1"), ok("api_b", "api_c"))
    async with raw(*shifting, *shifting) as server, client(server) as cobalt:
        got: list[str] = []
        await everything(cobalt, got)
        pages: list[Page] = [page async for page in cobalt.tokens.pages()]
    assert got == ["api_a", "api_b", "api_c"]
    assert sum(len(page.items) for page in pages) == 4
    assert len(server.requests) == 4


async def test_p17_a_509_in_the_middle_goes_on_with_the_same_cursor() -> None:
    """P17: a 509 in the middle of a walk waits, asks the same page again, and nothing comes twice."""
    throttled = answer(509, {}, Retry_After="0")
    async with (
        raw(
            ok("api_a", next_page="/tokens?cursor=c1"),
            ok("api_b", next_page="/tokens?cursor=c2"),
            throttled,
            ok("api_c"),
        ) as server,
        client(server) as cobalt,
    ):
        got: list[str] = []
        await everything(cobalt, got)
    assert got == ["api_a", "api_b", "api_c"]
    assert [request.split(b" ")[1] for request in server.requests[2:]] == [b"/tokens?cursor=c2"] * 2
