import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest

from benchmarks import (
    audit_memory,
    decode,
    defences,
    importing,
    latency,
    listing,
    on_uvloop,
    pages,
    version,
)
from benchmarks.children import plain_server
from benchmarks.costs import Cost, interleaved
from benchmarks.figures import Bar, Row, verdict
from benchmarks.replacing import core
from benchmarks.rivals import BARE, OURS, Ask, Listed
from cobalt_async.exchange import Exchange
from cobalt_async.protocol import answers, typed, wire
from cobalt_async.transport import pooled
from cobalt_async.transport.attempt import Attempt


def whole(rows: list[Row], rounds: int) -> None:
    """Each row has a figure for each counted round, all above nothing, and the first row has the goal."""
    assert rows[0].goal is not None
    assert verdict(rows[0])
    assert all(row.goal is None for row in rows[1:] if row.question.startswith(" "))
    for row in rows:
        assert len(row.values) == rounds
        assert row is rows[0] or min(row.values) > 0


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without nginx and wrk."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)


def cost(cpu: float, wall: float) -> Cost:
    """What one side of one round took."""
    return Cost(cpu, wall)


def test_interleaved() -> None:
    """Sides take turns, round by round, after a warm-up that is not counted; each yields its cost for each request."""
    seen: list[str] = []
    costs = interleaved({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, rounds=2, count=5)
    assert seen == ["a", "b"] * 3
    assert [len(of_side) for of_side in costs.values()] == [2, 2]
    assert all(one.wall > 0 for of_side in costs.values() for one in of_side)


@pytest.mark.usefixtures("plain")
def test_listing() -> None:
    """`listing` yields its figures at each level, for each client, and says what measures the server's ceiling."""
    rows = listing.measure(1, requests=3, levels=(1, 2), only=(OURS, BARE))
    assert sum(row.goal == listing.CPU for row in rows) == 2
    assert {row.bar for row in rows} >= {
        Bar("CPU per request", f"{level} in flight", name) for level in (1, 2) for name in (OURS, BARE)
    }
    assert all(min(row.values) >= 0 for row in rows if row.values)
    assert verdict(rows[-1]) == "not measured: wrk is not installed; apt-get install wrk"
    assert "nginx is not installed; apt-get install nginx" in rows[-1].question


def test_listing_rows() -> None:
    """Ratios are ours by the rival's, pair by pair: of CPU beside bare aiohttp, of rates beside all; who is missing
    has a row that says so.
    """
    ours, bare, other = [cost(3e-4, 5e-4), cost(2e-4, 4e-4)], [cost(1e-4, 25e-5), cost(2e-4, 4e-4)], [cost(1.0, 2e-3)]
    rows = listing.rows(16, {OURS: ours, BARE: bare, "httpx2": other * 2}, {"requests in threads": "get it"})
    by_name = {row.question: row for row in rows}
    cpu = by_name["tokens.list, 16 in flight: CPU, bare aiohttp = 1"]
    assert [round(value, 6) for value in cpu.values] == [3.0, 1.0]
    rate = by_name["tokens.list, 16 in flight: rate, bare aiohttp = 1"]
    assert [round(value, 6) for value in rate.values] == [0.5, 1.0]
    assert rate.goal is None
    faster = by_name["tokens.list, 16 in flight: rate, httpx2 = 1"]
    assert ([round(value, 6) for value in faster.values], verdict(faster)) == ([4.0, 5.0], "met")
    assert verdict(by_name["tokens.list, 16 in flight: rate, requests in threads = 1"]) == "not measured: get it"
    assert [round(value, 6) for value in by_name["    CPU per request, cobalt_async"].values] == [300.0, 200.0]


def test_listing_stops_where_a_page_is_short() -> None:
    """A client that does not list the whole page has no figure."""

    @asynccontextmanager
    async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
        async def ask(count: int) -> Sequence[Listed]:
            return ()

        yield ask

    with pytest.raises(AssertionError):
        listing.compare({OURS: opened}, "http://localhost", in_flight=1, rounds=1, requests=1)


@pytest.mark.usefixtures("plain")
def test_on_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    """`on_uvloop` compares two loops, each with a client of its own; without uvloop it says what to install."""
    with plain_server() as url:
        loops = {"asyncio": asyncio.new_event_loop, "uvloop": asyncio.SelectorEventLoop}
        costs = on_uvloop.compare(loops, url, in_flight=2, rounds=1, requests=3)
    rows = on_uvloop.rows(2, costs)
    whole(rows, 1)
    assert verdict(on_uvloop.rows(1, {"asyncio": [cost(1, 2)], "uvloop": [cost(1, 1)]})[0]) == "met"
    monkeypatch.setitem(sys.modules, "uvloop", None)
    (row,) = on_uvloop.measure(1, levels=(1,))
    assert verdict(row) == "not measured: uvloop is not installed; pip install 'cobalt-async[speed]'"


@pytest.mark.usefixtures("plain")
def test_latency() -> None:
    """`latency` yields what a call takes more than bare aiohttp's, at p50 and at p99, in microseconds."""
    rows = latency.measure(1, calls=4)
    assert rows[0].goal is not None
    assert all(len(row.values) == 1 for row in rows)
    assert min(row.values[0] for row in rows[2:]) > 0
    rows = latency.rows([latency.Times(130, 900)], [latency.Times(100, 1000)])
    assert [row.median for row in rows[:2]] == [30, -100]
    assert verdict(rows[0]) == "met"


def test_percentiles() -> None:
    """Half of the calls stay within p50, and 99 in 100 within p99."""
    times = latency.percentiles([float(number) for number in range(101)])
    assert (times.p50, times.p99) == (50.0, 99.0)


@pytest.mark.usefixtures("plain")
def test_pages() -> None:
    """`pages` follows a listing to its end on both sides, and yields what each page costs."""
    whole(pages.measure(1, pages=3), 1)
    rows = pages.rows([cost(2e-4, 2e-4)], [cost(1e-4, 4e-4)])
    assert [round(row.median, 6) for row in rows] == [2.0, 2.0, 200.0, 100.0]


def test_decode() -> None:
    """`decode` yields its figures for each size and each reader that is here."""
    here, _ = decode.readers()
    rows = decode.measure(1, sizes=(10, 30), tokens=300)
    assert {row.bar for row in rows if row.bar} == {
        Bar("CPU per token", size, name) for size in ("10", "30") for name in here
    }
    assert rows[0].goal == decode.LOADS
    rows = decode.rows(
        10,
        {decode.OURS: [cost(2e-5, 1)], decode.JSON: [cost(1e-5, 1)]},
        dict.fromkeys(("pydantic", "msgspec", decode.FAST), "get it"),
    )
    assert [(round(row.median, 6), verdict(row)) for row in rows if row.values and row.goal] == [(2.0, "met")]


def test_the_core_is_alone() -> None:
    """Where the core is measured, msgspec reads no page, and it reads them again afterwards."""
    usual = typed.read_usual_page
    with core():
        assert typed.read_usual_page(decode.page(3)) is None
        assert len(wire.read_page(decode.page(3)).items) == 3
    assert typed.read_usual_page is usual


def test_readers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reader that makes objects makes the same ones; one that is missing is one line."""
    body = decode.page(30)
    here, _ = decode.readers()
    made: dict[str, Any] = {name: read(body) for name, read in here.items() if name != decode.JSON}
    listed = {name: [(one.id, one.name, one.last_characters, one.expire_at) for one in made[name]] for name in made}
    assert len(listed[decode.OURS]) == 30
    assert all(one == listed[decode.OURS] for one in listed.values())
    monkeypatch.setitem(sys.modules, "msgspec", None)
    monkeypatch.delitem(sys.modules, "benchmarks.rivals.page_in_msgspec", raising=False)
    assert decode.readers()[1]["msgspec"] == "msgspec is not installed; pip install 'cobalt-async[bench]'"


@pytest.mark.parametrize("name", ["pydantic", "msgspec"])
def test_readers_are_strict(name: str) -> None:
    """A number for a name is an error, as it is for us."""
    here, missing = decode.readers()
    if name not in here:
        pytest.skip(missing[name])
    with pytest.raises(Exception, match="str"):
        here[name](decode.page(3).replace(b'"service 1"', b"1"))


@pytest.mark.usefixtures("plain")
def test_defences() -> None:
    """Each defence has a price, in the order of the table, and all of them are there again afterwards."""
    usual = (pooled._two_turns, Attempt._until, wire.read_page, answers.check_next)
    rows = defences.measure(1, requests=3)
    names = [*list(defences.DEFENCES)[1:], defences.WINDOWS]
    assert [row.question for row in rows[1:]] == [f"    of it: {name}" for name in names]
    assert (pooled._two_turns, Attempt._until, wire.read_page, answers.check_next) == usual
    prices = defences.rows({defences.ALL: [cost(5e-4, 1)], defences.WINDOWS: [cost(4e-4, 1)]})
    assert [round(row.median, 6) for row in prices] == [500.0, 100.0]


@pytest.mark.parametrize("name", [*list(defences.DEFENCES)[2:], defences.WINDOWS])
async def test_a_defence_is_really_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken out is on the way of every listing: where it is in, it is called, and where it is out, not."""
    called: list[str] = []

    def noting(owner: Any, attribute: str) -> None:
        usual = getattr(owner, attribute)

        def noted(*arguments: Any) -> Any:
            called.append(attribute)
            return usual(*arguments)

        monkeypatch.setattr(owner, attribute, noted)

    for owner, attribute in (
        (pooled, "_is_silent"),
        (Attempt, "_until"),
        (wire, "read_page"),
        (answers, "check_next"),
        (Exchange, "_turnstile"),
    ):
        noting(owner, attribute)
    with plain_server() as url:
        async with defences.opened(url, in_flight=1, minding=True) as ask:
            await ask(1)
            before = set(called)
            called.clear()
            with defences.DEFENCES.get(name, nullcontext)():
                if name == defences.WINDOWS:
                    async with defences.opened(url, in_flight=1, minding=False) as other:
                        await other(1)
                else:
                    await ask(1)
    assert len(before) == 5
    assert len(before - set(called)) == 1


def test_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """`version` yields what the command takes more than the import, in milliseconds; without typer, what to install."""
    rows = version.measure(1)
    assert all(len(row.values) == 1 for row in rows)
    rows = version.rows([(cost(1, 0.35), cost(1, 0.25))])
    assert [round(row.median, 6) for row in rows] == [100.0, 350.0, 250.0]
    monkeypatch.setattr(version, "find_spec", lambda _: None)
    assert verdict(version.measure(1)[0]) == "not measured: typer is not installed; pip install 'cobalt-async[cli]'"


def test_importing() -> None:
    """`importing` yields its figures; the ratio is of the time that whole processes take."""
    whole(importing.measure(1), 1)
    rows = importing.rows([Cost(0.2, 0.3)], [Cost(0.1, 0.2)])
    assert [round(row.median, 6) for row in rows] == [1.5, 2.0, 300.0, 200.0]


def test_audit_memory() -> None:
    """`audit_memory` yields its figures from audits in processes of their own."""
    whole(audit_memory.measure(1, small=20, large=40), 1)


def test_audit_memory_rows() -> None:
    """The goal is for the difference, large less small, in bytes for each credential that was more."""
    small = [audit_memory.Audited(10, 40e6, 1.0)]
    large = [audit_memory.Audited(100_010, 59e6, 200.0)]
    rows = audit_memory.rows(small, large)
    assert [row.median for row in rows] == [190.0, 40.0, 59.0, 500.05]
    assert verdict(rows[0]) == "met"


async def test_audit() -> None:
    """The audit that is measured sees every verdict that the plain server means."""
    with plain_server() as url:
        audited = await audit_memory.run(url, 45)
    assert audited.credentials == 45
    assert audited.peak > 1e6
