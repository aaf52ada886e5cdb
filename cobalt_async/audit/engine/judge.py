"""One credential to its verdict: told now, held until something vouches for it, or put off for a second look."""

import asyncio
from collections.abc import Callable

from .. import verdicts
from ..verdicts import AuditResult, Verdict
from .agenda import Agenda, Job
from .control import Control
from .living import Living
from .look import Look
from .outlet import Outlet
from .places import Place, in_order
from .refused import Refused


class Judge:
    """Asks place by place, and says what the answers come to; `living` and `refused` are what is held meanwhile.

    `on_break` is called where the breaker says that nothing more should be asked, `on_change` when somebody waits
    anew.
    """

    def __init__(
        self,
        look: Look,
        control: Control,
        agenda: Agenda,
        outlet: Outlet,
        where: tuple[Place, ...],
        *,
        on_break: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self.living: Living = Living(outlet, control)
        self.refused: Refused = Refused(outlet, control, where)
        self._look = look
        self._control = control
        self._agenda = agenda
        self._outlet = outlet
        self._places = where
        self._on_break = on_break
        self._on_change = on_change
        self._now = asyncio.get_running_loop().time

    async def examine(self, job: Job) -> None:
        """One credential, in every place until one says ALIVE."""
        for place in in_order(self._places, job.credential.region)[len(job.said) :]:
            result = await self._look.look(job, place)
            if result is None:
                self._outlet.put_aside()
                return
            if result.verdict is Verdict.ALIVE:
                place.has_living(job.credential.secret, job.user)
                self.refused.release()
                if self.living.hold(job.credential, result, job.user, place):
                    self._on_change()
                return
            if result.verdict in (Verdict.DEAD, Verdict.FORBIDDEN):
                if not await self._control.endures(place):
                    self._on_break()
                self.refused.release()
            job.said_no(result)
        await self._conclude(job, verdicts.conclude(job.said))

    async def clear(self, *, may_ask: bool, stopped: str | None) -> None:
        """Nothing is under way any more: verdicts for all that are held. `stopped`: why the run ended early."""
        await self.living.clear(may_ask=may_ask)
        await self.refused.clear(may_ask=may_ask, stopped=stopped)

    async def _conclude(self, job: Job, result: AuditResult) -> None:
        """No place said ALIVE."""
        if result.verdict is Verdict.INDETERMINATE:
            self._outlet.land(job.credential, result)
        elif result.verdict is Verdict.DEAD and not job.refused:
            job.refused, job.said, job.hint = True, (), None
            self._outlet.put_aside()
            self._agenda.look_again(job, self._now())
            self._on_change()
        else:
            self.refused.hold(job.credential, result)
            if not self.refused.has_room():
                await self.refused.clear(may_ask=True, stopped=None)
