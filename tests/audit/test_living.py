"""ALIVE is told once a made-up token was refused that was sent later: a yes-sayer may begin at any moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditResult, Credential, audit
from cobalt_async.audit.engine import agenda, living
from cobalt_async.protocol.answers import Response
from tests.audit.asking import ALIVE, DEAD, INDETERMINATE, NOT_TRIED, short
from tests.audit.pretend import LATENCY, Pretended, dead, refusal, run_audit
from tests.virtual_time import now, virtually

JSON = {"Content-Type": "application/json"}
EVERYBODYS = Response(200, JSON, b'{"data":[{"resource":{"id":"api_x","name":"x"}}],"pagination":{"next_page":null}}')
SILENCE = Response(404, JSON, b"{}")


def people(world: Pretended, count: int) -> list[Credential]:
    """So many users with one secret each."""
    return [person for number in range(count) for person in world.user(f"u{number}")]


def strangers(world: Pretended, inventory: list[Credential]) -> list[float]:
    """When made-up tokens were asked with."""
    known = {person.secret.reveal() for person in inventory}
    return [at for at, secret, _ in world.asked if secret not in known]


def opened(until: Callable[[], bool]) -> Callable[[float], Response | None]:
    """Everybody is let in from some moment on."""
    return lambda _: None if until() else EVERYBODYS


@virtually
@pytest.mark.parametrize("before", [0, 1, 7, 20, 63, 64, 65, 100])
async def test_whenever_everybody_is_let_in_nobody_dead_is_alive(before: int) -> None:
    """A gateway that begins after any number of answers, for the living and the dead: no verdict is wrong."""
    world = Pretended()
    inventory = [*people(world, 60), *(Credential(f"dead {number}", f"nobodys-{number}") for number in range(60))]
    inventory = [person for pair in zip(inventory[:60], inventory[60:], strict=True) for person in pair]
    world.instead[None] = opened(lambda: len(world.asked) <= before)
    found, run, _ = await run_audit(world, inventory)
    assert not [label for label, result in found.items() if label.startswith("dead") and result.verdict is ALIVE]
    assert run.report().void is not None
    assert not run.report().complete


@virtually
async def test_one_made_up_token_vouches_for_many() -> None:
    """A thousand living cost a handful of made-up tokens, not one each."""
    world = Pretended()
    inventory = people(world, 1000)
    found, _, _ = await run_audit(world, inventory, concurrency=64, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert len(strangers(world, inventory)) <= 2 + 1000 // living.TOGETHER + 1


@virtually
async def test_an_answer_waits_three_seconds_at_most() -> None:
    """Where answers trickle in, who came first is told three seconds later, and the others with it."""
    world = Pretended()
    inventory = people(world, 100)
    world.instead[None] = lambda _: None
    told: dict[str, float] = {}
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, _one_by_one(inventory, 0.2), concurrency=2) as run:
            async for result in run:
                told[result.label] = now()
    waited = [told[person.label] - world.times(person)[0] for person in inventory]
    assert max(waited) < 3 + 10 * LATENCY
    assert len(strangers(world, inventory)) <= 1 + 20 / 1 + 1


async def _one_by_one(inventory: list[Credential], seconds: float) -> AsyncIterator[Credential]:
    for person in inventory:
        await asyncio.sleep(seconds)
        yield person


@virtually
async def test_the_busy_are_told_within_three_seconds_too() -> None:
    """Where few are under way and each takes long, nobody waits for the end of the run."""
    world = Pretended()
    inventory = people(world, 40)
    usual = world.send

    async def slowly(*arguments: Any, **more: Any) -> Response:
        await asyncio.sleep(0.4)
        return await usual(*arguments, **more)

    world.send = slowly  # type: ignore[method-assign]
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, inventory, concurrency=2) as run:
            told = [now() async for _ in run]
    assert told[0] < 0.9 + 3 + 0.5
    assert len(set(told)) >= 3


@virtually
async def test_where_nothing_else_is_asked_it_waits_a_second() -> None:
    """A source that says nothing more for a minute keeps nobody's verdict back."""
    world = Pretended()
    ada, bob = people(world, 2)

    async def slowly() -> AsyncIterator[Credential]:
        yield ada
        await asyncio.sleep(60)
        yield bob

    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, slowly()) as run:
            assert (await anext(run)).label == "u0 0"
            assert now() < 1 + 10 * LATENCY
            assert [result.label async for result in run] == ["u1 0"]
    assert 60 <= now() < 60 + 10 * LATENCY


