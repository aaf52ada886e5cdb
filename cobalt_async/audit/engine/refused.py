"""Those who were refused, until there is a sign that others are not."""

import asyncio
import math
from collections import deque
from collections.abc import Iterator

from attrs import define

from .. import verdicts
from ..credential import Credential
from ..verdicts import AuditResult, Verdict
from .control import Control
from .outlet import Outlet
from .places import Place

MOST_HELD = 10_000


@define(eq=False)
class _Held:
    at: float  # when the answer was here
    credential: Credential
    result: AuditResult


class Refused:
    """Holds each refusal until a readable 200 came from every place to a request that left after it was answered."""

    def __init__(self, outlet: Outlet, control: Control, where: tuple[Place, ...]) -> None:
        self._outlet = outlet
        self._control = control
        self._places = where
        self._now = asyncio.get_running_loop().time
        self._held: deque[_Held] = deque()  # in order of the time of their answer

    def __len__(self) -> int:
        return len(self._held)

    def has_room(self, coming: int = 0) -> bool:
        """Whether more may be held, if so many are to come."""
        return len(self._held) + coming < MOST_HELD

    def hold(self, credential: Credential, result: AuditResult) -> None:
        """One more; it is outside of the window until there is a sign of life."""
        self._outlet.put_aside()
        self._held.append(_Held(self._now(), credential, result))

    def release(self) -> None:
        """There is a sign of life: those that every place has outlived are told, where made-up tokens are refused."""
        if not self._held or self._control.void is not None:
            return
        since = min(place.life if place.is_vouched else -math.inf for place in self._places)
        self._outlet.land_together(self._told(until=since))

    async def clear(self, *, may_ask: bool, stopped: str | None) -> None:
        """Tell all, at the end of a run or where too many are held; who has no sign of life is not known.

        `may_ask`: made-up tokens are asked with once more; as long as they get another answer a 403 counts without a
        sign of life, too. `stopped`: why the run ended early; then no such sign is looked for, and a 401 without one
        was not tried to its end.
        """
        if not self._held:
            return
        if may_ask and stopped is None:
            await self._control.look_for_life()
        if may_ask:
            await self._control.vouch_everywhere()
        self.release()
        left = [(held.credential, self._unconfirmed(held.result, may_ask, stopped), None) for held in self._held]
        self._held.clear()
        self._outlet.land_together(left)

    def _told(self, *, until: float) -> Iterator[tuple[Credential, AuditResult, None]]:
        while self._held and self._held[0].at <= until:
            held = self._held.popleft()
            yield held.credential, held.result, None

    def _unconfirmed(self, result: AuditResult, is_asked: bool, stopped: str | None) -> AuditResult:
        if self._control.void is not None:
            return verdicts.not_tried(result.label, "void")
        if not all(place.is_vouched for place in self._places):
            return verdicts.unvouched(result)
        if is_asked and result.verdict is Verdict.FORBIDDEN:
            return result
        return verdicts.not_tried(result.label, stopped) if stopped == "stopped" else verdicts.unconfirmed(result.label)
