"""Work that a cancellation may not tear apart."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Dropped(Exception):
    """The owner closed before the work was committed: the work was cancelled, and not its caller."""


class Finishers:
    """The work of one owner that must finish; `close()` ends when all of it has."""

    def __init__(self) -> None:
        self.closing: bool = False
        self._tasks: dict[asyncio.Task[Any], Callable[[], bool]] = {}  # each with its `committed`

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, committed: Callable[[], bool]) -> T:
        """Await `work()` in a task of its own.

        A cancellation of the caller is passed on to the work while `committed()` is False. From then on it is
        remembered, the work is waited for to its end however often the caller is cancelled, and only then is the
        cancellation let out; what the work returned or raised must be put somewhere by the work itself.
        Dropped where `close` came first.
        """
        task = asyncio.ensure_future(work())
        self._tasks[task] = committed
        task.add_done_callback(self._tasks.pop)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
                if not committed():
                    task.cancel()
        if cancelled is None:
            if task.cancelled() and self.closing and not committed():
                raise Dropped
            return task.result()
        if not task.cancelled():
            task.exception()  # seen: the loop shall not report it as never retrieved
        try:
            raise cancelled
        finally:
            cancelled = None  # no cycle between the frame and the error

    async def close(self) -> None:
        """Drop the work that is not committed, and wait for all other, through any number of cancellations; then let
        the last of them out.

        Work that asks this of itself is neither dropped nor waited for: it would wait for ever.
        """
        self.closing = True
        for task, committed in self._tasks.items():
            if task is not asyncio.current_task() and not committed():
                task.cancel()
        cancelled: asyncio.CancelledError | None = None
        while others := self._tasks.keys() - {asyncio.current_task()}:
            try:
                await asyncio.wait(others)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                cancelled = None
