"""One listing a user, nobody asked more often than their window allows, and second looks when they are due."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, cast

import pytest

from cobalt_async import AsyncCobalt, Token
from cobalt_async.audit import Credential, audit
from cobalt_async.audit.engine import agenda, at_hand, living
from cobalt_async.audit.facts import Facts
from cobalt_async.protocol.answers import Response
from tests.audit.asking import ALIVE, DEAD, NOT_TRIED, short, unknown
from tests.audit.pretend import LATENCY, Pretended, after, dead, refusal, run_audit
from tests.virtual_time import virtually

NOTHING_LISTED = Response(
    200, {"Content-Type": "application/json"}, b'{"data":[],"pagination":{"next_page":null}}'
)  # as a gateway that knows nobody may say to everybody


@pytest.fixture(autouse=True)
def _second_looks_when_they_are_due(_second_looks_at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is virtual here: five seconds are five seconds."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 5.0)


@virtually
async def test_a_listing_is_read_once_for_all_secrets_of_a_user() -> None:
    """Six secrets of a user with 250 tokens: three pages and five answers more, and every result has all tokens."""
    world = Pretended()
    people = world.user("ada", secrets=6, tokens=250)
    found, run, _ = await run_audit(world, people, concurrency=1)
    assert {len(found[person.label].tokens) for person in people} == {250}
    assert {found[person.label].user for person in people} == {"user-1"}
    assert sum(len(world.targets(person)) for person in people) == 3 + 5
    assert (run.report().users, run.report().tokens_listed) == (1, 250)


@virtually
async def test_secrets_of_a_user_at_once_follow_the_one_that_lists() -> None:
    """Side by side too, one reads the pages and the others wait for it: no page is read twice but the first."""
    world = Pretended()
    people = world.user("ada", secrets=6, tokens=250)
    found, _, _ = await run_audit(world, people, concurrency=8)
    assert {len(found[person.label].tokens) for person in people} == {250}
    asked = [target for person in people for target in world.targets(person)]
    assert len(asked) == 6 + 2
    assert sum("cursor" in target for target in asked) == 2


@virtually
async def test_who_lists_fails_and_another_takes_over() -> None:
    """A listing that breaks off is INDETERMINATE for its own secret; those that waited for it get a whole one."""
    world = Pretended()
    people = world.user("ada", secrets=3, tokens=250)
    world.instead[people[0].secret.reveal()] = after(1, refusal(404))
    found, _, _ = await run_audit(world, people)
    assert short(found) == {"ada 0": "INDETERMINATE refused_404", "ada 1": "ALIVE", "ada 2": "ALIVE"}
    assert [len(found[f"ada {number}"].tokens) for number in (1, 2)] == [250, 250]


@virtually
async def test_a_declared_id_of_a_known_user_needs_one_token_to_tell() -> None:
    """Where the inventory says which id it is, and that user is listed, `limit=1` is enough."""
    world = Pretended()
    first, second = world.user("ada", secrets=2)
    declared = Credential(second.label, second.secret, token_id="api_ada1")
    await run_audit(world, [first, declared], concurrency=1)
    assert (world.targets(first), world.targets(second)) == (["/tokens?limit=100"], ["/tokens?limit=1"])


@virtually
async def test_a_declared_id_that_is_anothers_costs_one_request_more() -> None:
    """The hint is wrong: the answer shows another user, who is listed then."""
    world = Pretended()
    ada, bob = world.user("ada")[0], world.user("bob", tokens=3)[0]
    found, _, _ = await run_audit(world, [ada, Credential(bob.label, bob.secret, token_id="api_ada0")], concurrency=1)
    assert world.targets(bob) == ["/tokens?limit=1", "/tokens?limit=100"]
    assert len(found["bob 0"].tokens) == 3
    assert found["bob 0"].user != found["ada 0"].user


@virtually
async def test_many_who_were_taken_for_somebody_elses_cost_one_request_more_together() -> None:
    """Sixteen at once are asked for one token, since the one before has many in a row: one of them lists for all."""
    world = Pretended()
    people = [*world.user("ada", secrets=40), *world.user("bob", secrets=20)]
    found, _, _ = await run_audit(world, people, concurrency=16, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert world.statuses[200] == 60 + 1


@virtually
async def test_a_window_is_used_to_its_share_and_then_parked() -> None:
    """A user with 200 declared secrets is asked 80 times a window; nobody gets a 509, nobody is lost."""
    world = Pretended()
    people = [Credential(person.label, person.secret, token_id="api_ada0") for person in world.user("ada", secrets=200)]
    found, _, ended = await run_audit(world, people)
    assert set(short(found).values()) == {"ALIVE"}
    assert world.statuses[509] == 0
    firsts = [sum(60 * n <= at < 60 * (n + 1) for person in people for at in world.times(person)) for n in range(4)]
    assert firsts[0] <= 80 + 8  # those that were on their way when the first answer told whose they are
    assert sum(firsts) == 201  # two pages, and one answer for each other
    assert ended < 180


@virtually
async def test_a_window_that_others_use_too_is_looked_at_before_it_is_used() -> None:
    """Where half of each window is gone as soon as it opens, the audit takes what is left of its share."""
    world = Pretended(eaten=50)
    people = [Credential(person.label, person.secret, token_id="api_ada0") for person in world.user("ada", secrets=100)]
    found, _, ended = await run_audit(world, people, concurrency=64)
    assert set(short(found).values()) == {"ALIVE"}
    assert world.statuses[509] == 64 - 50  # of those that went before anything was known of ada
    assert sum(60 <= at < 120 for person in people for at in world.times(person)) == 30
    assert ended < 180


@virtually
async def test_dead_ones_in_a_users_queue_cost_that_user_nothing() -> None:
    """A 401 counts for nobody (F4): dead secrets that were declared as a user's do not use up the window."""
    world = Pretended()
    alive = [Credential(p.label, p.secret, token_id="api_ada0") for p in world.user("ada", secrets=40)]
    gone = [Credential(p.label, p.secret, token_id="api_ada0") for p in dead(100)]
    _, run, ended = await run_audit(world, [alive[0], *gone, *alive[1:]], concurrency=2)
    assert run.report().complete
    assert ended < 60


