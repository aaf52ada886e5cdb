"""Turns that a run seldom takes: a listing that grows midway, a misuse in the middle, a stop after the breaker."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cobalt_async import Token
from cobalt_async.audit import AuditResult, AuditRun, Credential, Verdict
from cobalt_async.audit.engine.agenda import Agenda, Job
from cobalt_async.audit.engine.crew import Crew
from cobalt_async.audit.engine.listings import Listings
from cobalt_async.audit.engine.refused import Refused
from cobalt_async.audit.engine.users import Users
from cobalt_async.audit.facts import Facts
from cobalt_async.errors import ConfigurationError
from cobalt_async.models import Page
from cobalt_async.protocol.answers import Response
from tests.audit.asking import ALIVE, INDETERMINATE
from tests.audit.pretend import LATENCY, Pretended, after, audited, refusal, run_audit
from tests.virtual_time import now, virtually

JSON = {"Content-Type": "application/json"}
A_DAY = Response(429, {**JSON, "Retry-After": "86400"}, b"{}")


class Growing(Pretended):
    """Somebody makes a token in the middle of the run; it is listed first."""

    has_grown = False

    def _page(self, owner: str, start: int, size: int) -> bytes:
        ids = [f"api_{owner}{number}" for number in range(self._size[owner])]
        if self.has_grown:
            ids.insert(0, "api_new")
        end = min(start + size, len(ids))
        rows = [f'{{"resource":{{"id":"{token_id}","name":"n"}}}}' for token_id in ids[start:end]]
        following = f'"/tokens?cursor={end}"' if end < len(ids) else "null"
        return f'{{"data":[{",".join(rows)}],"pagination":{{"next_page":{following}}}}}'.encode()


@virtually
async def test_a_token_that_is_made_in_the_middle_of_a_run() -> None:
    """A known user's new token comes first, alone, and looks like somebody else's: nobody waits for that one."""
    world = Growing()
    first, *others = world.user("ada", secrets=4, tokens=4)

    async def source() -> AsyncIterator[Credential]:
        yield first
        await asyncio.sleep(1)
        world.has_grown = True
        for person in others:
            yield Credential(person.label, person.secret, token_id="api_ada1")

    async with asyncio.timeout(1_000):
        found, run, _ = await run_audit(world, source())
    assert {result.verdict for result in found.values()} == {Verdict.ALIVE}
    assert {token.id for token in found["ada 3"].tokens} == {"api_new", *(f"api_ada{n}" for n in range(4))}
    assert (run.report().users, run.report().tokens_listed) == (1, 5)


@virtually
async def test_what_one_region_said_is_nothing_that_the_other_said() -> None:
    """Its listing broke off in the one, and was read to its end by another secret since: the other never said yes."""

    class Regions(Pretended):
        eu: ClassVar[list[str]] = []

        async def send(self, request: Any, route: Any, **more: object) -> Response:
            if "eu" not in route.base_url:
                return await super().send(request, route, **more)
            self.eu.append(secret := route.secret.reveal())
            await asyncio.sleep(LATENCY)
            return Response(509, JSON, b"{}") if secret == mine and self.eu.count(mine) == 1 else refusal()

    world = Regions()
    people = world.user("ada", secrets=2, tokens=250)
    mine = people[0].secret.reveal()
    world.instead[mine] = after(1, refusal(404))
    found, _, _ = await run_audit(world, people, base_url=None, concurrency=4, regions=("us", "eu"), rate=0, share=0.01)
    assert found["ada 1"].verdict is ALIVE
    assert (found["ada 0"].verdict, found["ada 0"].tokens) == (INDETERMINATE, ())


@virtually
async def test_a_window_that_opens_tomorrow_holds_up_nobody() -> None:
    """A Retry-After of a day is for whoever asks again; all of that user's are asked once, and the run goes on."""
    world = Pretended()
    first, *others = world.user("ada", secrets=120, tokens=250)
    world.instead[None] = after(2, A_DAY)  # a control, and one page

    async def source() -> AsyncIterator[Credential]:
        yield first
        await asyncio.sleep(1)
        for person in others:
            yield Credential(person.label, person.secret, token_id="api_ada1")

    found, _, ended = await run_audit(world, source(), concurrency=4)
    assert {(result.verdict, result.reason) for result in found.values()} == {(INDETERMINATE, "rate_limited")}
    assert len(found) == 120
    assert ended < 300


