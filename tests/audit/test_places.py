import asyncio

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Credential, audit
from cobalt_async.audit.engine import places
from cobalt_async.audit.engine.places import Place
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import unknown

ELSEWHERE = "https://api.cobalt.io"


class Clock:
    """Stands where asyncio stands in places.py: a clock that is set, and pauses that are written down."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def get_running_loop(self) -> "Clock":
        return self

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still unless the test sets it."""
    stopped = Clock()
    monkeypatch.setattr(places, "asyncio", stopped)
    return stopped


async def test_turns_are_spaced_evenly(clock: Clock) -> None:
    """At 10 a second, turns that are asked for at once come 0.1 s apart, the first without a pause."""
    place = Place(ELSEWHERE, None, rate=10)
    for _ in range(4):
        await place.turn()
    assert clock.pauses == [0.1, 0.2, 0.3]


async def test_idle_time_is_not_saved_up(clock: Clock) -> None:
    """After a quiet minute the next turns are as far apart as ever."""
    place = Place(ELSEWHERE, None, rate=10)
    await place.turn()
    clock.now += 60
    for _ in range(3):
        await place.turn()
    assert clock.pauses == [0.1, 0.2]


async def test_a_rate_that_is_almost_nothing(clock: Clock) -> None:
    """The smallest rate there is means a request a day, and no overflow."""
    place = Place(ELSEWHERE, None, rate=5e-324)
    await place.turn()
    await place.turn()
    assert clock.pauses == [86_400]


@pytest.mark.parametrize(
    ("url", "rate"),
    [
        ("http://localhost:8080", 1),
        ("http://127.0.0.1", 1),
        ("http://[::1]:8080/prefix", 1),
        (ELSEWHERE, 0),
    ],
)
async def test_what_is_not_limited(clock: Clock, url: str, rate: float) -> None:
    """Neither this machine nor a rate of 0 has a pause."""
    place = Place(url, None, rate=rate)
    for _ in range(5):
        await place.turn()
    assert clock.pauses == []


async def test_every_page_waits_for_its_turn(
    clock: Clock, sandbox: CobaltSandbox, cobalt: AsyncCobalt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are spaced, not credentials; a token of its own that the client has not got takes no turn."""
    monkeypatch.setattr(places, "is_loopback", lambda _: False)
    user = sandbox.add_user("ada", tokens=230)
    people = [Credential("ada", user.tokens[0].secret), *unknown(2)]
    async with audit(cobalt, people, rate=2.0) as run:
        async for _ in run:
            pass
    # A made-up token, three pages, another for the one who lives, two looks at each of the others, signs of life among
    # and after these, and a made-up token again.
    asked = len(sandbox.requests)
    assert 1 + 3 + 1 + 4 + 1 + 1 <= asked <= 1 + 3 + 1 + 4 + 3 + 1
    assert sorted(clock.pauses) == [number / 2 for number in range(1, asked)]


async def test_the_control_takes_a_turn(clock: Clock, sandbox: CobaltSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own token, and those that are made up, are asked in the same rhythm."""
    monkeypatch.setattr(places, "is_loopback", lambda _: False)
    secret = sandbox.add_user("auditor").tokens[0].secret
    async with AsyncCobalt(secret, base_url=sandbox.url) as own, audit(own, unknown(1), rate=2.0) as run:
        async for _ in run:
            pass
    # A made-up one, its own, two looks with its own in between, its own again, a made-up one.
    assert clock.pauses == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
