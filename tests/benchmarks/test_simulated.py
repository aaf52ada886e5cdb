"""The simulated Cobalt keeps the documents, and the virtual loop the time."""

import asyncio
import json
from collections import Counter
from time import perf_counter

import pytest

from benchmarks.population import ORDERS, owner_of, population
from benchmarks.simulated import SimulatedCobalt, Throttling, Weather
from benchmarks.virtual_loop import VirtualLoop
from cobalt_async import AsyncCobalt, RetryPolicy

PEOPLE = population(2_000, 400)


def ask(world: SimulatedCobalt, user: int, number: int, *, at: float, query: str = "limit=1") -> tuple[int, str | None]:
    """Status, and what is said to remain."""
    response = world.answer(f"/tokens?{query}", PEOPLE.secret(user, number), at)
    return response.status, response.headers.get("X-Rate-Limit-Remaining")


def test_a_window() -> None:
    """100 readings a window, which begins with the first and lasts 60 s; over it 509, which counts for nothing."""
    world = SimulatedCobalt(PEOPLE)
    assert [ask(world, 0, number % 50, at=7.0)[1] for number in range(100)] == [str(99 - n) for n in range(100)]
    assert ask(world, 0, 3, at=66.9) == (509, "0")
    assert ask(world, 1, 0, at=66.9) == (200, "99")
    assert ask(world, 0, 3, at=67.0) == (200, "99")


def test_another_client_eats() -> None:
    """What another client takes of each window is gone as soon as it opens."""
    world = SimulatedCobalt(PEOPLE, Weather(eaten=50), ours=80)
    assert [ask(world, 0, 0, at=1.0)[0] for _ in range(51)].count(200) == 50
    assert ask(world, 0, 0, at=61.0) == (200, "49")
    assert world.beyond == 20


def test_failures() -> None:
    """One in so many fails, each time elsewhere among them; it says nothing of the window, which counts it."""
    world = SimulatedCobalt(PEOPLE, Weather(failing=5), seed=3)
    statuses = []
    for _ in range(50):
        statuses.append(ask(world, 0, 0, at=0.0)[0])
        world.requests += 1
    tens = [statuses[start : start + 5].index(503) for start in range(0, 50, 5)]
    assert Counter(statuses) == {200: 40, 503: 10}
    assert len(set(tens)) > 1
    assert ask(world, 0, 0, at=0.0)[1] == "49"


@pytest.mark.parametrize(
    "secret", ["of-nobody", "u0.50.50.aaaa", "u0.50.1.aaaa", "u999.1.0.aaaa", "dead.0.aaaa", "u0.5"]
)
def test_a_wrong_token(secret: str) -> None:
    """A secret that is not exactly somebody's gets 401, without a window."""
    response = SimulatedCobalt(PEOPLE).answer("/tokens", secret, 0.0)
    assert response.status == 401
    assert "X-Rate-Limit-Remaining" not in response.headers


def test_pages() -> None:
    """At most 100 tokens a page, 10 without a `limit`; `next_page` goes on and carries no `limit`."""
    people = population(20_000, 10_000)
    assert people.sizes[0] == 1000
    world = SimulatedCobalt(people)
    ids: list[str] = []
    target: str | None = "/tokens?limit=5000"
    while target is not None:
        page = json.loads(world.answer(target, people.secret(0, 7), 0.0).body)
        ids += [row["resource"]["id"] for row in page["data"]]
        after = page["pagination"]["next_page"]
        assert after is None or "limit" not in after
        target = after and f"{after}&limit=100"
    assert ids == [f"api_0x{number}" for number in range(1000)]
    assert len(json.loads(world.answer("/tokens", people.secret(0, 7), 0.0).body)["data"]) == 10


