import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

import pytest

from cobalt_async import RetryPolicy
from cobalt_async.errors import (
    CobaltError,
    ConfigurationError,
    NoAnswerError,
    NotSentError,
    RateLimitedError,
    UnreadableError,
)
from cobalt_async.exchange import Exchange
from cobalt_async.protocol import requests
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.pace import WINDOW
from cobalt_async.turnstile import NOBODY, Turnstile
from tests.virtual_time import FakeTransport, Held, Outcome, Step, answer, call, now, remaining, settle, virtually

GET = requests.list_tokens()
POST = requests.refresh_token("api_a", key="00000000-0000-4000-8000-000000000000")
BROKEN = NoAnswerError("GET /tokens", "the connection broke")
UNSENT = NotSentError("GET /tokens", "no connection")


class Server:
    """A server with the documented window: so many requests in 60 s, counted when they arrive; 509 above.

    Its answers take 50 to 100 ms, so that they come back in another order.
    """

    def __init__(self, limit: int) -> None:
        self.asked = self.refused = 0
        self._limit = limit
        self._dice = random.Random(7)
        self._used = 0
        self._opened = -WINDOW

    async def __call__(self) -> Outcome:
        self.asked += 1
        if now() - self._opened >= WINDOW:
            self._opened, self._used = now(), 0
        if self._used >= self._limit:
            self.refused += 1
            outcome = remaining(0, 509)
        else:
            self._used += 1
            outcome = remaining(self._limit - self._used)
        await asyncio.sleep(self._dice.uniform(0.05, 0.1))
        return outcome


def steps(step: Callable[[], Awaitable[Outcome]], number: int) -> list[Step]:
    """The same step, so often."""
    return [step] * number


async def post(exchange: Exchange, *, deadline: float | None = None) -> Response:
    """A refresh's request, without a refresh around it."""
    return await exchange.post(POST, call(deadline=deadline), on_answer=None, on_leave=lambda: None)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
@virtually
async def test_a_passing_failure_is_tried_again(status: int) -> None:
    """A reading that met one of these statuses is repeated, with a backoff, and the last answer counts."""
    transport = FakeTransport(answer(status), answer(status), answer())
    assert (await transport.exchange().fetch(GET, call())).status == 200
    assert transport.times == pytest.approx([0.0, 0.05, 0.15])


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 405, 406, 409, 410, 418, 422, 501, 505, 599])
@virtually
async def test_an_answer_is_an_answer(status: int) -> None:
    """What will not change by asking again is asked once."""
    transport = FakeTransport(answer(status))
    assert (await transport.exchange().fetch(GET, call())).status == status
    assert len(transport.sent) == 1


@pytest.mark.parametrize("failure", [BROKEN, UNSENT], ids=["no answer", "not sent"])
@virtually
async def test_a_broken_connection_is_tried_again(failure: NoAnswerError | NotSentError) -> None:
    """A reading without an answer is repeated up to `tries` times, then raised as it was."""
    transport = FakeTransport(*[failure] * 4)
    with pytest.raises(type(failure)):
        await transport.exchange().fetch(GET, call())
    assert len(transport.sent) == 4


@virtually
async def test_a_page_that_was_cut_is_tried_again() -> None:
    """A 200 whose connection ended inside the body is as good as no answer; another flaw is an answer."""
    cut = Response(200, {}, b"{", "the connection ended inside the body", True)
    transport = FakeTransport(cut, answer())
    assert (await transport.exchange().fetch(GET, call())).flaw is None
    flawed = Response(200, {}, b"{", "a body that breaks HTTP's framing")
    transport = FakeTransport(flawed)
    assert await transport.exchange().fetch(GET, call()) is flawed


@virtually
async def test_what_lasts_is_not_tried_again() -> None:
    """A certificate does not get better by asking again."""
    transport = FakeTransport(NotSentError("GET /tokens", "a certificate", True))
    with pytest.raises(NotSentError):
        await transport.exchange().fetch(GET, call())
    assert len(transport.sent) == 1


@virtually
async def test_bytes_that_are_no_http_are_not_tried_again() -> None:
    """An UnreadableError of the transport goes straight out."""
    transport = FakeTransport(UnreadableError("GET /tokens", "bytes that are not HTTP"))
    with pytest.raises(UnreadableError):
        await transport.exchange().fetch(GET, call())
    assert len(transport.sent) == 1


