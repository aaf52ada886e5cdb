"""What a rotation waits for, how long, and what happens meanwhile; and what stands on the disk before what."""

import asyncio
import os
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import pytest
from attrs import frozen

from cobalt_async.rotation import State, driver, journal
from cobalt_async.rotation import refreshes as room
from cobalt_async.rotation.points import Point
from tests.rotation.faulty_disk import FaultyOs, disk
from tests.rotation.staging import Stage, at_points, beside, falling, leaping
from tests.virtual_time import now

BRIEF: dict[str, Any] = {"settle": 50.0, "prove_within": 0.5, "old_dead_within": 0.5}


@frozen
class Arrival:
    at: float
    method: str
    secret: str


def arrivals(on: Stage) -> list[Arrival]:
    """When each request comes, from now on."""
    found: list[Arrival] = []
    loop = asyncio.get_running_loop()
    remember = on.sandbox._serving._seen  # type: ignore[union-attr]

    def seen(request: Any) -> None:
        found.append(Arrival(loop.time(), request.method, request.headers["Authorization"].partition(" ")[2]))
        remember(request)

    on.sandbox._serving._seen = seen  # type: ignore[union-attr]
    return found


def lands_after(seconds: float, act: Callable[[], object]) -> "asyncio.Task[None]":
    """Something happens later, as a request does that is still on its way."""

    async def land() -> None:
        await asyncio.sleep(seconds)
        act()

    return asyncio.ensure_future(land())


@leaping
async def test_nothing_is_asked_before_the_doubt_has_settled() -> None:
    """The old secret is asked with no sooner than `settle` after the request that is in doubt had left."""
    for has_sibling in (False, True):
        async with beside() as on:
            came = arrivals(on)
            on.sandbox.faults.hang_up_after(method="POST")
            async with on.client() as cobalt:
                await on.rotate(cobalt, sibling=on.sibling.secret if has_sibling else None, **BRIEF)
            sent = next(arrival.at for arrival in came if arrival.method == "POST")
            asked = next(arrival.at for arrival in came if arrival.at > sent and arrival.secret == on.old)
            assert 49 < asked - sent < 52


@leaping
async def test_a_request_that_lands_late_is_not_overlooked() -> None:
    """It was lost, is not dead, and lands while it is waited for: LOST is said, and not that nothing happened."""
    async with beside() as on:
        on.sandbox.faults.hang_up_before(method="POST")
        async with on.client() as cobalt:
            landing = lands_after(30.0, on.token.refresh)
            rotation = await on.rotate(cobalt, sibling=None, **BRIEF)
            await landing
        assert rotation.state is State.LOST
        assert on.posts == 1


class Leaping(datetime):
    """The time of day moves with the loop's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Leaping":
        return cls.fromtimestamp(2e9 + asyncio.get_running_loop().time(), tz)


@pytest.mark.parametrize("resumed", [False, True], ids=["at once", "after a crash"])
@leaping
async def test_settling_counts_from_the_moment_of_leaving(resumed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waited for its rate window left later than it was written down; `resume` knows of it, too."""
    for module in (room, driver, journal):
        monkeypatch.setattr(module, "datetime", Leaping)
    async with beside() as on:
        came = arrivals(on)
        on.sandbox.faults.answer(509, {}, {"Retry-After": "90"}, method="POST")
        on.sandbox.faults.hang_up_after(method="POST")
        async with on.client() as cobalt:
            if resumed:
                with falling(Point.ANSWERED, times=2):
                    await on.rotate(cobalt, **BRIEF)
                again = await on.resume(cobalt, **BRIEF)
            else:
                again = await on.rotate(cobalt, **BRIEF)
        assert again is not None
        assert again.state is State.SUCCESS
        first, second, *_ = [arrival.at for arrival in came if arrival.method == "POST"]
        asked = next(arrival.at for arrival in came if arrival.at > second and arrival.secret == on.old)
        assert second - first > 89
        assert 49 < asked - second < 52


