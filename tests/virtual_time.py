"""An event loop whose clock leaps to the next timer, and a transport that answers by a script.

A test of a 60 s window takes no time and sleeps nowhere. Sockets on the loopback interface work too; whatever
needs a thread (name lookup, say) does not, so that servers are asked by address.
"""

import asyncio
import functools
import selectors
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ParamSpec, cast

from attrs import frozen

from cobalt_async import RetryPolicy, Secret, Timeouts
from cobalt_async.errors import CobaltError, NotSentError
from cobalt_async.exchange import Exchange
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.refreshing import Refreshes
from cobalt_async.tokens import Tokens
from cobalt_async.transport import OnAnswer, Route
from cobalt_async.turnstile import Call

P = ParamSpec("P")

_GRACE = 0.001  # real seconds in which a loopback socket may still speak before the clock leaps
_STUCK = 5.0  # real seconds after which a loop with no timer and nothing to do is given up


class _Selector(selectors.SelectSelector):
    """Waits in virtual time: where nothing is ready, it moves the clock instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            if ready := super().select(_STUCK):
                return ready
            raise RuntimeError("nothing is ready and no timer is set: this test would wait for ever")
        ready = super().select(0 if timeout <= 0 else _GRACE)
        if not ready and timeout > 0:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that starts at 0.0 seconds and never waits."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a loop of its own, in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop, debug=True) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """The running loop's clock."""
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Let everything that can run now run until it waits for something; no time passes."""
    for _ in range(20):
        await asyncio.sleep(0)


@frozen
class Sent:
    at: float
    request: Request
    route: Route


Outcome = Response | CobaltError
Step = Outcome | Callable[[], Awaitable[Outcome]]


class FakeTransport:
    """Answers each request with the next step of a script, and remembers what was sent and when.

    NotSentError: it never left. Any other step leaves first; a function is awaited for the outcome.
    """

    def __init__(self, *script: Step) -> None:
        self.script: deque[Step] = deque(script)
        self.sent: list[Sent] = []

    @property
    def times(self) -> list[float]:
        return [sent.at for sent in self.sent]

    async def send(
        self,
        request: Request,
        route: Route,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        assert self.script, "one request more than the script has steps for"
        self.sent.append(Sent(now(), request, route))
        step = self.script.popleft()
        if isinstance(step, NotSentError):
            raise step
        if on_leave is not None:
            on_leave()
        await asyncio.sleep(0)
        outcome = step if isinstance(step, Response | CobaltError) else await step()
        if isinstance(outcome, CobaltError):
            raise outcome
        if on_answer is not None:
            on_answer(outcome.status, outcome.body, not outcome.cut)
        return outcome

    def exchange(self, *, dice: Callable[[], float] = lambda: 0.5) -> Exchange:
        return Exchange(cast(Any, self), dice=dice)


class Held:
    """A step that is answered when the test says so: `arrived` is set when the request is there."""

    def __init__(self, outcome: Outcome) -> None:
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self._outcome = outcome

    async def __call__(self) -> Outcome:
        self.arrived.set()
        await self.go.wait()
        return self._outcome


class Desk:
    """The token endpoints of one user over a fake transport, without a client around them."""

    def __init__(
        self,
        transport: FakeTransport,
        *,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
        dice: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._retry = retry
        self._timeouts = timeouts
        self.transport = transport
        self.refreshes = Refreshes(transport.exchange(dice=dice))
        self.tokens = self.of(b"user")

    def of(self, user: bytes) -> Tokens:
        """The endpoints for another user of the same client."""
        return Tokens(
            calling=lambda deadline: call(user=user, deadline=deadline, retry=self._retry, timeouts=self._timeouts),
            refreshes=self.refreshes,
            version="v1",
        )


def call(
    *,
    user: bytes = b"user",
    deadline: float | None = None,
    retry: RetryPolicy = RetryPolicy(),
    timeouts: Timeouts = Timeouts(),
) -> Call:
    """A Call of `user`; `deadline` is a moment on the loop's clock."""
    return Call(Route("http://127.0.0.1:9", Secret("token-of-this-test"), timeouts, deadline), user, retry)


def answer(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
    """A whole answer; without a body, a 200 is a page that holds nothing."""
    if status == 200 and not body:
        body = b'{"data":[],"pagination":{"next_page":null,"prev_page":null}}'
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, body)


def remaining(number: int, status: int = 200) -> Response:
    """An answer that says how many requests remain of the window."""
    return answer(status, headers={"X-Rate-Limit-Remaining": str(number)})


def refreshed(secret: str = "new-secret-of-this-test", token_id: str = "api_a") -> Response:
    """The documented answer to a refresh."""
    body = f'{{"id":"{token_id}","secret":"{secret}","name":"ci","expire_at":null}}'
    return answer(200, body.encode())
