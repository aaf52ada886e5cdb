"""A secret stands in the spool and in its store, and nowhere else."""

import asyncio
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.rotation import FileStore, Rotation, plan
from cobalt_async.rotation.points import Point
from tests.canary import Hunter, hunting
from tests.rotation.staging import TALLY, Stage, at_points, beside, falling, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


WAYS = (
    "well",
    "answer lost",
    "answer cut",
    "answer odd",
    "refused",
    "store raises",
    "hook raises",
    "wrong id",
    "conflict",
    "disk full",
    "one shot lost",
    "rival",
    "throttled",
)


def spoil_answer(on: Stage, way: str) -> None:
    """Make the answer go wrong."""
    faults = on.sandbox.faults
    new = f'{{"id":"{on.token.id}","secret":"'
    match way:
        case "answer lost" | "one shot lost":
            faults.hang_up_after(method="POST")
        case "answer cut":
            faults.cut(60, method="POST")
        case "answer odd":
            faults.answer(500, new + on.old + " " + on.sibling.secret, executed=True, method="POST")
        case "refused":
            faults.answer(422, {"message": f"bad token {on.old}", "secret": on.sibling.secret}, method="POST")
        case "throttled":
            faults.answer(509, {"secret": on.old}, {"Retry-After": "1"}, method="POST", times=None)


def spoil(on: Stage, way: str) -> dict[str, Any]:
    """Make it go wrong; the arguments that belong to it."""

    async def raises(*_: object) -> object:
        raise KeyError(on.token.secret, on.old)

    async def rival() -> object:
        on.memory.set(on.token.refresh() if on.memory.text == on.old else on.memory.text)
        return None

    spoil_answer(on, way)
    if way == "disk full":
        on.no_spool()
    if way in ("store raises", "disk full"):
        on.memory.instead["write"] = raises
    if way in ("conflict", "rival"):
        on.memory.instead["write" if way == "conflict" else "check"] = rival
    arguments: dict[str, dict[str, Any]] = {
        "hook raises": {"hook": raises},
        "wrong id": {"token_id": on.other.id},
        "one shot lost": {"sibling": None},
    }
    return arguments.get(way, {})


def everywhere(hunter: Hunter, on: Stage, said: list[str], rotation: Rotation | None) -> None:
    """Look at all that a rotation leaves behind, but for the spool."""
    hunter.look("tell", *said)
    for path in on.journal.path.rglob("*"):
        hunter.look("name of a file", path)
        if path.is_file() and path.parent != on.journal.spool.folder:
            hunter.look_at_bytes(f"file {path.name}", path.read_bytes())
    hunter.look("records", list(on.journal), on.journal, on.journal.entries())
    hunter.look("environment", dict(os.environ))
    hunter.look_at_bytes("command line", Path("/proc/self/cmdline").read_bytes() if os.path.exists("/proc") else b"")
    if rotation is not None:
        hunter.look_inside("rotation", rotation)
        hunter.look("what it says", rotation.why, rotation.advice, rotation.events, rotation.notes, rotation.spool)
        if rotation.refreshed is None:
            hunter.look_at_bytes("pickle", pickle.dumps(rotation))


@pytest.mark.parametrize("way", WAYS)
@leaping
async def test_no_secret_is_told(way: str) -> None:
    """In no log at DEBUG, line, file of the journal's, name, repr, warning or pickle, whatever goes wrong."""
    async with beside() as on:
        on.sandbox.requests.clear()
        secrets = [on.old, on.sibling.secret, on.other.secret]
        with hunting(*secrets) as hunter:
            said: list[str] = []
            reprs: list[str] = []

            def reached(point: Point) -> None:
                reprs.append(repr(asyncio.all_tasks()))

            async with on.client() as cobalt:
                arguments = spoil(on, way)
                with at_points(reached):
                    rotation = await on.rotate(cobalt, tell=said.append, **{**BRIEF, **arguments})
                hunter.look_at_tasks()
                hunter.look("client", cobalt, cobalt._root.refreshes.successors)
                on.memory.instead.clear()
                on.sandbox.faults.clear()
                late = Hunter(on.token.secret, on.other.secret, *secrets)  # only now is the new one known
                everywhere(late, on, [*said, *reprs], rotation)
                again = await on.resume(cobalt, tell=said.append, **BRIEF)
                everywhere(late, on, said, again)
        TALLY["canary hits"] += len(hunter.found) + len(late.found)
        assert hunter.found == late.found == []


@leaping
async def test_no_secret_is_logged_when_it_is_new(caplog: pytest.LogCaptureFixture) -> None:
    """Nor the new one, which is known only afterwards."""
    with caplog.at_level(0):
        async with beside() as on:
            async with on.client() as cobalt:
                with falling(Point.KEPT):
                    await on.rotate(cobalt, **BRIEF)
                await on.resume(cobalt, **BRIEF)
            hunter = Hunter(on.token.secret, on.old)
            for record in caplog.records:
                hunter.look("log", record.getMessage(), record.args, record.__dict__)
            assert hunter.found == []


@leaping
async def test_no_secret_is_in_a_plan_or_an_error() -> None:
    """Of plan(), and of wrong arguments."""
    async with beside() as on:
        hunter = Hunter(on.old, on.sibling.secret)
        async with on.client() as cobalt:
            hunter.look_inside("plan", await plan(cobalt, on.token.id, store=on.store, sibling=on.sibling.secret))
            wrong: tuple[dict[str, Any], ...] = (
                {"sibling": f"{on.sibling.secret}\n"},
                {"store": "no store"},
                {"settle": -1.0},
                {"binding": "GUESSED"},
            )
            for arguments in wrong:
                try:
                    rotation = await on.rotate(cobalt, **{"store": FileStore(on.file), **arguments})
                except (ValueError, TypeError) as error:
                    hunter.look_at_error(error)
                else:
                    hunter.look("rotation", rotation, rotation.why, rotation.advice)
            with pytest.raises(ValueError, match="secret") as refused:
                await on.resume(cobalt, store=FileStore(on.file), secret=f"{on.old}\n")
            hunter.look_at_error(refused.value)
        assert hunter.found == []
