"""What signals do to a rotation: before it is written down they end it at once, from then on it is waited for."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from cobalt_async.rotation import Journal

from .exit_codes import ExitCode
from .interrupts import Interrupts
from .speaking import complain

_STANDS: dict[str, str] = {
    "INTENT": "the refresh is about to be sent",
    "SENT": "the refresh was sent, and its answer is not here yet",
    "ANSWERED": "how the refresh ended is being found out",
    "SPOOLED": "the new secret is in the spool, and is being proved",
    "PROVEN": "the new secret lives, and the old one is watched until it is dead",
    "OLD_DEAD": "the new secret is on its way into its store",
    "STORED": "the store is being read back",
    "READ_BACK": "the store holds the new secret, and the hook runs",
    "ENDED": "it has ended",
}


class WatchedJournal(Journal):
    """A journal that knows which rotation of this process is under way, and lets none begin once it is shut."""

    def __init__(self, path: str | None) -> None:
        super().__init__(path)
        self.under_way: str | None = None
        self.is_shut: bool = False
        self._last = ""

    @property
    def stands(self) -> str:
        """Where the one that is under way stands, in words."""
        return _STANDS.get(self._last, "what became of the refresh is being found out")

    def watch(self, rotation_id: str | None) -> None:
        """From now on this rotation is under way, or none is."""
        self.under_way, self._last = rotation_id, ""

    def append(self, rotation_id: str, kind: str, **fields: object) -> None:
        """Write a record down, and remember it; CancelledError where a rotation would begin and none may."""
        if kind == "INTENT" and self.is_shut:
            raise asyncio.CancelledError
        super().append(rotation_id, kind, **fields)
        self.under_way, self._last = rotation_id, kind


class UnderWay:
    """`with` its `interrupts` on a running loop, in the task that is to be cancelled where nothing was sent yet.

    The first signal lets nothing begin any more; what is under way is waited for. With the second it is said where
    that stands, and waited for `seconds` more; then the process ends, and the journal tells the rest. `again` names
    the command that finishes a rotation.
    """

    def __init__(self, journal: WatchedJournal, *, seconds: float, again: Callable[[str], str]) -> None:
        self._journal = journal
        self._seconds = seconds
        self._again = again
        self._task = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def interrupts(self) -> Interrupts:
        """The signals' handlers."""
        return Interrupts(self._first, self._more)

    def _first(self) -> None:
        self._journal.is_shut = True
        if self._journal.under_way is not None:
            complain("interrupted; what is under way is finished first")
        elif self._task is not None:
            self._task.cancel()

    def _more(self) -> None:
        rotation_id = self._journal.under_way
        if rotation_id is None:
            complain("interrupted; nothing was sent")
            _leave(ExitCode.INTERRUPTED)
        complain(f"{rotation_id}: {self._journal.stands}; it is waited for up to {self._seconds:g} s more")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._give_up, rotation_id)

    def _give_up(self, rotation_id: str) -> None:
        complain(f"{rotation_id}: {self._journal.stands}; to finish it: {self._again(rotation_id)}")
        _leave(ExitCode.UNCERTAIN)


def _leave(code: int) -> NoReturn:
    """End this process now: a rotation's task cannot be cancelled, and what it did is in the journal."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)