@virtually
async def test_the_policy_sets_the_pace() -> None:
    """`tries`, `base` and `cap` are those of the call; the dice decide how much of the backoff is waited."""
    transport = FakeTransport(*[answer(503)] * 6)
    policy = RetryPolicy(tries=6, base=1.0, cap=4.0)
    outcome = await transport.exchange(dice=lambda: 1.0).fetch(GET, call(retry=policy))
    assert outcome.status == 503
    assert transport.times == pytest.approx([0, 1, 3, 7, 11, 15])


@virtually
async def test_one_try_is_one_try() -> None:
    """`tries=1` asks once, whatever comes."""
    for step in (answer(503), BROKEN, UNSENT, answer(509)):
        transport = FakeTransport(step)
        with contextlib.suppress(NoAnswerError, NotSentError):
            await transport.exchange().fetch(GET, call(retry=RetryPolicy(tries=1)))
        assert len(transport.sent) == 1


@virtually
async def test_a_dead_server_is_not_asked_four_times_by_everybody() -> None:
    """Retries are paid out of a budget of the client: when it is spent, a failing call is one request."""
    transport = FakeTransport(*[answer(503)] * 200)
    exchange = transport.exchange()
    for _ in range(100):
        await exchange.fetch(GET, call())
    assert len(transport.sent) == 100 + 500 // 14


@virtually
async def test_a_deadline_is_not_waited_past() -> None:
    """Where the backoff would pass the deadline, the failure is raised at once."""
    transport = FakeTransport(answer(503), answer(503))
    policy = RetryPolicy(base=10.0, cap=100.0)
    outcome = await transport.exchange().fetch(GET, call(deadline=6.0, retry=policy))
    assert (outcome.status, now()) == (503, 5.0)
    assert len(transport.sent) == 2


@virtually
async def test_after_the_deadline_nothing_is_sent() -> None:
    """A call whose deadline has passed sends nothing and says so."""
    transport = FakeTransport()
    for going in (transport.exchange().fetch(GET, call(deadline=0.0)), post(transport.exchange(), deadline=0.0)):
        with pytest.raises(NotSentError, match="the deadline passed"):
            await going
    assert transport.sent == []


@virtually
async def test_a_deadline_after_a_try_that_left_is_no_answer() -> None:
    """Where an earlier try left, the deadline of a later one that did not is a NoAnswerError, not NotSentError."""

    async def hangs() -> Outcome:
        await asyncio.sleep(100)
        return answer()

    async def no_connection() -> Outcome:  # the second try finds no connection until the deadline
        await asyncio.sleep(5)
        return NotSentError("GET /tokens", "the deadline passed")

    transport = FakeTransport(BROKEN, no_connection, hangs)
    with pytest.raises(NoAnswerError):
        await transport.exchange().fetch(GET, call(deadline=5.0))


@virtually
async def test_a_request_that_never_left_is_posted_again() -> None:
    """A request that changes something is repeated while it provably never left, with the same key."""
    transport = FakeTransport(UNSENT, UNSENT, answer())
    assert (await post(transport.exchange())).status == 200
    assert [sent.request.headers["Idempotency-Key"] for sent in transport.sent] == [POST.headers["Idempotency-Key"]] * 3


@pytest.mark.parametrize(
    "step", [BROKEN, UnreadableError("POST /tokens/api_a/refresh", "bytes that are not HTTP")], ids=["broken", "odd"]
)
@virtually
async def test_a_request_that_may_have_left_is_never_posted_again(step: CobaltError) -> None:
    """An ambiguous try of a request that changes something is its last."""
    transport = FakeTransport(step)
    with pytest.raises(type(step)):
        await post(transport.exchange())
    assert len(transport.sent) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 509])
@virtually
async def test_an_answer_is_never_posted_again(status: int) -> None:
    """Whatever status answers a request that changes something, it is not sent again."""
    transport = FakeTransport(answer(status))
    assert (await post(transport.exchange())).status == status
    assert len(transport.sent) == 1


@virtually
async def test_a_lasting_failure_is_not_posted_again() -> None:
    """A certificate that does not hold ends the tries of a POST, too; and `tries` bounds the others."""
    transport = FakeTransport(NotSentError("x", "a certificate", True))
    with pytest.raises(NotSentError):
        await post(transport.exchange())
    assert len(transport.sent) == 1
    transport = FakeTransport(*[UNSENT] * 4)
    with pytest.raises(NotSentError):
        await post(transport.exchange())
    assert len(transport.sent) == 4


