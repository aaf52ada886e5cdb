import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from cobalt_async import Page, Token
from cobalt_async.errors import PaginationError
from cobalt_async.protocol import requests
from cobalt_async.protocol.cursor import Walk, next_query

BASE = "https://gateway.example.com/prefix"
FEW = (Token("api_a", "ci"),)


def walk(*, limit: int | None = None, cursor: str | None = None, max_pages: int = 100, max_items: int = 1000) -> Walk:
    """A walk that has asked for its first page."""
    first = requests.list_tokens(limit=limit, cursor=cursor)
    return Walk(first, limit=limit, cursor=cursor, max_pages=max_pages, max_items=max_items, version="v1")


@pytest.mark.parametrize(
    ("next_page", "limit", "query"),
    [
        ("/tokens?cursor=a1b2c3d4", None, "cursor=a1b2c3d4"),
        ("/tokens?cursor=a1b2c3d4", 100, "cursor=a1b2c3d4&limit=100"),
        ("/tokens?cursor=a1&limit=10", 100, "cursor=a1&limit=100"),
        ("/tokens?limit=10&cursor=a1", None, "limit=10&cursor=a1"),
        ("/tokens?limit=10&cursor=a1", 100, "cursor=a1&limit=100"),
        ("/tokens?cursor=a%2Bb%3D%3D&sort=name", 5, "cursor=a%2Bb%3D%3D&sort=name&limit=5"),
        ("/tokens?cursor=a+b==", None, "cursor=a+b=="),
    ],
)
def test_what_is_safe_is_followed(next_page: str, limit: int | None, query: str) -> None:
    """A path with one cursor is asked for as it stands, and the caller's `limit` is asked for again (F10)."""
    assert next_query(next_page, limit) == query


@pytest.mark.parametrize(
    "next_page",
    [
        "", "/", "/tokens", "/tokens?", "tokens?cursor=a", "/tokens?cursor=", "/tokens?cursor", "/tokens?x=1",
        "/tokens/?cursor=a", "/tokens/api_a?cursor=a", "/../tokens?cursor=a", "//evil.test/tokens?cursor=a",
        "https://evil.test/tokens?cursor=a", "https://api.cobalt.io/tokens?cursor=a", "http:/tokens?cursor=a",
        "/\t/evil.test", "\t/tokens?cursor=a", " /tokens?cursor=a", "/tokens?cursor=a ", "/tokens?cursor=a\n",
        "/tokens?cursor=a b", "/tokens?cursor=a#b", "/tokens?cursor=a\\b", "/tokens?cursor=a&cursor=b",
        "/tokens?cursor=ä", "/tokens?cursor=a%", "/tokens?cursor=a%0d%0ab", "/tokens?cursor=a%00",
        "/tokens?cursor=a&&limit=1", "/tokens?cursor=a&=1", "/tokens?cursor=a&b", "/tokens?&cursor=a",
        "/tokens?cursor=a&x=\"", "/Tokens?cursor=a", "/tokens;x?cursor=a", "/tokens?cursor=" + "a" * 4100,
    ],
)  # fmt: skip
def test_what_is_not_safe_is_not(next_page: str) -> None:
    """Another host, path or scheme, two cursors, blanks, control characters and the like are never followed."""
    assert next_query(next_page, None) is None
    with pytest.raises(PaginationError, match="safe to follow"):
        walk().turn(Page(FEW, next_page), delivered=1)


PATHS = st.text() | st.from_regex(r"/tokens\?[ -~]{0,40}") | st.from_regex(r"/tokens\?cursor=[!-~]{1,20}(&[a-z%=]+)?")


@given(PATHS, st.none() | st.integers(1, 1000))
def test_every_next_page_that_is_followed_stays_on_tokens(next_page: str, limit: int | None) -> None:
    """Whatever a server calls its next page: what is asked is `/tokens?…` under the base URL, to the letter."""
    query = next_query(next_page, limit)
    if query is None:
        return
    target = requests.reading(query, version="v1").target
    seen = URL(BASE + target, encoded=True)
    assert str(seen) == f"{BASE}/tokens?{query}"
    assert (seen.scheme, seen.host, seen.raw_path) == ("https", "gateway.example.com", "/prefix/tokens")
    assert seen.raw_query_string == query
    assert query.isascii()
    assert query.isprintable()
    assert not seen.fragment
    if limit is not None:
        assert [part for part in query.split("&") if part.startswith("limit=")] == [f"limit={limit}"]


