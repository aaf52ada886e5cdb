"""The work behind an audit: who is asked when, by how many at once, and when a verdict may be told."""

import asyncio
from collections.abc import Callable, Coroutine

from ...client import AsyncCobalt
from .. import verdicts
from ..credential import Credential
from ..facts import Facts
from ..verdicts import AuditResult, Verdict
from . import outlet
from .agenda import Agenda, Job
from .control import Control
from .intake import Intake
from .look import Look
from .outlet import Outlet
from .places import Place, in_order
from .source import Source
from .users import Users
from .waves import Waves


class Conductor:
    """Up to `concurrency` workers, each of which takes one credential at a time to its verdict.

    All tasks are the `owner`'s. A refusal is told only after a second look, and once there was a sign of life
    later than that; `outlet` has what is told. `on_change` is called when that grows, and when it is `ended`.
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
        self._places = where
        self._concurrency = concurrency
        self._agenda = Agenda(self.users)
        self._look = Look(cobalt, self.users, self._agenda, facts)
        self._control = Control(cobalt, self._look, self.users, where)
        self.outlet: Outlet = Outlet(self._control, where, facts, on_change=on_change)
        self._on_change = on_change
        self._now = asyncio.get_running_loop().time
        self._stopped: str | None = None
        self._workers = 0
        self._waves = Waves(lambda: self._workers)
        self._changed = asyncio.Event()
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()
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
        if self._stopped is None and not self.ended:
            self._stopped = reason
            self._changed.set()
            if reason == "stopped":
                self._intake.give_up()

    def take(self) -> AuditResult:
        """The next result that may be told."""
        was_full = self.outlet.taken >= self._concurrency
        result = self.outlet.hand_out()
        if was_full and self._workers < self._concurrency:
            self._changed.set()
        return result

    def start(self) -> None:
        """Begin with the work, in tasks of the owner's, none of which raises."""
        self._employ(self._conduct())

    def leave(self) -> None:
        """Cancel all that is under way."""
        for task in self._tasks:
            task.cancel()

    def _employ(self, work: Coroutine[None, None, None]) -> None:
        task = self._owner.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _conduct(self) -> None:
        """Run the audit to its end."""
        try:
            await self._begin()
            while not self._is_done():
                self._changed.clear()
                self._hire()
                await self._change()
            await self._end()
        except Exception as error:  # noqa: BLE001 - raised again to the caller
            self._failure = self._failure or error
        finally:
            self.ended = True
            self._on_change()

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
        has_room = self._workers < self._concurrency and self.outlet.taken < self._concurrency
        due = self._due() if has_room and self.stopped is None else None
        try:
            async with asyncio.timeout_at(due):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _due(self) -> float | None:
        """When there may be something to do next, as far as that is a question of time."""
        due, patient_until = self._agenda.due(), self._look.patient_until
        if not self._intake.drained and patient_until > self._now():
            return patient_until if due is None else min(due, patient_until)
        return due

    def _is_done(self) -> bool:
        if self._workers:
            return False
        if self.failure is not None:
            return True
        waiting = 0 if self.stopped is not None else len(self._agenda) + self._look.waiting
        return not waiting and self._intake.drained

    def _hire(self) -> None:
        """One more worker, if there is work for one; who finds some hires the next."""
        if self._workers < self._concurrency and self.outlet.taken < self._concurrency and self._has_work():
            self._workers += 1
            self._employ(self._work())

    def _has_work(self) -> bool:
        if self.failure is not None:
            return False
        return (self.stopped is None and self._agenda.is_due(self._now())) or self._may_read()

    def _may_read(self) -> bool:
        if not self._intake.is_free or self.failure is not None:
            return False
        if self.stopped is not None:
            return True
        if not self._look.may_ask(self._now(), sparingly=self._agenda.is_rich()):
            return False
        return self.outlet.held + self._agenda.looking_again < outlet.MOST_HELD

    async def _work(self) -> None:
        """Take jobs as long as there are any."""
        try:
            while (job := await self._next()) is not None:
                self._hire()
                await self._examine(job)
                await self._waves.join()  # whoever waits for results takes them now
        except Exception as error:  # noqa: BLE001 - a bug, or a misuse that every credential would meet: the end
            self._failure = self._failure or error
            self.leave()
        finally:
            self._workers -= 1
            self._changed.set()

    async def _next(self) -> Job | None:
        """A job that is due, else a new one; None where there is none for now."""
        while self.outlet.taken < self._concurrency:
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
        user = job.hint = self._look.likely(job)
        if user is None or self.stopped is not None or self.users.take(user, self._now()):
            return job
        self.outlet.taken -= 1
        self._agenda.park(job, user)
        return None

    async def _examine(self, job: Job) -> None:
        """One credential, in every place until one says ALIVE."""
        if self.stopped is not None or self.failure is not None:
            self.outlet.land(job.credential, verdicts.not_tried(job.credential.label, self.stopped or "stopped"))
            return
        for place in in_order(self._places, job.credential.region)[len(job.said) :]:
            result = await self._look.look(job, place)
            if result is None:
                self.outlet.taken -= 1
                return
            if result.verdict in (Verdict.DEAD, Verdict.FORBIDDEN):
                if not await self._control.endures(place):
                    self.stop("breaker")
                self.outlet.release()
            elif result.verdict is Verdict.ALIVE:
                place.has_living(job.credential.secret, job.user)
                self.outlet.release()
            job.said = (*job.said, result)
            job.pages = 0
            if result.verdict is Verdict.ALIVE:
                break
        await self._conclude(job, verdicts.conclude(job.said))

    async def _conclude(self, job: Job, result: AuditResult) -> None:
        """A verdict is found: told now, held for a sign of life, or put off for a second look."""
        credential = job.credential
        if result.verdict is Verdict.ALIVE and self.users.is_suspicious(job.user, len(result.tokens)):
            await self._control.vouch_again()
        if result.verdict is Verdict.INDETERMINATE:
            self.outlet.land(credential, result)
        elif not (self._control.has_vouched or await self._control.is_vouched()):
            void = verdicts.not_tried(result.label, "void")
            self.outlet.land(credential, verdicts.unvouched(result) if self.void is None else void)
        elif result.verdict is Verdict.ALIVE:
            self.outlet.land(credential, result, job.user)
        elif result.verdict is Verdict.DEAD and not job.refused:
            job.refused, job.said, job.user, job.hint = True, (), None, None
            self.outlet.taken -= 1
            self._agenda.look_again(job, self._now())
            self._changed.set()
        else:
            self.outlet.hold(credential, result)
            if self.outlet.held >= outlet.MOST_HELD:
                await self.outlet.clear(stopped=self.stopped is not None)

    async def _end(self) -> None:
        """Nothing is under way: the last controls, and verdicts for all that still wait."""
        if self.failure is not None:
            self.stop("stopped")
        if self.outlet.held:
            await self.outlet.clear(stopped=self.stopped is not None)
        elif self.stopped is None and self._intake.begun:
            await self._control.vouch_again()
        for job in (*self._agenda.drain(), *self._look.drain()):
            self.outlet.taken += 1
            self.outlet.land(job.credential, verdicts.not_tried(job.credential.label, self.stopped or "stopped"))
