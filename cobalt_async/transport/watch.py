"""One timer for all tries under way, where `asyncio.timeout` takes one for each: a limit that is kept costs nothing."""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol


class Timed(Protocol):
    """What ends at a moment on the loop's clock, math.inf for never."""

    ends: float

    def expire(self) -> None:
        """The moment has come."""

    def abandon(self) -> None:
        """The client is being closed."""


class Watch:
    """Rings for each try whose end has come. An end that is put off costs nothing until the old one has come."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.under_way: set[Timed] = set()  # the tries
        self._timer: asyncio.TimerHandle | None = None
        self._rings = math.inf
        self.add: Callable[[Timed], None] = self.under_way.add
        self.remove: Callable[[Timed], None] = self.under_way.discard

    def until(self, when: float) -> None:
        """Some try ends at `when`."""
        if when < self._rings:
            self._disarm()
            self._rings = when
            self._timer = self._loop.call_at(when, self._ring)

    def close(self) -> None:
        """The client closes. What goes on nevertheless still ends at its moment."""
        for timed in tuple(self.under_way):
            timed.abandon()
        if not self.under_way:
            self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer, self._rings = None, math.inf
        now = self._loop.time()
        for timed in [one for one in self.under_way if one.ends <= now]:
            self.under_way.discard(timed)
            timed.expire()
        self.until(min((one.ends for one in self.under_way), default=math.inf))
