"""Troubles that begin and end within a run: nobody dies of what refuses everybody, or lives by another's answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from cobalt_async.audit import AuditResult, Credential, Verdict
from cobalt_async.audit.engine import agenda
from cobalt_async.audit.engine.control import Control
from cobalt_async.audit.engine.living import Living
from cobalt_async.audit.engine.outlet import Outlet
from cobalt_async.audit.engine.places import Place
from cobalt_async.audit.facts import Facts
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request, list_tokens
from tests.audit.asking import ALIVE, DEAD, short
from tests.audit.pretend import LATENCY, Pretended, audited, dead, refusal, run_audit
from tests.virtual_time import now, virtually


def between(begin: float, end: float, response: Response) -> Callable[[float], Response | None]:
    """This response to everybody, for a while."""
    return lambda at: response if begin <= at < end else None


def living(world: Pretended, count: int) -> list[Credential]:
    """So many users with one secret each."""
    return [person for number in range(count) for person in world.user(f"u{number}")]


async def slowly(*rows: tuple[float, Credential]) -> AsyncIterator[Credential]:
    """Each after so many seconds."""
    for seconds, credential in rows:
        await asyncio.sleep(seconds)
        yield credential


@pytest.fixture(autouse=True)
def as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look comes when it comes: time is virtual here."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 5.0)


@virtually
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("lasts", [1.0, 7.0, 20.0, 70.0])
async def test_what_refuses_everybody_for_a_while(status: int, lasts: float) -> None:
    """Both looks may fall into it: of that, too, nobody dies who lives, and nobody is barred who is not."""
    world = Pretended()
    people = living(world, 6)
    world.instead[None] = between(0.5, 0.5 + lasts, refusal(status))
    rows = ((0.0, people[0]), (0.4, people[1]), *((0.3, person) for person in people[2:5]), (100.0, people[5]))
    found, run, _ = await run_audit(world, slowly(*rows, *((0.0, person) for person in dead(2))))
    assert not {found[person.label].verdict for person in people} & {Verdict.DEAD, Verdict.FORBIDDEN}
    if run.report().void is None:  # a made-up token was not told 403
        assert short(found)["u5 0"] == "ALIVE"
        assert short(found)["dead 1"] == "DEAD"


@virtually
async def test_at_the_end_of_a_run_there_is_nothing_to_wait_for() -> None:
    """What refuses everybody to the end leaves those of whom that is all that is known INDETERMINATE, and soon."""
    world = Pretended()
    people = living(world, 4)
    world.instead[None] = between(0.5, 1e9, refusal())
    found, _, ended = await run_audit(world, slowly((0.0, people[0]), *((0.4, person) for person in people[1:])))
    assert short(found)["u0 0"] != "DEAD"
    assert {found[person.label].verdict for person in people[2:]} == {Verdict.INDETERMINATE}
    assert ended < 20


@virtually
async def test_the_dead_wait_for_whoever_comes_after_them() -> None:
    """A second look before anybody was seen to live tells nothing: theirs comes once somebody was."""
    world = Pretended()
    late = world.user("ada")[0]
    last = world.user("bob")[0]
    rows = (*((0.0, person) for person in dead(3)), (60.0, late), (600.0, last))
    found, _, _ = await run_audit(world, slowly(*rows))
    assert short(found) == {"dead 0": "DEAD", "dead 1": "DEAD", "dead 2": "DEAD", "ada 0": "ALIVE", "bob 0": "ALIVE"}
    for person in dead(3):
        first, second = world.times(person)
        assert first < world.times(late)[0] < second < world.times(last)[0]


@virtually
async def test_who_waits_for_one_region_is_not_woken_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life in the one says nothing of the other: who waits is looked at when that may help, not each time."""
    asked: list[float] = []
    usual = Control.lives_since

    async def lives_since(control: Control, moment: float) -> bool | None:
        asked.append(moment)
        return await usual(control, moment)

    class Regions(Pretended):
        async def send(self, request: Any, route: Any, **more: object) -> Response:
            if "eu" not in route.base_url:
                return await super().send(request, route, **more)
            await asyncio.sleep(LATENCY)
            return refusal()

    monkeypatch.setattr(Control, "lives_since", lives_since)
    world = Regions()
    rows = [*((0.0, person) for person in dead(20)), *((0.5, person) for person in living(world, 100))]
    found, _, _ = await run_audit(world, slowly(*rows), base_url=None, regions=("us", "eu"), rate=0)
    assert short(found)["dead 0"] == "INDETERMINATE no_live_control"
    assert short(found)["u99 0"] == "ALIVE"
    assert len(asked) <= 20 * 3


