"""A process dies at each named point of a rotation, in every world; another one resumes."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from cobalt_async import AsyncCobalt
from cobalt_async.rotation.points import Point
from tests.rotation.crasher import FIRED
from tests.rotation.staging import TALLY, Crasher, Stage, beside, crasher, falling, leaping, stage

_EVERY = "COBALT_ASYNC_EVERY_CRASH" in os.environ  # all worlds, not those that hold each pair of circumstances
_UNREACHED_IF_WRONG = {Point.OLD_DEAD, Point.STORING, Point.STORED, Point.READ_BACK, Point.HOOKED}
_BEFORE = (Point.CHECKED, Point.INTENT, Point.RESERVED)
_OVER = (Point.COMMITTED, Point.REMOVED)


@frozen(kw_only=True)
class World:
    """What is not known of Cobalt, and what the caller has."""

    same_id: bool
    key_honoured: bool
    is_v2: bool
    dies_late: bool
    right_id: bool
    has_sibling: bool

    @property
    def switches(self) -> dict[str, Any]:
        return {
            "refreshed_id": "same" if self.same_id else "new",
            "idempotency": "honoured" if self.key_honoured else "ignored",
            "api_version": "v2" if self.is_v2 else "v1",
            "old_secret_lives": 0.25 if self.dies_late else 0.0,
        }


def worlds() -> Iterator[World]:
    """All of them; or eight in which each two circumstances meet in every way."""
    names = ("same_id", "key_honoured", "is_v2", "dies_late", "right_id", "has_sibling")
    if _EVERY:
        rows: Any = itertools.product((False, True), repeat=6)
    else:
        rows = [(a, b, c, a ^ b, a ^ c, b ^ c) for a, b, c in itertools.product((False, True), repeat=3)]
    for row in rows:
        yield World(**dict(zip(names, row, strict=True)))


def expected(point: Point, world: World) -> str | None:
    """What `resume` says after a crash there; None where it finds nothing to do."""
    if point is Point.CHECKED or (point in _OVER and world.right_id):
        return None
    if point in _BEFORE:
        return "NOT_ROTATED"
    if point is Point.RECEIVED:
        if world.right_id:
            return "SUCCESS" if world.has_sibling else "LOST"
        return "MISMATCH" if world.same_id else "UNCERTAIN"  # the id that was asked for is gone
    return "SUCCESS" if world.right_id else "MISMATCH"


@pytest.fixture(scope="module")
def crashing() -> Iterator[Crasher]:
    """The process that starts those that die."""
    with crasher() as started:
        yield started


def crashed(on: Stage, crashing: Crasher, point: Point, world: World) -> None:
    """A rotation dies at its point."""
    token_id = on.token.id if world.right_id else on.other.id
    job = on.job(
        secret=on.old,
        token_id=token_id,
        sibling=on.sibling.secret if world.has_sibling else None,
        version="v2" if world.is_v2 else "v1",
        dies_at=point.value,
        old_dead_within=0.6 if world.dies_late else 0.05,
    )
    ended = crashing.run(job)
    assert ended.code == FIRED, f"{point} was not reached: {ended.said}"
    TALLY["named crash points tried"] += 1


def resumed(on: Stage, crashing: Crasher, world: World) -> dict[str, Any] | None:
    """What another process makes of it, with the secrets that a person still has at hand."""
    job = on.job(
        secret=on.old,
        sibling=on.sibling.secret if world.has_sibling else None,
        version="v2" if world.is_v2 else "v1",
        settle=0.3 if world.dies_late else 0.05,
        old_dead_within=0.6 if world.dies_late else 0.05,
    )
    ended = crashing.run(job)
    assert ended.code == 0
    assert len(ended.said) <= 1
    return ended.said[0] if ended.said else None


@pytest.mark.parametrize("point", list(Point))
def test_a_process_dies_at_each_point(crashing: Crasher, point: Point) -> None:
    """It is reached; `resume` ends as the table says; what the store holds is alive, or it is said that it is not."""
    for number, world in enumerate(worlds()):
        if not world.right_id and point in _UNREACHED_IF_WRONG:
            continue
        with stage(**world.switches) as on:
            crashed(on, crashing, point, world)
            said = resumed(on, crashing, world)
            assert (None if said is None else said["state"]) == expected(point, world), (world, said)
            check(on, said, world)
            if number == 0 and said is not None and said["state"] in ("SUCCESS", "NOT_ROTATED"):
                assert resumed(on, crashing, world) is None


def check(on: Stage, said: dict[str, Any] | None, world: World) -> None:
    """What it said is true."""
    if world.right_id:
        on.check(said)
        return
    assert on.token.secret == on.old == on.file.read_text()  # whatever became of the other, this one is untouched
    if said is not None and said["state"] == "MISMATCH":
        assert on.other.secret in on.kept()


@pytest.mark.parametrize("point", [point for point in Point if point not in (*_BEFORE, *_OVER)])
@leaping
async def test_who_resumes_has_no_secret_at_hand(point: Point) -> None:
    """The old one is found in the store as long as it stands there, and was seen dead before it was written over."""
    async with beside() as on:
        async with on.client() as cobalt:
            with falling(point):
                await on.rotate(cobalt)
        async with AsyncCobalt(base_url=on.url) as bare:
            again = await on.resume(bare, secret=None)
            assert again is not None
            assert again.state == "SUCCESS"
            on.check(again)
