"""The work behind an audit: who is asked when, by how many at once, and when a verdict may be told."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from functools import partial

from ...client import AsyncCobalt
from .. import verdicts
from ..facts import Facts
from ..verdicts import AuditResult
from .agenda import Agenda, Job
from .control import Control
from .crew import Crew
from .intake import Intake
from .judge import Judge
from .listings import Listings
from .living import Living
from .look import Look
from .outlet import Outlet
from .pacing import Pacing
from .places import Place
from .refused import Refused
from .source import Source
from .supply import Supply
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
        listings = Listings(self.users, self._agenda, facts, version=cobalt._version)
        pacing = Pacing(self.users, self._agenda, longest=cobalt._retry.max_wait)
        look = Look(cobalt, self.users, self._agenda, listings, pacing)
        self._control = Control(cobalt, look, listings, self.users, where)
        self.outlet: Outlet = Outlet(where, facts, on_change=on_change)
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._living = Living(self.outlet, self._control)
        self._refused = Refused(self.outlet, self._control, where)
        self._supply = Supply(
            intake=self._intake,
            agenda=self._agenda,
            listings=listings,
            look=look,
            pacing=pacing,
            users=self.users,
            outlet=self.outlet,
            living=self._living,
            refused=self._refused,
            control=self._control,
            most=concurrency,
        )
        self._judge = Judge(
            look=look,
            control=self._control,
            agenda=self._agenda,
            outlet=self.outlet,
            living=self._living,
            refused=self._refused,
            where=where,
            may_live=self._supply.may_live,
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
        self._supply.has_stopped = True
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
                    if not self._supply.may_live():
                        self._agenda.wait_no_more(math.inf)
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
            self._supply.has_stopped = self._supply.has_failed = True
            self._crew.stand_down()

    async def _begin(self) -> None:
        """Controls, as soon as it is known that there is anything to ask."""
        self._cobalt._root.check()
        credential = await self._intake.read()
        if credential is None or self.failure is not None:
            return
        await self._control.begin()
        if (job := self._supply.admit(credential)) is not None:
            self.outlet.put_aside()
            self._agenda.resume([job])

    async def _change(self) -> None:
        """Until something changed, or somebody's time has come."""
        work = self._supply.due() if self._has_room and self.stopped is None else None
        look = None if self._is_vouching else self._living.look()
        due = min((moment for moment in (work, look) if moment is not None), default=None)
        try:
            async with asyncio.timeout_at(due):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _see_to_the_living(self) -> None:
        """Have a made-up token vouch for them, if it is time."""
        due = None if self._is_vouching else self._living.due(idle=self._crew.workers == self._intake.readers)
        if due is not None and due <= self._now():
            self._voucher = self._crew.employ(self._vouch())

    async def _vouch(self) -> None:
        with self._failing():
            await self._living.vouch()

    @property
    def _is_vouching(self) -> bool:
        return self._voucher is not None and not self._voucher.done()

    def _is_done(self) -> bool:
        if self._crew.workers or self._is_vouching:
            return False
        return self.failure is not None or self._supply.is_used_up()

    @property
    def _has_room(self) -> bool:
        return self._crew.workers < self._concurrency and self._supply.has_room

    def _hire(self) -> None:
        """One more worker, if there is work for one; who finds some hires the next."""
        if self._has_room and self._supply.is_due():
            self._crew.hire(self._work())

    async def _work(self) -> None:
        """Take jobs as long as there are any."""
        with self._failing():
            while (job := await self._supply.next()) is not None:
                self._hire()
                if self._supply.is_over or self.failure is not None:
                    self._drop(job)
                else:
                    await self._judge.examine(job)
                await self._waves.join()  # whoever waits for results takes them now

    async def _end(self) -> None:
        """Nothing is under way: the last controls, and verdicts for all that still wait."""
        if self.failure is not None:
            self.stop("stopped")
        may_ask = self._failure is None
        await self._living.clear(may_ask=may_ask)
        await self._refused.clear(may_ask=may_ask, stopped=self.stopped)
        for job in self._supply.drain():
            self.outlet.taken += 1
            self._drop(job)

    def _drop(self, job: Job) -> None:
        """This is not asked about any more."""
        self.outlet.land(job.credential, verdicts.not_tried(job.credential.label, self.stopped or "stopped"))
