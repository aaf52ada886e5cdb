"""An event loop that never waits: where nothing is ready, its clock leaps to the next timer."""

import asyncio
import math
import selectors

_STUCK = 60.0  # real seconds after which a loop with no timer and nothing to do is given up


class _Leaping(selectors.SelectSelector):
    """Moves the clock instead of waiting; looks at sockets only where no timer is set (for a thread's word)."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            if ready := super().select(_STUCK):
                return ready
            raise RuntimeError("nothing is ready and no timer is set: this would go on for ever")
        if timeout > 0:  # a sum may be rounded to a hair before the timer, where it rings for nobody, again and again
            self.now = math.nextafter(self.now + timeout, math.inf)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock starts at 0.0 seconds. For what asks no server: sockets are not looked at."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now
