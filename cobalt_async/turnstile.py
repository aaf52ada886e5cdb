"""Who goes when: the callers of one user, at the gate of one of its rate windows."""

import asyncio
import contextlib
import logging
import time
from collections import deque

from attrs import evolve, frozen

from .errors import NotSentError, RateLimitedError
from .protocol import pace
from .protocol.answers import THROTTLED, Response
from .protocol.limits import RetryPolicy
from .protocol.requests import Request
from .secret import Secret
from .transport import Route

_log = logging.getLogger("cobalt_async")


NOBODY = b""
CLOSED = "the client was closed"


@frozen
class Call:
    """Who asks, where, and within which bounds.

    `user` is a keyed digest of the secret, never the secret; NOBODY for a reading that minds no rate window here,
    because who asks keeps the budgets.
    """

    route: Route
    user: bytes
    retry: RetryPolicy

    def until(self, deadline: float) -> "Call":
        """The same call with an end, on the loop's clock."""
        return evolve(self, route=evolve(self.route, deadline=deadline))

    def without_waiting(self) -> "Call":
        """The same call for whom a closed window opens too late."""
        return evolve(self, retry=evolve(self.retry, max_wait=0.0))

    def waits_until(self) -> float:
        """When this call has waited for long enough, on the loop's clock."""
        longest = asyncio.get_running_loop().time() + self.retry.max_wait
        return longest if self.route.deadline is None else min(longest, self.route.deadline)

    def with_secret(self, secret: Secret, user: bytes) -> "Call":
        """The same call with another secret, and its user's name."""
        return evolve(self, route=evolve(self.route, secret=secret), user=user)


class _Waiting:
    """A caller in the queue; `turn` becomes the number that the gate gave."""

    def __init__(self, request: Request, call: Call, turn: "asyncio.Future[int]") -> None:
        self.request = request
        self.call = call
        self.turn = turn

    def too_long(self, seconds: float) -> RateLimitedError | None:
        """The error for whom a window that opens in so many seconds opens too late."""
        if seconds > self.call.retry.max_wait or too_late(self.call, seconds):
            return RateLimitedError(str(self.request), 509, retry_after=seconds)
        return None


class Turnstile:
    """A user's gate for one kind of request, and the callers who wait at it, first come first served."""

    __slots__ = ("_alarm", "_gate", "_queue")  # a large audit holds thousands of these

    def __init__(self) -> None:
        self._gate = pace.Gate()
        self._queue: deque[_Waiting] | None = None  # until somebody has to wait
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """True where nobody is under way or waits."""
        return not self._queue and not self._gate.under_way

    async def enter(self, request: Request, call: Call) -> int:
        """Wait for one's turn; a number for `settle` or `leave`.

        RateLimitedError as soon as it is known that the window opens too late for this caller.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._queue and self._gate.wait(now) <= 0:
            return self._gate.enter(now)
        caller = _Waiting(request, call, loop.create_future())
        if self._queue is None:
            self._queue = deque()
        self._queue.append(caller)
        self._wake()
        try:
            async with asyncio.timeout_at(call.route.deadline):
                return await caller.turn
        except TimeoutError:
            self._abandon(caller)
        except BaseException:
            self._abandon(caller)
            raise
        raise NotSentError(str(request), "the deadline passed while other requests of this user were under way")

    def close(self) -> None:
        """Turn everybody away who waits: the client is closed."""
        for caller in self._queue or ():
            if not caller.turn.done():
                caller.turn.set_exception(NotSentError(str(caller.request), CLOSED))
        if self._alarm is not None:
            self._alarm.cancel()

    def leave(self, number: int, *, sent: bool) -> None:
        """A request ended without an answer."""
        self._gate.leave(number, sent=sent)
        self._wake()

    def settle(self, number: int, response: Response) -> Response:
        """A request was answered; the answer, with the seconds until the window opens if it is closed."""
        now = asyncio.get_running_loop().time()
        self._gate.settle(now, number, pace.count(response.headers.get("X-Rate-Limit-Remaining")))
        if response.status in THROTTLED:
            asked = pace.retry_after(response.headers.get("Retry-After"), time.time())
            pause = self._gate.throttle(now, number, asked)
            _log.info("a rate window is used up (%d): its requests wait %.0f s", response.status, pause)
            response = evolve(response, retry_after=pause if asked is None else asked)
        if self._queue:
            self._wake()
        return response

    def _abandon(self, caller: _Waiting) -> None:
        """A caller gave up: its turn, if it had come already, goes to the next."""
        turn = caller.turn
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave(turn.result(), sent=False)
            return
        turn.cancel()
        with contextlib.suppress(ValueError):  # who was turned away stands there no more
            (self._queue or deque()).remove(caller)

    def _wake(self) -> None:
        """Let in whoever may go now, turn away for whom it takes too long, be back when the window opens."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if (closed := self._gate.parked(now)) > 0:
            self._turn_away(closed)
        queue = self._queue
        while queue:
            if queue[0].turn.done():
                queue.popleft()
                continue
            delay = self._gate.wait(now)
            if delay > 0:
                if self._alarm is not None:
                    self._alarm.cancel()
                self._alarm = loop.call_later(delay, self._wake)
                return
            queue.popleft().turn.set_result(self._gate.enter(now))

    def _turn_away(self, closed: float) -> None:
        for caller in self._queue or ():
            if not caller.turn.done() and (error := caller.too_long(closed)) is not None:
                caller.turn.set_exception(error)


def too_late(call: Call, delay: float) -> bool:
    """Whether so many seconds from now is past the call's deadline."""
    deadline = call.route.deadline
    return deadline is not None and asyncio.get_running_loop().time() + delay >= deadline
