"""All tries of one request: retries, rate windows, the deadline. What to do is decided in protocol/pace.py."""

import asyncio
import contextlib
import hashlib
import logging
import random
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from .errors import CobaltError, NoAnswerError, NotSentError
from .protocol import pace
from .protocol.answers import THROTTLED, Response
from .protocol.requests import Budget, Request
from .secret import Secret
from .transport import OnAnswer, Transport
from .turnstile import CLOSED, NOBODY, Call, Turnstile, too_late

_log = logging.getLogger("cobalt_async")
_MOST_GATES = 10_000
_KEY_IS_GOOD_FOR = 300.0  # seconds (F17)
_BUDGETS: tuple[Budget, ...] = ("get", "mutate")


class Exchange:
    """All that the calls of one client share: connections, rate windows, the budget for retries."""

    def __init__(self, transport: Transport, *, dice: Callable[[], float] = random.random) -> None:  # noqa: S311 - jitter is no secret
        self._transport = transport
        self._dice = dice
        self._budget = pace.RetryBudget()
        self._turnstiles: OrderedDict[tuple[bytes, Budget], Turnstile] = OrderedDict()
        self._pepper = secrets.token_bytes(16)
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Nothing is sent any more: whoever waits for a rate window or for the next try learns it now."""
        self._closing.set()
        for turnstile in self._turnstiles.values():
            turnstile.close()

    def user_of(self, secret: Secret) -> bytes:
        """The name of a secret's user among the rate windows: keyed, so that it tells nothing outside this client.

        Each secret is taken for a user of its own until `same_user` says otherwise (F23).
        """
        return hashlib.blake2b(secret.reveal().encode(), digest_size=16, key=self._pepper).digest()

    def same_user(self, known: bytes, other: bytes) -> None:
        """These two are one user's: from now on they share their rate windows."""
        for budget in _BUDGETS:
            self._remember((other, budget), self._turnstile(known, budget))

    async def fetch(self, request: Request, call: Call) -> Response:
        """The answer to a reading, after as many tries as it takes and the policy allows.

        Any status may come back; what is raised is what stopped a request that got no answer, and
        RateLimitedError where its window opens too late. NOBODY's 429 and 509 come back at once.
        """
        tries = 0
        reached: Response | CobaltError | None = None  # what came of the last try that left
        while True:
            tries += 1
            outcome: Response | CobaltError
            try:
                response = outcome = await self._once(request, call)
            except (NotSentError, NoAnswerError) as error:
                outcome = error.with_traceback(None)  # what is kept must not keep the frames of its try alive
            else:
                if not (response.status in THROTTLED or _is_passing(response)):
                    self._budget.earn()
                    return response
            reached = reached if isinstance(outcome, NotSentError) else outcome
            delay = self._again(outcome, call, tries)
            if delay is None:
                return _landed(outcome if self._closing.is_set() else reached or outcome)
            _log.info("%s %s: try %d failed (%s)", request.method, request.template, tries, _short(outcome))
            if delay:
                await self._pause(delay)

    async def post(
        self, request: Request, call: Call, *, on_answer: OnAnswer | None, on_leave: Callable[[], None]
    ) -> Response:
        """The answer to a request that changes something: sent again only while it provably never left.

        All tries bear one Idempotency-Key, which is good for five minutes (F17): none is made after that.
        """
        tries = 0
        key_ends = asyncio.get_running_loop().time() + _KEY_IS_GOOD_FOR
        while True:
            tries += 1
            try:
                return await self._once(request, call, on_answer=on_answer, on_leave=on_leave)
            except NotSentError as error:
                failure = error
            delay = self._again(failure, call, tries)
            if delay is None or asyncio.get_running_loop().time() + delay > key_ends:
                raise failure
            _log.info("%s %s: try %d failed (%s)", request.method, request.template, tries, _short(failure))
            await self._pause(delay)

    async def _once(
        self,
        request: Request,
        call: Call,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        """One try, at its turn."""
        if self._closing.is_set():
            raise NotSentError(str(request), CLOSED)
        if too_late(call, 0.0):
            raise NotSentError(str(request), "the deadline passed")
        turnstile = None if call.user == NOBODY else self._turnstile(call.user, request.budget)
        number = 0 if turnstile is None else await turnstile.enter(request, call)
        started = time.perf_counter()
        try:
            response = await self._transport.send(request, call.route, on_answer=on_answer, on_leave=on_leave)
        except BaseException as error:
            if turnstile is not None:
                turnstile.leave(number, sent=not isinstance(error, NotSentError))
            raise
        if turnstile is not None:
            response = turnstile.settle(number, response)
        if _log.isEnabledFor(logging.DEBUG):
            elapsed = (time.perf_counter() - started) * 1000
            _log.debug("%s %s %d %.0f ms", request.method, request.template, response.status, elapsed)
        return response

    async def _pause(self, seconds: float) -> None:
        """Wait before the next try; not any longer once the client is closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _turnstile(self, user: bytes, budget: Budget) -> Turnstile:
        """The turnstile of a user's budget."""
        key = (user, budget)
        turnstile = self._turnstiles.get(key)
        if turnstile is None:
            turnstile = Turnstile()
            self._remember(key, turnstile)
        else:
            self._turnstiles.move_to_end(key)
        return turnstile

    def _remember(self, key: tuple[bytes, Budget], turnstile: Turnstile) -> None:
        """Of more than 10,000 the longest unused goes, unless somebody is at it."""
        self._turnstiles[key] = turnstile
        if len(self._turnstiles) > _MOST_GATES:
            oldest = next((name for name, known in self._turnstiles.items() if known.idle), None)
            if oldest is not None:
                del self._turnstiles[oldest]

    def _again(self, outcome: Response | CobaltError, call: Call, tries: int) -> float | None:
        """The seconds after which to try again; None where this outcome is the end of it."""
        if self._closing.is_set():
            return None
        if isinstance(outcome, Response) and outcome.status in THROTTLED:
            if call.user == NOBODY:
                return None
            delay, price = 0.0, pace.RetryBudget.THROTTLED  # how long it waits is the turnstile's business
            late = (wait := outcome.retry_after or 0.0) > call.retry.max_wait or too_late(call, wait)
        elif _is_passing(outcome):
            delay, price = pace.backoff(call.retry, tries, self._dice()), pace.RetryBudget.TRANSIENT
            late = too_late(call, delay)
        else:
            return None
        return None if late or tries >= call.retry.tries or not self._budget.spend(price) else delay


def _landed(outcome: Response | CobaltError) -> Response:
    if isinstance(outcome, CobaltError):
        raise outcome
    return outcome


def _is_passing(outcome: Response | CobaltError) -> bool:
    """Whether the same reading may well succeed when it is tried again."""
    if isinstance(outcome, Response):
        return outcome.status in pace.RETRIED or (outcome.status == 200 and outcome.cut)
    return not (isinstance(outcome, NotSentError) and outcome.lasting)


def _short(outcome: Response | CobaltError) -> str:
    return str(outcome.status) if isinstance(outcome, Response) else type(outcome).__name__
