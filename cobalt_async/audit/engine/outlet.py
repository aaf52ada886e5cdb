"""Verdicts on their way out: at once, or held until something vouches for them."""

import asyncio
from collections import deque
from collections.abc import Callable

from .. import verdicts
from ..credential import Credential
from ..facts import Facts
from ..verdicts import AuditResult, Verdict
from .control import Control
from .places import Place

MOST_HELD = 10_000


class Outlet:
    """Puts verdicts on record and tells them; `landed` are those that nobody has taken yet.

    A refusal is held until a readable 200 came from every place to a request that left after it was answered.
    `taken` counts credentials that were read and are neither handed out nor put aside: the window. `on_change` is
    called when there is something to take.
    """

    def __init__(
        self, control: Control, where: tuple[Place, ...], facts: Facts, *, on_change: Callable[[], None]
    ) -> None:
        self.landed: deque[AuditResult] = deque()
        self.taken: int = 0
        self._control = control
        self._places = where
        self._facts = facts
        self._on_change = on_change
        self._held: deque[tuple[float, Credential, AuditResult]] = deque()  # in order of the time of their answer

    @property
    def held(self) -> int:
        """How many refusals are held."""
        return len(self._held)

    def hand_out(self) -> AuditResult:
        """The next verdict that was told."""
        self.taken -= 1
        return self.landed.popleft()

    def recall(self, credential: Credential) -> bool:
        """Tell what an earlier run knew of a credential, if it did."""
        known = self._facts.known(credential) if self._facts.resumed else None
        if known is None:
            return False
        result, user = known
        for place in self._places:
            if result.verdict is Verdict.ALIVE and place.region == result.region:
                place.has_living(credential.secret, user)
        self.tell(result)
        return True

    def tell(self, result: AuditResult) -> None:
        """Hand out a verdict that is on record."""
        self.landed.append(result)
        self._on_change()

    def land(self, credential: Credential, result: AuditResult, user: int | None = None) -> None:
        """A verdict that is final."""
        self._facts.add(credential, result, user)
        self.tell(result)

    def hold(self, credential: Credential, result: AuditResult) -> None:
        """A refusal, which needs a sign of life; it is outside of the window until then."""
        self.taken -= 1
        self._held.append((asyncio.get_running_loop().time(), credential, result))

    def release(self) -> None:
        """There is a sign of life: refusals that every place has outlived are told."""
        if not self._held:
            return
        since = min(place.life for place in self._places)
        while self._held and self._held[0][0] <= since:
            self._let_go(vouched=True)

    async def clear(self, *, stopped: bool) -> None:
        """Tell all refusals that are held: as they are, where the controls vouch for them now."""
        if not stopped:
            await self._control.look_for_life()
            self.release()
            await self._control.vouch_again()
        is_sure = not stopped and await self._control.is_vouched()
        while self._held:
            self._let_go(vouched=is_sure and self._held[0][2].verdict is Verdict.FORBIDDEN)

    def _let_go(self, *, vouched: bool) -> None:
        _, credential, result = self._held.popleft()
        self.taken += 1
        self.land(credential, result if vouched else verdicts.unconfirmed(result))
