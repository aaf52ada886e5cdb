"""Those who were answered 200, until it is known that the place still says no to whom it should."""

import asyncio
import math
from collections import deque
from collections.abc import Iterator

from attrs import define

from ...protocol.requests import Request
from .. import verdicts
from ..credential import Credential
from ..verdicts import AuditResult
from .control import Control
from .outlet import Outlet
from .places import Place

TOGETHER = 256  # that one made-up token vouches for
_SOME = 32  # that are enough for one where nothing else is asked
MOST = 4 * TOGETHER  # held, before nothing more is asked
_MOST_TOKENS = 20_000  # in the listings of those who are vouched for together
_SOON, _LATE = 1.0, 3.0  # seconds that one waits: where that is cheap and nothing else is asked, and at most


@define(eq=False)  # frozen is three times as dear, and there is one for each credential
class _Held:
    at: float  # when the answer was here
    place: Place  # that gave it
    request: Request  # to which it did
    credential: Credential
    result: AuditResult
    user: int | None


class Living:
    """Holds each ALIVE until a made-up token was refused at its place that was sent after it was answered.

    Something that says yes to everybody may begin to answer for Cobalt at any moment, and end: what ends before the
    next made-up token is asked is not seen. The first answer of its kind at a place, which a cache on the way may give
    to all who ask for the same, is followed by one at once.
    """

    def __init__(self, outlet: Outlet, control: Control) -> None:
        self._outlet = outlet
        self._control = control
        self._now = asyncio.get_running_loop().time
        self._held: deque[_Held] = deque()  # in order of the time of their answer
        self._tokens = 0  # in their listings
        self._met: set[tuple[Place, str]] = set()  # what was answered, and where
        self._fresh: list[tuple[Place, Request]] = []  # of that, what no made-up token was refused since
        self._rests_until = -math.inf  # after a made-up token that told nothing
        self._vouchings = self._vouched_for = 0  # made-up tokens, and who was told by them

    @property
    def is_full(self) -> bool:
        """Whether as many are held as are vouched for together."""
        return len(self._held) >= TOGETHER or self._tokens >= _MOST_TOKENS

    @property
    def is_choked(self) -> bool:
        """Whether so many wait for the answer to a made-up token that nothing more is to be asked."""
        return len(self._held) >= MOST or self._tokens >= 4 * _MOST_TOKENS

    def hold(
        self, credential: Credential, result: AuditResult, user: int | None, place: Place, request: Request
    ) -> bool:
        """One more; it is outside of the window until it is vouched for. `request`: to which it was answered.

        Whether that changes when a made-up token is due: it is the first, or as many as are vouched for together.
        """
        held, was_full = self._held, self.is_full
        is_first = (kind := (place, request.target)) not in self._met
        if is_first:
            self._met.add(kind)
            self._fresh.append((place, request))
        self._outlet.put_aside()
        if not held or held[-1].result.tokens is not result.tokens:
            self._tokens += len(result.tokens)
        held.append(_Held(self._now(), place, request, credential, result, user))
        return is_first or len(held) == 1 or (not was_full and self.is_full)

    def due(self, *, idle: bool) -> float | None:
        """When a made-up token is to vouch for them; None where none are held. `idle`: nothing else is asked."""
        if not self._held:
            return None
        is_cheap = idle and self._vouchings * TOGETHER <= self._vouched_for
        is_enough = self.is_full or self._fresh or (is_cheap and len(self._held) >= _SOME)
        wait = 0.0 if is_enough else _SOON if is_cheap else _LATE
        return max(self._held[0].at + wait, self._rests_until)

    def look(self) -> float | None:
        """When to see whether it is due: first where nothing else may be asked by then, and then in any case."""
        sooner = self.due(idle=True)
        return sooner if sooner is None or sooner > self._now() else self.due(idle=False)

    async def vouch(self) -> None:
        """Ask with a made-up token wherever one was answered, and tell all whom that vouches for.

        As many as are vouched for together wait for no second one, where it told nothing: they are not known then.
        """
        asked_at, was_full = self._now(), self.is_full
        self._vouchings += not self._fresh  # those that are due at once come on top, and make no other dearer
        await self._ask()
        self._vouched_for += len(self._held)
        self._outlet.land_together(self._told(not_known_until=asked_at if was_full else -math.inf))
        self._vouched_for -= len(self._held)
        if self._held and self._held[0].at <= asked_at:
            self._rests_until = self._now() + _SOON

    async def clear(self, *, may_ask: bool) -> None:
        """Tell all, at the end of a run; who is not vouched for is not known. `may_ask`: with a made-up token first."""
        if self._held and may_ask:
            await self._ask()
        self._outlet.land_together(self._told(not_known_until=math.inf))

    async def _ask(self) -> None:
        """With made-up tokens, for what was answered at each place: the first time, and the last one that is held."""
        latest = {held.place: held.request for held in self._held}
        asked = {(place, request.target): (place, request) for place, request in (*self._fresh, *latest.items())}
        for kind, (place, request) in asked.items():
            asked_at = self._now()
            await self._control.vouch(place, request)
            if place.vouched >= asked_at:
                self._fresh = [other for other in self._fresh if (other[0], other[1].target) != kind]

    def _told(self, *, not_known_until: float) -> Iterator[tuple[Credential, AuditResult, int | None]]:
        """Those who are vouched for by now; and of those answered until then, that they are not known."""
        while self._held:
            held = self._held[0]
            if self._control.void is not None:
                result = verdicts.not_tried(held.result.label, "void")
            elif held.at <= held.place.vouched:
                result = held.result
            elif held.at <= not_known_until:
                result = verdicts.unvouched(held.result)
            else:
                break
            self._held.popleft()
            yield held.credential, result, held.user if result is held.result else None
        listings = {id(held.result.tokens): len(held.result.tokens) for held in self._held}
        self._tokens = sum(listings.values())
