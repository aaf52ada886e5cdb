"""What is asked about audits at scale, on a small one: the figures are there, and they say what they should."""

import asyncio
from collections import Counter

import aiohttp
import pytest

from benchmarks import audit, audit_faults, makespan, optimum
from benchmarks.children import plain_server
from benchmarks.figures import Row, verdict
from benchmarks.optimum import Terms
from benchmarks.population import ORDERS, Population, population
from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditResult, Verdict
from cobalt_async.audit.engine import agenda


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look that is not waited for as long as in earnest, and fewer pairs."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.05)
    monkeypatch.setattr(optimum, "GAP", 0.05)
    monkeypatch.setattr(audit, "_SLICES", 3)


def figures(rows: list[Row]) -> dict[str, float]:
    """The medians by question, without what a question says after a comma or a colon."""
    return {row.question.strip().partition(",")[0].partition(":")[0]: row.median for row in rows}


async def test_cost() -> None:
    """The audit and the bare loop send the same requests, each slice gives a pair, and no task is left behind."""
    with plain_server() as url:
        cost = await audit.run(url, 200, 80)
    assert cost.credentials == 200
    assert cost.requests > 200 + 10  # the second looks at 10 dead ones too
    assert cost.ours > 0 < cost.bare
    assert len(cost.slices) >= 3
    assert cost.leaked == 0


async def test_what_was_sent() -> None:
    """What a client sends is noted in order, as target and bearer, once nothing more goes out."""
    with plain_server() as url:
        async with AsyncCobalt("u1.3.0.x", base_url=url) as cobalt:
            sent = audit.Sent(cobalt)
            await cobalt.tokens.list(limit=1)
            asking = asyncio.ensure_future(cobalt.with_token("u2.3.0.x").tokens.list())
            assert await sent.taken() == [("/tokens?limit=1", "u1.3.0.x"), ("/tokens", "u2.3.0.x")]
            assert await sent.taken() == []
            await asking


async def test_the_server_answers_by_secret() -> None:
    """A user's listing comes page by page; a forbidden one gets 403, a made-up one 401."""
    with plain_server() as url:
        async with aiohttp.ClientSession() as session:

            async def asked(bearer: str, query: str) -> tuple[int, list[str], str | None]:
                headers = {"Authorization": f"Bearer {bearer}"}
                async with session.get(f"{url}/tokens?{query}", headers=headers) as response:
                    page = await response.json()
                if response.status != 200:
                    return response.status, [], None
                return 200, [row["resource"]["id"] for row in page["data"]], page["pagination"]["next_page"]

            assert await asked("u7.3.1.abcd", "limit=2") == (200, ["api_7x0", "api_7x1"], "/tokens?cursor=2")
            assert await asked("u7.3.1.abcd", "cursor=2&limit=2") == (200, ["api_7x2"], None)
            assert (await asked("u8.12.1.abcd", ""))[1] == [f"api_8x{number}" for number in range(10)]
            for bearer, status in (("forbidden.1", 403), ("dead.1.abcd", 401), ("x" * 40, 401), ("user", 401)):
                assert (await asked(bearer, "limit=1"))[0] == status


def test_cost_rows() -> None:
    """The ratio is of the whole run; the goals are for it and for the tasks that are left."""
    one = audit.Cost(credentials=100, requests=106, ours=2.4, bare=2.0, slices=[1.0, 1.4], wall=4.0, leaked=1)
    rows = audit.rows([one], [50e6])
    assert [round(row.median, 6) for row in rows] == [1.2, 1.0, 1.2, 24000.0, 20000.0, 1.06, 25.0, 50.0]
    assert [verdict(row) for row in rows[:2]] == ["short by 0.05 x", "short by 1.00 "]


def test_simulated() -> None:
    """An audit in virtual time ends with every verdict right, and with room in all windows it beats no optimum."""
    run = makespan.run("biggest first", "", population(300, 60))
    assert (run.credentials, run.wrong, run.unknown, run.throttled) == (300, 0, 0, 0)
    assert run.requests >= run.fewest == 1 + 2 + 285 + 2 * 15  # one made-up token before, one for every 256 living
    assert run.makespan >= run.shortest
    assert run.peak > 1e6


