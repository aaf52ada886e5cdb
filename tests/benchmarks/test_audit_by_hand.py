"""The audit beside one that is written by hand: both ask the same server, and the rows say what they should."""

import aiohttp
import pytest

from benchmarks import audit_by_hand, by_hand
from benchmarks.audit_by_hand import HAND, OURS, Cost
from benchmarks.children import plain_server
from benchmarks.figures import Row, verdict
from cobalt_async.audit.engine import agenda


def cost(cpu: float, wall: float) -> Cost:
    """What one process took, in microseconds."""
    return Cost(cpu=cpu / 1e6, wall=wall / 1e6, peak=50e6, beyond=5e6)


def named(rows: list[Row]) -> dict[str, Row]:
    """By question."""
    return {row.question.strip(): row for row in rows}


async def test_by_hand() -> None:
    """A listing is followed to its end, a refused secret is None, and what is neither 200 nor 401 is the end of all."""
    with plain_server() as url:
        found = await by_hand.audited(url, [("a", "u1.112.0.x"), ("b", "dead.1.x")], in_flight=2)
        assert found["b"] is None
        assert [token.id for token in found["a"] or ()] == [f"api_1x{number}" for number in range(112)]
        with pytest.raises(aiohttp.ClientResponseError):
            await by_hand.audited(url, [("c", "forbidden.1")], in_flight=2)


def test_each_side_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either gives its cost for each credential; by hand in a process of its own."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.05)
    with plain_server() as url:
        costs = [audit_by_hand.run(OURS, url, 60, 2), audit_by_hand.cost(HAND, url, 60, 2)]
    assert all(0 < one.cpu < 1 and 0 < one.wall < 1 and one.peak > one.beyond >= 0 for one in costs)


def test_second_looks_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of an answer goes to the last verdict that needs no second look, however long those take."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 1.0)
    with plain_server() as url:
        assert audit_by_hand.run(OURS, url, 40, 1).wall * 40 < 1.0


def test_rows() -> None:
    """CPU is ours by theirs, pair by pair, and has the goal; memory and time of both stand behind it."""
    rows = audit_by_hand.rows(1000, {OURS: [cost(200, 300), cost(190, 310)], HAND: [cost(160, 200), cost(190, 200)]})
    assert rows[0].values == (1.25, 1.0)
    assert verdict(rows[0]) == "short by 0.12 x"
    assert all(row.goal is None for row in rows[1:])
    assert named(rows)["time per answer, cobalt_async"].median == pytest.approx(305)
    assert named(rows)["of it beyond its credentials, by hand"].median == 5
    assert {row.bar.owner for row in rows if row.bar} == {OURS, HAND}


def test_across() -> None:
    """Sizes are compared within a round: the one whose answers take longest by the one whose take least."""
    of_size = {10: [cost(1, 300), cost(1, 600)], 100: [cost(1, 330), cost(1, 500)], 1000: [cost(1, 310), cost(1, 550)]}
    rows = audit_by_hand.across({size: {OURS: costs, HAND: costs[::-1]} for size, costs in of_size.items()})
    assert rows[0].values == pytest.approx((1.1, 1.2))
    assert rows[0].question.startswith("audits of 10 to 1,000: ")
    assert rows[1].values == pytest.approx((1.2, 1.1))
    assert verdict(rows[0]) == "short by 0.05 x"


def test_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round is a pair of processes at each size, in turn."""
    asked: list[tuple[str, int, int]] = []

    def noted(side: str, url: str, size: int, audits: int) -> Cost:
        asked.append((side, size, audits))
        return cost(100, 100)

    monkeypatch.setattr(audit_by_hand, "cost", noted)
    rows = audit_by_hand.measure(2, sizes={10: 3, 100: 1})
    assert asked == [(OURS, 10, 3), (HAND, 10, 3), (OURS, 100, 1), (HAND, 100, 1)] * 2
    assert [row.question for row in rows if row.goal] == [
        "audit of 10: CPU, by hand = 1",
        "audit of 100: CPU, by hand = 1",
        "audits of 10 to 100: time per answer, most by least",
    ]
    assert all(len(row.values) == 2 for row in rows)
