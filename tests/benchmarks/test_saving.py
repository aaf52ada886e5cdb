import json
from pathlib import Path

import pytest

from benchmarks import pictures
from benchmarks.figures import Bar, Goal, Row
from benchmarks.saving import save

ROWS = [
    Row("cost", (1.0, 3.0, 1.5), "x", Goal("<=", 1.0)),
    Row("    ours", (3.0, 2.0), "us", bar=Bar("CPU", "16", "ours")),
    Row("    theirs", (4.0,), "us", bar=Bar("CPU", "16", "theirs")),
    Row("    ours", (30.0,), "us", bar=Bar("CPU", "64", "ours")),
    Row("speed", (), "x", Goal(">=", 3.0), missing="get it"),
]


def test_figures(tmp_path: Path) -> None:
    """What is kept has each round's figure, the median, the range, the goal and the verdict; or what was missing."""
    kept = json.loads(save("one", ROWS, measured_on="here", folder=tmp_path / "new").read_text("utf-8"))
    assert (kept["question"], kept["measured_on"]) == ("one", "here")
    assert kept["rows"][0] == {
        "question": "cost",
        "unit": "x",
        "verdict": "short by 0.50 x",
        "goal": "<= 1",
        "median": 1.5,
        "least": 1.0,
        "most": 3.0,
        "rounds": [1.0, 3.0, 1.5],
    }
    assert kept["rows"][4] == {
        "question": "speed",
        "unit": "x",
        "verdict": "not measured: get it",
        "goal": ">= 3",
    }


def test_picture(tmp_path: Path) -> None:
    """A picture holds its groups and owners as text on no ground of its own; the same figures give the same file."""
    pytest.importorskip("matplotlib", reason="of the extra bench")
    path = pictures.draw("one", ROWS, tmp_path)
    assert path is not None
    drawn = path.read_text("utf-8")
    for text in ("16", "64", "ours", "theirs", "CPU, us"):
        assert f">{text}</text>" in drawn
    assert "#ffffff" not in drawn
    assert "#000000" not in drawn
    assert pictures.draw("one", ROWS, tmp_path) == path
    assert path.read_text("utf-8") == drawn


def test_no_picture(tmp_path: Path) -> None:
    """Rows without a place in a picture make none, and need no matplotlib."""
    assert pictures.draw("one", ROWS[:1], tmp_path) is None
    assert list(tmp_path.iterdir()) == []
