"""A call, cancelled at each of its suspensions in turn; what it leaves behind is looked for each time."""

import asyncio
import itertools
import os
from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen

from cobalt_async import AsyncCobalt, RefreshedToken, errors
from tests.canary import Hunter
from tests.faults.raw import NEW_SECRET, TALLY, TOKEN
from tests.faults.scenes import Case, Scene
from tests.faults.stepping import How, Place, Stepper


@frozen
class Hunt:
    """What stepping through a call found: its suspensions, and where in our code it was cancelled."""

    suspensions: int
    cancelled: int
    places: frozenset[Place]


async def gone(tasks: set[asyncio.Task[Any]], files: int) -> None:
    """Wait until there is no more than that."""
    await eventually(lambda: asyncio.all_tasks() <= tasks and open_files() <= files)


async def hunt(case: Case, how: How = "asleep") -> Hunt:
    """Cancel a call at each of its suspensions in turn, and look at what is left each time."""
    found: set[Place] = set()
    cancelled = 0
    for moment in itertools.count(1):
        tasks, files = asyncio.all_tasks(), open_files()
        stepper = Stepper(moment, how)
        async with case.scene() as scene:
            await judge(case, scene, stepper)
        await gone(tasks, files)
        found |= stepper.places
        cancelled += stepper.was_cancelled
        if not stepper.reached:
            return Hunt(moment - 1, cancelled, frozenset(found))
    raise AssertionError("endless")


async def judge(case: Case, scene: Scene, stepper: Stepper) -> None:
    """One run: it is cancelled, or ends as it does otherwise, and whoever comes next finds all in order."""
    await case.before(scene)
    if scene.others:
        scene.others.append(asyncio.ensure_future(scene.let_go()))
    outcome = await stepper.outcome(case.call(scene))
    scene.go.set()
    for other in await asyncio.gather(*scene.others, return_exceptions=True):  # who is cancelled harms nobody else
        unsent = case.closes and isinstance(other, errors.NotSentError)
        assert unsent or not isinstance(other, BaseException), str(other)
    if isinstance(outcome, BaseException):
        known = isinstance(outcome, errors.CobaltError | asyncio.CancelledError)
        hunter = Hunter(TOKEN, NEW_SECRET)
        hunter.look_at_error(outcome)
        TALLY["foreign exceptions"] += not known
        TALLY["canary hits"] += len(hunter.found)
        assert known, repr(outcome)
        assert hunter.found == []
    TALLY["awaits cancelled"] += stepper.was_cancelled
    assert type(outcome) is (asyncio.CancelledError if stepper.was_cancelled else case.ends), repr(outcome)
    handed = outcome if isinstance(outcome, RefreshedToken) else getattr(outcome, "refreshed", None)
    lost = [secret for secret in scene.lost() if handed is None or secret != handed.secret.reveal()]
    TALLY["secrets lost"] += len(lost)
    assert len(lost) == 0, f"a secret was lost, cancelled at {sorted(stepper.places)}"
    await eventually(lambda: not leftovers(scene.cobalt))
    if case.closes:
        with pytest.raises(errors.ConfigurationError, match="closed"):
            await scene.cobalt.tokens.list()
    else:
        assert (await scene.cobalt.tokens.list()).items
        assert leftovers(scene.cobalt) == []


async def eventually(holds: Callable[[], object]) -> None:
    """Let the loop go on until this holds; it is an error if it never does."""
    for _ in range(20_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"it never came true: {holds.__qualname__}")


def open_files() -> int:
    """How many file descriptors this process has open."""
    return len(os.listdir("/dev/fd"))


def leftovers(cobalt: AsyncCobalt) -> list[str]:
    """What a client still holds for calls that have ended: nothing, where each of them has cleaned up."""
    root = cobalt._root
    transport, refreshes = root._transport, root.refreshes
    turnstiles = refreshes.exchange._turnstiles.values()
    held = {
        "connections": getattr(transport._session.connector, "_acquired", None),
        "slots": root.max_connections - transport._slots._value,
        "tries": transport._watch.under_way,
        "turns": [gate for gate in turnstiles if gate._gate.under_way],
        "waiters": [waiter for gate in turnstiles for waiter in gate._queue or () if not waiter.turn.done()],
        "refreshes": refreshes._finishers._tasks,
        "locks": [token_id for token_id, lock in refreshes._locks.items() if lock.locked()],
    }
    return [f"{name}: {value}" for name, value in held.items() if value]
