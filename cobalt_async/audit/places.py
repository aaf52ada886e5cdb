"""The hosts that an audit asks: how fast, and whether a live token was seen there."""

import asyncio
import math
from collections.abc import Sequence

from ..client import AsyncCobalt
from ..errors import ConfigurationError
from ..protocol.hosts import Region, host_of, is_loopback, region_url

_LONGEST_PAUSE = 86_400.0  # seconds; a rate below that is one request a day


class Place:
    """One host: `region` is what `with_token` takes; `live` turns True with the first readable 200.

    Requests are spaced evenly, at most `rate` a second; 0 lifts that, and this machine is never limited.
    """

    def __init__(self, url: str, region: Region | None, *, rate: float) -> None:
        self.url = url
        self.region: Region | None = region
        self.live = False
        limited = rate > 0 and not is_loopback(host_of(url))
        self._pause = min(1 / rate, _LONGEST_PAUSE) if limited else 0.0
        self._next = -math.inf

    async def turn(self) -> None:
        """Wait for the next turn. Whoever waits has one timer, so there are never more than workers."""
        if not self._pause:
            return
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._pause
        if at > now:
            await asyncio.sleep(at - now)


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


def _check_rate(rate: float) -> float:
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise ConfigurationError(f"rate: a number of requests a second, not {type(rate).__name__}")
    if not 0 <= rate < math.inf:
        raise ConfigurationError("rate: a finite number of requests a second, 0 (no limit) or more")
    return rate
