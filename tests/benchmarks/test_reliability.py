import itertools
import platform
import re
import sys
from collections import Counter

import pytest

from benchmarks import reliability
from benchmarks.figures import verdict


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
