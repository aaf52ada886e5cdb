import time

import pytest

from cobalt_async.testing import Clock


def test_it_runs_with_real_time() -> None:
    """By default it starts at 0 and never stands behind the monotonic clock."""
    before = time.monotonic()
    clock = Clock()
    reading = clock.now()
    assert 0 <= reading <= time.monotonic() - before
    while time.monotonic() == before:
        pass
    assert clock.now() >= reading


def test_it_can_be_advanced_and_set_while_it_runs() -> None:
    """`advance` adds, `set` jumps to a reading, and it runs on from there."""
    clock = Clock()
    clock.advance(100)
    assert 100 <= clock.now() < 160
    clock.set(1000)
    assert 1000 <= clock.now() < 1060


def test_frozen_it_moves_only_when_told() -> None:
    """`freeze` stops it, `advance` and `set` still move it exactly, and `unfreeze` goes on from there."""
    clock = Clock()
    clock.set(50)
    clock.freeze()
    frozen = clock.now()
    assert clock.now() == frozen
    clock.set(60)
    clock.advance(0.5)
    assert clock.now() == 60.5
    clock.advance(0)
    assert clock.now() == 60.5
    assert "60.500" in repr(clock)
    clock.unfreeze()
    assert 60.5 <= clock.now() < 120


def test_it_never_runs_backwards() -> None:
    """A reading in its past is a ValueError that names the present one."""
    clock = Clock()
    clock.freeze()
    clock.set(10)
    with pytest.raises(ValueError, match=r"reads 10\.000 .* cannot be set to 9"):
        clock.set(9)
    assert clock.now() == 10


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "5", None, True])
def test_wrong_seconds_are_refused(wrong: float) -> None:
    """Both take a finite number of seconds, 0 or more."""
    clock = Clock()
    with pytest.raises(ValueError, match=r"^seconds must be"):
        clock.advance(wrong)
    with pytest.raises(ValueError, match=r"^seconds must be"):
        clock.set(wrong)