@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["forward", "back"])
@leaping
async def test_a_step_of_the_clock_makes_nobody_hurry(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day is put forward, or back, after the request left: it settles for as long as it would have."""

    class Stepping(datetime):
        stepped = 0.0

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stepping":
            return cls.fromtimestamp(2e9 + asyncio.get_running_loop().time() + cls.stepped, tz)

    def reached(point: Point) -> None:
        if point is Point.ANSWERED:
            Stepping.stepped = step

    for module in (room, driver, journal):
        monkeypatch.setattr(module, "datetime", Stepping)
    async with beside() as on:
        came = arrivals(on)
        on.sandbox.faults.hang_up_after(method="POST")
        async with on.client() as cobalt:
            with at_points(reached):
                await on.rotate(cobalt, **BRIEF)
        sent = next(arrival.at for arrival in came if arrival.method == "POST")
        asked = next(arrival.at for arrival in came if arrival.at > sent and arrival.secret == on.old)
        assert 49 < asked - sent < 52


@leaping
async def test_a_request_stays_where_its_leaving_cannot_be_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is sent, and that is what is said."""
    for module in (room, driver, journal):
        monkeypatch.setattr(module, "datetime", Leaping)
    async with beside() as on:
        on.sandbox.faults.answer(509, {}, {"Retry-After": "90"}, method="POST")

        def fails(rotation_id: str, kind: str, **fields: object) -> None:
            if kind == "SENT" and now() > 80:
                raise OSError(28, "No space left on device")
            append(rotation_id, kind, **fields)

        append, on.journal.append = on.journal.append, fails  # type: ignore[method-assign]
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
        assert rotation.state is State.NOT_ROTATED
        assert "nothing was sent" in rotation.why
        assert on.posts == 1
        on.check(rotation)


@leaping
async def test_a_recovery_in_doubt_could_kill_what_is_proved() -> None:
    """A sibling's refresh that was sent before a crash may land yet: the secret in the spool is proved after that."""
    async with beside() as on:
        registry = on.sandbox._world.registry
        async with on.client() as cobalt:
            with falling(Point.KEPT):
                await on.rotate(cobalt, **BRIEF)
            lease = registry.by_secret(on.token.secret)
            assert lease is not None
            lease.dies_at, lives = 0.0, lease.dies_at  # Cobalt does not know it yet
            with falling(Point.SENT):
                await on.resume(cobalt, **BRIEF)
            assert on.posts == 1
            lease.dies_at = lives
            landing = lands_after(20.0, on.token.refresh)
            again = await on.resume(cobalt, **BRIEF)
            await landing
        assert again is not None
        assert again.state is State.SUCCESS
        assert again.events[:2] == ("LOOK: FOUND", "QUIET: DONE")
        on.check(again)


@pytest.mark.parametrize("has_sibling", [False, True])
@leaping
async def test_a_secret_is_proved_again_once_the_old_one_is_dead(has_sibling: bool) -> None:
    """While the old one lives, an earlier request in doubt can still land, and replace what was proved."""
    async with beside(old_secret_lives=1000.0) as on:

        def reached(point: Point) -> None:
            if point is Point.PROVEN and on.posts == 2:
                on.token.refresh()
                on.sandbox.clock.advance(2000.0)

        on.sandbox.faults.hang_up_before(method="POST")
        async with on.client() as cobalt:
            with at_points(reached):
                rotation = await on.rotate(cobalt, sibling=on.sibling.secret if has_sibling else None, **BRIEF)
                assert "PROVE_AGAIN: DEAD" in rotation.events
                if has_sibling and rotation.state is not State.SUCCESS:
                    again = await on.resume(cobalt, **BRIEF)
                    assert again is not None
                    rotation = again
        assert rotation.state is (State.SUCCESS if has_sibling else State.LOST), rotation
        on.check(rotation)


@leaping
async def test_a_secret_that_was_replaced_while_the_old_one_took_its_time_is_not_stored() -> None:
    """It was proved, then somebody else refreshed the token; no request of ours is in doubt."""
    for waits in (False, True):
        async with beside(old_secret_lives=1000.0 if waits else 0.0) as on:
            landing: list[Any] = []

            def reached(point: Point, on: Stage = on, waits: bool = waits, landing: list[Any] = landing) -> None:
                if waits and point is Point.PROVEN:
                    on.sandbox._world.old_secret_lives = 0.0
                    on.token.refresh()
                    landing.append(lands_after(5.0, lambda: on.sandbox.clock.advance(2000.0)))

            came = arrivals(on)
            async with on.client() as cobalt:
                with at_points(reached):
                    rotation = await on.rotate(cobalt, settle=1.0, prove_within=0.5, old_dead_within=60.0)
                await asyncio.gather(*landing)
            assert rotation.state is (State.CONFLICT if waits else State.SUCCESS), rotation
            assert ("CHECK_OLD: LATE" in rotation.events) == ("PROVE_AGAIN: DEAD" in rotation.events) == waits
            assert on.memory.text == (on.old if waits else on.token.secret)
            assert waits or [arrival.method for arrival in came].count("GET") == 4  # two lists, two proofs


@leaping
async def test_nothing_is_called_lost_for_one_401() -> None:
    """Of the old secret, or of the sibling: each is asked with again for a while."""
    for has_sibling in (False, True):
        async with beside() as on:
            on.sandbox.faults.answer(500, {}, method="POST")

            def settled(line: str, on: Stage = on) -> None:
                if line.startswith("a request is in doubt"):
                    on.sandbox.faults.answer(401, {"errors": ["no"]}, method="GET", times=3)

            async with on.client() as cobalt:
                given = {**BRIEF, "prove_within": 30.0, "tell": settled}
                rotation = await on.rotate(cobalt, sibling=on.sibling.secret if has_sibling else None, **given)
            assert rotation.state is State.SUCCESS, rotation
            assert on.posts == 2
            assert not any(event.startswith("RECOVER") for event in rotation.events)
            on.check(rotation)
    async with beside() as on:
        on.sandbox.faults.hang_up_after(method="POST")

        def watched(line: str) -> None:
            if line.startswith("watch again"):
                on.sandbox.faults.answer(401, {"errors": ["no"]}, method="GET", times=3)

        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **{**BRIEF, "prove_within": 30.0, "tell": watched})
        assert rotation.state is State.SUCCESS, rotation
        assert on.posts == 2