async def test_retries_are_earned_by_answers_alone() -> None:
    """A reading that is answered pays back one of what a retry costs; one whose failure lasts pays nothing."""
    transport = FakeTransport(NotSentError("x", "a certificate", True), answer())
    exchange = transport.exchange()
    exchange._budget.spend(100)
    left = exchange._budget._left
    with pytest.raises(NotSentError):
        await exchange.fetch(GET, call())
    assert exchange._budget._left == left
    await exchange.fetch(GET, call())
    assert exchange._budget._left == left + 1


@pytest.mark.parametrize("status", [429, 509])
@virtually
async def test_a_used_up_window_is_waited_for(status: int) -> None:
    """429 and 509 alike: the reading waits until the window must have ended, and goes on."""
    transport = FakeTransport(answer(status), answer())
    assert (await transport.exchange().fetch(GET, call())).status == 200
    assert transport.times == pytest.approx([0.0, WINDOW])


@virtually
async def test_retry_after_is_believed() -> None:
    """Where the answer says how long, that is how long it is."""
    transport = FakeTransport(answer(429, headers={"Retry-After": "7"}), answer())
    await transport.exchange().fetch(GET, call())
    assert transport.times == pytest.approx([0.0, 7.0])


@virtually
async def test_a_wait_beyond_max_wait_is_raised_at_once() -> None:
    """Retry-After above `max_wait`: nobody waits, the answer comes back with `.retry_after`; nor does the next call."""
    transport = FakeTransport(answer(509, headers={"Retry-After": "600"}))
    exchange = transport.exchange()
    outcome = await exchange.fetch(GET, call())
    assert (outcome.status, outcome.retry_after, now()) == (509, 600.0, 0.0)
    with pytest.raises(RateLimitedError) as caught:
        await exchange.fetch(GET, call())
    assert (caught.value.retry_after, now()) == (600.0, 0.0)
    assert len(transport.sent) == 1


@virtually
async def test_who_queues_is_not_kept_beyond_max_wait_either() -> None:
    """Callers already in the queue are told at once, too, when the window turns out to open after `max_wait`."""
    refusals = [Held(answer(509, headers={"Retry-After": "1000"})) for _ in range(10)]
    transport = FakeTransport(*refusals, answer())
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call())) for _ in range(11)]
    for refusal in refusals:
        await refusal.arrived.wait()
        refusal.go.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[-1], RateLimitedError)
    assert now() <= 120.0


@virtually
async def test_a_deadline_within_the_window_is_raised_at_once() -> None:
    """Where the deadline would pass while parked, RateLimitedError comes at once, before and in the queue."""
    transport = FakeTransport(answer(509))
    exchange = transport.exchange()
    assert (await exchange.fetch(GET, call(deadline=30.0))).retry_after == WINDOW
    with pytest.raises(RateLimitedError):
        await exchange.fetch(GET, call(deadline=30.0))
    assert now() == 0.0


@virtually
async def test_one_user_parks_and_another_goes_on() -> None:
    """A 509 closes the gate of its user alone."""
    transport = FakeTransport(answer(509), answer(), answer())
    exchange = transport.exchange()
    parked = asyncio.create_task(exchange.fetch(GET, call(user=b"ada")))
    await settle()
    assert (await exchange.fetch(GET, call(user=b"bob"))).status == 200
    assert now() == 0.0
    assert (await parked).status == 200
    assert now() == pytest.approx(WINDOW)


@virtually
async def test_reading_and_refreshing_have_two_budgets() -> None:
    """A used up window of readings does not keep a refresh waiting (F22)."""
    transport = FakeTransport(answer(509), answer(), answer())
    exchange = transport.exchange()
    parked = asyncio.create_task(exchange.fetch(GET, call()))
    await settle()
    await post(exchange)
    assert now() == 0.0
    await parked


@virtually
async def test_a_refresh_waits_at_its_gate() -> None:
    """A refresh whose window is used up waits for it before it leaves."""
    transport = FakeTransport(answer(509), answer())
    exchange = transport.exchange()
    assert (await post(exchange)).status == 509
    assert (await post(exchange)).status == 200
    assert transport.times == pytest.approx([0.0, WINDOW])


@virtually
async def test_three_hundred_readings_pass_the_documented_limit() -> None:
    """One user, 300 readings at once, 100 a window: all are answered, with hardly a refusal."""
    server = Server(100)
    transport = FakeTransport(*steps(server, 2000))
    exchange = transport.exchange()
    answers = await asyncio.gather(*[exchange.fetch(GET, call()) for _ in range(300)])
    assert {response.status for response in answers} == {200}
    assert server.refused <= 2
    assert now() < 4 * WINDOW


