"""Two rotations at once: of one token, on one store, of one user."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from attrs import asdict

from cobalt_async.rotation import Journal, Rotation, State
from cobalt_async.rotation.points import Point
from tests.processes import ending
from tests.rotation.staging import ROOT, MemoryStore, Stage, at_points, beside, leaping, stage

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


def test_two_processes_on_one_token() -> None:
    """One of them refreshes, once; the other is REFUSED, or comes too late; and what the store holds is alive."""
    for _ in range(3):
        with stage() as on:
            job = on.job(secret=on.old, token_id=on.token.id, sibling=on.sibling.secret)
            line = json.dumps(asdict(job)) + "\n"
            command = [sys.executable, "-m", "tests.rotation.crasher"]
            pipes: dict[str, Any] = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            with ending(subprocess.Popen(command, **pipes)) as one, ending(subprocess.Popen(command, **pipes)) as two:
                for process in (one, two):
                    assert process.stdin is not None
                    process.stdin.write(line)
                    process.stdin.flush()
                said = [json.loads(process.stdout.readline())["said"][0] for process in (one, two)]  # type: ignore[union-attr]
            assert sorted(outcome["state"] for outcome in said) == ["REFUSED", "SUCCESS"], said
            assert on.posts == 1
            assert on.lives()


@leaping
async def test_two_tasks_on_one_token() -> None:
    """The same in one process: the second is told so at once."""
    async with beside() as on:
        async with on.client() as cobalt:
            outcomes = await asyncio.gather(on.rotate(cobalt, **BRIEF), on.rotate(cobalt, **BRIEF))
        assert sorted(outcome.state for outcome in outcomes) == [State.REFUSED, State.SUCCESS]
        refused = next(outcome for outcome in outcomes if outcome.state is State.REFUSED)
        assert "under way" in refused.why
        assert on.posts == 1
        on.check(next(outcome for outcome in outcomes if outcome.state is State.SUCCESS))


@leaping
async def test_resume_and_rotate_at_once() -> None:
    """What is under way is not resumed, and what is being resumed is not begun again."""
    async with beside() as on:
        async with on.client() as cobalt:
            going = asyncio.Event()
            resumed: list[Rotation | None] = []

            async def write() -> object:
                resumed.append(await on.resume(cobalt, **BRIEF))
                going.set()
                return None

            on.memory.instead["write"] = write
            rotation = await on.rotate(cobalt, **BRIEF)
            assert going.is_set()
            assert resumed[0] is not None
            assert resumed[0].state is State.REFUSED
            assert "another process is at it" in resumed[0].why
            assert rotation.state is State.SUCCESS
            on.check(rotation)


def other_journal(on: Stage) -> Journal:
    """As on another machine, where nobody knows of the first."""
    return Journal(on.folder / "elsewhere")


@leaping
async def test_two_journals_on_one_store() -> None:
    """Nobody holds a lock between them, and one refresh alone brings what stands in the store in the end."""
    async with beside() as on:
        async with on.client() as one, on.client() as two:
            outcomes = await asyncio.gather(on.rotate(one, **BRIEF), on.rotate(two, journal=other_journal(on), **BRIEF))
            assert sorted(outcome.state for outcome in outcomes) == [State.ADOPTED, State.SUCCESS], outcomes
            assert on.lives()
            assert on.posts == 2  # the second with a secret that was dead
            assert (await one.tokens.list()).items
            assert (await two.tokens.list()).items


@pytest.mark.parametrize("point", [Point.SENT, Point.KEPT, Point.PROVEN, Point.OLD_DEAD, Point.STORING])
@pytest.mark.parametrize("second", ["self", "sibling"])
@leaping
async def test_a_rival_with_another_journal_at_each_moment(point: Point, second: str) -> None:
    """A rotation by somebody else comes in between: a living secret is in the store or in a spool, and it is said."""
    async with beside() as on:
        rivals: list[str] = []

        def reached(here: Point) -> None:
            if here is point and not rivals:
                if second == "sibling" or point is Point.SENT:
                    rivals.append(on.token.refresh())
                    on.memory.set(rivals[0])
                else:
                    rivals.append("with a dead secret nothing happens")

        async with on.client() as cobalt:
            with at_points(reached):
                rotation = await on.rotate(cobalt, **BRIEF)
            assert rivals
            again = await on.resume(cobalt, **BRIEF) or rotation
        if second == "sibling" and point is not Point.SENT:
            assert rotation.state in (State.CONFLICT, State.HELD, State.ADOPTED), rotation
        assert again.state in (State.SUCCESS, State.ADOPTED, State.CONFLICT)
        assert on.memory.text == on.token.secret
        assert on.sandbox.alive(on.memory.text)
        assert not on.kept() or again.state is State.CONFLICT


@leaping
async def test_two_tokens_of_one_user() -> None:
    """One after the other, and both are rotated; the second looks again at what the first has changed."""
    async with beside(refreshed_id="new") as on:
        stores = {token.id: MemoryStore(token.secret) for token in (on.token, on.other)}
        others_old, under_way, most = on.other.secret, 0, 0

        def watched(store: MemoryStore) -> None:
            async def write() -> object:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0.3)
                under_way -= 1
                return None

            store.instead["write"] = write

        for store in stores.values():
            watched(store)
        ids = (on.token.id, on.other.id)
        async with on.client() as one, on.client(others_old) as two:
            outcomes = await asyncio.gather(
                on.rotate(one, store=stores[ids[0]], **BRIEF),
                on.rotate(two, token_id=ids[1], store=stores[ids[1]], **BRIEF),
            )
        assert [outcome.state for outcome in outcomes] == [State.SUCCESS] * 2, outcomes
        assert most == 1
        assert stores[ids[0]].text == on.token.secret
        assert stores[ids[1]].text == on.other.secret
        entries = list(on.journal.entries().values())
        assert {outcome.new_token_id for outcome in outcomes} & entries[1].intent.listed.keys()


@leaping
async def test_a_cancelled_second_rotation_of_one_user() -> None:
    """Who waits for the other and is cancelled has sent nothing, and holds nothing."""
    async with beside() as on:
        async with on.client() as one, on.client(on.other.secret) as two:
            waiting: list[asyncio.Task[Rotation]] = []

            async def write() -> object:
                second = on.rotate(two, token_id=on.other.id, store=MemoryStore(on.other.secret), **BRIEF)
                waiting.append(asyncio.ensure_future(second))
                await asyncio.sleep(2)
                assert not waiting[0].done()
                waiting[0].cancel()
                await asyncio.sleep(1)
                return None

            on.memory.instead["write"] = write
            rotation = await on.rotate(one, **BRIEF)
            assert rotation.state is State.SUCCESS
            assert waiting[0].cancelled()
            assert on.posts == 1
            assert len(on.journal.entries()) == 1


@leaping
async def test_a_second_rotation_of_one_user_gives_up() -> None:
    """Where the first takes longer than a refresh may, it is REFUSED."""
    async with beside() as on:
        async with on.client() as one, on.client(on.other.secret) as two:
            second: list[asyncio.Task[Rotation]] = []

            async def write() -> object:
                store = MemoryStore(on.other.secret)
                rotation = on.rotate(two, token_id=on.other.id, store=store, **BRIEF)
                second.append(asyncio.ensure_future(rotation))
                await asyncio.Event().wait()
                return None

            async def read() -> object:
                if second:  # and reading it back takes its time, too
                    await asyncio.wait(second)
                return None

            on.memory.instead.update(write=write, read=read)
            assert (await on.rotate(one, **BRIEF)).state is State.HELD
            assert second[0].result().state is State.REFUSED
            assert "same user" in second[0].result().why
            assert on.posts == 1
