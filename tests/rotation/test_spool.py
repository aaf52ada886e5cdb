import os
import stat
from pathlib import Path

import pytest

from cobalt_async.rotation.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty one."""
    return Spool(tmp_path)


def names(spool: Spool) -> set[str]:
    """All files in it."""
    return set(os.listdir(spool.folder))


def test_an_answer_is_kept_as_it_came(spool: Spool) -> None:
    """Byte for byte, in the room that was taken for it, for its owner alone, whatever the umask."""
    before = os.umask(0)
    try:
        spool.reserve("rot-1", 1)
        [reserved] = spool.folder.iterdir()
        assert (reserved.stat().st_size, stat.S_IMODE(reserved.stat().st_mode)) == (65_536, 0o600)
        spool.keep("rot-1", 1, b"\0\xffraw\n")
    finally:
        os.umask(before)
    assert spool.path("rot-1", 1).read_bytes() == b"\0\xffraw\n"
    assert stat.S_IMODE(spool.path("rot-1", 1).stat().st_mode) == 0o600
    assert names(spool) == {"rot-1.1.raw"}


def test_an_answer_longer_than_its_room_is_kept_whole(spool: Spool) -> None:
    """The room is for what is usual."""
    spool.reserve("rot-1", 1)
    spool.keep("rot-1", 1, b"x" * 100_000)
    assert spool.answers("rot-1") == [(1, b"x" * 100_000)]


def test_the_latest_answer_comes_first(spool: Spool) -> None:
    """By number, not by name; other rotations' answers, and strangers' files, are not looked at."""
    for number in (9, 10, 1):
        spool.reserve("rot-1", number)
        spool.keep("rot-1", number, b"%d" % number)
    spool.reserve("rot-10", 11)
    spool.keep("rot-10", 11, b"another rotation's")
    (spool.folder / "rot-1.12.raw~").write_bytes(b"an editor's")
    (spool.folder / "notes").write_bytes(b"a person's")
    assert spool.answers("rot-1") == [(10, b"10"), (9, b"9"), (1, b"1")]
    assert sorted(spool.numbers("rot-1")) == [1, 9, 10]


def test_an_answer_that_did_not_get_its_name_counts(spool: Spool) -> None:
    """A crash between the write and the rename; room that nobody wrote into is no answer."""
    spool.reserve("rot-1", 1)
    spool.reserve("rot-1", 2)
    (spool.folder / "rot-1.2.part").write_bytes(b"as far as it came")
    assert spool.answers("rot-1") == [(2, b"as far as it came")]
    spool.tidy("rot-1")
    assert names(spool) == {"rot-1.2.part"}


def test_what_is_removed_is_gone(spool: Spool) -> None:
    """Of that rotation only; a second time does nothing."""
    for rotation in ("rot-1", "rot-2"):
        spool.reserve(rotation, 1)
        spool.keep(rotation, 1, b"x")
        spool.reserve(rotation, 2)
    spool.remove("rot-1")
    spool.remove("rot-1")
    assert names(spool) == {"rot-2.1.raw", "rot-2.2.part"}


def test_a_spool_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Nothing was ever rotated here."""
    spool = Spool(tmp_path / "none")
    assert spool.answers("rot-1") == []
    spool.remove("rot-1")
    spool.tidy("rot-1")


def test_a_link_that_somebody_planted_is_not_followed(spool: Spool, tmp_path: Path) -> None:
    """Room is taken in a new file, and an answer goes nowhere else."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"somebody's")
    (spool.folder / "rot-1.1.part").symlink_to(victim)
    spool.reserve("rot-1", 1)
    (spool.folder / "rot-1.1.raw").symlink_to(victim)
    spool.keep("rot-1", 1, b"the answer")
    assert victim.read_bytes() == b"somebody's"
    assert not spool.path("rot-1", 1).is_symlink()
    (spool.folder / "rot-1.2.part").symlink_to(victim)
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP
        spool.keep("rot-1", 2, b"the answer")
    assert victim.read_bytes() == b"somebody's"