@leaping
async def test_a_secret_that_lives_late() -> None:
    """A new secret that is refused is asked with again, then HELD; and never thrown away while the old one answers."""
    async with beside(old_secret_lives=1000.0) as on:
        async with on.client() as cobalt:
            lease: list[Any] = []

            def reached(point: Point) -> None:
                if point is Point.KEPT:
                    lease.append(on.sandbox._world.registry.by_secret(on.token.secret))
                    lease[-1].dies_at = 0.0

            with at_points(reached):
                rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is State.HELD
            assert on.kept() == [on.token.secret]
            again = await on.resume(cobalt, **{**BRIEF, "prove_within": 0.1})
            assert again is not None
            assert again.state is not State.NOT_ROTATED
            on.sandbox.clock.advance(2000.0)
            lease[0].dies_at = float("inf")
            final = await on.resume(cobalt, **BRIEF)
            assert final is not None
            assert final.state is State.MISMATCH  # the old one lived on: its death is no proof any more
            assert on.kept() == [on.token.secret]


@leaping
async def test_what_is_on_the_disk_before_what() -> None:
    """Intent, room, request, answer, name and death: each is synced before the next thing happens."""
    async with beside() as on:
        async with on.client() as cobalt:
            await on.rotate(cobalt, **BRIEF)  # the journal is there
            on.old = on.token.secret
            on.memory.text = on.old
            calls = FaultyOs()
            with disk(calls), at_points(lambda point: calls.calls.append(f"@{point}")):
                assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
    told = " ".join(calls.calls)
    between = {first: told.partition(f"@{first}")[2].partition("@")[0].split() for first in Point}
    assert between[Point.CHECKED][-2:] == ["write", "fsync"]
    assert between[Point.INTENT][-3:] == ["fchmod", "write", "fsync"]
    assert between[Point.RESERVED][-2:] == ["write", "fsync"]
    assert between[Point.SENT] == []
    assert between[Point.RECEIVED] == ["open", "write", "ftruncate", "fsync", "rename", "open", "fsync"]
    assert between[Point.ANSWERED][-2:] == ["write", "fsync"]
    assert between[Point.PROVEN][-2:] == ["write", "fsync"]
    assert between[Point.HOOKED][-2:] == ["write", "fsync"]
    assert between[Point.COMMITTED] == ["unlink", "open", "fsync"]


@leaping
async def test_an_answer_is_on_the_disk_before_anything_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever reads it, and however that fails."""
    async with beside() as on:
        read, there = room._secret_in, []

        def reading(*arguments: Any) -> Any:
            there.append([path.suffix for path in on.journal.spool.folder.iterdir()])
            return read(*arguments)

        monkeypatch.setattr(room, "_secret_in", reading)
        async with on.client() as cobalt:
            assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
        assert there == [[".raw"]]


@leaping
async def test_what_a_crash_left_is_swept() -> None:
    """A spool that is not needed any more goes: by a `resume` with nothing to do, or the next rotation."""
    for sweeper in ("resume", "rotate"):
        async with beside() as on:
            async with on.client() as cobalt:
                with falling(Point.COMMITTED):
                    await on.rotate(cobalt, **BRIEF)
                assert os.listdir(on.journal.spool.folder)
                if sweeper == "resume":
                    assert await on.resume(cobalt, **BRIEF) is None
                else:
                    rotation = await on.rotate(cobalt, store=on.store, **BRIEF)
                    assert rotation.state is State.SUCCESS
                assert os.listdir(on.journal.spool.folder) == []
