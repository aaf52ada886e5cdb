"""The extra `speed` changes no page and no error: what msgspec takes, the converter takes too, and reads alike."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Page
from cobalt_async.protocol import typed, wire

USUAL = {
    "data": [
        {"resource": {"id": "api_1", "name": "Zoë \u2028 \x7f", "last_characters": "9q00", "expire_at": None}},
        {"resource": {"id": "api_2", "name": ""}},
    ],
    "pagination": {"next_page": "/tokens?cursor=a1", "prev_page": None},
}
BODY = json.dumps(USUAL, ensure_ascii=False).encode()
DEEP = b"[" * 5000 + b"]" * 5000
ODD = (
    b"null",
    b"5",
    b"-01",
    b"1.",
    b"NaN",
    b'"\x01"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\q"',
    b"[1,]",
    b"1" * 5000,
    DEEP,
    b'"2026-01-01T00:00:00"',
)


@pytest.fixture
def installed() -> None:
    """The extra is there; else there is nothing to compare."""
    pytest.importorskip("msgspec", reason="of the extra speed")


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation without the extra."""
    monkeypatch.setitem(sys.modules, "msgspec", None)
    typed._decoder.cache_clear()
    yield
    typed._decoder.cache_clear()


def by_converter(body: bytes) -> Page:
    """A page as an installation without the extra reads it."""
    return wire._page(wire.load(body), body)


def said(body: bytes, read: Any) -> Page | str:
    """The page, or the flaw in words."""
    try:
        page = read(body)
    except wire.Flaw as flaw:
        return str(flaw)
    assert isinstance(page, Page)
    return page


def alike(body: bytes) -> None:
    """With and without the extra: the same page, or the same words."""
    assert said(body, wire.read_page) == said(body, by_converter)
    page = typed.read_usual_page(body)
    assert page is None or page == by_converter(body)


@pytest.mark.usefixtures("installed")
def test_usual_page() -> None:
    """A page that is as documented is read by msgspec; a missing `last_characters` reads as None."""
    page = typed.read_usual_page(BODY)
    assert page == by_converter(BODY)
    assert page is not None
    assert (page.items[0].name, page.items[1].last_characters, page.next_cursor) == ("Zoë \u2028 \x7f", None, "a1")


@pytest.mark.usefixtures("installed")
def test_spoilt_at_each_byte() -> None:
    """A body that is cut, or has another byte or one more, at any place is read alike, or refused in the same words."""
    for place in range(len(BODY) + 1):
        alike(BODY[:place])
        for byte in (b'"', b"\\", b"\xff", b"\x00", b" ", b",", b"1", b"{", b"n"):
            alike(BODY[:place] + byte + BODY[place:])
            alike(BODY[:place] + byte + BODY[place + 1 :])


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("field", ["id", "name", "last_characters", "expire_at", "scope", ""])
@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value[:12]))
def test_one_more_field(field: str, value: bytes) -> None:
    """A field that comes twice, is of another type, or is not documented at all is read alike; so is one in `data`."""
    more = json.dumps(field).encode() + b":" + value
    alike(BODY.replace(b'"name": ""', b'"name": "", ' + more))
    alike(BODY.replace(b'{"id": "api_2"', b"{" + more + b', "id": "api_2"'))
    alike(BODY.replace(b'"pagination"', more + b', "pagination"'))


@pytest.mark.usefixtures("installed")
def test_bodies() -> None:
    """What stands around a page is read alike: nothing, a byte order mark, white space, more, another encoding."""
    for body in (b"", b"\xef\xbb\xbf" + BODY, BODY + b" \n", BODY + b"x", BODY.decode().encode("utf-16"), DEEP):
        alike(body)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("after", ["", r"\udc00", r"\ude00", r"\ud800", r"\u0041", "A", r"\n"])
@pytest.mark.parametrize("half", [r"\ud800", r"\udbff", r"\udc00", r"\udfff", r"\uD83D"])
def test_half_characters(half: str, after: str) -> None:
    """Half a character is refused with the extra too, and two halves that fit are one character."""
    alike(BODY.replace(b"Zo", f"Zo{half}{after}".encode()))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "missing", [b'"next_page": "/tokens?cursor=a1", ', b'"id": "api_2", ', b', "name": ""', b'"data": ']
)
def test_missing(missing: bytes) -> None:
    """What is required is required with the extra too: a listing without `next_page` could be silently short."""
    assert missing in BODY
    assert typed.read_usual_page(BODY.replace(missing, b"")) is None
    alike(BODY.replace(missing, b""))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
resource = st.fixed_dictionaries(
    {"id": st.text(max_size=5) | anything, "name": st.text(max_size=5) | anything},
    optional={"last_characters": st.text(max_size=4) | anything, "expire_at": anything, "more": anything},
)
listing = st.fixed_dictionaries(
    {
        "data": st.lists(st.fixed_dictionaries({"resource": resource}) | anything, max_size=4) | anything,
        "pagination": st.fixed_dictionaries({"next_page": st.text(max_size=5) | anything}, optional={"x": anything}),
    }
)


@pytest.mark.usefixtures("installed")
@given(listing, st.booleans())
def test_any_page(value: dict[str, Any], ascii_only: bool) -> None:
    """Whatever JSON stands where a page is expected is read alike."""
    alike(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@pytest.mark.usefixtures("absent")
def test_without_the_extra() -> None:
    """Without msgspec the converter reads every page."""
    assert typed.read_usual_page(BODY) is None
    assert wire.read_page(BODY) == by_converter(BODY)