def test_simulated_windows() -> None:
    """Where a user has more than a window holds, the optimum is told in windows, less what another client eats."""
    people = population(2_500, 1_000)
    assert people.sizes[0] == 200
    assert makespan.terms(makespan.WEATHERS["both"]) == Terms(per_window=30, latency=0.001, failing=0.05, together=256)
    for weather, windows in (("", 3), ("half of each window eaten", 7)):
        run = makespan.run("biggest first", weather, people)
        assert run.wrong == 0
        assert (windows - 1) * 60 < run.shortest < (windows - 1) * 60 + 1


@pytest.mark.parametrize(
    "people", [population(6_000, 1_000, ((1000, 500), (200, 100))), population(3_200, 200, ((1000, 100),))]
)
def test_simulated_large_users_one_after_the_other(people: Population) -> None:
    """The second largest user does not wait behind the first, where others eat."""
    run = makespan.run("biggest first", "half of each window eaten", people)
    assert (run.wrong, run.unknown) == (0, 0)
    assert run.makespan / run.shortest < 1.05


def test_simulated_users_in_turns() -> None:
    """Where all users come in turns and others eat, those whose window is used up are asked in vain sparingly."""
    run = makespan.run("round robin", "half of each window eaten", population(30_000, 6_000))
    assert (run.wrong, run.unknown) == (0, 0)
    assert run.makespan / run.shortest < 1.05
    assert run.requests / run.fewest < 1.02


def test_makespan_rows() -> None:
    """The goals are for the ratios, and for wrong verdicts; who comes last is reported and not judged."""
    run = makespan.Simulated(
        credentials=10, requests=102, fewest=100, makespan=63.0, shortest=60.0, throttled=1, beyond=51, wrong=0,
        unknown=2, seconds=3.0, peak=5e6,
    )  # fmt: skip
    rows = makespan.rows("random", [run])
    assert [round(row.median, 6) for row in rows] == [1.05, 1.02, 0, 2, 1, 50, 63, 3, 5]
    assert [verdict(row) for row in rows[:3]] == ["met"] * 3
    assert [row.counted for row in (*rows[:3], *makespan.rows("x", [run] * 2)[:3])] == ["seed"] * 3 + ["seeds"] * 3
    assert [row.goal is None for row in makespan.rows("x", [run], is_judged=False)[:3]] == [True, True, False]


def test_makespan_measures() -> None:
    """Each case is run in a process of its own, once for each round, and those at full size stand first."""
    rows = makespan.measure(2, credentials=40, users=8, cases=[("biggest last", "both")], full=[("random", "")])
    assert len(rows) == 18
    assert all(len(row.values) == 2 for row in rows)
    assert figures(rows[:9])["wrong verdicts"] == 0
    assert rows[0].question == "makespan, random, 400: optimum = 1"
    assert rows[9].question == "makespan, biggest last, both, 40: optimum = 1"


def test_every_case_is_known() -> None:
    """No case names an order or a weather that is not there."""
    assert {order for order, _ in makespan.CASES} == set(ORDERS)
    assert {weather for _, weather in makespan.CASES} <= set(makespan.WEATHERS)
    assert set(makespan.AT_FULL_SIZE) <= set(makespan.CASES)


def test_truth() -> None:
    """A verdict is right by what its secret is, ALIVE only with its own user's listing; no verdict is no error."""
    people = population(60, 30)
    for label, kind, is_right in (
        ("dead.1", Verdict.DEAD, True),
        ("dead.1", Verdict.ALIVE, False),
        ("forbidden.1", Verdict.FORBIDDEN, True),
        ("forbidden.1", Verdict.DEAD, False),
        ("u0.1.0", Verdict.DEAD, False),
        ("u0.1.0", Verdict.ALIVE, False),  # with no listing
        ("u0.1.0", Verdict.INDETERMINATE, True),
        ("u0.1.0", Verdict.NOT_TRIED, True),
    ):
        assert audit_faults.is_right(AuditResult(label, kind), people) is is_right


def test_fault_rows() -> None:
    """The goal is for wrong verdicts; beside them stands how many there are none of."""
    run = audit_faults.family_run("statuses", population(60, 30), share=0.2)
    rows = audit_faults.rows("statuses", [run])
    assert [verdict(row) for row in rows] == ["met", "", ""]
    assert rows[2].median == run.spoilt > 0
    told = audit_faults.Outcome([], Counter({Verdict.ALIVE: 3, Verdict.NOT_TRIED: 1}), run.report, 7)
    assert [row.median for row in audit_faults.rows("x", [told])] == [0, 25, 7]
