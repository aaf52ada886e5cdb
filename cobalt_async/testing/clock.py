"""The sandbox's clock: real time that a test can push forward or stop. No other file here reads the time."""

import threading
import time

from . import arguments


class Clock:
    """Seconds since the sandbox was made: real monotonic time, plus whatever a test added.

    Rate windows, idempotency keys and `old_secret_lives` live by this clock alone; `faults.delay` and
    `faults.drip` wait in real time. It never runs backwards. Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = -time.monotonic()
        self._frozen_at: float | None = None

    def __repr__(self) -> str:
        """Show the reading."""
        return f"<Clock at {self.now():.3f} s>"

    def now(self) -> float:
        """Tell the seconds on this clock; 0.0 when the sandbox was made."""
        with self._lock:
            return self._now()

    def advance(self, seconds: float) -> None:
        """Move the clock forward by 0 seconds or more; ValueError for anything else."""
        step = arguments.seconds("seconds", seconds)
        with self._lock:
            self._move_to(self._now() + step)

    def set(self, seconds: float) -> None:
        """Move the clock to this reading; ValueError for one in its past, for it never runs backwards."""
        reading = arguments.seconds("seconds", seconds)
        with self._lock:
            now = self._now()
            if reading < now:
                message = f"the clock reads {now:.3f} and never runs backwards: it cannot be set to {seconds!r}"
                raise ValueError(message)
            self._move_to(reading)

    def freeze(self) -> None:
        """Stop the clock: from now on only `advance` and `set` move it."""
        with self._lock:
            self._frozen_at = self._now()

    def unfreeze(self) -> None:
        """Let the clock run again, from the reading at which it stands."""
        with self._lock:
            now, self._frozen_at = self._now(), None
            self._move_to(now)

    def _now(self) -> float:
        return time.monotonic() + self._offset if self._frozen_at is None else self._frozen_at

    def _move_to(self, reading: float) -> None:
        if self._frozen_at is None:
            self._offset = reading - time.monotonic()
        else:
            self._frozen_at = reading
