import asyncio
from pathlib import Path

import pytest

from benchmarks import rotation
from benchmarks.figures import verdict
from cobalt_async.rotation.file_system import file_system_of


def test_rotation() -> None:
    """Tests are run and counted, rotations are measured, and the file system is named."""
    figures = {row.question.partition(" (")[0]: row for row in rotation.measure(2, select="one_shot_lost or cut")}
    assert figures["bytes cut"].median > 300
    assert len(figures["rotation beside its round trips"].values) == 2
    assert "2 rotations)" in figures["rotation beside its round trips"].question
    assert [verdict(figures[name]) for name in ("silent losses", "canary hits")] == ["met"] * 2


def test_what_it_measures(tmp_path: Path) -> None:
    """Each rotation's own time, above nothing; goal and file system stand in the first row."""
    costs = asyncio.run(rotation.disk_work(tmp_path, 3))
    assert len(costs) == 3
    assert min(costs) > 0
    first, lost, hits = rotation.rows((0.030, 0.050, 0.010), "ext4", {"silent losses": 1})
    assert (first.median, verdict(first)) == (30.0, "met")
    assert "ext4" in first.question
    assert (verdict(lost), verdict(hits)) == ("short by 1.00 ", "met")
    assert verdict(rotation.rows((0.041,), "ext4", {})[0]) == "short by 1.00 ms"
    assert file_system_of(tmp_path)


def test_it_fails_with_a_test_that_fails() -> None:
    """Where none is run, or one fails, there is no figure but an error."""
    with pytest.raises(RuntimeError, match="tests/rotation failed"):
        rotation.measure(1, select="no_test_is_called_that")
