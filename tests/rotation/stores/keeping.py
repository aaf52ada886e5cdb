"""What the tests of the stores share."""

import errno
import os
import stat
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import Secret, durable
from cobalt_async.errors import StoreError
from tests.canary import NEW, TOKEN, Hunter

OLD_SECRET, NEW_SECRET = Secret(TOKEN), Secret(NEW)


async def refused(doing: Coroutine[Any, Any, object], hunter: Hunter | None = None) -> str:
    """What the StoreError says that this ends in; it holds neither secret."""
    with pytest.raises(StoreError) as caught:
        await doing
    hunter = hunter or Hunter(TOKEN, NEW)
    hunter.look_at_error(caught.value)
    assert hunter.found == []
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert str(caught.value).isprintable()
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def _failing(number: int, *, when: Callable[..., bool] = lambda *_: True) -> Callable[[Any], Any]:
    def wrap(function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            if when(*arguments):
                raise OSError(number, os.strerror(number))
            return function(*arguments, **more)

        return call

    return wrap


def _is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


class _Full:
    """A stream onto a disk that takes nothing."""

    def __init__(self, stream: Any, number: int) -> None:
        self._stream, self._number = stream, number

    def write(self, content: bytes) -> int:
        self._stream.write(content[: len(content) // 2])
        raise OSError(self._number, os.strerror(self._number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


DISK_STEPS = ("create", "write", "fsync", "chmod", "rename", "folder fsync")


@contextmanager
def broken_disk(monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> Iterator[None]:
    """While the block runs, this step of a replacement fails; and then the disk is whole again."""
    with monkeypatch.context() as patch:
        if step == "create":
            patch.setattr(os, "open", _failing(number, when=lambda *a: bool(a[1] & os.O_CREAT))(os.open))
        elif step == "write":
            fdopen = open

            def opened(*arguments: Any, **more: Any) -> Any:
                stream = fdopen(*arguments, **more)
                return _FullOnEntry(stream, number) if "w" in str(arguments[1:2]) else stream

            patch.setattr(durable, "open", opened, raising=False)
        elif step == "fsync":
            patch.setattr(os, "fsync", _failing(number, when=lambda d: not _is_folder(d))(os.fsync))
        elif step == "chmod":
            patch.setattr(os, "fchmod", _failing(number)(os.fchmod))
        elif step == "rename":
            patch.setattr(os, "replace", _failing(number)(os.replace))
        else:
            patch.setattr(os, "fsync", _failing(number, when=_is_folder)(os.fsync))
        yield


class _FullOnEntry:
    def __init__(self, stream: Any, number: int) -> None:
        self._stream, self._number = stream, number

    def __enter__(self) -> Any:
        return _Full(self._stream.__enter__(), self._number)

    def __exit__(self, *error: Any) -> Any:
        return self._stream.__exit__(*error)


NUMBERS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
