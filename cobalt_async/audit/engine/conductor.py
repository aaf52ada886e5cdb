"""The work behind an audit: who is asked when, by how many at once, and when a verdict may be told."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from ...client import AsyncCobalt
from .. import verdicts
from ..credential import Credential
from ..facts import Facts
from ..verdicts import AuditResult
from .agenda import Agenda, Job
from .control import Control
from .crew import Crew
from .intake import Intake
from .judge import Judge
from .listings import Listings
from .look import Look
from .outlet import Outlet
from .pacing import Pacing
from .places import Place
from .source import Source
from .users import Users
from .waves import Waves


class Conductor:
    """Up to `concurrency` workers, each of which takes one credential at a time to its verdict.

    All tasks are the `owner`'s. `outlet` has what is told: an ALIVE once a made-up token was refused later than that,
    a refusal after a second look, and once there was a sign of life later than that. `on_change` is called when that
    grows, and when it is `ended`.
    """

    def __init__(
        self,
        cobalt: AsyncCobalt,
        source: Source,
        where: tuple[Place, ...],
        facts: Facts,
        owner: asyncio.TaskGroup,
        *,
        concurrency: int,
        share: float,
        on_change: Callable[[], None],
    ) -> None:
        self.users: Users = Users(share)
        self.ended: bool = False
        self._failure: BaseException | None = None
        self._cobalt = cobalt
        self._intake = Intake(source, facts)
        self._concurrency = concurrency
        self._agenda = Agenda(self.users)
        self._listings = Listings(self.users, self._agenda, facts, version=cobalt._version)
        self._pacing = Pacing(self.users, self._agenda, longest=cobalt._retry.max_wait)
        self._look = Look(cobalt, self.users, self._agenda, self._listings, self._pacing)
        self._control = Control(cobalt, self._look, self._listings, self.users, where)
        self.outlet: Outlet = Outlet(where, facts, on_change=on_change)
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._judge = Judge(
            self._look,
            self._control,
            self._agenda,
            self.outlet,
            where,
            may_live=self._may_live,
            on_break=partial(self.stop, "breaker"),
            on_change=self._changed.set,
        )
        self._now = asyncio.get_running_loop().time
        self._stopped: str | None = None
        self._voucher: asyncio.Task[None] | None = None
        self._crew = Crew(owner, self._changed.set)
        self._waves = Waves(lambda: self._crew.workers)
        if facts.resumed:
            self.users.restore(facts.ids(), facts.last_user())

    @property
    def parked(self) -> int:
        """How many credentials wait for a rate window."""
        return self._agenda.parked

    @property
    def void(self) -> str | None:
        """Why no answer of this run can be believed."""
        return self._control.void

    @property
    def stopped(self) -> str | None:
        """Why nothing more is asked."""
        return self._stopped if self.void is None else "void"

    @property
    def failure(self) -> BaseException | None:
        """What ended the run: a bug, a misuse, or what the source raised."""
        return self._failure or self._intake.failure

    def forget_failure(self) -> None:
        """It was raised."""
        self._failure = self._intake.failure = None

    def stop(self, reason: str) -> None:
        """Ask for nothing more; what is under way comes to its end, the rest is NOT_TRIED."""
        if self.ended:
            return
        self._stopped = self._stopped or reason
        self._changed.set()
        self._control.hurry()
        if reason == "stopped":
            self._intake.give_up()

    def take(self) -> AuditResult:
        """The next result that may be told."""
        was_full = self.outlet.taken >= self._concurrency
        result = self.outlet.hand_out()
        if was_full and self._crew.workers < self._concurrency:
            self._changed.set()
        return result

    def start(self) -> None:
        """Begin with the work, in tasks of the owner's, none of which raises."""
        self._crew.begin(self._conduct())

    def leave(self) -> None:
        """Cancel all that is under way."""
        self._crew.leave()

    async def _conduct(self) -> None:
        """Run the audit to its end."""
        try:
            with self._failing():
                await self._begin()
                while not self._is_done():
                    self._changed.clear()
                    if not self._may_live():
                        self._agenda.wait_no_more()
                    self._hire()
                    self._see_to_the_living()
                    await self._change()
            with self._failing():
                await self._end()
        finally:
            self.ended = True
            self._on_change()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """A bug, or a misuse that every credential would meet, is the end, and raised again to the caller."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            self._failure = self._failure or error
            self._stopped = self._stopped or "stopped"
            self._crew.stand_down()

    async def _begin(self) -> None:
        """Controls, as soon as it is known that there is anything to ask."""
        self._cobalt._root.check()
        credential = await self._intake.read()
        if credential is None or self.failure is not None:
            return
        await self._control.begin()
        self.outlet.taken += 1
        job = self._new(credential)
        if job is not None:
            self.outlet.taken -= 1
            self._agenda.resume([job])

    async def _change(self) -> None:
        """Until something changed, or somebody's time has come."""
        work = self._due() if self._has_room and self.stopped is None else None
        look = None if self._is_vouching else self._judge.living.look()
        due = min((moment for moment in (work, look) if moment is not None), default=None)
        try:
            async with asyncio.timeout_at(due):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _due(self) -> float | None:
        """When there may be something to do next, as far as that is a question of time."""
        due, patient_until = self._agenda.due(), self._pacing.patient_until
        if not self._intake.drained and patient_until > self._now():
            return patient_until if due is None else min(due, patient_until)
        return due

    def _see_to_the_living(self) -> None:
        """Have a made-up token vouch for them, if it is time."""
        due = None if self._is_vouching else self._judge.living.due(idle=self._crew.workers == self._intake.readers)
        if due is not None and due <= self._now():
            self._voucher = self._crew.employ(self._vouch())

    async def _vouch(self) -> None:
        with self._failing():
            await self._judge.living.vouch()

    @property
    def _is_vouching(self) -> bool:
        return self._voucher is not None and not self._voucher.done()

    def _is_done(self) -> bool:
        if self._crew.workers or self._is_vouching:
            return False
        if self.failure is not None:
            return True
        waiting = 0 if self.stopped is not None else len(self._agenda) + self._listings.waiting
        return not waiting and self._intake.drained

    def _may_live(self) -> bool:
        """Whether anybody may yet be found alive of whom that is not known."""
        if not self._judge.refused.has_room(self._agenda.looking_again + 1):
            return False  # nobody is asked for the first time before those have a verdict
        waiting = len(self._agenda) - self._agenda.looking_again + self._listings.waiting
        return not self._intake.drained or self._look.under_way > 0 or waiting > 0

    @property
    def _has_room(self) -> bool:
        """Whether one more may be asked about."""
        is_full = self._crew.workers >= self._concurrency or self.outlet.taken >= self._concurrency
        return not (is_full or self._judge.living.is_choked)

    def _hire(self) -> None:
        """One more worker, if there is work for one; who finds some hires the next."""
        if self._has_room and self._has_work():
            self._crew.hire(self._work())

    def _has_work(self) -> bool:
        if self.failure is not None:
            return False
        return (self.stopped is None and self._agenda.is_due(self._now())) or self._may_read()

    def _may_read(self) -> bool:
        if not self._intake.is_free or self.failure is not None:
            return False
        if self.stopped is not None:
            return True
        return self._pacing.may_ask() and self._judge.refused.has_room(self._agenda.looking_again)

    async def _work(self) -> None:
        """Take jobs as long as there are any."""
        with self._failing():
            while (job := await self._next()) is not None:
                self._hire()
                if self.stopped is None and self.failure is None:
                    await self._judge.examine(job)
                else:
                    self._drop(job)
                await self._waves.join()  # whoever waits for results takes them now

    async def _next(self) -> Job | None:
        """A job that is due, else a new one; None where there is none for now."""
        while self.outlet.taken < self._concurrency and not self._judge.living.is_choked:
            if self.stopped is None:
                job = self._agenda.next(self._now())
                if job is not None:
                    self.outlet.taken += 1
                    return job
            if not self._may_read():
                return None
            self.outlet.taken += 1
            try:
                credential = await self._intake.read()
            finally:
                self.outlet.taken -= 1
            if credential is None:
                continue
            self.outlet.taken += 1
            if (job := self._new(credential)) is not None:
                return job
        return None

    def _new(self, credential: Credential) -> Job | None:
        """A job for a credential that was just read; None where its verdict is known, or has to wait."""
        if self.failure is None and self.outlet.recall(credential):
            return None
        job = Job(credential)
        user = job.hint = self._pacing.likely(job)
        if user is None or self.stopped is not None or self.users.take(user, self._now()):
            return job
        self.outlet.taken -= 1
        self._agenda.park(job, user)
        return None

    async def _end(self) -> None:
        """Nothing is under way: the last controls, and verdicts for all that still wait."""
        if self.failure is not None:
            self.stop("stopped")
        await self._judge.clear(may_ask=self._failure is None, stopped=self.stopped)
        for job in (*self._agenda.drain(), *self._listings.drain()):
            self.outlet.taken += 1
            self._drop(job)

    def _drop(self, job: Job) -> None:
        """This is not asked about any more."""
        self.outlet.land(job.credential, verdicts.not_tried(job.credential.label, self.stopped or "stopped"))
