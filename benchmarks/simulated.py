"""Cobalt as it documents itself, in virtual time and without a socket: in place of the transport under a client.

A window is fixed, lasts 60 s from its first request, and counts the readings of all of a user's tokens (F22,
F23); the headers tell limit and rest (F24); over it 509, which takes nothing (F25). A wrong token gets 401, which
counts for nobody (F4). At most 100 tokens a page; `next_page` carries no `limit` (F10).
"""

import asyncio
import random
import re
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import cast

from attrs import frozen

from cobalt_async import AsyncCobalt
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.transport import OnAnswer, Route, Transport

from .population import Population

LIMIT = 100  # readings in a window (F22)
WINDOW = 60.0  # seconds
LATENCY = (0.0005, 0.0015)  # seconds there, and as many back: at random between these

_NAMED = re.compile(r"u([0-9]+)\.[0-9]+\.([0-9]+)\.")
_MOST = 100  # tokens on a page
_USUAL = 10  # (F9)
_JSON = {"Content-Type": "application/vnd.cobalt.v1+json"}
_REFUSED = Response(401, _JSON, b'{"message":"no token, or a wrong one"}')
_FAILED = Response(503, _JSON, b'{"message":"try again"}')


@frozen(kw_only=True)
class Weather:
    """What makes it harder: `eaten`, readings that another client makes in each window as soon as it opens;
    `failing`, one answer in so many is 503, which its window counts (0: none); and `endings`, whether
    `last_characters` are shown (the seed) or read "redacted" (since January 2024, F8).
    """

    eaten: int = 0
    failing: int = 0
    endings: bool = False


@frozen
class Throttling:
    """A share of answers is 429 or 509 out of the blue, with each kind of Retry-After in turn; it counts nothing."""

    share: float
    after: Sequence[str | None] = (None, "5", "0", "-5", "86400", "inf", "nan", "\u0665", "9" * 400, "soon")


class SimulatedCobalt:
    """Stands where a client has its transport: `send` is all that is asked of it."""

    def __init__(
        self,
        people: Population,
        weather: Weather = Weather(),
        *,
        throttling: Throttling = Throttling(0.0),
        ours: int = LIMIT,
        seed: int = 0,
    ) -> None:
        self.requests: int = 0
        self.statuses: Counter[int] = Counter()
        self.spoilt: int = 0  # answers that were throttled for no reason
        self.beyond: int = 0  # readings in windows of which `ours` and more were used up before
        self._people = people
        self._sizes = people.sizes
        self._weather = weather
        self._throttling = throttling
        self._ours = ours
        self._dice = random.Random(seed)  # noqa: S311 - chance that can be had again
        self._failing_next = 0
        self._opened = array("d", [-WINDOW]) * len(people.sizes)
        self._used = array("H", [0]) * len(people.sizes)
        self._page = lru_cache(maxsize=1000)(self._written)

    def stand_under(self, cobalt: AsyncCobalt) -> None:
        """Take the place of the transport of a client that is open."""
        cobalt._root.refreshes.exchange._transport = cast(Transport, self)  # an exchange uses its `send` alone

    async def send(
        self,
        request: Request,
        route: Route,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        del on_answer, on_leave  # a reading has none
        await asyncio.sleep(self._dice.uniform(*LATENCY))
        response = self.answer(request.target, route.secret.reveal(), asyncio.get_running_loop().time())
        self.requests += 1
        self.statuses[response.status] += 1
        await asyncio.sleep(self._dice.uniform(*LATENCY))
        return response

    def answer(self, target: str, secret: str, now: float) -> Response:
        """What a request gets that arrives now."""
        if self._dice.random() < self._throttling.share:
            return self._throttled()
        user = self._owner(secret)
        if user is None:
            return _FAILED if self._fails() else _REFUSED
        if now >= self._opened[user] + WINDOW:
            self._opened[user] = now
            self._used[user] = self._weather.eaten
        if self._used[user] >= LIMIT:
            return Response(509, _headers(0), b'{"message":"over the rate limit"}')
        self._used[user] += 1
        self.beyond += self._used[user] > self._ours
        if self._fails():
            return _FAILED
        return Response(200, _headers(LIMIT - self._used[user]), self._page(user, *_asked(target)))

    def _owner(self, secret: str) -> int | None:
        """The user who has a token with this very secret."""
        named = _NAMED.match(secret)
        if named is None:
            return None
        user, number = int(named[1]), int(named[2])
        is_theirs = user < len(self._sizes) and number < self._sizes[user]
        return user if is_theirs and secret == self._people.secret(user, number) else None

    def _throttled(self) -> Response:
        after = self._throttling.after[self.spoilt % len(self._throttling.after)]
        self.spoilt += 1
        headers = dict(_JSON) if after is None else {**_JSON, "Retry-After": after}
        return Response((429, 509)[self.spoilt % 3 > 0], headers, b"{}")

    def _fails(self) -> bool:
        """One in so many, at a random place among them."""
        every = self._weather.failing
        if not every:
            return False
        place = self.requests % every
        if place == 0:
            self._failing_next = self._dice.randrange(every)
        return place == self._failing_next

    def _written(self, user: int, start: int, limit: int) -> bytes:
        """A page of a user's listing."""
        end = min(start + limit, self._sizes[user])
        rows = [
            f'{{"resource":{{"id":"api_{user}x{number}","name":"service {number}","last_characters":'
            f'"{self._ending(user, number)}","expire_at":null}}}}'
            for number in range(start, end)
        ]
        after = f'"/tokens?cursor={end}"' if end < self._sizes[user] else "null"
        return f'{{"data":[{",".join(rows)}],"pagination":{{"next_page":{after},"prev_page":null}}}}'.encode()

    def _ending(self, user: int, number: int) -> str:
        return self._people.secret(user, number)[-4:] if self._weather.endings else "redacted"


@lru_cache(maxsize=1000)
def _asked(target: str) -> tuple[int, int]:
    """Where a page starts, and how many tokens it may hold."""
    parameters = dict(part.partition("=")[::2] for part in target.partition("?")[2].split("&"))
    return int(parameters.get("cursor", 0)), min(int(parameters.get("limit", _USUAL)), _MOST)


@lru_cache(maxsize=LIMIT + 1)
def _headers(remaining: int) -> Mapping[str, str]:
    return {**_JSON, "X-Rate-Limit-Get-Limit": str(LIMIT), "X-Rate-Limit-Remaining": str(remaining)}
