"""What ONE call sends. aioresponses stands in for aiohttp's session here; how things behave is asked elsewhere."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioresponses import aioresponses
from yarl import URL

from cobalt_async import AsyncCobalt, Page, RefreshedToken, Secret
from cobalt_async._version import __version__
from cobalt_async.errors import UnauthorizedError
from tests.aioresponses_fix import BuildableResponse

TOKEN = "token-of-the-wire-calls"
BASE = "https://api.cobalt.io"
EMPTY: dict[str, Any] = {"data": [], "pagination": {"next_page": None, "prev_page": None}}
FRESH = {"id": "api_a", "secret": "new-secret", "name": "ci", "expire_at": None}


@pytest.fixture
async def wire() -> AsyncIterator[aioresponses]:
    """Aiohttp's session, answered by the test."""
    with aioresponses() as mocked:
        yield mocked


def sent(wire: aioresponses) -> tuple[str, URL, dict[str, str], dict[str, Any]]:
    """Method, URL, headers and the rest of the one call that was made."""
    [((method, url), [call])] = wire.requests.items()
    rest = dict(call.kwargs)
    return method, url, rest.pop("headers"), rest


def answered(wire: aioresponses, method: str, url: str, *, payload: dict[str, Any], status: int = 200) -> None:
    """Answer one call."""
    wire.add(url, method, status=status, payload=payload, response_class=BuildableResponse)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_listing(wire: aioresponses, version: Any) -> None:
    """`list` is one GET of /tokens with Accept, Authorization, User-Agent and no content type."""
    answered(wire, "GET", f"{BASE}/tokens", payload=EMPTY)
    async with AsyncCobalt(TOKEN, api_version=version, base_url=BASE) as cobalt:
        assert await cobalt.tokens.list() == Page((), None, None)
    method, url, headers, _ = sent(wire)
    assert (method, str(url)) == ("GET", f"{BASE}/tokens")
    assert headers == {
        "Accept": f"application/vnd.cobalt.{version}+json",
        "Accept-Encoding": "gzip, deflate",
        "Authorization": f"Bearer {TOKEN}",
        "User-Agent": f"cobalt-async/{__version__}",
    }


async def test_limit_and_cursor(wire: aioresponses) -> None:
    """`limit` and `cursor` stand in the query, the cursor to the letter."""
    target = f"{BASE}/tokens?cursor=a%2Bb&limit=50"
    wire.add(URL(target, encoded=True), "GET", payload=EMPTY, response_class=BuildableResponse)
    async with AsyncCobalt(TOKEN, base_url=BASE) as cobalt:
        await cobalt.tokens.list(limit=50, cursor="a%2Bb")
    _, url, _, _ = sent(wire)
    assert url.raw_query_string == "cursor=a%2Bb&limit=50"


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_refresh(wire: aioresponses, version: Any) -> None:
    """`refresh` is one POST with a v4 UUID as Idempotency-Key, a content type in v2 only, and no body."""
    answered(wire, "POST", f"{BASE}/tokens/api_a/refresh", payload=FRESH)
    async with AsyncCobalt(TOKEN, api_version=version, base_url=BASE) as cobalt:
        assert await cobalt.tokens.refresh("api_a") == RefreshedToken("api_a", "ci", Secret("new-secret"), None)
    method, url, headers, rest = sent(wire)
    accept = f"application/vnd.cobalt.{version}+json"
    assert (method, str(url)) == ("POST", f"{BASE}/tokens/api_a/refresh")
    key = uuid.UUID(headers.pop("Idempotency-Key"))
    assert key.version == 4
    assert headers == {
        "Accept": accept,
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {TOKEN}",
        "User-Agent": f"cobalt-async/{__version__}",
        **({"Content-Type": accept} if version == "v2" else {}),
    }
    assert all(rest.get(name) is None for name in ("data", "json", "params", "cookies", "auth"))


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({}, "https://api.cobalt.io/tokens"),
        ({"region": "us"}, "https://api.us.cobalt.io/tokens"),
        ({"region": "eu"}, "https://api.eu.cobalt.io/tokens"),
        ({"base_url": "https://gateway.example.com/cobalt/"}, "https://gateway.example.com/cobalt/tokens"),
    ],
)
async def test_where_it_goes(
    wire: aioresponses, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], url: str
) -> None:
    """The seed's host by default, a region's, or the base URL with its prefix."""
    for name in ("COBALT_BASE_URL", "COBALT_REGION"):
        monkeypatch.delenv(name, raising=False)
    answered(wire, "GET", url, payload=EMPTY)
    async with AsyncCobalt(TOKEN, **arguments) as cobalt:
        await cobalt.tokens.list()
    assert str(sent(wire)[1]) == url


async def test_what_aiohttp_is_told(wire: aioresponses) -> None:
    """No call follows redirects, switches verification off, or hands aiohttp a limit that counts the pool."""
    answered(wire, "GET", f"{BASE}/tokens", payload=EMPTY)
    async with AsyncCobalt(TOKEN, base_url=BASE) as cobalt:
        await cobalt.tokens.list()
    _, _, _, rest = sent(wire)
    assert rest["allow_redirects"] is False
    assert rest["ssl"] is not False
    assert (rest["timeout"].total, rest["timeout"].connect) == (None, None)


async def test_a_views_token_is_the_one_that_is_sent(wire: aioresponses) -> None:
    """A view sends its own token, and the client's next call the client's."""
    async with AsyncCobalt(TOKEN, base_url=BASE) as cobalt:
        for going, token in ((cobalt.with_token("other"), "other"), (cobalt, TOKEN)):
            wire.requests.clear()
            answered(wire, "GET", f"{BASE}/tokens", payload={}, status=401)
            with pytest.raises(UnauthorizedError):
                await going.tokens.list()
            assert sent(wire)[2]["Authorization"] == f"Bearer {token}"
