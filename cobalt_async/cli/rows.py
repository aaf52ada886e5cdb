"""The rows of an inventory for the event loop, read on a thread: a slow pipe or command then holds up no request."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cobalt_async.audit import BadRow, Credential, Inventory

_AHEAD = 64  # rows
_AT_ONCE = 32  # rows for which there is room again before the thread is told: waking it costs more than a row

_Item = Credential | BadRow | Exception | None


class Rows:
    """The credentials of an inventory, once; each BadRow goes to `on_bad`. `with` ends the reading.

    On leaving, a command that still runs for a row is killed. The thread is a daemon, and closes the inventory
    itself: while it waits for a pipe where nothing comes any more, it can be neither joined nor closed from
    outside.
    """

    def __init__(self, inventory: Inventory, *, on_bad: Callable[[BadRow], None]) -> None:
        self._inventory = inventory
        self._on_bad = on_bad
        self._room = threading.Semaphore(_AHEAD)
        self._rows: deque[_Item] = deque()  # bounded by the room
        self._arrived = asyncio.Event()  # something may be there; set on the loop, and only where it waits
        self._taken = 0
        self._stopped = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped = True
        self._inventory.stop()
        if self._thread is None:
            self._inventory.close()
        self._room.release()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Credential:
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._read, args=(loop,), name="inventory", daemon=True)
            self._thread.start()
        while isinstance(row := await self._next(), BadRow):
            self._on_bad(row)
        if isinstance(row, Exception):
            raise row
        if row is None:
            self._rows.append(None)  # it ends for whoever asks again, too
            raise StopAsyncIteration
        return row

    async def _next(self) -> _Item:
        while not self._rows:
            self._arrived.clear()
            if not self._rows:  # what came before the clear
                await self._arrived.wait()
        self._taken += 1
        if self._taken % _AT_ONCE == 0:
            self._room.release(_AT_ONCE)
        return self._rows.popleft()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        last: Exception | None = None
        with self._inventory:
            try:
                for row in self._inventory:
                    self._room.acquire()
                    if self._stopped:
                        return
                    self._hand_over(loop, row)
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                last = error
        self._hand_over(loop, last)

    def _hand_over(self, loop: asyncio.AbstractEventLoop, item: _Item) -> None:
        self._rows.append(item)
        if not self._arrived.is_set():
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._arrived.set)
