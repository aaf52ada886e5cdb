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

_MOST_PUT_OFF = 24  # times, five seconds each: until a window opens, which a sign of life may wait for


class Judge:
    """Asks place by place, and says what the answers come to; what has to be held is given to `living` and `refused`.

    A refusal is looked at twice, and somebody has to live in between, too: what refuses everybody for a while would
    confirm itself. `may_live` says whether anybody may yet be found alive. `on_break` is called where the breaker says
    that nothing more should be asked, `on_change` when somebody waits anew.
    """

    def __init__(
        self,
        *,
        look: Look,
        control: Control,
        agenda: Agenda,
        outlet: Outlet,
        living: Living,
        refused: Refused,
        where: tuple[Place, ...],
        may_live: Callable[[], bool],
        on_break: Callable[[], None],
        on_change: Callable[[], None],
    ) -> None:
        self._living = living
        self._refused = refused
        self._look = look
        self._control = control
        self._agenda = agenda
        self._outlet = outlet
        self._places = where
        self._may_live = may_live
        self._on_break = on_break
        self._on_change = on_change
        self._now = asyncio.get_running_loop().time

    async def examine(self, job: Job) -> None:
        """One credential, in every place until one says ALIVE."""
        if job.refused is not None and not job.said and not await self._may_look_again(job):
            return
        for place in in_order(self._places, job.credential.region)[len(job.said) :]:
            result = await self._look.look(job, place)
            if result is None:
                self._outlet.put_aside()
                return
            if result.verdict is Verdict.ALIVE:
                place.has_living(job.credential.secret, job.user)
                if self._agenda.waits_for_life:
                    self._agenda.wait_no_more(min(place.life for place in self._places))
                self._refused.release()
                assert job.asked is not None  # noqa: S101 - it was answered
                if self._living.hold(job.credential, result, job.user, place, job.asked):
                    self._on_change()
                return
            if result.verdict in (Verdict.DEAD, Verdict.FORBIDDEN):
                if not await self._control.endures(place):
                    self._on_break()
                self._refused.release()
            job.said_no(result)
        await self._conclude(job, verdicts.conclude(job.said))

    async def _conclude(self, job: Job, result: AuditResult) -> None:
        """No place said ALIVE."""
        if result.verdict is Verdict.INDETERMINATE:
            self._outlet.land(job.credential, result)
        elif job.refused is None:
            job.refused, job.refused_at, job.said, job.hint = result, self._now(), (), None
            self._look_again(job)
        elif result.verdict is not job.refused.verdict:
            self._outlet.land(job.credential, verdicts.changed(result.label))
        else:
            self._refused.hold(job.credential, result)
            if not self._refused.has_room():
                await self._refused.clear(may_ask=True, stopped=None)

    async def _may_look_again(self, job: Job) -> bool:
        """Whether somebody was seen to live since the first look at this one; else it waits, or ends.

        Where nobody is known who could be, and nobody can be found, no second look tells more than the first; it is
        taken all the same, for a 403 that a made-up token does not get.
        """
        lives = await self._control.lives_since(job.refused_at)
        if lives:
            return True
        if self._may_live():
            self._outlet.put_aside()
            self._agenda.wait_for_life(job)
            return False
        if not self._control.may_show_life(job.refused_at):
            return True
        job.put_off += 1
        if lives is None and job.put_off <= _MOST_PUT_OFF:
            self._look_again(job)
        else:
            self._outlet.land(job.credential, verdicts.unconfirmed(job.credential.label))
        return False

    def _look_again(self, job: Job) -> None:
        self._outlet.put_aside()
        self._agenda.look_again(job, self._now())
        self._on_change()
