"""The tasks of one audit: all of them belong to whoever entered it, and end when it is left."""

import asyncio
from collections.abc import Callable, Coroutine

Work = Coroutine[None, None, None]


class Crew:
    """Tasks in a group of the caller's; none of them raises. `workers` counts those who look at credentials.

    `on_change` is called when one ends. A task that is cancelled before its first step never runs: what has to be
    done in any case at the end of one is done here.
    """

    def __init__(self, owner: asyncio.TaskGroup, on_change: Callable[[], None]) -> None:
        self.workers: int = 0
        self._owner = owner
        self._on_change = on_change
        self._lead: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, lead: Work) -> None:
        """Begin with the work of whoever employs the others, and is not employed."""
        self._lead = self._owner.create_task(lead)

    def hire(self, work: Work) -> None:
        """One more worker."""
        self.workers += 1
        self.employ(work).add_done_callback(self._one_less)

    def employ(self, work: Work) -> asyncio.Task[None]:
        """Begin with this, beside all else."""
        task = self._owner.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def stand_down(self) -> None:
        """Cancel all who were employed."""
        for task in self._tasks:
            task.cancel()

    def leave(self) -> None:
        """Cancel all that is under way."""
        self.stand_down()
        if self._lead is not None:
            self._lead.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._on_change()

    def _one_less(self, task: asyncio.Task[None]) -> None:
        self.workers -= 1