@virtually
async def test_where_nobody_lives_nobody_is_waited_for() -> None:
    """An inventory of the dead alone is INDETERMINATE after its second looks, not later."""
    found, _, ended = await run_audit(Pretended(), dead(30))
    assert set(short(found).values()) == {"INDETERMINATE no_live_control"}
    assert ended < 10


@virtually
async def test_who_waits_for_the_living_is_told_when_none_can_come() -> None:
    """An inventory that ends a minute after its last row keeps them waiting till then, and no longer."""

    async def inventory() -> AsyncIterator[Credential]:
        for person in dead(3):
            yield person
        await asyncio.sleep(60)

    found, _, ended = await run_audit(Pretended(), inventory())
    assert set(short(found).values()) == {"INDETERMINATE no_live_control"}
    assert 60 < ended < 70


@virtually
@pytest.mark.parametrize(("alive", "gone"), [(1, 60), (1, 300), (3, 500), (1, 2500)])
async def test_a_server_that_tells_no_limits(alive: int, gone: int) -> None:
    """Without rate headers the living are asked as often as it takes: every verdict is told."""

    class Mute(Pretended):
        def _answer(self, secret: str, target: str) -> Response:
            usual = super()._answer(secret, target)
            headers = {name: value for name, value in usual.headers.items() if "Rate-Limit" not in name}
            return Response(usual.status, headers, usual.body)

    world = Mute()
    found, run, _ = await run_audit(world, [*living(world, alive), *dead(gone)], rate=0)
    assert Counter(result.verdict for result in found.values()) == {ALIVE: alive, DEAD: gone}
    assert run.report().complete


class Cached(Pretended):
    """A cache on the way that knows answers by their URL alone, and keeps what was answered 200 for a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Response]] = {}

    async def send(self, request: Any, route: Any, **more: object) -> Response:
        kept = self._kept.get(request.target)
        if kept is not None and now() < kept[0] + self._seconds:
            self.asked.append((now(), route.secret.reveal(), request.target))
            await asyncio.sleep(LATENCY)
            return kept[1]
        response = await super().send(request, route, **more)
        if response.status == 200:
            self._kept[request.target] = (now(), response)
        return response


@virtually
@pytest.mark.parametrize("seconds", [0.05, 1.0, 60.0])
@pytest.mark.parametrize("size", [2, 5, 20, 100])
async def test_a_cache_that_answers_for_others(seconds: float, size: int) -> None:
    """Made-up tokens ask for what the others ask for, and at once: what is theirs too is nobody's verdict."""
    world = Cached(seconds)
    inventory = [person for pair in zip(living(world, size), dead(size), strict=True) for person in pair]
    found, run, _ = await run_audit(world, inventory)
    assert not [label for label, result in found.items() if label.startswith("dead") and result.verdict is ALIVE]
    assert run.report().void is not None
    assert not run.report().complete


@virtually
async def test_each_kind_of_answer_is_vouched_for_at_once() -> None:
    """Secrets of a listed user ask with limit=1, which a cache may know though it does not know the first page."""
    world = Pretended()
    people = world.user("ada", secrets=40)
    async with audited(world, slowly(*((0.1, person) for person in people)), concurrency=2) as run:
        assert {result.verdict async for result in run} == {Verdict.ALIVE}
    known = {person.secret.reveal() for person in people}
    made_up = [(at, target) for at, secret, target in world.asked if secret not in known]
    for target in ("/tokens?limit=100", "/tokens?limit=1"):
        first = min(at for at, secret, asked in world.asked if secret in known and asked == target)
        assert any(first < at <= first + 4 * LATENCY for at, asked in made_up if asked == target)


async def test_two_kinds_of_answer_at_once_are_both_vouched_for() -> None:
    """What was answered for the first time is asked for until a made-up token is refused there, though not the last."""
    asked: list[str] = []

    class Vouching:
        void = None

        async def vouch(self, where: Place, request: Request) -> None:
            asked.append(request.target)
            hold(7)  # is answered in the meantime
            if request.target != "/tokens?limit=1" or asked.count(request.target) > 1:  # which nobody answers at first
                where.vouched = asyncio.get_running_loop().time()

    place = Place("http://127.0.0.1:9", None, rate=0)
    facts = Facts()
    outlet = Outlet((place,), facts, on_change=lambda: None)
    held = Living(outlet, cast(Any, Vouching()))

    def hold(limit: int) -> None:
        result = AuditResult(f"c {limit}", Verdict.ALIVE)
        held.hold(Credential(result.label, "a-secret-of-a-user"), result, 1, place, list_tokens(limit=limit))

    for limit in (100, 1, 1, 1):
        hold(limit)
    await held.vouch()
    assert asked == ["/tokens?limit=100", "/tokens?limit=1"]
    await held.vouch()
    assert asked[2:] == ["/tokens?limit=1", "/tokens?limit=7"]
    assert len(outlet.landed) >= 4
    facts.close()
