import errno
import os
import resource
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.durable import replacing


def write(path: Path, text: bytes = b"new", *, mode: int = 0o600) -> None:
    """Put a file in its place."""
    with replacing(path, mode=mode) as stream:
        stream.write(text)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """What the process takes from the mode of each new file."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", ["file", "日本" * 42, "a" * 255, ".hidden", "with\nline", "-", os.fsdecode(b"\xff")])
def test_a_file_is_there_when_the_block_ends(tmp_path: Path, name: str) -> None:
    """And not before; whatever its name, as long as the file system takes it; and nothing else is there."""
    path = tmp_path / name
    with replacing(path) as stream:
        stream.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o777])
def test_its_mode_is_what_was_asked(tmp_path: Path, mask: int) -> None:
    """0600 unless said otherwise, whatever the umask and whatever stood there; never more before that."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    with umask(mask):
        with replacing(path) as stream:
            assert not stat.S_IMODE(os.stat(stream.name).st_mode) & 0o077
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        write(path, mode=0o640)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


class Stopped(BaseException):
    """What ends a block, as a Ctrl-C does."""


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """Not a byte of the old file changes, and nothing of the new one stays."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(Stopped):
        with replacing(path) as stream:
            stream.write(b"x" * 100_000)
            raise Stopped
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Whoever put it there does not choose what is overwritten; it may lead to a file, a folder, or nowhere."""
    for target in ("target", "folder", "nothing"):
        path = tmp_path / f"link to {target}"
        path.symlink_to(tmp_path / target)
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "target").write_bytes(b"old")
        write(path)
        assert path.read_bytes() == b"new"
        assert not path.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"old"
    assert list((tmp_path / "folder").iterdir()) == []
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("name", "number"),
    [("folder", errno.EISDIR), (".", errno.EISDIR), ("no/file", errno.ENOENT), ("a" * 256, errno.ENAMETOOLONG),
     ("old/file", errno.ENOTDIR)],
)  # fmt: skip
def test_what_cannot_be_a_file_is_said_at_once(tmp_path: Path, name: str, number: int) -> None:
    """Before the block begins, and so before its work is done; and nothing is left."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
        with replacing(tmp_path / name):
            pytest.fail("the block began")
    assert caught.value.errno == number
    assert sorted(os.listdir(tmp_path)) == ["folder", "old"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_stays(tmp_path: Path, kind: str) -> None:
    """A file does not take the place of a device, a pipe or a socket: that is said before the block begins."""
    path = tmp_path / "special"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.fspath(path))
    elif os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))
    else:
        pytest.skip("only root makes a device")
    before = os.lstat(path)
    with pytest.raises(OSError, match="what is there is no regular file"):
        with replacing(path):
            pytest.fail("the block began")
    assert os.lstat(path) == before
    assert os.listdir(tmp_path) == ["special"]


def test_a_folder_that_nobody_may_write_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own error, and nothing is left; root may write everywhere, so the system is told to say no."""
    opened = os.open

    def open_(path: Any, flags: int, *more: int) -> int:
        if os.geteuid() == 0 and flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", open_)
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write(tmp_path / "file")
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(tmp_path: Path) -> None:
    """The old file stays, and the half new one does not: here no file may grow beyond 1,000 bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, b"x" * 100_000)
        with pytest.raises(OSError, match="File too large"):  # and where only the last bytes do not fit
            write(path, b"x" * 1001)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def _steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done with files, in order."""
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def replaced(source: str, target: Path) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    return steps


def test_it_outlives_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on the disk before the name is, and the name before the block is left."""
    steps = _steps(monkeypatch)
    write(tmp_path / "file")
    assert steps == ["file", "rename", "folder"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("failing", ["fsync", "replace", "fchmod"])
def test_a_disk_that_fails_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, number: int
) -> None:
    """Whichever step fails, the old file stays and nothing else does."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        write(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_knows_no_such_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Some cannot sync a folder: the file is in its place, and that is all there is to have."""
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    write(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may write into a folder that one may not list: that is no failure."""
    opened = os.open

    def open_(path: Any, flags: int, *more: int) -> int:
        if path == tmp_path and not flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", open_)
    write(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_failing_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails to keep the name is an error, though the file is there."""
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write(tmp_path / "file")
    assert os.listdir(tmp_path) == ["file"]


def test_a_block_that_goes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name means what it meant when the block began."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with replacing(Path("file")) as stream:
        os.chdir("elsewhere")
        stream.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """Neither by a file that is written nor by one that is not."""
    before = len(os.listdir("/proc/self/fd"))
    write(tmp_path / "file")
    with pytest.raises(Stopped):
        with replacing(tmp_path / "file"):
            raise Stopped
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("left", ["nothing", "a file", "a link"])
def test_where_the_bytes_stand_may_be_said(tmp_path: Path, left: str) -> None:
    """Under a hidden name of the caller's; what a killed process left there, or anybody planted, is not followed."""
    target = tmp_path / "target"
    target.write_bytes(b"target")
    hidden = tmp_path / ".hidden"
    if left == "a file":
        hidden.write_bytes(b"left" * 1000)
        hidden.chmod(0o666)
    elif left == "a link":
        hidden.symlink_to(target)
    with replacing(tmp_path / "file", beside=".hidden") as stream:
        assert stream.name == str(hidden)
        assert stat.S_IMODE(os.lstat(hidden).st_mode) == 0o600
        stream.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "target"]
    assert target.read_bytes() == b"target"


def test_its_owner_may_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has it already is not asked for the right; else the system decides, and without it nothing is written."""
    given: list[tuple[int, ...]] = []
    monkeypatch.setattr(os, "fchown", lambda *arguments: given.append(arguments[1:]))
    with replacing(tmp_path / "file", owner=(os.geteuid(), os.getegid())) as stream:
        stream.write(b"new")
    assert given == []
    with replacing(tmp_path / "file", owner=(12345, 54321)) as stream:
        stream.write(b"new")
    assert given == [(12345, 54321)]
