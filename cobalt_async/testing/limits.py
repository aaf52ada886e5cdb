"""What a user may still ask: rate windows and idempotency keys. Pure: told the time."""

import math
from collections.abc import Hashable
from typing import Final

import attrs

from . import arguments

KEY_LIVES: Final = 300.0
"""Seconds for which an idempotency key is remembered (F17)."""


@attrs.frozen(kw_only=True)
class RateLimit:
    """Two budgets for each user: this many GETs, and this many mutating requests, in a window of seconds.

    The defaults are the documented ones (F22). ValueError for a budget below 1 or a window that is not above
    0.
    """

    get: int = 100
    mutate: int = 20
    window: float = 60

    def __attrs_post_init__(self) -> None:
        """Check the three numbers."""
        arguments.whole("get", self.get, at_least=1)
        arguments.whole("mutate", self.mutate, at_least=1)
        arguments.seconds("window", self.window, zero=False)


@attrs.frozen
class Use:
    """What one request left of its budget."""

    allowed: bool
    remaining: int
    seconds_left: int


@attrs.define
class _Window:
    opened: float
    used: int = 0


class Windows:
    """Fixed windows, one for each budget that was ever used.

    A window opens with the first request after the last one closed, and not at a round time: so that a test
    which fits a window never meets an edge by accident. Cobalt does not say which.
    """

    def __init__(self, *, length: float) -> None:
        self._length = length
        self._windows: dict[Hashable, _Window] = {}

    def use(self, budget: Hashable, limit: int, *, now: float) -> Use:
        """Take one request from the budget; a refused request takes nothing."""
        window = self._windows.get(budget)
        if window is None or now - window.opened >= self._length:
            window = self._windows[budget] = _Window(now)
        seconds_left = max(1, math.ceil(self._length - (now - window.opened)))
        if window.used >= limit:
            return Use(allowed=False, remaining=0, seconds_left=seconds_left)
        window.used += 1
        return Use(allowed=True, remaining=limit - window.used, seconds_left=seconds_left)


class IdempotencyKeys:
    """The keys used in the last five minutes. One user's key is no other's."""

    def __init__(self) -> None:
        self._used: dict[tuple[Hashable, str], float] = {}

    def is_used(self, user: Hashable, key: str, *, now: float) -> bool:
        """Whether this user's key is still remembered."""
        self._forget(now)
        return (user, key) in self._used

    def use(self, user: Hashable, key: str, *, now: float) -> None:
        """Remember the key from now on; a repeat does not lengthen its life."""
        self._used.setdefault((user, key), now)

    def _forget(self, now: float) -> None:
        # Insertion is in order of time, so the oldest stand first and each key is dropped once.
        while self._used:
            oldest = next(iter(self._used))
            if now - self._used[oldest] < KEY_LIVES:
                return
            del self._used[oldest]
