"""The tasks of one audit: all of them belong to whoever entered it, and end when it is left."""

import asyncio
from collections.abc import Coroutine


class Crew:
    """Tasks in a group of the caller's; none of them raises. `workers` counts those who look at credentials."""

    def __init__(self, owner: asyncio.TaskGroup) -> None:
        self.workers: int = 0
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()

    def employ(self, work: Coroutine[None, None, None]) -> None:
        """Begin with this, beside all else."""
        task = self._owner.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave(self) -> None:
        """Cancel all that is under way."""
        for task in self._tasks:
            task.cancel()
