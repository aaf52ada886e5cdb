"""How fast and how often: pure decisions about retries and rate windows, told the time and the dice.

The facts: per user, a fixed window of 60 s with two budgets, 100 GET and 20 mutating requests (F22, F23);
headers tell the limit and what remains, but neither a reset nor a Retry-After is documented (F24); over it 509
or 429 (F25). When a window began is not told: it ends 60 s after our first request in it, or earlier.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from .limits import RetryPolicy

WINDOW = 60.0  # seconds (F22)
RETRIED = frozenset({408, 425, 500, 502, 503, 504})

_LONGEST_PARK = 3600.0  # seconds for which one answer is believed; after that, one asks again
_SCOUTS = 10  # requests under way while nothing is known of a window
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)


def backoff(policy: RetryPolicy, tries: int, dice: float) -> float:
    """Seconds to wait after `tries` tries, at least 1, with `dice` in [0, 1): full jitter."""
    return dice * min(policy.cap, policy.base * 2.0 ** min(tries - 1, 60))


def retry_after(value: str | None, wall: float) -> float | None:
    """The seconds that a Retry-After header asks for, never below 0; None where it is absent or makes no sense.

    `wall` is the time of day in seconds since 1970, for the form that names a date.
    """
    if value is None:
        return None
    value = value.strip()
    if _DIGITS.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value) if value.isascii() else None
        if moment is None:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)  # an HTTP date that names no zone means this one
        return max(0.0, moment.timestamp() - wall)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def count(value: str | None) -> int | None:
    """The number in a rate limit's header; None where it is absent or no number."""
    return int(value) if value is not None and _DIGITS.fullmatch(value) else None


class RetryBudget:
    """What keeps a dead server from being asked several times a call: retries spend, successes earn.

    Shared by all calls of a client: 500 to begin with, 14 for a retry of a failure, 5 for one of a throttled
    request, 1 earned by each success.
    """

    TRANSIENT = 14
    THROTTLED = 5

    def __init__(self) -> None:
        self._left = self._most = 500

    def spend(self, price: int) -> bool:
        """Pay for a retry; False where the budget does not allow it."""
        if self._left < price:
            return False
        self._left -= price
        return True

    def earn(self) -> None:
        """A success."""
        self._left = min(self._most, self._left + 1)


class Gate:
    """One user's window for one kind of request: who may go now, and else how long to wait.

    Times are monotonic seconds, told by the caller. Each `enter` gives a number, and is followed by one `settle`
    or one `leave` with that number. With a server that tells what remains, no more requests go in a window than
    it lets through, in whatever order they are answered.
    """

    __slots__ = ("_answers", "_limited", "_lowest", "_lowest_at", "_opened", "_opened_at", "_parked", "under_way")

    def __init__(self) -> None:
        self.under_way: int = 0
        self._answers = 0
        self._limited = False  # whether the server speaks of limits at all
        self._parked = 0.0
        self._opened: float | None = None  # our first request in this window
        self._opened_at = 0  # answers that had come by then
        self._lowest: int | None = None  # what remains of this window by the lowest word of the server's
        self._lowest_at = 0  # answers that had come by then

    def parked(self, now: float) -> float:
        """The seconds until the window lets anything through; 0.0 where it is open."""
        pause = self._parked - now
        if self._opened is not None and self._lowest == 0:
            pause = max(pause, self._opened + WINDOW - now)
        return max(0.0, pause)

    def wait(self, now: float) -> float:
        """0.0 where a request may go now; else the seconds after which to ask again at the latest."""
        if (delay := self.parked(now)) > 0:
            return delay
        if self._opened is not None and now >= self._opened + WINDOW:
            self._close()
        if self._lowest is not None:
            room = self._lowest
        elif self._answers and not self._limited:
            return 0.0
        else:
            room = _SCOUTS
        if self.under_way < room:
            return 0.0
        return WINDOW if self._opened is None else self._opened + WINDOW - now

    def enter(self, now: float) -> int:
        """A request goes; its number for `settle` and `leave`."""
        self.under_way += 1
        if self._opened is None:
            self._opened = now
            self._opened_at = self._answers
        return self._answers

    def leave(self, number: int, *, sent: bool) -> None:
        """It ended without an answer; where it was sent, the server may have counted it."""
        self.under_way -= 1
        if sent and self._is_current(number) and self._lowest:
            self._lowest -= 1

    def settle(self, now: float, number: int, remaining: int | None) -> None:
        """It was answered, with what remains of the window as the header said."""
        self.under_way -= 1
        self._answers += 1
        if remaining is None:
            return
        self._limited = True
        if not self._is_current(number):
            return
        if self._lowest is None or remaining <= self._lowest:
            self._lowest = remaining
        elif number >= self._lowest_at:  # asked after the lowest was known, and yet more remains: a new window
            self._opened, self._opened_at, self._lowest = now, self._answers, remaining
        else:
            return
        self._lowest_at = self._answers

    def throttle(self, now: float, number: int, after: float | None) -> float:
        """It was answered 429 or 509: nothing goes for `after` seconds, or until the window must have ended.

        Follows `settle`. Returns the seconds to wait; a refusal out of a window that is over adds nothing.
        """
        self._limited = True
        if self._is_current(number) and self._opened is not None:
            pause = max(self._opened + WINDOW - now, 1.0) if after is None else min(after, _LONGEST_PARK)
            self._parked = max(self._parked, now + pause)
            self._close()
        return self.parked(now)

    def _is_current(self, number: int) -> bool:
        """Whether a request belongs to the window that is open."""
        return self._opened is not None and number >= self._opened_at

    def _close(self) -> None:
        self._opened = self._lowest = None
