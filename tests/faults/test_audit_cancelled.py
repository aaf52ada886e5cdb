"""C rows for the audit: cancelled at each suspension of the whole, and of every task that it starts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from cobalt_async.audit import Credential, audit
from tests.faults.hunting import hunt
from tests.faults.raw import ok
from tests.faults.scenes import Case, Scene, ticks
from tests.virtual_time import VirtualLoop

SECRETS = ("live-secret-1", "dead-secret-2", "live-secret-3")
CREDENTIALS = [Credential(f"row {number}", secret) for number, secret in enumerate(SECRETS, 1)]
ANSWERS = (ok("api_a", next_page="/tokens?cursor=0"), ok("api_b"))


async def slowly() -> AsyncIterator[Credential]:
    """An inventory that takes its time."""
    for credential in CREDENTIALS:
        await ticks(1)
        yield credential


async def whole(scene: Scene, credentials: Any = CREDENTIALS) -> int:
    """An audit to its end, with something else to wait for at each result."""
    seen = []
    async with audit(scene.cobalt, credentials, concurrency=2) as run:
        async for result in run:
            await ticks(1)
            seen.append(result.verdict.name)
    assert sorted(seen) == ["ALIVE", "ALIVE", "DEAD"]
    return len(seen)


async def left_early(scene: Scene) -> int:
    """An audit that is left at its first result, while others are under way."""
    async with audit(scene.cobalt, slowly(), concurrency=2) as run:
        async for _ in run:
            break
    return 1


@pytest.mark.parametrize(
    "call", [whole, lambda scene: whole(scene, slowly()), left_early], ids=["list", "slow", "left"]
)
def test_c08_c09_an_audit_is_cancelled_at_every_suspension(call: Callable[[Scene], Any]) -> None:
    """C08, C09: CancelledError, and of tasks, connections and files there are as many as before; the client goes on."""
    case = Case(name="audit", covers=audit, call=call, ends=int, floor=20, gets=ANSWERS, pages=(ok("api_c"),))
    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        for how in ("asleep", "waking"):
            found = runner.run(hunt(case, how))
            assert found.suspensions >= case.floor
            assert found.cancelled >= case.floor
