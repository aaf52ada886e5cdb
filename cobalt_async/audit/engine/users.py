"""Whose is it: users, told apart by the ids that they list, and what is left of each one's rate window."""

import math
from array import array
from collections import deque
from collections.abc import Iterable, Mapping

from ...models import Token
from ...protocol import pace
from .undocumented import Undocumented

NOBODY = 0  # stands for users who are not known
_FEW = 2  # requests
_SUSPECTS = 16
_MEMORY = 16  # windows
_SOON = 5.0  # seconds
_OF_ALL, _OF_ITS_BEGINNING = 1, 2  # what one may be unsure of, of a window
_DOCUMENTED = 100  # readings a window (F22)
_MOST_LIMITS = 10  # that are told, of those that are not documented
_MOST_USUAL = 10_000  # (the same), whatever an answer says


class Users:
    """Users by number, from 1. Secrets whose listings share an id are one user's (the API tells no more).

    Of each id 8 bytes are remembered, and of each user when its window opened and how many requests are left of
    it; `share` is how much of a window is ours to use, above 0 and at most 1. Times are the event loop's.
    """

    def __init__(self, share: float) -> None:
        self.limits: set[int] = set()  # those that headers told, where they are not the documented one; a few
        self.undocumented: Undocumented = Undocumented()  # fields of their listings
        self.tokens: int = 0  # of all listings that were read to their end
        self._exhausted: deque[int] = deque(maxlen=_SUSPECTS)  # whose windows were used up, the latest last
        self.whole_window: int = max(1, int(_DOCUMENTED * share))  # requests
        self.usual_window: float = self.whole_window  # what new windows have for us, as others leave it: a mean
        self._few = min(self.whole_window, _FEW)
        self._share = share
        self._listed = 0  # users of whom an id is known
        self._by_id: dict[int, int] = {}
        self._same: dict[int, int] = {}
        self._opened = array("d", [-math.inf])
        self._left = array("q", [0])
        self._whole = bytearray(1)
        self._unsure = bytearray(1)  # what is not known of a window before a request in it is answered

    def __len__(self) -> int:
        return self._listed

    @property
    def last(self) -> int:
        """The highest number that was given."""
        return len(self._whole) - 1

    def add(self) -> int:
        """A number for a user who was not seen before."""
        self._opened.append(-math.inf)
        self._left.append(0)
        self._whole.append(False)
        self._unsure.append(False)
        return len(self._whole) - 1

    def number(self, user: int) -> int:
        """The number that a user has by now: the smaller one, where two turned out to be the same."""
        while (other := self._same.get(user)) is not None:
            user = other
        return user

    def of(self, token_id: str) -> int | None:
        """The user who lists a token, where one is known to."""
        user = self._by_id.get(hash(token_id))
        return None if user is None else self.number(user)

    def bind(self, tokens: Iterable[Token], user: int | None) -> tuple[int, list[Token], list[int]]:
        """These are listed for one secret, and so one user's, `user`'s if that is known.

        Gives the user, those that were new, and users who turned out to be the same.
        """
        new: list[Token] = []
        others: list[int] = []
        by_id, same = self._by_id, self._same
        if user in same:
            user = self.number(user)
        for token in tokens:
            known = by_id.get(hash(token.id))
            if known is None:
                new.append(token)
                continue
            if known in same:
                known = self.number(known)
            if user is None:
                user = known
            elif known != user:
                user, gone = min(user, known), max(user, known)
                others.append(gone)
                self._merge(gone, user)
        if user is None:
            user = self.add()
            self._listed += 1
        for token in new:
            by_id[hash(token.id)] = user
        return user, new, others

    def restore(self, rows: Iterable[tuple[int, str]], last: int) -> None:
        """Users and their ids as an earlier run left them: all of them listed to the end."""
        while self.last < last:
            self.add()
        for user, token_id in rows:
            self._by_id[hash(token_id)] = user
            self._listed += not self._whole[user]
            self._whole[user] = True
            self.tokens += 1

    def forget(self, users: int, tokens: int) -> None:
        """So many of those that an earlier run left are in the inventory no more."""
        self._listed -= users
        self.tokens -= tokens

    def is_whole(self, user: int) -> bool:
        """Whether the user's listing was read to its end."""
        return bool(self._whole[user])

    def complete(self, user: int) -> None:
        """The user's listing was read to its end."""
        self._whole[user] = True

    def take(self, user: int, now: float) -> bool:
        """One request of the user's window, if it has one left for us.

        Of a new window a few may go before an answer tells how much of it others have used.
        """
        if now >= self._opened[user] + pace.WINDOW:
            self._opened[user] = now
            self._left[user] = (self.whole_window if user == NOBODY else self._few) - 1
            self._unsure[user] = _OF_ALL if user != NOBODY else False
            return True
        if self._left[user] <= 0:
            return False
        self._left[user] -= 1
        return True

    def left(self, user: int) -> int:
        """How many requests of the user's window are left for us, as far as that is known."""
        return self._left[user]

    def give_back(self, user: int) -> None:
        """What was taken was another's request after all."""
        self._left[user] += 1

    def opens(self, user: int) -> float:
        """When the user's window opens anew, at the latest."""
        return self._opened[user] + pace.WINDOW

    def answered(self, user: int, sent_at: float, now: float, headers: Mapping[str, str]) -> bool:
        """Count a request that left at `sent_at`, by what its answer says is left; whether more may go than before.

        The window began when our first request in it arrived, or earlier: by its answer at the latest.
        """
        if (remaining := pace.count(headers.get("X-Rate-Limit-Remaining"))) is None:
            self._left[user] = _DOCUMENTED  # who tells no limit has none, or answers 509
            return True
        limit = pace.count(headers.get("X-Rate-Limit-Get-Limit")) or _DOCUMENTED
        if limit != _DOCUMENTED and len(self.limits) < _MOST_LIMITS:
            self.limits.add(limit)
        ours = remaining - (limit - max(1, int(limit * self._share)))
        opened, was_unsure = self._opened[user], False
        if sent_at >= opened + pace.WINDOW:
            self._opened[user], self._left[user] = now, ours
            self.usual_window += (min(max(1, ours + 1), _MOST_USUAL) - self.usual_window) / _MEMORY
        elif sent_at >= opened and self._unsure[user]:
            was_unsure = self._unsure[user] == _OF_ALL
            under_way = self._few - self._left[user] - 1
            self._left[user] = ours - under_way if was_unsure else min(self._left[user], ours)
            self._unsure[user] = False
            self._opened[user] = now if ours > 0 else now + _SOON - pace.WINDOW  # the old one is not over, perhaps
        elif ours < self._left[user]:
            self._left[user] = ours
        if self._left[user] <= 0:
            self._exhaust(user)
        return was_unsure and self._left[user] > 0

    def unanswered(self, user: int) -> bool:
        """A request of this user's told nothing of what is left; whether more may go than before."""
        if self._unsure[user] != _OF_ALL:
            return False
        self._left[user] += self.whole_window - self._few
        self._unsure[user] = _OF_ITS_BEGINNING
        return self._left[user] > 0

    def throttled(self, user: int, now: float, after: float | None) -> None:
        """A 429 or 509: nothing is left until the window ends, `after` seconds from now if the answer says so."""
        self._left[user], self._unsure[user] = 0, False
        if user != NOBODY:
            self._exhaust(user)
        if after is not None:
            self._opened[user] = now + after - pace.WINDOW
        elif now >= self._opened[user] + pace.WINDOW:
            self._opened[user] = now

    def unlimited(self, user: int, now: float) -> None:
        """Nothing is known of a window: it counts as one of the documented size that opens now."""
        self._opened[user], self._left[user], self._unsure[user] = now, _DOCUMENTED, False

    def suspect(self, now: float, besides: int | None) -> int:
        """Whose window is used up most lately, of those that are still closed; NOBODY's where nobody's is."""
        besides = None if besides is None else self.number(besides)
        for user in map(self.number, reversed(self._exhausted)):
            if user != besides and self.opens(user) > now:
                return user
        return NOBODY

    def _exhaust(self, user: int) -> None:
        if not self._exhausted or self._exhausted[-1] != user:
            if user in self._exhausted:
                self._exhausted.remove(user)
            self._exhausted.append(user)

    def _merge(self, gone: int, user: int) -> None:
        self._same[gone] = user
        self._listed -= 1
        self._whole[user] |= self._whole[gone]
        self._opened[user] = max(self._opened[user], self._opened[gone])
        self._left[user] = min(self._left[user], self._left[gone])
        self._unsure[user] = self._unsure[user] or self._unsure[gone]