@virtually
async def test_an_end_that_fails_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts that could not be put on record at the end are missing, and the run says so."""

    async def clear(*_: object, **__: object) -> None:
        raise ConfigurationError("no room")

    world = Pretended()
    monkeypatch.setattr(Refused, "clear", clear)
    async with audited(world, world.user("ada")) as run:
        with pytest.raises(ConfigurationError, match="no room"):
            async for _ in run:
                pass
        assert [result async for result in run] == []
        assert not run.report().complete


@virtually
async def test_a_misuse_in_the_middle() -> None:
    """What it broke off is told as not tried, nothing of it counts as complete, and a next iteration adds nothing."""
    world = Pretended()
    people = world.user("ada", secrets=20)

    def misuse(at: float) -> Response | None:
        raise ConfigurationError("a misuse")

    world.instead[people[10].secret.reveal()] = misuse
    async with audited(world, people, concurrency=4) as run:
        with pytest.raises(ConfigurationError, match="a misuse"):
            async for _ in run:
                pass
        assert [result async for result in run] == []
        report = run.report()
        assert (report.complete, report.stopped) == (False, "stopped")


def test_whoever_is_cancelled_before_the_first_step_is_counted_out() -> None:
    """A worker that never ran is none any more, and the run is told."""

    async def run() -> None:
        told = asyncio.Event()
        async with asyncio.TaskGroup() as owner:
            crew = Crew(owner, told.set)
            crew.hire(asyncio.sleep(1_000))
            assert crew.workers == 1
            crew.stand_down()
            await told.wait()
            assert crew.workers == 0

    asyncio.run(run())


@virtually
async def test_a_conclusion_that_fails_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the facts cannot be settled there are no alerts, and no baseline is made of them."""
    world = Pretended()
    people = world.user("ada")

    def settle(facts: Facts) -> None:
        raise ConfigurationError("no room")

    async with audited(world, people) as run:
        with monkeypatch.context() as patch:
            patch.setattr(Facts, "settle", settle)
            with pytest.raises(ConfigurationError, match="no room"):
                async for _ in run:
                    pass
        with pytest.raises(ConfigurationError, match="has not ended"):
            run.save_baseline(tmp_path / "baseline")
        assert [result async for result in run] == []
        run.save_baseline(tmp_path / "baseline")


