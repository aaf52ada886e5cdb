"""Every rival does the same work: it lists the same tokens as objects, and a refusal does not pass for a page."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from benchmarks import rivals
from benchmarks.children import plain_server
from benchmarks.rivals import OURS, RIVALS, Listed, loaded
from cobalt_async.testing import CobaltSandbox

pytestmark = pytest.mark.filterwarnings("default:::httpx")  # what a rival brings is its own


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A plain server."""
    with plain_server() as address:
        yield address


def fields(listed: list[Listed]) -> list[tuple[object, ...]]:
    """What a page says of its tokens."""
    return [(token.id, token.name, token.expire_at) for token in listed]


def load(name: str) -> rivals.Open:
    """What opens a rival; the test is skipped where it is not installed."""
    here, missing = loaded()
    if name not in here:
        pytest.skip(missing[name])
    return here[name]


@pytest.mark.parametrize("name", RIVALS)
def test_same_tokens(name: str, url: str) -> None:
    """It lists what our client lists, with one call in flight and with several."""

    async def listed(name: str, in_flight: int) -> list[tuple[object, ...]]:
        async with load(name)(url, in_flight=in_flight) as ask:
            return fields(list(await ask(3)))

    expected = asyncio.run(listed(OURS, 1))
    assert len(expected) == 10
    assert asyncio.run(listed(name, 1)) == expected
    assert asyncio.run(listed(name, 2)) == expected


@pytest.mark.parametrize("name", RIVALS)
def test_checks_the_status(name: str) -> None:
    """A sandbox that knows no such token refuses it, and that is an error; each call is a request with the token."""
    opens = load(name)

    async def ask(url: str) -> None:
        async with opens(url, in_flight=1) as client:
            await client(1)

    with CobaltSandbox() as sandbox:
        with pytest.raises(Exception, match=r"401|Unauthorized"):
            raise unwrapped(lambda: asyncio.run(ask(sandbox.url)))
        asked = sandbox.requests
    assert Counter((request.method, request.path.partition("?")[0]) for request in asked) == {("GET", "/tokens"): 1}
    assert asked[0].headers["Authorization"] == f"Bearer {rivals.TOKEN}"


def unwrapped(run: Callable[[], None]) -> Exception:
    """The one exception that comes out of `run`, out of its group."""
    try:
        run()
    except ExceptionGroup as group:
        return group.exceptions[0]
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    return AssertionError("nothing was raised")


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival that is not installed is one line that says what to install, and the others are there."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    monkeypatch.delitem(sys.modules, "benchmarks.rivals.in_httpx", raising=False)
    here, missing = loaded()
    assert missing["httpx2"] == "httpx2 is not installed; pip install 'cobalt-async[bench]'"
    assert "httpx2" not in here
    assert {OURS, "bare aiohttp"} <= set(here)


def test_ours_may_not_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that needs nothing more than the core is never left out in silence."""
    monkeypatch.setitem(sys.modules, "benchmarks.rivals.ours", None)
    with pytest.raises(ImportError):
        loaded()


def test_generator_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that fails is an error with what it said, and no figure."""
    load("openapi-python-client")
    generated = import_module("benchmarks.rivals.generated")
    failed = subprocess.CompletedProcess[str]([], 1, stdout="", stderr="no such document")
    monkeypatch.setattr(generated.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="no such document"):
        generated.generated.__wrapped__()