@virtually
async def test_a_made_up_token_that_is_not_answered_keeps_nobody_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where made-up tokens get no clear answer any more, the living are not known; the run ends, and is bounded."""
    monkeypatch.setattr(living, "TOGETHER", 10)
    monkeypatch.setattr(living, "MOST", 20)
    world = Pretended()
    inventory = people(world, 200)
    world.strangers = lambda _: refusal() if len(world.asked) < 2 else SILENCE
    taken: list[AuditResult] = []
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, inventory, concurrency=8, rate=0) as run:
            async for result in run:
                taken.append(result)
                assert len(run._work._living._held) < 20 + 8
    assert {f"{result.verdict} {result.reason}" for result in taken} == {"INDETERMINATE no_dead_control"}
    assert len(taken) == 200
    assert not run.report().complete


@virtually
async def test_a_made_up_token_that_is_late_lets_nobody_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its answer is waited for, no more is asked than the bound allows, second looks included, and nothing turns
    round and round for want of work; then the run goes on.
    """
    monkeypatch.setattr(living, "TOGETHER", 10)
    monkeypatch.setattr(living, "MOST", 20)
    monkeypatch.setattr(agenda, "SECOND_LOOK", 5.0)
    world = Pretended()
    inventory = [*dead(3), *people(world, 200)]
    usual = world.send
    late = asyncio.Event()

    async def send(request: object, route: object, **more: object) -> Response:
        is_made_up = route.secret.reveal() not in {person.secret.reveal() for person in inventory}  # type: ignore[attr-defined]
        if is_made_up and len(world.asked) > 1 and not late.is_set():
            await late.wait()
        return await usual(request, route, **more)  # type: ignore[arg-type]

    world.send = send  # type: ignore[method-assign]
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, inventory, concurrency=8, rate=0) as run:
            waiting = asyncio.ensure_future(anext(run))
            await asyncio.sleep(9)
            assert not waiting.done()
            assert len(world.asked) <= 1 + 3 + 20 + 8
            late.set()
            results = [await waiting, *[result async for result in run]]
    assert sorted(result.verdict for result in results) == [ALIVE] * 200 + [DEAD] * 3


@virtually
@pytest.mark.parametrize("hangs_from", [0, 5])
async def test_a_made_up_token_that_is_never_answered_holds_nothing_up(hangs_from: int) -> None:
    """A peer that keeps silent to made-up tokens costs ten seconds a time, and nobody is ALIVE for it."""
    world = Pretended()
    inventory = people(world, 20)
    _silent_to_strangers(world, inventory, hangs_from)
    found, run, ended = await run_audit(world, inventory, concurrency=4, rate=0)
    assert set(short(found).values()) == {"INDETERMINATE no_dead_control"}
    assert ended < 45
    assert not run.report().complete


@virtually
async def test_who_stops_a_run_waits_for_no_silent_peer() -> None:
    """After `stop` a made-up token's answer is waited for two seconds, one that is under way too."""
    world = Pretended()
    inventory = people(world, 200)
    _silent_to_strangers(world, inventory, 5)
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, _one_by_one(inventory, 0.1), concurrency=4, rate=0) as run:
            waiting = asyncio.ensure_future(anext(run))
            await asyncio.sleep(5)
            run.stop()
            results = [await waiting, *[result async for result in run]]
            assert now() < 5 + 2 + 2 + 1
    assert sum(result.verdict is ALIVE for result in results) <= 1  # whom a made-up token vouched for at once
    assert {result.verdict for result in results} <= {ALIVE, INDETERMINATE, NOT_TRIED}


def _silent_to_strangers(world: Pretended, inventory: list[Credential], hangs_from: int) -> None:
    usual, known = world.send, {person.secret.reveal() for person in inventory}

    async def send(request: Any, route: Any, **more: Any) -> Response:
        if route.secret.reveal() not in known and len(world.asked) >= hangs_from:
            await asyncio.Event().wait()
        return await usual(request, route, **more)

    world.send = send  # type: ignore[method-assign]


@virtually
async def test_a_stopped_run_says_of_the_refused_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 403 beside a made-up token that is told 401 is FORBIDDEN; a 401 without a sign of life was not tried enough."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 5.0)
    world = Pretended()
    barred = Credential("barred", "secret-of-barred")
    world.instead["secret-of-barred"] = lambda _: refusal(403)
    inventory = [barred, *dead(2)]
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, inventory, rate=0) as run:
            waiting = asyncio.ensure_future(anext(run))
            await asyncio.sleep(5 + agenda._TOGETHER + 2.5 * LATENCY)
            run.stop()
            found = {result.label: result for result in [await waiting, *[result async for result in run]]}
    assert short(found) == {"barred": "FORBIDDEN", "dead 0": "NOT_TRIED stopped", "dead 1": "NOT_TRIED stopped"}


@virtually
async def test_a_stopped_run_tells_who_was_alive() -> None:
    """After `stop` one more made-up token vouches for those who were answered: an interrupt loses none of them."""
    world = Pretended()
    inventory = people(world, 200)
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        async with audit(cobalt, inventory, concurrency=4, rate=0) as run:
            waiting = asyncio.ensure_future(anext(run))
            await asyncio.sleep(5.5 * LATENCY)
            run.stop()
            results = [await waiting, *[result async for result in run]]
    alive = [result.label for result in results if result.verdict is ALIVE]
    assert set(alive) == {person.label for person in inventory if world.times(person)}
    assert len(alive) >= 11


@virtually
async def test_large_listings_are_vouched_for_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more than so many tokens are held in memory: listings count, and one that many share counts once."""
    monkeypatch.setattr(living, "_MOST_TOKENS", 500)
    world = Pretended()
    many = [person for number in range(20) for person in world.user(f"u{number}", tokens=100)]
    found, _, _ = await run_audit(world, many, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert len(strangers(world, many)) >= 1 + 2
    world = Pretended()
    ones = world.user("ada", secrets=20, tokens=100)
    found, _, _ = await run_audit(world, ones, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert len(strangers(world, ones)) <= 1 + 2 + 1  # before, for each kind of answer at once, and at the end
