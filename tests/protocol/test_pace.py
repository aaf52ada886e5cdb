import copy
import email.utils
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cobalt_async import RetryPolicy
from cobalt_async.protocol.pace import WINDOW, Gate, RetryBudget, backoff, count, retry_after

WALL = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the moment that RFC 9110 writes in three ways
POLICIES = st.builds(RetryPolicy, base=st.floats(0, 1e6), cap=st.floats(0, 1e6))


@given(POLICIES, st.integers(1, 2**31 - 1), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_within_its_bounds(policy: RetryPolicy, tries: int, dice: float) -> None:
    """Full jitter: between 0 and the smaller of base times 2**(n-1) and cap, after any number of tries."""
    delay = backoff(policy, tries, dice)
    assert 0 <= delay <= policy.cap
    assert delay <= policy.base * 2.0 ** min(tries - 1, 1000)


def test_backoff_doubles_until_the_cap() -> None:
    """The longest wait is 0.1, 0.2, 0.4 … 10 s by default, and the dice decide how much of it."""
    longest = [backoff(RetryPolicy(), tries, 1.0) for tries in (1, 2, 3, 7, 8, 9)]
    assert longest == pytest.approx([0.1, 0.2, 0.4, 6.4, 10.0, 10.0])
    assert backoff(RetryPolicy(), 3, 0.0) == 0.0
    assert backoff(RetryPolicy(), 3, 0.5) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0000000007", 7.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun, 06 Nov 1994 09:50:37 +0100", 60.0),
        ("Sun, 06 Nov 1994 08:48:37 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("5 minutes", None),
        ("99999999999", None),
        ("\u0661\u0662", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("1994-11-06T08:50:37Z", None),
    ],
)
def test_retry_after_in_all_its_forms(value: str | None, seconds: float | None) -> None:
    """Seconds, or a date that is measured against the time of day; what makes no sense is None."""
    assert retry_after(value, WALL) == seconds


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock on the wall is not UTC's."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("value", ["Sun Nov  6 08:50:37 1994", "Sun, 06 Nov 1994 08:50:37 -0000"])
def test_a_date_without_a_zone_is_utc(value: str) -> None:
    """The old form of an HTTP date names no zone and means UTC, wherever the machine stands."""
    assert retry_after(value, WALL) == 60.0


@given(st.text() | st.datetimes().map(email.utils.format_datetime), st.floats(0, 4e9))
def test_no_retry_after_makes_it_fail(value: str, wall: float) -> None:
    """Whatever a header says, the answer is None or at least 0 seconds."""
    seconds = retry_after(value, wall)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("100", 100), (None, None), ("", None), ("-1", None), ("1.0", None), ("9" * 11, None), ("\u0661", None)],
)
def test_count_reads_a_number_or_nothing(value: str | None, number: int | None) -> None:
    """A header that is no plain number is as good as absent."""
    assert count(value) == number


def test_the_retry_budget_is_spent_and_earned() -> None:
    """500 pay for 35 retries of failures; one success earns 1, and never more than 500."""
    budget = RetryBudget()
    assert [budget.spend(RetryBudget.TRANSIENT) for _ in range(36)] == [True] * 35 + [False]
    assert [budget.spend(RetryBudget.THROTTLED) for _ in range(3)] == [True, True, False]
    for _ in range(10_000):
        budget.earn()
    assert [budget.spend(500), budget.spend(1)] == [True, False]


def test_a_new_gate_lets_a_few_scouts_go() -> None:
    """While nothing is known of a window, ten requests may be under way; an answer without limits lets all go."""
    gate = Gate()
    for _ in range(10):
        assert gate.wait(0.0) == 0.0
        gate.enter(0.0)
    assert gate.wait(0.0) > 0
    gate.settle(1.0, 0, None)
    assert gate.wait(1.0) == 0.0


def test_a_gate_parks_until_the_window_must_have_ended() -> None:
    """Refused without a word about when: the window ends 60 s after our first request in it."""
    gate = Gate()
    number = gate.enter(10.0)
    gate.settle(25.0, number, 0)
    assert gate.throttle(25.0, number, None) == 45.0
    assert gate.wait(69.0) == 1.0
    assert gate.wait(70.0) == 0.0


def test_a_gate_believes_retry_after() -> None:
    """Where the server says how long, that is how long it is."""
    gate = Gate()
    number = gate.enter(0.0)
    gate.settle(1.0, number, None)
    assert gate.throttle(1.0, number, 7.0) == 7.0
    assert gate.wait(8.0) == 0.0


def test_a_gate_parks_when_nothing_remains() -> None:
    """Remaining 0 closes the gate before the server has to refuse anything."""
    gate = Gate()
    gate.settle(1.0, gate.enter(0.0), 0)
    assert gate.parked(1.0) == 59.0
    assert gate.wait(60.0) == 0.0


def test_two_refusals_of_one_window_wait_as_long_as_one() -> None:
    """A second refusal out of the same window is no reason to wait for another window."""
    gate = Gate()
    first, second = gate.enter(0.0), gate.enter(0.0)
    gate.settle(55.0, first, 0)
    assert gate.throttle(55.0, first, None) == 5.0
    gate.settle(55.1, second, 0)
    assert gate.throttle(55.1, second, None) == pytest.approx(4.9)


