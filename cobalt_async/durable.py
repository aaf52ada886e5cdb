"""Files that are there whole or not at all: the one place that calls fsync."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO

_CANNOT = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}  # of a file system, not of a disk


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at `path` when the block ends well; else nothing of it stays.

    The file appears in one step and outlives a loss of power, where the file system can promise that; a symbolic
    link at `path` is replaced, not followed. Until then the bytes stand in a hidden file beside it, the stream's
    `name`, which its owner alone can read. OSError as the system raises it; a `path` that cannot be a file at all
    (a folder, a name too long) raises before the block begins.
    """
    path = path.absolute()  # the block may change the working directory
    _check(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".cobalt-")
    try:
        with open(name, "wb", opener=lambda *_: descriptor) as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(path.parent)


def _check(path: Path) -> None:
    """What os.replace would say at the end, when the work is done, said at the start."""
    try:
        is_folder = S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))


def _sync_folder(folder: Path) -> None:
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
