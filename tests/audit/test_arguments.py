import math
import traceback
from typing import Any

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Credential, audit
from cobalt_async.errors import ConfigurationError
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import unknown, verdicts


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": 1.5}, "concurrency"),
        ({"concurrency": 101}, "max_connections"),
        ({"rate": -1}, "rate"),
        ({"rate": math.inf}, "rate"),
        ({"rate": math.nan}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": "20"}, "rate"),
        ({"regions": "us"}, "regions"),
        ({"regions": 7}, "regions"),
        ({"regions": {"us"}}, "regions"),
        ({"policy": "policy.toml"}, "policy"),
        ({"policy": {}}, "policy"),
        ({"baseline": "b"}, "baseline"),
        ({"ledger": [1]}, "ledger"),
        ({"ledger": None}, "ledger"),
        ({"checkpoint": 5}, "checkpoint"),
        ({"checkpoint": b"file"}, "checkpoint"),
        ({"share": 0}, "share"),
        ({"share": 1.5}, "share"),
        ({"share": True}, "share"),
        ({"share": "all"}, "share"),
    ],
)
async def test_a_wrong_argument_is_named(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, arguments: dict[str, Any], named: str
) -> None:
    """Each is a ConfigurationError at the call, before anything is sent."""
    with pytest.raises(ConfigurationError, match=named):
        audit(cobalt, unknown(1), **arguments)
    assert sandbox.requests == []


@pytest.mark.parametrize("regions", [("mars",), ("us", "us"), (3,), ("us", None)])
async def test_regions_are_us_and_eu_once_each(regions: tuple[Any, ...]) -> None:
    """Another region, and one that stands there twice, is a ConfigurationError."""
    async with AsyncCobalt() as cobalt:
        with pytest.raises(ConfigurationError, match="region"):
            audit(cobalt, unknown(1), regions=regions)


async def test_regions_need_a_client_that_knows_them(cobalt: AsyncCobalt) -> None:
    """On a client with an explicit base URL, regions are a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="region"):
        audit(cobalt, unknown(1), regions=("us",))


@pytest.mark.parametrize("credentials", [None, 7, Credential("a", "b")])
async def test_credentials_are_iterable(cobalt: AsyncCobalt, credentials: Any) -> None:
    """Anything else is a ConfigurationError that names its type."""
    with pytest.raises(ConfigurationError, match=f"not {type(credentials).__name__}"):
        audit(cobalt, credentials)


async def test_cobalt_is_a_client() -> None:
    """Anything else is a ConfigurationError that names its type."""
    with pytest.raises(ConfigurationError, match="not str"):
        audit("https://api.cobalt.io", [])  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["closed", "not open yet"])
async def test_a_client_that_is_not_open(sandbox: CobaltSandbox, how: str) -> None:
    """Iterating raises what the client says, and it is no verdict."""
    cobalt = AsyncCobalt(base_url=sandbox.url)
    if how == "closed":
        async with cobalt:
            pass
    with pytest.raises(ConfigurationError, match=how):
        await verdicts(cobalt, unknown(3))


async def test_an_audit_is_entered_once(cobalt: AsyncCobalt) -> None:
    """A second `async with` is a ConfigurationError."""
    run = audit(cobalt, [])
    async with run:
        pass
    with pytest.raises(ConfigurationError, match="entered before"):
        async with run:
            pass


async def test_an_audit_is_iterated_inside(cobalt: AsyncCobalt) -> None:
    """Before it is entered and after it is left, iterating is a ConfigurationError; the report works."""
    run = audit(cobalt, [])
    with pytest.raises(ConfigurationError, match="inside"):
        await anext(run)
    async with run:
        pass
    with pytest.raises(ConfigurationError, match="inside"):
        await anext(run)
    assert run.report().total == 0


async def test_an_empty_inventory_is_complete(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """Nothing to ask is asked, and the report says so."""
    async with audit(cobalt, []) as run:
        assert [result async for result in run] == []
        assert run.report().complete
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("label", "secret", "flaw"),
    [
        ("", "abc", "label: it is empty"),
        (" ", "abc", "label: it is empty"),
        ("a\0", "abc", "control character"),
        ("a\x1b[2J", "abc", "control character"),
        ("a\n", "abc", "control character"),
        ("a\ud800", "abc", "control character"),
        ("a" * 1001, "abc", "at most 1000"),
        (7, "abc", "label: a str, not int"),
        ("a", "", "1 to 512"),
        ("a", "x" * 513, "1 to 512"),
        ("a", "canary secret", "printable ASCII"),
        ("a", "canary\n", "printable ASCII"),
        ("a", 7, "not int"),
        ("a", None, "not NoneType"),
    ],
)
def test_a_credential_is_checked(label: Any, secret: Any, flaw: str) -> None:
    """A wrong label or secret is a ConfigurationError that says what is wrong."""
    with pytest.raises(ConfigurationError, match=flaw):
        Credential(label, secret)


def test_a_credential_holds_a_secret() -> None:
    """A str becomes a Secret; two of the same are equal; the repr shows the label only."""
    from cobalt_async import Secret

    one = Credential("ci", "canary")
    assert one == Credential("ci", Secret("canary"))
    assert one.secret.reveal() == "canary"
    assert "canary" not in repr(one)
    with pytest.raises(AttributeError):
        one.label = "x"  # type: ignore[misc]


@pytest.mark.parametrize("label", ["ci", "", 7])
def test_no_frame_of_a_credentials_error_holds_the_secret(label: Any) -> None:
    """The traceback's frames below the caller hold no text, and nothing is chained."""
    secret = "canary with blanks"
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - which one is another test's question
        Credential(label, secret)
    assert caught.value.__context__ is None
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    del told.stack[0]  # this test's own
    assert told.stack
    assert "canary" not in "".join(told.format())