@given(PATHS)
def test_what_is_followed_can_be_resumed(next_page: str) -> None:
    """The cursor of a page that would be followed is one that `cursor=` takes."""
    if next_query(next_page, None) is not None:
        cursor = Page((), next_page).next_cursor
        assert cursor is not None
        assert f"cursor={cursor}" in requests.list_tokens(cursor=cursor).target


def test_a_walk_ends_where_there_is_no_next_page() -> None:
    """The last page ends the walk, however many items it holds."""
    going = walk()
    assert going.turn(Page(FEW, "/tokens?cursor=a"), delivered=1) is not None
    assert going.turn(Page((), None), delivered=0) is None
    assert going.items == 1


def test_a_page_without_items_is_not_the_end() -> None:
    """An empty page that promises more is followed; the third in a row is a PaginationError."""
    going = walk()
    assert going.turn(Page((), "/tokens?cursor=a"), delivered=0) is not None
    assert going.turn(Page((), "/tokens?cursor=b"), delivered=0) is not None
    assert going.turn(Page(FEW, "/tokens?cursor=c"), delivered=1) is not None
    assert going.turn(Page((), "/tokens?cursor=d"), delivered=0) is not None
    assert going.turn(Page((), "/tokens?cursor=e"), delivered=0) is not None
    with pytest.raises(PaginationError, match="3 pages in a row hold nothing"):
        going.turn(Page((), "/tokens?cursor=f"), delivered=0)


@pytest.mark.parametrize("back", ["/tokens?cursor=a", "/tokens?cursor=b"])
def test_a_loop_is_seen(back: str) -> None:
    """A next_page that was read before is a PaginationError with the cursor of the page that holds it."""
    going = walk()
    going.turn(Page(FEW, "/tokens?cursor=a"), delivered=1)
    going.turn(Page(FEW, "/tokens?cursor=b"), delivered=1)
    with pytest.raises(PaginationError, match="read before") as caught:
        going.turn(Page(FEW, back), delivered=1)
    assert (caught.value.cursor, caught.value.items_so_far) == ("b", 3)


def test_a_loop_back_to_the_start_is_seen() -> None:
    """A walk that began at a cursor notices when it is led back there, its limit being asked for again."""
    with pytest.raises(PaginationError, match="read before"):
        walk(limit=5, cursor="a").turn(Page(FEW, "/tokens?cursor=a"), delivered=1)


def test_max_pages_is_a_cap_and_not_an_end() -> None:
    """After `max_pages` pages a listing that goes on is an error, one that ends there is whole."""
    going = walk(max_pages=1)
    with pytest.raises(PaginationError, match="goes on after max_pages=1 pages") as caught:
        going.turn(Page(FEW, "/tokens?cursor=a"), delivered=1)
    assert (caught.value.cursor, caught.value.items_so_far) == (None, 1)
    assert walk(max_pages=1).turn(Page(FEW, None), delivered=1) is None


def test_max_items_is_a_cap_and_not_an_end() -> None:
    """After `max_items` items a listing that goes on is an error, one that ends there is whole."""
    with pytest.raises(PaginationError, match="goes on after max_items=1 items"):
        walk(max_items=1).turn(Page(FEW, "/tokens?cursor=a"), delivered=1)
    with pytest.raises(PaginationError, match="goes on after max_items=1 items"):
        walk(max_items=1).turn(Page(FEW * 2, None), delivered=1, withheld=True)
    assert walk(max_items=1).turn(Page(FEW, None), delivered=1) is None


def test_room_is_what_may_still_be_delivered() -> None:
    """`room` counts down to 0 and no further."""
    going = walk(max_items=3)
    assert going.room == 3
    going.turn(Page(FEW, "/tokens?cursor=a"), delivered=1)
    assert going.room == 2
