"""The reckoning against exhaustive search: every schedule of every small case, one step of time after another."""

import itertools
from collections.abc import Iterator
from functools import partial

import pytest
from attrs import evolve, frozen

from benchmarks import optimum as reckoning
from benchmarks.optimum import Optimum, Terms, User, optimum

STEP = 1.0  # the latency of the small cases, and the grid on which an exhaustive search tries to send


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tokens to a page and two steps between 401s: so small that all schedules can be tried."""
    monkeypatch.setattr(reckoning, "PAGE", 2)
    monkeypatch.setattr(reckoning, "GAP", 2.0)


@frozen
class Asked:
    """How far one user has come: pages and others left, when the next page may go, and the window."""

    pages: int
    others: int
    next_page: int = 0
    opened: int | None = None
    used: int = 0


@frozen
class Refused:
    """How far a dead secret has come; `again`: when it may go for the second time."""

    left: int = 2
    again: int = 0


State = tuple[Asked | Refused, ...]


def moves(one: Asked | Refused, now: int, terms: Terms) -> Iterator[tuple[Asked | Refused, int]]:
    """All that can be sent for one user or dead secret now, none included: what follows, and how many went."""
    yield one, 0
    if isinstance(one, Refused):
        if one.left and now >= one.again:
            yield Refused(one.left - 1, now + 2), 1  # steps from answer to answer, and so from asking to asking
        return
    is_over = one.opened is None or now >= one.opened + terms.window
    opened, used = (now, 0) if is_over else (one.opened, one.used)
    for pages, others in itertools.product((0, 1), range(one.others + 1)):
        sent = pages + others
        if not sent or used + sent > terms.per_window or (pages and not (one.pages and now >= one.next_page)):
            continue
        next_page = now + 1 if pages else one.next_page
        yield Asked(one.pages - pages, one.others - others, next_page, opened, used + sent), sent


def is_done(one: Asked | Refused) -> bool:
    """Whether nothing is left to ask."""
    return not one.left if isinstance(one, Refused) else not (one.pages or one.others)


def exhaustive(users: list[User], dead: int, terms: Terms) -> Optimum:
    """The least that any schedule takes, found by trying them all; one step of latency, one for the control."""
    first: State = (*(Asked(-(-user.tokens // 2) or 1, user.live - 1) for user in users), *[Refused()] * dead)
    requests = 1 + sum(one.pages + one.others if isinstance(one, Asked) else one.left for one in first)
    states, now, ended = {first}, 0, 0
    while not any(all(map(is_done, state)) for state in states):
        states = {after for state in states for after in follow(state, now, terms)}
        now, ended = now + 1, now + 1
    return Optimum(requests, STEP + ended * STEP)


def follow(state: State, now: int, terms: Terms) -> Iterator[State]:
    """All states that can follow in one step, whatever is sent in it."""
    for choice in itertools.product(*map(partial(moves, now=now, terms=terms), state)):
        if sum(sent for _, sent in choice) <= terms.slots:
            yield tuple(settled(after, now + 1, terms) for after, _ in choice)


def settled(one: Asked | Refused, now: int, terms: Terms) -> Asked | Refused:
    """The same without what is over: a wait that has passed, a window that has closed."""
    if isinstance(one, Refused):
        return Refused(one.left, one.again if one.left and one.again > now else 0)
    is_over = one.opened is None or now >= one.opened + terms.window
    opened, used = (None, 0) if is_over else (one.opened, one.used)
    return Asked(one.pages, one.others, one.next_page if one.next_page > now else 0, opened, used)


SIZES = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (1, 6), (2, 7), (6, 2), (1, 0), (1, 8), (1, 11)]
TERMS = [Terms(per_window=c, window=w, latency=STEP) for c, w in ((1, 2), (1, 3), (2, 2), (2, 4), (3, 3), (3, 5))]


@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: f"{terms.per_window} in {terms.window:g}")
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_one_user(size: tuple[int, int], terms: Terms) -> None:
    """With slots enough, no schedule of one user is better than the reckoning, and one is as good."""
    user = User(*size)
    assert optimum([user], dead=0, terms=terms) == exhaustive([user], 0, terms)


@pytest.mark.parametrize("terms", TERMS[1:4], ids=lambda terms: f"{terms.per_window} in {terms.window:g}")
@pytest.mark.parametrize("sizes", [*itertools.combinations([(1, 1), (3, 3), (1, 4)], 2)], ids=str)
@pytest.mark.parametrize("dead", [0, 1])
def test_together(sizes: tuple[tuple[int, int], ...], dead: int, terms: Terms) -> None:
    """Users and dead secrets stand in nobody's way but their own."""
    users = [User(*size) for size in sizes]
    assert optimum(users, dead=dead, terms=terms) == exhaustive(users, dead, terms)


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("dead", [0, 1])
def test_few_slots(slots: int, dead: int) -> None:
    """With few slots it is a bound: no schedule is better, and without windows in the way one is as good."""
    terms = Terms(per_window=2, window=3, latency=STEP, slots=slots)
    for sizes in itertools.combinations_with_replacement([(1, 1), (2, 2), (3, 3)], 2):
        users = [User(*size) for size in sizes]
        assert optimum(users, dead=dead, terms=terms).makespan <= exhaustive(users, dead, terms).makespan
    wide = evolve(terms, per_window=9)
    users = [User(4, 2), User(3, 2)]
    assert optimum(users, dead=0, terms=wide) == exhaustive(users, 0, wide)


def test_the_search_finds_what_a_rule_forbids() -> None:
    """The search is no echo: it takes longer with each rule that binds, and is told of none by the reckoning."""
    free = Terms(per_window=9, window=3, latency=STEP)
    assert exhaustive([User(3, 3)], 0, free).makespan == 1 + 2  # two pages, one after the other
    assert exhaustive([User(3, 3)], 0, evolve(free, per_window=1)).makespan == 1 + 3 * 3 + 1
    assert exhaustive([User(3, 3)], 1, evolve(free, slots=1)).makespan == 1 + 6
    assert exhaustive([], 1, free).makespan == 1 + 1 + 2


def test_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that say nothing have to be asked for again, and fill windows like the others."""
    monkeypatch.setattr(reckoning, "PAGE", 100)
    plain = Terms(per_window=80, latency=0.5)
    failing = evolve(plain, failing=0.05)
    assert optimum([User(1000, 1000)], dead=0, terms=plain) == Optimum(1 + 10 + 999, 0.5 + 12 * 60 + 0.5)
    assert optimum([User(1000, 1000)], dead=0, terms=failing) == Optimum(1064, 0.5 + 13 * 60 + 0.5)
    vouched = evolve(plain, together=256)
    assert optimum([User(1000, 1000)], dead=0, terms=vouched).requests == 1 + 4 + 10 + 999  # one for every 256 living
    assert optimum([User(1, 1)] * 256, dead=3, terms=vouched).requests == 1 + 1 + 256 + 6
    assert optimum([User(18, 1)], dead=0, terms=failing).requests == 20  # 19 / 0.95, and not one more
