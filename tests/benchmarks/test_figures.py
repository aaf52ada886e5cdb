import pytest

from benchmarks.figures import Goal, Row, differences, ratios, verdict


@pytest.mark.parametrize(
    ("values", "goal", "said"),
    [
        ((1.0, 1.1, 9.0), Goal("<=", 1.1), "met"),
        ((1.0, 1.3, 9.0), Goal("<=", 1.1), "short by 0.20 x"),
        ((19.9,), Goal("<", 20.0), "met"),
        ((20.0,), Goal("<", 20.0), "short by 0.00 x"),
        ((1.1004,), Goal("<=", 1.1), "short by 0.0004 x"),
        ((3.0,), Goal(">=", 3.0), "met"),
        ((9.0, 2.5, 1.0), Goal(">=", 3.0), "short by 0.50 x"),
        ((1.0,), None, ""),
    ],
)
def test_verdict(values: tuple[float, ...], goal: Goal | None, said: str) -> None:
    """The verdict follows from the median and the goal; a near miss is never rounded away."""
    assert verdict(Row("a question", values, "x", goal)) == said


@pytest.mark.parametrize("goal", [None, Goal("<=", 1.0)])
def test_no_verdict_without_figures(goal: Goal | None) -> None:
    """A row without figures is never met: it says what is missing."""
    assert verdict(Row("a question", (), "x", goal, missing="install it")) == "not measured: install it"


def test_pairs() -> None:
    """Ratios and differences are taken pair by pair, and a round that lost its partner is an error."""
    assert ratios([2.0, 9.0], [1.0, 3.0]) == (2.0, 3.0)
    assert differences([2.0, 9.0], [1.0, 3.0]) == (1.0, 6.0)
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])
