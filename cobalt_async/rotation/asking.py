"""Whether a secret is alive, and which tokens its user has: questions, asked as often as they need to be."""

import asyncio
from collections.abc import Mapping

from attrs import frozen

from ..client import AsyncCobalt
from ..errors import CobaltError, UnauthorizedError
from ..protocol import answers, requests
from ..secret import Secret
from .words import Seen

UNLISTED: Mapping[Seen, str] = {
    Seen.DEAD: "the old secret is dead, and so is the sibling; another token of the same user can still resume it",
    Seen.UNCLEAR: "the sibling cannot list the tokens",
}
"""Why the sibling did not list the tokens."""

OLD: Mapping[Seen, str] = {
    Seen.ALIVE: "the old secret still answers {seconds:g} s after the refresh: it is another token's",
    Seen.DEAD: "the old secret is dead, and no answer with a new one is in hand",
    Seen.UNCLEAR: "no answer tells whether the old secret is dead",
}
"""What the old secret's answer means, where it is not the one that is wanted."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds


@frozen
class Asking:
    """Asks Cobalt, in the place of one client."""

    cobalt: AsyncCobalt

    async def once(self, secret: Secret) -> Seen:
        """ALIVE, DEAD or UNCLEAR: what one reading with this secret says.

        A 401 whose body is neither JSON nor empty is no answer of Cobalt's.
        """
        request = requests.list_tokens(limit=1, version=self.cobalt._version)
        try:
            response = await self.cobalt._ask(request, secret, self.cobalt.base_url)
            answers.read_page(request, response, secret)
        except UnauthorizedError as error:
            return Seen.UNCLEAR if error.foreign else Seen.DEAD
        except CobaltError:
            return Seen.UNCLEAR
        return Seen.ALIVE

    async def until(self, wanted: Seen, secret: Secret, seconds: float) -> Seen:
        """Ask until the answer is the one that is wanted, or so many seconds have passed; the last answer."""
        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
        ends = loop.time() + seconds
        while (seen := await self.once(secret)) is not wanted and (left := ends - loop.time()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
        return seen

    async def listed(self, secret: Secret) -> Mapping[str, str] | Seen:
        """All tokens of a secret's user, id -> name; DEAD where it is, UNCLEAR where the list is not whole."""
        try:
            return {token.id: token.name async for token in self.cobalt.with_token(secret).tokens.iter(limit=100)}
        except UnauthorizedError as error:
            return Seen.UNCLEAR if error.foreign else Seen.DEAD
        except CobaltError:
            return Seen.UNCLEAR
