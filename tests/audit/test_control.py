"""A 401 is DEAD only beside a live answer of the same run from the same host."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Credential, audit
from cobalt_async.audit.engine import refused
from cobalt_async.errors import ConfigurationError
from cobalt_async.protocol import hosts
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import ALIVE, DEAD, UNKNOWN, asked, short, unknown, verdicts


async def test_without_a_live_answer_nothing_is_dead(cobalt: AsyncCobalt) -> None:
    """Where every answer of the run is 401, all of them are INDETERMINATE(no_live_control)."""
    found = await verdicts(cobalt, unknown(5))
    assert set(short(found).values()) == {"INDETERMINATE no_live_control"}


async def test_a_live_credential_confirms_those_before_it(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """401s are held back until the first 200, then they are DEAD; later ones are DEAD at once."""
    live = Credential("live", sandbox.add_user("ada").tokens[0].secret)
    async with audit(cobalt, [*unknown(3), live, Credential("late", UNKNOWN)], concurrency=1) as run:
        order = [(result.label, result.verdict) async for result in run]
    assert sorted(order[:4]) == [
        ("live", ALIVE),
        ("unknown 0", DEAD),
        ("unknown 1", DEAD),
        ("unknown 2", DEAD),
    ]
    assert order[4:] == [("late", DEAD)]


async def test_the_clients_own_token_is_a_control(sandbox: CobaltSandbox) -> None:
    """A client's own live token is asked with limit=1, and confirms 401s."""
    secret = sandbox.add_user("auditor").tokens[0].secret
    async with AsyncCobalt(secret, base_url=sandbox.url) as cobalt:
        found = await verdicts(cobalt, unknown(3))
    assert set(short(found).values()) == {"DEAD"}
    own = [seen.path for seen in sandbox.requests if secret in seen.headers["Authorization"]]
    assert set(own) == {"/tokens?limit=1"}
    assert 2 <= len(own) <= 2 + 3  # before, between the two looks at each, and for those that wait at the end


async def test_a_control_that_fails_means_nothing(sandbox: CobaltSandbox) -> None:
    """A client's own dead token neither confirms a 401 nor ends the run."""
    async with AsyncCobalt("own-and-dead", base_url=sandbox.url) as cobalt:
        found = await verdicts(cobalt, unknown(1))
    assert short(found) == {"unknown 0": "INDETERMINATE no_live_control"}


async def test_no_more_than_so_many_are_held(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the bound 401s are INDETERMINATE, whatever comes later."""
    monkeypatch.setattr(refused, "MOST_HELD", 3)
    live = Credential("live", sandbox.add_user("ada").tokens[0].secret)
    found = short(await verdicts(cobalt, [*unknown(5), live], concurrency=1))
    assert list(found.values()).count("DEAD") == 2
    assert list(found.values()).count("INDETERMINATE no_live_control") == 3


@pytest.fixture
def both(sandbox: CobaltSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[CobaltSandbox, CobaltSandbox]]:
    """Two regions, each a sandbox."""
    with CobaltSandbox() as other:
        monkeypatch.setitem(hosts.REGIONS, "us", sandbox.url)
        monkeypatch.setitem(hosts.REGIONS, "eu", other.url)
        yield sandbox, other


@pytest.fixture
async def anywhere() -> AsyncIterator[AsyncCobalt]:
    """A client without an explicit base URL, and without a token."""
    async with AsyncCobalt() as client:
        yield client


async def test_each_region_is_asked_in_order(both: tuple[CobaltSandbox, CobaltSandbox], anywhere: AsyncCobalt) -> None:
    """The region that answers 200 is told, and those after it are not asked."""
    us, eu = both
    people = [
        Credential("u", us.add_user("u").tokens[0].secret),
        Credential("e", eu.add_user("e").tokens[0].secret),
    ]
    found = await verdicts(anywhere, people, regions=("us", "eu"))
    assert {label: (result.verdict, result.region) for label, result in found.items()} == {
        "u": (ALIVE, "us"),
        "e": (ALIVE, "eu"),
    }
    assert (len(asked(us, *people)), len(asked(eu, *people))) == (2, 1)
    found = await verdicts(anywhere, people, regions=("eu", "us"))
    assert found["u"].region == "us"


async def test_dead_needs_a_401_and_a_live_answer_from_every_region(
    both: tuple[CobaltSandbox, CobaltSandbox], anywhere: AsyncCobalt
) -> None:
    """With a live answer from one region, a 401 from both is INDETERMINATE; from both, DEAD, no region."""
    us, eu = both
    in_us = Credential("u", us.add_user("u").tokens[0].secret)
    in_eu = Credential("e", eu.add_user("e").tokens[0].secret)
    found = await verdicts(anywhere, [*unknown(1), in_us], regions=("us", "eu"))
    assert short(found)["unknown 0"] == "INDETERMINATE no_live_control"
    found = await verdicts(anywhere, [*unknown(1), in_us, in_eu], regions=("us", "eu"))
    assert short(found)["unknown 0"] == "DEAD"
    assert found["unknown 0"].region is None


async def test_doubt_in_one_region_is_doubt(both: tuple[CobaltSandbox, CobaltSandbox], anywhere: AsyncCobalt) -> None:
    """401 in one region and no clear answer in the other is not DEAD; 403 in one is FORBIDDEN there."""
    us, eu = both
    eu.faults.answer(404, times=None)
    assert short(await verdicts(anywhere, unknown(1), regions=("us", "eu"))) == {
        "unknown 0": "INDETERMINATE refused_404"
    }
    eu.faults.clear()
    user = us.add_user("u")
    user.forbid()
    found = await verdicts(anywhere, [Credential("f", user.tokens[0].secret)], regions=("us", "eu"))
    assert (short(found)["f"], found["f"].region) == ("FORBIDDEN", "us")


async def test_a_control_counts_for_its_own_host(both: tuple[CobaltSandbox, CobaltSandbox]) -> None:
    """A client's own token is asked where the audit asks, and vouches for that region alone."""
    us, _ = both
    secret = us.add_user("auditor").tokens[0].secret
    async with AsyncCobalt(secret, region="us") as cobalt:
        assert short(await verdicts(cobalt, unknown(1), regions=("us",))) == {"unknown 0": "DEAD"}
        before = len(us.requests)
        found = await verdicts(cobalt, unknown(1), regions=("eu",))
    assert short(found) == {"unknown 0": "INDETERMINATE no_live_control"}
    assert len(us.requests) == before


async def test_a_closed_client_is_told_even_where_there_is_nothing_to_audit(cobalt_sandbox: CobaltSandbox) -> None:
    """An empty inventory does not make a closed client pass for a complete audit."""
    token = cobalt_sandbox.add_user("ada").tokens[0]
    async with AsyncCobalt(token.secret, base_url=cobalt_sandbox.url) as cobalt:
        pass
    async with audit(cobalt, []) as run:
        with pytest.raises(ConfigurationError, match="closed"):
            await anext(run)
        assert not run.report().complete
