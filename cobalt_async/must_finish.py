"""Work that a cancellation may not tear apart."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Finishers:
    """The work of one owner that must finish; `wait()` ends when all of it has."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, committed: Callable[[], bool]) -> T:
        """Await `work()` in a task of its own.

        A cancellation of the caller is passed on to the work while `committed()` is False. From then on it is
        remembered, the work is waited for to its end however often the caller is cancelled, and only then is the
        cancellation let out; what the work returned or raised must be put somewhere by the work itself.
        """
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError as error:
                cancelled = error
                if not committed():
                    task.cancel()
        if cancelled is None:
            return task.result()
        if not task.cancelled():
            task.exception()  # seen: the loop shall not report it as never retrieved
        try:
            raise cancelled
        finally:
            cancelled = None  # no cycle between the frame and the error

    async def wait(self) -> None:
        """Wait for all work under way, through any number of cancellations; then let the last of them out.

        Work that asks this of itself is not waited for: it would wait for ever.
        """
        cancelled: asyncio.CancelledError | None = None
        while others := self._tasks - {asyncio.current_task()}:
            try:
                await asyncio.wait(others)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                cancelled = None