@virtually
async def test_a_store_that_fails_at_the_end_leaves_no_generator_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is raised, and the source is closed all the same."""
    closed: list[bool] = []

    async def source() -> AsyncIterator[Credential]:
        try:
            yield Credential("a", "secret-of-a")
        finally:
            closed.append(True)

    def close(facts: Facts) -> None:
        whole(facts)
        raise ConfigurationError("no room")

    whole = Facts.close
    monkeypatch.setattr(Facts, "close", close)
    begun = source()
    await anext(begun)
    with pytest.raises(ConfigurationError, match="no room"):
        async with audited(Pretended(), begun):
            pass
    assert closed == [True]


@virtually
async def test_a_stop_after_the_breaker() -> None:
    """The breaker goes on reading what there is; whoever says stop then waits for no more of it."""
    world = Pretended()
    living = world.user("ada")

    async def source() -> AsyncIterator[Credential]:
        yield living[0]
        await asyncio.sleep(1)
        world.instead[living[0].secret.reveal()] = lambda _: refusal()
        for number in range(60):
            yield Credential(f"dead {number}", f"nobody-{number}")
        await asyncio.sleep(1e6)

    def stop(run: AuditRun) -> None:
        assert run.report().stopped is None
        run.stop()

    async with audited(world, source(), concurrency=4) as run:
        asyncio.get_running_loop().call_later(30, stop, run)
        assert len([result async for result in run]) == 61
        assert now() < 60
        assert run.report().stopped == "breaker"


@virtually
async def test_a_stop_in_the_turn_in_which_a_control_rings() -> None:
    """Its time limit has just passed: there is nothing to hurry, and nothing to raise."""
    world = Pretended()
    silent = asyncio.Event()

    async def send(*_: object, **__: object) -> Response:
        await silent.wait()
        raise AssertionError

    async with audited(world, world.user("ada")) as run:
        world.send = send  # type: ignore[method-assign]
        loop = asyncio.get_running_loop()
        waits = run._work._control._waits
        loop.call_later(1, lambda: [loop.call_at(wait.when() or 0.0, run.stop) for wait in waits])
        failed: list[object] = []
        loop.set_exception_handler(lambda _, what: failed.append(what))
        assert len([result async for result in run]) == 1
    assert failed == []


@virtually
async def test_users_are_counted_once_after_a_resume(tmp_path: Path) -> None:
    """A number whose listing was half read in the first run is nobody in the second."""
    path = tmp_path / "checkpoint"
    names = ("ada", "bob", "cyd")

    def inventory(world: Pretended) -> list[Credential]:
        big = world.user("big", tokens=2_000)
        return big + [person for name in names for person in world.user(name, tokens=2)]

    world = Pretended(page=2)
    async with audited(world, inventory(world), checkpoint=path) as run:
        async for result in run:
            if result.label == "cyd 0":
                break
    world = Pretended()
    found, run, _ = await run_audit(world, inventory(world), checkpoint=path)
    assert len(found) == 4
    assert (run.report().users, run.report().tokens_listed) == (4, 2_006)


def test_places_of_tokens_are_not_given_twice(tmp_path: Path) -> None:
    """What is listed after a resume stands behind all that is there already."""
    path = tmp_path / "checkpoint"
    facts = Facts(path)
    facts.list(1, tokens("a", "b", "c"))  # its credential was never told
    facts.list(2, tokens("d", "e", "f"))
    facts.add(Credential("d", "secret-of-d"), AuditResult("d", Verdict.ALIVE), 2)
    facts.close()
    facts = Facts(path)
    facts.list(2, tokens("new"))
    assert [token.id for token in facts.tokens(2)] == ["d", "e", "f", "new"]
    facts.close()


def test_an_empty_checkpoint_is_a_new_one(tmp_path: Path) -> None:
    """A run that was killed before anything stood in it left nothing to go on with, and nothing in the way."""
    path = tmp_path / "checkpoint"
    path.touch()
    facts = Facts(path)
    assert not facts.resumed
    facts.close()
    facts = Facts(path)
    assert facts.resumed
    facts.close()


@virtually
async def test_a_token_that_a_page_lists_twice_is_one() -> None:
    """In the listing, and in the number of those that were listed."""

    class Twice(Pretended):
        def _page(self, owner: str, start: int, size: int) -> bytes:
            row = '{"resource":{"id":"api_a","name":"ci"}}'
            return f'{{"data":[{row},{row}],"pagination":{{"next_page":null}}}}'.encode()

    world = Twice()
    found, run, _ = await run_audit(world, world.user("ada"))
    assert [token.id for token in found["ada 0"].tokens] == ["api_a"]
    assert run.report().tokens_listed == 1


@virtually
async def test_notes_stay_few_whatever_headers_tell() -> None:
    """A server that tells another limit with each answer fills no report."""
    limits = count(101)

    class Telling(Pretended):
        def _answer(self, secret: str, target: str) -> Response:
            usual = super()._answer(secret, target)
            headers = {**usual.headers, "X-Rate-Limit-Get-Limit": str(next(limits))}
            return Response(usual.status, headers, usual.body)

    world = Telling()
    _, run, _ = await run_audit(world, [person for n in range(100) for person in world.user(f"u{n}")])
    assert 1 <= len(run.report().notes) < 20


# --- the parts


def tokens(*ids: str) -> list[Token]:
    """Tokens of these ids."""
    return [Token(token_id, token_id) for token_id in ids]


def job(label: str, user: int | None = None) -> Job:
    """A credential on its way, whose user is known or not."""
    made = Job(Credential(label, f"secret-of-{label.replace(' ', '-')}"))
    made.user, made.pages = user, int(user is not None)
    return made


class Desk:
    """Listings as the engine makes them."""

    def __init__(self) -> None:
        self.users = Users(0.8)
        self.agenda = Agenda(self.users)
        self.facts = Facts()
        self.pages = count()
        self.listings = Listings(self.users, self.agenda, self.facts, version="v1")

    def asked(self, who: Job, ids: Iterable[str], *, more: bool = True) -> bool:
        """One page of tokens for a job; whether it goes on."""
        request = self.listings.first
        following = f"/tokens?cursor={next(self.pages)}" if more else None
        page = Page(tuple(tokens(*ids)), following, None)
        self.listings.bind(who, request, page)
        return self.listings.goes_on(who, request, page)


async def test_followers_of_two_who_turn_out_to_be_one() -> None:
    """They follow the one listing that is left; where that breaks off, one of them begins anew."""
    desk = Desk()
    lister, other = job("lister"), job("other")
    assert desk.asked(lister, ["a"])
    assert desk.asked(other, ["b"])
    followers = [job(f"follower {number}") for number in range(3)]
    for follower in followers:
        assert desk.asked(follower, ["b"])
        assert desk.listings.follows(follower)
    assert desk.asked(lister, ["a", "b"])
    assert desk.listings.waiting == 3
    desk.listings.give_up(other)
    assert desk.agenda.next(0.0) is followers[0]
    assert followers[0].lists
    assert desk.listings.waiting == 2
    assert not desk.asked(followers[0], ["b", "c"], more=False)
    assert desk.listings.waiting == 0
    assert [desk.agenda.next(0.0) for _ in range(3)] == [*followers[1:], None]
    assert all(desk.listings.knows(follower) for follower in followers)
    desk.facts.close()


def test_who_is_known_is_not_set_free() -> None:
    """Those behind a scout may be somebody else's; one whose user is known waits for that user's window."""
    users = Users(0.8)
    agenda = Agenda(users)
    user = users.add()
    users.throttled(user, 0.0, None)
    known = job("known", user)
    agenda.park(job("guessed"), user)
    agenda.park(known, user)
    agenda.release(user, 5)
    assert (agenda.next(0.0), agenda.parked) == (None, 2)


def test_who_waits_for_a_window_waits_for_it_under_any_number() -> None:
    """Two users turn out to be one: nobody takes from the window of a number that is no more."""
    users = Users(0.8)
    agenda = Agenda(users)
    one, two = users.add(), users.add()
    users.bind(tokens("a"), one)
    users.bind(tokens("b"), two)
    users.throttled(one, 10.0, None)
    agenda.park(job("of two", two), two)
    assert users.bind(tokens("a", "b"), one) == (one, [], [two])
    agenda.merge(two, one)
    assert agenda.next(10.0) is None
    assert agenda.next(70.0) is not None


@virtually
async def test_an_inventory_that_was_edited_between_two_runs(tmp_path: Path) -> None:
    """What is in it no more counts no more; what stands there twice is there twice, or once where one was taken out."""
    path = tmp_path / "checkpoint"
    world = Pretended()
    ada, bob = world.user("ada", tokens=2), world.user("bob", secrets=2, tokens=2)
    twice = [Credential("twice", "nobody-at-all")] * 2
    people = [*bob, *ada, *twice]
    first = await outcome(world, people, path)
    assert first[0] == (2, 4, 5, 4)
    assert await outcome(world, people, path) == first
    edited = [bob[0], Credential("renamed", bob[1].secret), twice[0]]
    again = await outcome(world, edited, path)
    assert again[0] == (1, 2, 3, 2)
    assert again == await outcome(world, edited, None)
    assert again[1] != first[1]


async def outcome(
    world: Pretended, people: list[Credential], checkpoint: Path | None
) -> tuple[tuple[int, ...], set[tuple[str, str]]]:
    """Users and tokens as they are reported, and credentials and tokens on record; what was raised about whom."""
    async with audited(world, people, checkpoint=checkpoint) as run:
        async for _ in run:
            pass
        [rows] = run._facts.query("SELECT (SELECT COUNT(*) FROM credential), COUNT(*) FROM token")
    report = run.report()
    raised = {(alert.rule, alert.subject) for alert in report.alerts}
    return (report.users, report.tokens_listed, *rows), raised
