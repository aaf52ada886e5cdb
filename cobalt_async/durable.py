"""Files that are there whole or not at all: the one place that calls fsync."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import BinaryIO

_CANNOT = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}  # of a file system, not of a disk


@contextlib.contextmanager
def replacing(
    path: Path, *, mode: int = 0o600, owner: tuple[int, int] | None = None, beside: str | None = None
) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at `path` when the block ends well; else nothing of it stays.

    The file appears in one step and outlives a loss of power, where the file system can promise that; a symbolic
    link at `path` is replaced, not followed. Until then the bytes stand in a hidden file beside it, the stream's
    `name`, which its owner alone can read. OSError as the system raises it; a `path` that cannot be a file at all
    (a folder, a name too long) raises before the block begins, and so does what a file must not take the place of: a
    device, a pipe, a socket.

    `owner` is the user and the group that it shall have, where not ours. `beside` names the hidden file, for a
    caller that holds a lock on it: what a killed process left there is removed.
    """
    path = path.absolute()  # the block may change the working directory
    _check(path)
    if beside is None:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".cobalt-")
    else:
        descriptor, name = _take_over(path.parent / beside)
    try:
        with open(name, "wb", opener=lambda *_: descriptor) as stream:
            yield stream
            stream.flush()
            if owner is not None:
                _give(stream.fileno(), owner)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def _check(path: Path) -> None:
    """What os.replace would say at the end, when the work is done, said at the start; and what it would not."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not S_ISREG(mode) and not S_ISLNK(mode):  # os.replace would take /dev/full itself away
        raise OSError(errno.EINVAL, "what is there is no regular file", os.fspath(path))


def _take_over(path: Path) -> tuple[int, str]:
    """A new file that its owner alone can read, whatever stood there before."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), os.fspath(path)


def _give(descriptor: int, owner: tuple[int, int]) -> None:
    """Make a file somebody's, which takes rights only where it is not theirs already."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != owner:
        os.fchown(descriptor, *owner)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder outlive a loss of power, where the system can: the file is in its place already."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # one may write into a folder that one may not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """A folder that its owner alone can look into, with those above it; one that is there already stays as it is."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists():
            with contextlib.suppress(FileExistsError):  # somebody was faster
                os.mkdir(folder, 0o700)
                sync_folder(folder.parent)


def append(path: Path, line: bytes, *, lasting: bool = True) -> None:
    """Add a line to a file of its owner's, which is made if it is not there; it is on the disk when this returns.

    Not `lasting`: it is there once a later line is. What a crash left of an earlier line is closed with a line end
    first. A symbolic link is refused.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        _write_all(descriptor, line)
        if lasting:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not size:
        sync_folder(path.parent)


def reserve(path: Path, size: int) -> None:
    """A new file of its owner's with room for `size` bytes, taken from the disk; a leftover of that name goes."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        _write_all(descriptor, bytes(size))
        os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def fill(reserved: Path, data: bytes, path: Path) -> None:
    """Write `data` where room was reserved, and give it the name `path`; it is on the disk when this returns."""
    descriptor = os.open(reserved, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, data)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(reserved, path)
    sync_folder(path.parent)


def remove(paths: Iterable[Path]) -> None:
    """Remove files of one folder; they stay removed after a loss of power."""
    folders = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)


def _write_all(descriptor: int, data: bytes) -> None:
    """All of it: the system may take less at a time, the last of a disk's room for one."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def hold(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file against every other opening of it, until it is closed; False where somebody else holds it."""
    import fcntl  # noqa: PLC0415 - Windows has none, and is not offered what locks

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
