"""When one of whom nothing is known is asked: rarely, where that is mostly in vain and enough others wait."""

import asyncio

import pytest

from cobalt_async import Secret
from cobalt_async.audit import Credential
from cobalt_async.audit.engine.agenda import Agenda, Job
from cobalt_async.audit.engine.neighbours import SCOUT
from cobalt_async.audit.engine.pacing import Pacing
from cobalt_async.audit.engine.users import Users
from cobalt_async.protocol.answers import Response
from tests.virtual_time import virtually

THROTTLED = Response(509, {"X-Rate-Limit-Remaining": "0"}, b"{}")


def told(remaining: int) -> dict[str, str]:
    """The headers that say how much of a documented window is left."""
    return {"X-Rate-Limit-Get-Limit": "100", "X-Rate-Limit-Remaining": str(remaining)}


class Desk:
    """A Pacing among Users and an Agenda."""

    def __init__(self) -> None:
        self.users = Users(0.8)
        self.agenda = Agenda(self.users)
        self.pacing = Pacing(self.users, self.agenda, longest=3600.0)
        self.now = asyncio.get_running_loop().time

    def job(self, name: str = "x") -> Job:
        """One that is new."""
        return Job(Credential(name, Secret(f"{name}-secret")))

    def user(self, remaining: int) -> int:
        """A user in whose window an answer told what is left."""
        user = self.users.add()
        self.users.answered(user, self.now(), self.now(), told(remaining))
        return user

    def park(self, user: int, count: int) -> None:
        """So many wait for this user's window."""
        for number in range(count):
            self.agenda.park(self.job(f"parked-{number}"), user)

    def waste(self, count: int = 1) -> None:
        """So many strangers are asked in vain; what is parked for that is taken off again."""
        for _ in range(count):
            stranger = self.job()
            self.pacing.neighbours.sent(stranger)
            self.pacing.neighbours.heard(stranger)
            assert self.pacing.park(stranger, THROTTLED)
        self.agenda.drain()


@virtually
async def test_strangers_are_asked_as_long_as_few_were_asked_in_vain() -> None:
    """A hundred are free, whatever waits."""
    desk = Desk()
    user = desk.user(0)
    desk.waste(100)
    desk.park(user, 100)
    assert desk.pacing.may_ask()
    desk.waste(2)
    desk.park(user, 100)
    assert not desk.pacing.may_ask()


@virtually
async def test_strangers_are_asked_where_too_little_waits() -> None:
    """A quarter of the window that it waits for is enough, as it is left to us: 20 of 80, and of 30 hardly 8."""
    for remaining, enough in ((99, 20), (49, 8)):
        desk = Desk()
        user = desk.user(0)
        for _ in range(200):
            desk.user(remaining)
        desk.waste(150)
        desk.park(user, enough - 1)
        assert desk.pacing.may_ask()
        desk.park(user, 1)
        assert not desk.pacing.may_ask()


@virtually
async def test_of_many_windows_that_are_waited_for_a_few_count() -> None:
    """A few hundred that wait are enough, however many users they are of: 32 windows' quarters, of 80 each."""
    desk = Desk()
    users = [desk.user(0) for _ in range(100)]
    for _ in range(200):
        desk.user(99)
    desk.waste(150)
    for user in users:
        desk.park(user, 6)
    assert desk.pacing.may_ask()
    desk.park(users[0], 40)
    assert not desk.pacing.may_ask()


@virtually
async def test_patience_grows_with_what_waits() -> None:
    """A second after the last one in vain; more, up to ten, where many times as many wait as are needed."""
    for waiting, seconds in ((20, 1.0), (60, 3.0), (2000, 10.0)):
        desk = Desk()
        user = desk.user(0)
        for _ in range(200):
            desk.user(99)
        desk.waste(150)
        desk.park(user, waiting - 1)
        assert desk.pacing.park(desk.job(), THROTTLED)
        assert desk.pacing.patient_until - desk.now() == pytest.approx(seconds, rel=0.06)
        await asyncio.sleep(seconds * 0.9)
        assert not desk.pacing.may_ask()
        await asyncio.sleep(seconds * 0.2)
        assert desk.pacing.may_ask()


@virtually
async def test_scouts_are_not_asked_in_vain() -> None:
    """There are few of them, and behind one may stand a user who has not begun: nobody waits after one."""
    desk = Desk()
    user = desk.user(0)
    desk.waste(100)
    before = desk.pacing.patient_until
    desk.park(user, 2000)
    await asyncio.sleep(1)
    for _ in range(50):
        scout = desk.job()
        scout.scouts = user
        assert desk.pacing.park(scout, THROTTLED)
    assert desk.pacing.patient_until == before
    assert desk.pacing.may_ask()


@virtually
async def test_the_longer_a_run_the_fewer_scouts_it_needs() -> None:
    """One in sixteen, and in a long run one for each eighth of what stands before: 16 for 1,000 that come in a row."""
    desk = Desk()
    user = desk.user(0)
    neighbours = desk.pacing.neighbours
    for _ in range(8):
        neighbours.seen(desk.job(), user)
    scouts, between = [], []
    for number in range(1000):
        job = desk.job()
        if desk.pacing.likely(job) is None:
            scouts.append(number)
            between.append(neighbours.behind)
            neighbours.sent(job)
            neighbours.heard(job)
    assert scouts[:8] == [15, 31, 47, 63, 79, 95, 111, 127]
    assert len(scouts) < 32
    assert all(gap <= max(SCOUT, number / 8 + 1) for number, gap in zip(scouts, between, strict=True))
    assert sum(between) + len(scouts) == scouts[-1] + 1
    neighbours.seen(desk.job(), user + 1)  # somebody else's: a run of theirs begins with one in sixteen
    for _ in range(8):
        neighbours.seen(desk.job(), user)
    assert [desk.pacing.likely(desk.job()) is None for _ in range(SCOUT)] == [False] * (SCOUT - 1) + [True]


@virtually
async def test_a_scout_of_another_user_lets_all_go_that_stand_behind_it() -> None:
    """They were parked for the user before, and nothing is known of them: each is asked, and none is lost."""
    desk = Desk()
    user, other = desk.user(0), desk.user(90)
    for _ in range(8):
        desk.pacing.neighbours.seen(desk.job(), user)
    scout = desk.job()
    for number in range(SCOUT):
        job = desk.job(f"in-a-row-{number}")
        hint = desk.pacing.likely(job)
        if hint is None:
            scout = job
        else:
            desk.agenda.park(job, hint)
    desk.pacing.neighbours.heard(scout)
    scout.user = other
    desk.pacing.learned(scout)
    freed = [one for _ in range(SCOUT - 1) if (one := desk.agenda.next(desk.now())) is not None]
    assert [job.credential.label for job in freed] == [f"in-a-row-{number}" for number in range(SCOUT - 1)]
    assert {job.hint for job in freed} == {None}
    before = desk.pacing.patient_until
    assert desk.pacing.park(freed[0], THROTTLED)
    assert desk.pacing.patient_until == before  # they do not count as asked in vain, as strangers do


@virtually
async def test_a_header_of_a_hostile_server_bounds_nothing_away() -> None:
    """Whatever an answer says is left, the mean of windows stays a number that something can be compared with."""
    desk = Desk()
    for _ in range(100):
        user = desk.users.add()
        desk.users.answered(user, desk.now(), desk.now(), told(10**30))
        desk.user(10**6)
    assert 1 <= desk.users.usual_window <= 2**16
