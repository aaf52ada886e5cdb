"""A disk that fails: what stands between our files and the system, and goes wrong at a call of one's choice."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

from cobalt_async import durable
from cobalt_async.rotation import journal, spool

ACTS = ("open", "write", "fsync", "rename", "replace", "ftruncate", "unlink", "mkdir", "fchmod", "pread")
_ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)


class FaultyOs:
    """The module `os` to look at. The call of number `fails_at` fails, and with `for_ever` all after it."""

    def __init__(self, *, fails_at: int = 0, for_ever: bool = False, code: int | None = None) -> None:
        self.calls: list[str] = []
        self._fails_at = fails_at
        self._for_ever = for_ever
        self._code = code

    @property
    def fired(self) -> bool:
        return 0 < self._fails_at <= len(self.calls)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ACTS:
            return real

        def call(*arguments: Any, **more: Any) -> Any:
            self.calls.append(name)
            number = len(self.calls)
            if self._fails_at and (number == self._fails_at or (self._for_ever and number > self._fails_at)):
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])  # as a disk does that gets full
                code = self._code or _ERRORS[self._fails_at % len(_ERRORS)]
                raise OSError(code, os.strerror(code))
            return real(*arguments, **more)

        return call


@contextlib.contextmanager
def disk(faulty: FaultyOs) -> Iterator[FaultyOs]:
    """Put it under everything that a journal and a file are written with."""
    modules: tuple[Any, ...] = (durable, journal, spool)
    try:
        for module in modules:
            module.os = faulty
        yield faulty
    finally:
        for module in modules:
            module.os = os