@virtually
async def test_many_at_a_small_limit_all_get_through() -> None:
    """A limit smaller than the number of scouts: refusals and late answers mix, and still everybody is answered."""
    server = Server(5)
    transport = FakeTransport(*steps(server, 200))
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call(retry=RetryPolicy(tries=20)))) for _ in range(30)]
    async with asyncio.timeout(3600):
        answers = await asyncio.gather(*callers)
    assert {response.status for response in answers} == {200}


@virtually
async def test_a_late_answer_does_not_close_the_window_for_ever() -> None:
    """A 200 with `remaining: 0` that comes in after a 509 parks until the next window, not for good."""
    late, refused = Held(remaining(0)), Held(remaining(0, 509))
    transport = FakeTransport(late, refused, answer(), answer())
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call())) for _ in range(2)]
    await refused.arrived.wait()
    refused.go.set()
    await settle()
    late.go.set()
    async with asyncio.timeout(10 * WINDOW):
        answers = await asyncio.gather(*callers)
    assert [response.status for response in answers] == [200, 200]


@virtually
async def test_a_server_without_limits_is_not_throttled() -> None:
    """Without a rate limit header, the first answer opens the gate for everybody at once."""

    async def slow() -> Outcome:
        await asyncio.sleep(1.0)
        return answer()

    transport = FakeTransport(*steps(slow, 100))
    exchange = transport.exchange()
    await asyncio.gather(*[exchange.fetch(GET, call()) for _ in range(100)])
    assert now() == pytest.approx(2.0)
    assert transport.times.count(0.0) == 10


@virtually
async def test_a_cancelled_waiter_harms_nobody() -> None:
    """Whoever gives up in the queue, wherever it stands, costs nobody else a turn."""
    held = [Held(answer()) for _ in range(10)]
    transport = FakeTransport(*held, *[answer()] * 4)
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call())) for _ in range(16)]
    await held[-1].arrived.wait()
    await settle()
    callers[10].cancel()  # the head of the queue
    callers[13].cancel()  # one in the middle
    for step in held:
        step.go.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result).__name__ for result in results].count("CancelledError") == 2
    assert len(transport.sent) == 14


@virtually
async def test_a_waiter_cancelled_at_its_very_turn_passes_it_on() -> None:
    """A caller who is cancelled between its turn and its next step gives the turn to the next."""
    turnstile = Turnstile()
    numbers = [await turnstile.enter(GET, call()) for _ in range(10)]
    one, two = (asyncio.create_task(turnstile.enter(GET, call())) for _ in range(2))
    await settle()
    turnstile.leave(numbers[0], sent=False)  # it is one's turn now, and one has not run yet
    one.cancel()
    await settle()
    assert one.cancelled()
    assert two.done()


@virtually
async def test_a_cancelled_request_gives_its_place_back() -> None:
    """A request that is cancelled on the wire lets the next in the queue go."""
    held = [Held(answer()) for _ in range(10)]
    transport = FakeTransport(*held, answer())
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call())) for _ in range(11)]
    await held[-1].arrived.wait()
    callers[0].cancel()
    await settle()
    assert callers[10].done()
    for step in held:
        step.go.set()
    await asyncio.gather(*callers, return_exceptions=True)


@virtually
async def test_a_deadline_in_the_queue_is_not_sent() -> None:
    """A caller whose deadline passes behind others' requests never left, and says so."""
    held = [Held(answer()) for _ in range(10)]
    transport = FakeTransport(*held)
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call())) for _ in range(10)]
    await held[-1].arrived.wait()
    with pytest.raises(NotSentError, match="the deadline passed while other requests of this user were under way"):
        await exchange.fetch(GET, call(deadline=5.0))
    assert now() == pytest.approx(5.0)
    for step in held:
        step.go.set()
    await asyncio.gather(*callers)


@virtually
async def test_budgets_are_bounded() -> None:
    """However many users ask, ten thousand gates are kept, and the busy ones among them."""
    held = Held(answer())
    transport = FakeTransport(held, *[answer()] * 10_050)
    exchange = transport.exchange()
    busy = asyncio.create_task(exchange.fetch(GET, call(user=b"busy")))
    await held.arrived.wait()
    for number in range(10_050):
        await exchange.fetch(GET, call(user=number.to_bytes(4, "big")))
    kept = exchange._turnstiles
    assert len(kept) == 10_000
    assert (b"busy", "get") in kept
    held.go.set()
    await busy