def test_endings() -> None:
    """Endings are shown or not; they are what the secrets end with, which tells nobody whose they are."""
    assert len({PEOPLE.secret(0, number)[-4:] for number in range(50)}) > 45
    for is_shown in (False, True):
        page = json.loads(
            SimulatedCobalt(PEOPLE, Weather(endings=is_shown)).answer("/tokens", PEOPLE.secret(3, 0), 0.0).body
        )
        shown = page["data"][0]["resource"]["last_characters"]
        assert shown == (PEOPLE.secret(3, 0)[-4:] if is_shown else "redacted")


def test_throttled_for_no_reason() -> None:
    """A share of answers is 429 or 509, with and without a Retry-After, and their windows do not count them."""
    world = SimulatedCobalt(PEOPLE, throttling=Throttling(0.5))
    seen = [world.answer("/tokens?limit=1", PEOPLE.secret(0, 0), 0.0) for _ in range(100)]
    assert {response.status for response in seen} == {200, 429, 509}
    assert world.spoilt == sum(response.status != 200 for response in seen)
    assert min(int(one.headers["X-Rate-Limit-Remaining"]) for one in seen if one.status == 200) == world.spoilt


def test_it_stands_under_a_client() -> None:
    """A client asks it instead of a server; a minute's wait takes no time, and its clock tells a minute."""

    async def listed() -> float:
        async with AsyncCobalt(PEOPLE.secret(0, 0), retry=RetryPolicy(max_wait=120)) as cobalt:
            world.stand_under(cobalt)
            for _ in range(101):
                assert len((await cobalt.tokens.list(limit=100)).items) == 50
            return asyncio.get_running_loop().time()

    world, started = SimulatedCobalt(PEOPLE), perf_counter()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert 60 < runner.run(listed()) < 61
    assert world.requests == 101
    assert perf_counter() - started < 30


def test_a_loop_with_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop in which nothing can happen any more is an error, not a wait for ever."""
    monkeypatch.setattr("benchmarks.virtual_loop._STUCK", 0.01)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.get_loop().set_exception_handler(lambda *_: None)
        with pytest.raises(RuntimeError, match="for ever"):
            runner.run(asyncio.Event().wait())


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: str) -> None:
    """Each order has each secret once, in its way, and the dead among them."""
    labels = [credential.label for credential in PEOPLE.inventory(ORDERS[order], seed=1)]
    owners = Counter(map(owner_of, labels))
    assert len(labels) == len(set(labels)) == 2_000
    assert owners[None] == PEOPLE.dead == 100
    assert [owners[user] for user in range(400)] == list(PEOPLE.sizes)
    assert max(place for place, label in enumerate(labels) if owner_of(label) is None) > 1_900


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [("biggest first", [0, 0, 0], 399), ("biggest last", [399, 398, 397], 0), ("round robin", [0, 1, 2], 3)],
)
def test_who_comes_when(order: str, first: list[int], last: int) -> None:
    """All of a user's in a row from one end or the other, or everybody's first before anybody's second."""
    people = population(1_000, 400)  # four with 50, the last with one
    owners = [owner_of(credential.label) for credential in people.inventory(ORDERS[order])]
    living = [owner for owner in owners if owner is not None]
    assert living[:3] == first
    assert living[-1] == last


@pytest.mark.parametrize(("credentials", "users"), [(1_000_000, 200_000), (100_000, 40_000), (200, 40), (20, 8)])
def test_a_population(credentials: int, users: int) -> None:
    """As many credentials and users as were asked for, one credential in 20 dead, and the sizes skewed."""
    people = population(credentials, users)
    assert people.credentials == credentials
    assert people.dead == credentials // 20
    assert len(people.sizes) == users
    assert list(people.sizes) == sorted(people.sizes, reverse=True)
    assert min(people.sizes) >= 1
    assert people.sizes.count(1000) == users // 10_000
    assert sum(user.live for user in people.users) == credentials - people.dead


def test_too_many_users() -> None:
    """A population whose users would have no token is refused."""
    with pytest.raises(ValueError, match="more users"):
        population(100, 200)


def test_another_seed_is_another_order() -> None:
    """Chance comes from the seed alone."""
    orders = [[c.label for c in PEOPLE.inventory(ORDERS["random"], seed=seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
