"""Many calls, always so many of them in flight."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from . import Ask, Listed


def crowd(call: Callable[[], Awaitable[Sequence[Listed]]], in_flight: int) -> Ask:
    """`call`, as often as one asks."""

    async def ask(count: int) -> Sequence[Listed]:
        left = iter(range(count))
        last: Sequence[Listed] = ()

        async def worker() -> None:
            nonlocal last
            for _ in left:
                last = await call()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(in_flight, count)):
                group.create_task(worker())
        return last

    return ask
