import itertools
import platform
import re
import sys
from collections import Counter

import pytest

from benchmarks import audit_memory, importing, listing, reliability
from benchmarks.children import plain_server
from benchmarks.figures import Row, verdict


def whole(rows: list[Row], rounds: int) -> None:
    """Each row has a figure for each counted round, all above nothing, and the first row has the goal."""
    assert rows[0].goal is not None
    assert verdict(rows[0])
    assert all(row.goal is None for row in rows[1:] if row.question.startswith(" "))
    for row in rows:
        assert len(row.values) == rounds
        assert row is rows[0] or min(row.values) > 0


async def test_listing_compares() -> None:
    """Both sides of `listing` list the plain server's page, and each round yields a pair of costs."""
    with plain_server() as url:
        measured = await listing.compare(url, rounds=2, requests=5)
    assert len(measured.ours) == len(measured.bare) == 2
    assert all(cost.cpu > 0 and cost.wall > 0 for cost in (*measured.ours, *measured.bare))


def test_listing() -> None:
    """`listing` yields its figures; the ratio is ours by bare aiohttp's, pair by pair."""
    whole(listing.measure(1, requests=3), 1)
    ours = (listing.Cost(3e-4, 5e-4), listing.Cost(2e-4, 4e-4))
    bare = (listing.Cost(1e-4, 25e-5), listing.Cost(2e-4, 4e-4))
    rows = listing.rows(listing.Listing(ours, bare))
    assert [round(value, 6) for value in rows[0].values] == [3.0, 1.0]
    assert [round(value, 6) for value in rows[1].values] == [0.5, 1.0]
    assert [round(value, 6) for value in rows[2].values] == [300.0, 200.0]


def test_importing() -> None:
    """`importing` yields its figures; the ratio is of the time that whole processes take."""
    whole(importing.measure(1), 1)
    rows = importing.rows([importing.Cost(0.2, 0.3)], [importing.Cost(0.1, 0.2)])
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


def test_reliability() -> None:
    """Rows are run on both parsers and counted; what must never happen has 0 for a goal, and is judged by it."""
    figures = {row.question.partition(" (")[0]: row for row in reliability.measure(1, select="r04")}
    assert figures["faults tried"].median == 2
    assert "2 parsers x 1 Python)" in figures["faults tried"].question
    assert platform.python_version() in figures["CPython versions covered"].question
    assert [verdict(figures[name]) for name in ("secrets lost", "canary hits", "foreign exceptions")] == ["met"] * 3


def test_reliability_adds_up() -> None:
    """The tallies of all Pythons are added; the rows say how many Pythons there were, and which."""
    tallies = {"3.11.7": Counter({"faults tried": 5, "secrets lost": 1}), "3.13.0": Counter({"faults tried": 6})}
    covered, tried, lost, *_ = reliability.rows(tallies)
    assert (covered.question, covered.median) == ("CPython versions covered (3.11.7, 3.13.0)", 2)
    assert (tried.question, tried.median) == ("faults tried (2 parsers x 2 Pythons)", 11)
    assert verdict(lost) == "short by 1.00 "


def test_reliability_fails_with_a_row_that_fails() -> None:
    """Where no row is run, or one fails, there is no figure but an error."""
    with pytest.raises(RuntimeError, match="tests/faults failed"):
        reliability.measure(1, select="no_row_is_called_that")


def test_reliability_names_a_python_that_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Python that lacks what the tests need and cannot be given it is named and not counted; with none, an error."""
    monkeypatch.setattr(reliability, "pythons", lambda: iter([("3.99.0", "/nowhere/python")]))
    monkeypatch.setattr(reliability, "_succeeds", lambda command: False)
    with pytest.raises(RuntimeError, match="no Python"):
        reliability.measure()
    assert "CPython 3.99.0 is not covered: it cannot make an environment" in capsys.readouterr().err


def test_reliability_looks_for_each_version_once() -> None:
    """The Python that runs this comes first, and no version comes twice; what is required is what pyproject says."""
    found = list(itertools.islice(reliability.pythons(), 3))
    assert found[0] == (platform.python_version(), sys.executable)
    assert len(dict(found)) == len(found)
    assert {re.split("[^a-z-]", tool)[0] for tool in reliability.requirements()} >= {"aiohttp", "trustme", "pytest"}