@virtually
async def test_retries_and_parks_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """INFO tells of a retry and of a parked budget; DEBUG of method, template, status and milliseconds."""
    transport = FakeTransport(answer(503), answer(509), answer())
    with caplog.at_level(logging.DEBUG, "cobalt_async"):
        await transport.exchange().fetch(GET, call())
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("INFO", "GET /tokens: try 1 failed (503)") in told
    assert ("INFO", "a rate window is used up (509): its requests wait 60 s") in told
    assert any(level == "DEBUG" and text.startswith("GET /tokens 503 ") for level, text in told)


@virtually
async def test_a_post_that_is_sent_again_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """INFO tells of the retry of a request that never left, too."""
    transport = FakeTransport(UNSENT, answer())
    with caplog.at_level(logging.INFO, "cobalt_async"):
        await post(transport.exchange())
    assert any("try 1 failed" in record.getMessage() for record in caplog.records)


@virtually
async def test_a_bug_is_not_taken_for_a_failure() -> None:
    """What is no CobaltError of the transport goes straight out, untried."""

    async def bug() -> Outcome:
        raise ZeroDivisionError

    transport = FakeTransport(bug, bug)
    with pytest.raises(ZeroDivisionError):
        await transport.exchange().fetch(GET, call())
    assert len(transport.sent) == 1


@virtually
async def test_a_failure_that_is_kept_keeps_no_frames() -> None:
    """The error of the last try comes without the frames of its try under it twice, and without a chain."""
    transport = FakeTransport(*[NoAnswerError("GET /tokens", "the connection broke") for _ in range(4)])
    with pytest.raises(NoAnswerError) as caught:
        await transport.exchange().fetch(GET, call())
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert not issubclass(caught.type, ConfigurationError)


# --- a reading that minds no window


@pytest.mark.parametrize("status", [429, 509])
@virtually
async def test_nobody_is_told_at_once_that_a_window_is_used_up(status: int) -> None:
    """A 429 or 509 comes back as it is, with its headers, and keeps nobody waiting: not this one, not the next."""
    transport = FakeTransport(answer(status, headers={"Retry-After": "7"}), answer())
    exchange = transport.exchange()
    outcome = await exchange.fetch(GET, call(user=NOBODY))
    assert (outcome.status, outcome.headers["Retry-After"]) == (status, "7")
    assert (await exchange.fetch(GET, call(user=NOBODY))).status == 200
    assert transport.times == [0.0, 0.0]


@virtually
async def test_nobody_is_not_scouted_for() -> None:
    """Where no window is minded, all go at once, whatever the server says remains."""
    held = [Held(remaining(0)) for _ in range(30)]
    transport = FakeTransport(*held)
    exchange = transport.exchange()
    callers = [asyncio.create_task(exchange.fetch(GET, call(user=NOBODY))) for _ in held]
    for one in held:
        await one.arrived.wait()
        one.go.set()
    await asyncio.gather(*callers)
    assert transport.times == [0.0] * 30


@pytest.mark.parametrize("failure", [BROKEN, UNSENT, answer(503)], ids=["no answer", "not sent", "503"])
@virtually
async def test_nobodys_failures_are_tried_again(failure: Outcome) -> None:
    """What may pass is repeated as for anybody, out of the same budget."""
    transport = FakeTransport(failure, answer())
    assert (await transport.exchange().fetch(GET, call(user=NOBODY))).status == 200
    assert transport.times == pytest.approx([0.0, 0.05])
    transport = FakeTransport(*[answer(503)] * 200)
    exchange = transport.exchange()
    for number in range(100):
        await exchange.fetch(GET, call(user=NOBODY if number % 2 else b"ada"))
    assert len(transport.sent) == 100 + 500 // 14


@virtually
async def test_who_gives_up_at_a_closed_window_leaves_the_queue() -> None:
    """A hundred callers that are cancelled while a window is closed leave nothing behind, one that waits stays."""
    transport = FakeTransport(remaining(0, 509), answer())
    exchange = transport.exchange()
    first = asyncio.ensure_future(exchange.fetch(requests.list_tokens(), call()))
    await settle()
    for _ in range(100):
        waiting = asyncio.ensure_future(exchange.fetch(requests.list_tokens(), call()))
        await settle()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
    (turnstile,) = exchange._turnstiles.values()
    assert len(turnstile._queue or ()) == 1
    assert (await first).status == 200
