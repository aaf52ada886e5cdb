"""The listings that were seen last, in memory; all others are where the facts are."""

from collections import OrderedDict

from ...models import Token
from ..facts import Facts

_MOST = 4000  # tokens, and one more for each listing


class AtHand:
    """Tokens by user. Of small listings a good number are kept, of large ones few, the latest at least."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._listings: OrderedDict[int, tuple[Token, ...]] = OrderedDict()
        self._size = 0

    def __contains__(self, user: int) -> bool:
        return user in self._listings

    def tokens(self, user: int) -> tuple[Token, ...]:
        """All tokens of a user whose listing is on record."""
        tokens = self._listings.get(user)
        if tokens is None:
            tokens = self._facts.tokens(user)
            self.keep(user, tokens)
        return tokens

    def keep(self, user: int, tokens: tuple[Token, ...]) -> None:
        """Have a whole listing at hand, and the oldest no longer."""
        self.drop(user)
        self._listings[user] = tokens
        self._size += len(tokens) + 1
        while self._size > _MOST and len(self._listings) > 1:
            self._size -= len(self._listings.popitem(last=False)[1]) + 1

    def drop(self, user: int) -> None:
        """A user's listing changed, or is another's."""
        tokens = self._listings.pop(user, None)
        if tokens is not None:
            self._size -= len(tokens) + 1
