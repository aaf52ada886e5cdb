"""Workers go on together: a peer that is woken once for many requests costs both sides less than one at a time."""

import asyncio
from collections.abc import Callable

_QUIET = 2  # turns of the event loop: what is read in one shows itself in the next but one


class Waves:
    """Where workers wait that are done with one credential, and before they take the next.

    A wave goes as soon as all workers are in it, or nobody joined it for two turns of the event loop: it never
    waits for the network. Whoever waits for results takes them in between.
    """

    def __init__(self, workers: Callable[[], int]) -> None:
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []

    async def join(self) -> None:
        """Wait for the next wave: a turn of the event loop at least."""
        future = self._loop.create_future()
        self._waiting.append(future)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._watch, 1, 0)
        await future

    def _watch(self, seen: int, quiet: int) -> None:
        """A turn later: go, or watch for one turn more."""
        joined = len(self._waiting)
        quiet = quiet + 1 if joined == seen else 0
        if joined < self._workers() and quiet <= _QUIET:
            self._loop.call_soon(self._watch, joined, quiet)
            return
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
