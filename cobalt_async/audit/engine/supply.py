"""Where the next credential to ask about comes from: what waits and is due, else the inventory."""

import asyncio

from ..credential import Credential
from .agenda import Agenda, Job
from .control import Control
from .intake import Intake
from .listings import Listings
from .living import Living
from .look import Look
from .outlet import Outlet
from .pacing import Pacing
from .refused import Refused
from .users import Users


class Supply:
    """Jobs, as far as there is room: at most `most` credentials are in the window.

    `has_stopped`: nothing more is asked, what is still read is to be dropped; `has_failed`: nothing is read, either.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        agenda: Agenda,
        listings: Listings,
        look: Look,
        pacing: Pacing,
        users: Users,
        outlet: Outlet,
        living: Living,
        refused: Refused,
        control: Control,
        most: int,
    ) -> None:
        self.has_stopped: bool = False
        self.has_failed: bool = False
        self._intake = intake
        self._agenda = agenda
        self._listings = listings
        self._look = look
        self._pacing = pacing
        self._users = users
        self._outlet = outlet
        self._living = living
        self._refused = refused
        self._control = control
        self._most = most
        self._now = asyncio.get_running_loop().time

    @property
    def is_over(self) -> bool:
        """Whether nothing more is asked: it was stopped, or no answer counts."""
        return self.has_stopped or self._control.void is not None

    @property
    def has_room(self) -> bool:
        """Whether one more credential may be in the window."""
        return self._outlet.taken < self._most and not self._living.is_choked

    def is_due(self) -> bool:
        """Whether there may be a job now."""
        is_open = not (self.is_over or self._is_broken())
        return (is_open and self._agenda.is_due(self._now())) or self._may_read()

    def due(self) -> float | None:
        """When there may be one, as far as that is a question of time."""
        due, patient_until = self._agenda.due(), self._pacing.patient_until
        if not self._intake.drained and patient_until > self._now():
            return patient_until if due is None else min(due, patient_until)
        return due

    def is_used_up(self) -> bool:
        """Whether nothing waits, or needs to, and there is nothing more to read."""
        waiting = 0 if self.is_over else len(self._agenda) + self._listings.waiting
        return not waiting and self._intake.drained

    def may_live(self) -> bool:
        """Whether anybody may yet be found alive of whom that is not known."""
        if not self._refused.has_room(self._agenda.looking_again + 1):
            return False  # nobody is asked for the first time before those have a verdict
        waiting = len(self._agenda) - self._agenda.looking_again + self._listings.waiting
        return not self._intake.drained or self._look.under_way > 0 or waiting > 0

    async def next(self) -> Job | None:
        """A job that is due, else a new one; None where there is none for now."""
        outlet, living = self._outlet, self._living
        while outlet.taken < self._most and not living.is_choked:
            if not self.is_over:
                job = self._agenda.next(self._now())
                if job is not None:
                    self._outlet.taken += 1
                    return job
            if not self._may_read():
                return None
            self._outlet.taken += 1
            try:
                credential = await self._intake.read()
            finally:
                self._outlet.taken -= 1
            if credential is not None and (job := self.admit(credential)) is not None:
                return job
        return None

    def admit(self, credential: Credential) -> Job | None:
        """A job for a credential that was just read; None where its verdict is known, or has to wait."""
        self._outlet.taken += 1
        if self._outlet.recall(credential):
            return None
        job = Job(credential)
        user = job.hint = self._pacing.likely(job)
        if user is None or self.is_over or self._users.take(user, self._now()):
            return job
        self._outlet.put_aside()
        self._agenda.park(job, user)
        return None

    def drain(self) -> list[Job]:
        """All that wait, and wait no more."""
        return [*self._agenda.drain(), *self._listings.drain()]

    def _is_broken(self) -> bool:
        return self.has_failed or self._intake.failure is not None

    def _may_read(self) -> bool:
        if not self._intake.is_free or self._is_broken():
            return False
        return self.is_over or (self._pacing.may_ask() and self._refused.has_room(self._agenda.looking_again))
