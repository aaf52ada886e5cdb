"""What vouches for a place: a made-up token that is refused, and a live one that is not."""

import asyncio
import secrets
import string

from ...client import AsyncCobalt
from ...errors import CobaltError, ConfigurationError, ForbiddenError, UnauthorizedError
from ...protocol import answers
from ...protocol.answers import THROTTLED, Response
from ...protocol.requests import Request
from ...secret import Secret
from .listings import Listings
from .look import Look
from .places import Place
from .users import Users

_LETTERS = string.ascii_letters + string.digits
_LENGTH = 40
_TRIES = 3
_PATIENCE, _HURRIED = 10.0, 2.0  # seconds for an answer, without the wait for its turn; and once the run was stopped
_MOST_REFUSALS = 20  # 401s and 403s in a row


class Control:
    """Asks with tokens whose answer is known beforehand. `void` says why no answer of this run counts."""

    def __init__(
        self, cobalt: AsyncCobalt, look: Look, listings: Listings, users: Users, where: tuple[Place, ...]
    ) -> None:
        self.void: str | None = None
        self._cobalt = cobalt
        self._look = look
        self._first, self._probe = listings.first, listings.probe
        self._users = users
        self._places = where
        self._patience = _PATIENCE
        self._waits: set[asyncio.Timeout] = set()
        self._looking = asyncio.Lock()

    def hurry(self) -> None:
        """The run was stopped: answers are waited for no longer than need be."""
        self._patience = _HURRIED
        ends = asyncio.get_running_loop().time() + _HURRIED
        for wait in self._waits:
            if not wait.expired():  # it may have rung in this very turn of the loop
                when = wait.when()
                wait.reschedule(ends if when is None else min(when, ends))

    async def begin(self) -> None:
        """Before anything else is asked."""
        await self.vouch_everywhere()
        for place in self._places:
            secret = self._cobalt._secret
            if self.void is not None or secret is None or place.url != self._cobalt.base_url:
                continue
            if await self._lives(secret, place, None):  # its failure means nothing
                place.has_living(secret, None)

    async def vouch_everywhere(self) -> None:
        """Ask for a first page with a made-up token at every place."""
        for place in self._places:
            await self.vouch(place, self._first)

    async def endures(self, place: Place) -> bool:
        """Count a refusal. After 20 in a row a token that was alive before has to be alive still: the breaker."""
        place.refusals += 1
        if place.refusals < _MOST_REFUSALS or not place.living:
            return True
        place.refusals = 0
        return await self._is_alive(place)

    async def look_for_life(self) -> None:
        """Ask what was alive before once more, everywhere."""
        for place in self._places:
            await self._is_alive(place)

    def may_show_life(self, moment: float) -> bool:
        """Whether somebody is known, wherever nobody was answered 200 since that moment, who was before."""
        return all(place.living for place in self._places if place.life < moment)

    async def lives_since(self, moment: float) -> bool | None:
        """Whether somebody was answered 200 at every place to a request that left after that moment.

        Asks what was alive before where nobody was; False where that is no more, None where nothing is known of it.
        """
        async with self._looking:  # for many at once one sign of life is enough
            for place in self._places:
                if place.life < moment and place.living and not await self._is_alive(place):
                    return False
        return True if all(place.life >= moment for place in self._places) else None

    async def vouch(self, place: Place, request: Request) -> None:
        """Ask for this there with a token that nobody has: a refusal is on record as `vouched`, all else may be `void`.

        What is asked for is what others were answered: a cache on the way may know an answer by its URL alone. What is
        neither Cobalt's yes nor its no is not the last, twice.

        200 or 403 is no answer of Cobalt's to such a token. With a body that is not Cobalt's either it takes three, and
        none before that were sound, to tell a portal from an odd answer or from a network that went down midway.
        """
        if self.void is not None:
            return
        odd = 0
        for _ in range(_TRIES):
            sent_at = asyncio.get_running_loop().time()
            try:
                status, is_clear = await self._status(request, _made_up(), place)
            except TimeoutError:
                return  # there is nobody to ask again
            if status == 401 and is_clear:
                place.vouched = sent_at
                return
            odd += status in (200, 403)
            if status in (200, 403) and (is_clear or (odd == _TRIES and not place.is_vouched)):
                self.void = (
                    f"a made-up token was answered {status} by {place.url}: something other than Cobalt answers "
                    "there; check the base URL, the proxy and the network, then audit again"
                )
                return

    async def _is_alive(self, place: Place) -> bool:
        """Whether one of up to three tokens that were alive before still is; True too where all of them have to wait.

        In that case nothing is told by it: refusals are held until there is a sign of life.
        """
        now = asyncio.get_running_loop().time()
        failed = 0
        for secret, user in reversed(list(place.living)):
            if user is not None and not self._users.take(self._users.number(user), now):
                continue
            lives = await self._lives(secret, place, user)
            if lives:
                return True
            failed += lives is False
            if failed == _TRIES:
                return False
        return not failed

    async def _lives(self, secret: Secret, place: Place, user: int | None) -> bool | None:
        """Whether a token that should be alive is; None where it has to wait for its window."""
        sent_at = asyncio.get_running_loop().time()
        try:
            status, is_clear = await self._status(self._probe, secret, place, user)
        except TimeoutError:
            return False
        if status in THROTTLED:
            return None
        if status != 200 or not is_clear:
            return False
        place.lives(sent_at)
        return True

    async def _status(
        self, request: Request, secret: Secret, place: Place, user: int | None = None
    ) -> tuple[int | None, bool]:
        """The status of an answer, None where none came; and whether all of it is as Cobalt's would be.

        TimeoutError where the peer keeps silent.
        """
        response = None
        await place.turn()
        sent_at = asyncio.get_running_loop().time()
        try:
            response = await self._answer(request, secret, place)
            answers.read_page(request, response, secret)
        except ConfigurationError:
            raise  # a misuse, and so of every credential
        except (UnauthorizedError, ForbiddenError) as error:
            return error.status, not error.foreign
        except CobaltError:
            return (None if response is None else response.status), False
        if user is not None:
            self._users.answered(self._users.number(user), sent_at, asyncio.get_running_loop().time(), response.headers)
        return response.status, True

    async def _answer(self, request: Request, secret: Secret, place: Place) -> Response:
        """What is answered in time; else a TimeoutError: a peer that keeps silent must not hold up the run."""
        async with asyncio.timeout(self._patience) as wait:
            self._waits.add(wait)
            try:
                return await self._look.ask(request, secret, place)
            finally:
                self._waits.discard(wait)


def _made_up() -> Secret:
    return Secret("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))