def test_a_late_answer_does_not_close_the_gate_for_ever() -> None:
    """An answer `remaining: 0` that comes after a refusal of the same window: the next window opens all the same."""
    gate = Gate()
    first, second = gate.enter(0.0), gate.enter(0.0)
    gate.settle(1.0, first, 0)
    gate.throttle(1.0, first, None)
    gate.settle(1.1, second, 0)
    assert gate.wait(200.0) == 0.0


def test_a_word_of_the_last_window_says_nothing_of_this_one() -> None:
    """An answer to a request of a window that is over neither closes nor narrows the one that is open."""
    gate = Gate()
    late, known = gate.enter(0.0), gate.enter(0.0)
    gate.settle(1.0, known, 50)
    assert gate.wait(60.0) == 0.0
    gate.settle(60.0, gate.enter(60.0), 99)
    gate.settle(61.0, late, 0)
    assert gate.wait(61.0) == 0.0


def test_a_new_window_of_the_server_is_noticed() -> None:
    """Asked after the lowest word was known, and yet more remains: the server's window is newer than ours."""
    gate = Gate()
    gate.settle(1.0, gate.enter(0.0), 3)
    gate.settle(50.0, gate.enter(50.0), 99)
    for _ in range(99):
        assert gate.wait(51.0) == 0.0
        gate.enter(51.0)
    assert gate.wait(51.0) > 0


class GateHistory(RuleBasedStateMachine):
    """Any order of entering, answers, refusals and time against a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.now = 0.0
        self.under_way: list[int] = []

    def one(self, place: int) -> int:
        return self.under_way.pop(place % len(self.under_way))

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.gate.wait(self.now) <= 0)
    @rule()
    def enter(self) -> None:
        self.under_way.append(self.gate.enter(self.now))

    @precondition(lambda self: self.under_way)
    @rule(remaining=st.none() | st.integers(0, 12), place=st.integers(0, 99))
    def answered(self, remaining: int | None, place: int) -> None:
        self.gate.settle(self.now, self.one(place), remaining)

    @precondition(lambda self: self.under_way)
    @rule(remaining=st.none() | st.just(0), after=st.none() | st.floats(0, 100), place=st.integers(0, 99))
    def refused(self, remaining: int | None, after: float | None, place: int) -> None:
        number = self.one(place)
        self.gate.settle(self.now, number, remaining)
        assert self.gate.throttle(self.now, number, after) >= 0

    @precondition(lambda self: self.under_way)
    @rule(sent=st.booleans(), place=st.integers(0, 99))
    def unanswered(self, sent: bool, place: int) -> None:
        self.gate.leave(self.one(place), sent=sent)

    @invariant()
    def it_opens_again(self) -> None:
        """With nothing under way, the gate opens once the waits that it names itself have passed."""
        if self.under_way:
            return
        twin, moment = copy.copy(self.gate), self.now
        for _ in range(4):
            delay = twin.wait(moment)
            assert delay >= 0
            if delay == 0:
                return
            moment += delay + 1e-6
        pytest.fail(f"still closed {moment - self.now:.0f} s later")


TestGateHistory: Any = GateHistory.TestCase


@given(st.integers(10, 100), st.integers(0, 2**32))
def test_an_honest_server_never_has_to_refuse(limit: int, seed: int) -> None:
    """With a server that tells what remains, no more go in a window than it lets through, in any order of answers."""
    gate, now, used, opened, dice = Gate(), 0.0, 0, 0.0, random.Random(seed)
    under_way: list[tuple[int, int]] = []
    for _ in range(4 * limit):
        while dice.random() < 0.7 and gate.wait(now) <= 0:
            number = gate.enter(now)
            if now - opened >= WINDOW:
                opened, used = now, 0
            used += 1
            assert used <= limit, "the server had to refuse"
            under_way.append((number, limit - used))
        now += 0.05
        if under_way:
            number, remaining = under_way.pop(dice.randrange(len(under_way)))
            gate.settle(now, number, remaining)


def test_a_request_without_an_answer_may_have_used_up_the_window() -> None:
    """One remains, one left and was never answered: it may have been counted, so no second one goes on its place."""
    gate = Gate()
    gate.settle(0.0, gate.enter(0.0), 1)
    assert gate.wait(0.0) == 0.0
    gate.leave(gate.enter(0.0), sent=True)
    assert gate.wait(1.0) > 0


def test_a_request_that_never_left_uses_up_nothing() -> None:
    """One remains, one did not leave: its place is free again."""
    gate = Gate()
    gate.settle(0.0, gate.enter(0.0), 1)
    gate.leave(gate.enter(0.0), sent=False)
    assert gate.wait(1.0) == 0.0


def test_an_absurd_retry_after_parks_for_an_hour_at_most() -> None:
    """Three centuries are not believed: after an hour, one asks again."""
    gate = Gate()
    number = gate.enter(0.0)
    gate.settle(0.0, number, None)
    assert gate.throttle(0.0, number, 9_999_999_999.0) == 3600.0
    assert gate.wait(3600.0) == 0.0
