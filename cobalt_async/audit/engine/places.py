"""The hosts that an audit asks: how fast, and what vouches for their answers."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from ...client import AsyncCobalt
from ...errors import ConfigurationError
from ...protocol.hosts import Region, host_of, is_loopback, region_url
from ...secret import Secret

_LONGEST_PAUSE = 86_400.0  # seconds; a rate below that is one request a day
_LIVING = 64


class Place:
    """One host: `region` is where that is, None for the client's own base URL.

    Requests are spaced evenly, at most `rate` a second; 0 lifts that, and this machine is never limited.
    `vouched`: when the last made-up token was sent that was refused here; -inf: none was.
    `life`: when the last request left that a readable 200 came to. `refusals`: how many 401 and 403 came since
    then. `living`: secrets that were answered 200, with their users as far as those are known.
    """

    def __init__(self, url: str, region: Region | None, *, rate: float) -> None:
        self.url: str = url
        self.region: Region | None = region
        self.vouched: float = -math.inf
        self.life: float = -math.inf
        self.refusals: int = 0
        self.living: deque[tuple[Secret, int | None]] = deque(maxlen=_LIVING)
        limited = rate > 0 and not is_loopback(host_of(url))
        self.is_limited: bool = limited
        self._pause = min(1 / rate, _LONGEST_PAUSE) if limited else 0.0
        self._next = -math.inf

    @property
    def is_vouched(self) -> bool:
        """Whether a made-up token was refused here, at any time."""
        return self.vouched > -math.inf

    async def turn(self) -> None:
        """Wait for the next turn. Whoever waits has one timer, so there are never more than workers."""
        if not self._pause:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._pause
        if at > now:
            await asyncio.sleep(at - now)

    def lives(self, sent_at: float) -> None:
        """A readable 200 came to a request that left then."""
        self.life = max(self.life, sent_at)
        self.refusals = 0

    def has_living(self, secret: Secret, user: int | None) -> None:
        """This secret is alive here; the newest are remembered, not several of one user in a row."""
        if not self.living or user is None or user != self.living[-1][1]:
            self.living.append((secret, user))


def places(cobalt: AsyncCobalt, regions: Sequence[Region], *, rate: float) -> tuple[Place, ...]:
    """Where each credential is asked, in order: the regions, or without any the client's own base URL."""
    rate = _check_rate(rate)
    names = None if isinstance(regions, str) or not isinstance(regions, Sequence) else tuple(regions)
    if names is None:
        raise ConfigurationError('regions: a sequence such as ("us", "eu")')
    if not names:
        return (Place(cobalt.base_url, None, rate=rate),)
    found: dict[str, Place] = {}
    for region in names:
        url = region_url(region, "regions")
        cobalt.with_token("any", region=region)  # refused by a client that has an explicit base_url
        if url in found:
            raise ConfigurationError(f"regions: {region!r} stands there twice")
        found[url] = Place(url, region, rate=rate)
    return tuple(found.values())


def in_order(where: tuple[Place, ...], declared: Region | None) -> tuple[Place, ...]:
    """The places with the declared region first, if it is one of them."""
    if declared is None or len(where) == 1:
        return where
    return tuple(sorted(where, key=lambda place: place.region != declared))


def _check_rate(rate: float) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise ConfigurationError(f"rate: a number of requests a second, not {type(rate).__name__}")
    if not 0 <= rate < math.inf:
        raise ConfigurationError("rate: a finite number of requests a second, 0 (no limit) or more")
    return rate