@virtually
async def test_a_parked_user_holds_up_nobody() -> None:
    """While one user's window is used up, the others are asked."""
    world = Pretended(limit=10)
    people = world.user("ada", secrets=30)
    others = [person for number in range(50) for person in world.user(f"u{number}")]
    found, _, _ = await run_audit(world, [*people, *others], concurrency=4, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert max(at for person in others for at in world.times(person)) < 60


@virtually
async def test_a_share_of_all_uses_the_whole_window() -> None:
    """`share=1.0` leaves nothing to others: 200 secrets take two windows."""
    world = Pretended()
    people = world.user("ada", secrets=150)
    _, _, ended = await run_audit(world, people, share=1.0)
    assert 60 <= ended < 62


@virtually
async def test_a_limit_that_never_opens_is_unknown_in_the_end() -> None:
    """509 again and again: fifteen times, a window apart, then INDETERMINATE(rate_limited)."""
    world = Pretended()
    ada, bob = world.user("ada")[0], world.user("bob")[0]
    world.instead[bob.secret.reveal()] = after(0, refusal(509))
    found, _, _ = await run_audit(world, [ada, bob])
    assert short(found) == {"ada 0": "ALIVE", "bob 0": "INDETERMINATE rate_limited"}
    times = world.times(bob)
    assert len(times) == 15
    assert all(later - earlier >= 60 - LATENCY for earlier, later in pairwise(times))


@virtually
async def test_a_second_look_comes_five_seconds_later() -> None:
    """A 401 is told only after a second one, at least 5 s after the first, with `limit=1`."""
    world = Pretended()
    ada, gone = world.user("ada")[0], dead(1)[0]
    found, _, _ = await run_audit(world, [gone, ada], rate=0)
    first, second = world.times(gone)
    assert second - first >= 5
    assert world.targets(gone) == ["/tokens?limit=100", "/tokens?limit=1"]
    assert found["dead 0"].verdict is DEAD


@virtually
async def test_second_looks_that_are_due_soon_after_one_another_go_together() -> None:
    """Eight refusals, one after another within a tenth of a second: none before its time, and all at one moment."""
    world = Pretended()
    ada, gone = world.user("ada")[0], dead(8)

    async def slowly() -> AsyncIterator[Credential]:
        for person in (ada, *gone):
            yield person
            await asyncio.sleep(LATENCY)

    await run_audit(world, cast(Any, slowly()), rate=0)
    looks = [world.times(person) for person in gone]
    assert len({first for first, _ in looks}) == 8
    assert all(second - first >= 5 for first, second in looks)
    assert len({second for _, second in looks}) == 1


@virtually
async def test_a_listing_that_is_in_the_answer_is_not_read_from_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose listing is no longer at hand is listed again by the next secret's answer: the record is not asked.

    Where the answer has a part of it, it is.
    """
    monkeypatch.setattr(at_hand, "_MOST", 1)
    read: list[int] = []
    own = Facts.tokens

    def noting(self: Facts, user: int) -> tuple[Token, ...]:
        read.append(user)
        return own(self, user)

    monkeypatch.setattr(Facts, "tokens", noting)
    world = Pretended()
    ada, bob, cleo = (
        world.user("ada", secrets=2, tokens=3),
        world.user("bob"),
        world.user("cleo", secrets=2, tokens=150),
    )
    found, _, _ = await run_audit(world, [ada[0], cleo[0], bob[0], ada[1]], concurrency=1, rate=0)
    assert read == []
    assert found["ada 1"].tokens == found["ada 0"].tokens
    found, _, _ = await run_audit(world, [cleo[0], bob[0], cleo[1]], concurrency=1, rate=0)
    assert read == [1]
    assert found["cleo 1"].tokens == found["cleo 0"].tokens
    assert len(found["cleo 1"].tokens) == 150


@virtually
async def test_who_is_alive_at_the_second_look_is_alive() -> None:
    """A 401 that does not come again was no verdict: the listing is read."""
    world = Pretended()
    ada, bob = world.user("ada")[0], world.user("bob", tokens=3)[0]
    world.instead[bob.secret.reveal()] = lambda at: refusal() if at < 3 else None
    found, _, _ = await run_audit(world, [ada, bob])
    assert found["bob 0"].verdict is ALIVE
    assert len(found["bob 0"].tokens) == 3


@virtually
async def test_a_proxy_that_begins_to_strip_makes_nobody_dead() -> None:
    """From the tenth answer on all is 401: the breaker stops the run, and whoever was refused is not DEAD."""
    world = Pretended()
    people = [person for number in range(100) for person in world.user(f"u{number}")]
    world.instead[None] = after(10, refusal())
    found, run, _ = await run_audit(world, people, concurrency=4, rate=0)
    verdicts = {result.verdict for result in found.values()}
    assert DEAD not in verdicts
    assert len(found) == 100
    assert run.report().stopped == "breaker"
    assert not run.report().complete
    assert NOT_TRIED in verdicts
    assert len(world.asked) < 60


@virtually
async def test_many_dead_ones_do_not_stop_a_run_that_is_sound() -> None:
    """Two hundred 401s in a row, and a living token that answers each time it is asked: the run goes on."""
    world = Pretended()
    ada = world.user("ada")[0]
    found, run, _ = await run_audit(world, [ada, *dead(200)], rate=0)
    assert sum(result.verdict is DEAD for result in found.values()) == 200
    assert run.report().complete


@virtually
async def test_a_gateway_that_answers_everybody_makes_the_run_void() -> None:
    """A made-up token gets 200: nothing is asked, everything is NOT_TRIED."""
    world = Pretended()
    ada = world.user("ada")
    world.instead[None] = after(0, NOTHING_LISTED)
    found, run, _ = await run_audit(world, [*ada, *dead(3)])
    assert set(short(found).values()) == {"NOT_TRIED void"}
    assert "made-up token was answered 200" in str(run.report().void)
    assert len(world.asked) == 1


@virtually
async def test_stopping_a_void_run_waits_for_no_more_rows() -> None:
    """Its rows are still read, to be told NOT_TRIED; after `stop` nobody waits for those that never come."""
    world = Pretended()
    ada = world.user("ada")
    world.instead[None] = after(0, NOTHING_LISTED)

    async def rows() -> AsyncIterator[Credential]:
        yield ada[0]
        await asyncio.Event().wait()

    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = cast(Any, world)
        async with audit(cobalt, rows()) as run:
            asyncio.get_running_loop().call_later(60, run.stop)
            assert [result.reason async for result in run] == ["void"]
            assert asyncio.get_running_loop().time() == pytest.approx(60, abs=3)
    assert run.report().void is not None


@virtually
async def test_a_gateway_that_opens_midway_makes_the_run_void_at_its_end() -> None:
    """What answers everybody by the end is noticed before the run is called complete."""
    world = Pretended()
    people = [person for number in range(5) for person in world.user(f"u{number}")]
    world.instead[None] = after(4, NOTHING_LISTED)
    _, run, _ = await run_audit(world, people, concurrency=1)
    assert run.report().void is not None
    assert not run.report().complete


@virtually
async def test_forbidden_is_told_where_a_made_up_token_is_still_unknown() -> None:
    """403 needs no living token; the made-up one is asked again before it is told."""
    world = Pretended()
    bob = world.user("bob")[0]
    world.instead[bob.secret.reveal()] = after(0, refusal(403))
    found, run, _ = await run_audit(world, [bob])
    assert short(found) == {"bob 0": "FORBIDDEN"}
    assert run.report().complete


@virtually
async def test_a_wall_that_begins_to_forbid_makes_nobody_forbidden() -> None:
    """From the tenth answer on all is 403, made-up tokens too: no FORBIDDEN is told, and the run is void."""
    world = Pretended()
    people = [person for number in range(12) for person in world.user(f"u{number}")]
    world.instead[None] = after(10, refusal(403))
    found, run, _ = await run_audit(world, people, concurrency=1)
    assert "FORBIDDEN" not in set(short(found).values())
    assert run.report().void is not None


@virtually
async def test_no_clear_answer_to_the_made_up_token_is_asked_for_again() -> None:
    """While controls fail nothing counts; once one is answered as it should be, verdicts are given."""
    world = Pretended()
    ada = world.user("ada")[0]
    world.instead[None] = lambda at: refusal(404) if at < 0.025 else None
    found, _, _ = await run_audit(world, [ada])
    assert short(found) == {"ada 0": "ALIVE"}
    world.instead[None] = lambda _: None
    world.instead[ada.secret.reveal()] = lambda _: None
    blind = Pretended()
    bob = blind.user("bob")[0]
    blind.instead[None] = after(0, refusal(404))
    blind.instead[bob.secret.reveal()] = lambda _: blind._answer(bob.secret.reveal(), "/tokens?limit=100")
    found, run, _ = await run_audit(blind, [bob])
    assert short(found) == {"bob 0": "INDETERMINATE no_dead_control"}
    assert not run.report().complete


@virtually
async def test_stopping_leaves_the_rest_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `stop` what is under way ends, nothing more is asked, and what was read has a result."""
    monkeypatch.setattr(living, "TOGETHER", 4)
    world = Pretended()
    people = [person for number in range(50) for person in world.user(f"u{number}")]
    async with AsyncCobalt(base_url="http://127.0.0.1:9") as cobalt:
        cobalt._root.refreshes.exchange._transport = world  # type: ignore[assignment]
        verdicts = []
        async with audit(cobalt, [*people, *unknown(3)], concurrency=4, rate=0) as run:
            async for result in run:
                verdicts.append(result.verdict)
                run.stop()
    assert set(verdicts) <= {ALIVE, NOT_TRIED}
    assert len(verdicts) < 15
    assert run.report().stopped == "stopped"
    assert not run.report().complete


@virtually
async def test_a_made_up_token_that_a_wall_refuses_vouches_for_nothing() -> None:
    """A 401 with a page of somebody else's is no refusal of Cobalt's: nothing that is answered counts."""
    world = Pretended()
    ada = world.user("ada")[0]
    world.strangers = lambda _: Response(401, {"Content-Type": "text/html"}, b"<p>sign in")
    found, _, _ = await run_audit(world, [ada])
    assert short(found) == {"ada 0": "INDETERMINATE no_dead_control"}


@virtually
async def test_strangers_who_are_let_in_by_the_end_make_the_run_void() -> None:
    """A made-up token is asked after the last credential too: a 200 to it says that no answer since can be believed."""
    world = Pretended()
    people = [person for number in range(5) for person in world.user(f"u{number}")]
    page = b'{"data":[{"resource":{"id":"api_x","name":"x"}}],"pagination":{"next_page":null}}'
    open_door = Response(200, {"Content-Type": "application/json"}, page)
    world.strangers = lambda at: refusal() if at < 1.5 * LATENCY else open_door
    found, run, _ = await run_audit(world, people)
    assert set(short(found).values()) == {"NOT_TRIED void"}
    assert "made-up token was answered 200" in str(run.report().void)
    assert not run.report().complete


@virtually
async def test_a_living_token_that_has_to_wait_is_not_dead() -> None:
    """The breaker asks a token whose window others have used up: 509 is no sign of death, and the run goes on."""
    world = Pretended()
    ada = world.user("ada")[0]
    world.instead[ada.secret.reveal()] = after(1, Response(509, {"Content-Type": "application/json"}, b"{}"))
    found, run, _ = await run_audit(world, [ada, *dead(45)], rate=0)
    assert found["ada 0"].verdict is ALIVE
    assert {short(found)[f"dead {number}"] for number in range(45)} == {"INDETERMINATE no_live_control"}
    assert run.report().stopped is None


@virtually
async def test_where_everybodys_window_is_used_up_few_are_asked_in_vain() -> None:
    """Four users with 300 secrets each, in turns: what cannot be known is found out sparingly, and nobody is lost."""
    world = Pretended()
    users = [world.user(f"u{number}", secrets=300) for number in range(4)]
    people = [person for row in zip(*users, strict=True) for person in row]
    found, _, _ = await run_audit(world, people, rate=0)
    assert set(short(found).values()) == {"ALIVE"}
    assert world.statuses[509] < 250
