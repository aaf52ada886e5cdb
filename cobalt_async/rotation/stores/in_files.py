"""A store that is a file, or a part of one."""

import os
from abc import abstractmethod
from pathlib import Path

from ...errors import ConfigurationError
from ...references import UNSHOWABLE, Flaw, exposes, shown
from ...secret import Secret
from .blocking import BlockingStore, conflict
from .folders import Target
from .versions import version_of

_TRIAL = Secret("a-secret-that-every-quote-can-hold")


class StoreInFile(BlockingStore):
    """A secret in a file: what is special about a kind of file is how it is found in there, and put there."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._target = Target(absolute(path))

    @property
    def path(self) -> Path:
        """Where the file is, from the root."""
        return self._target.path

    @property
    def is_exposed(self) -> bool:
        """Whether there is a file, and its mode lets others than its owner at it."""
        try:
            return exposes(os.lstat(self.path).st_mode)
        except OSError:
            return False

    @abstractmethod
    def _find(self, content: bytes | None) -> Secret | Flaw | None:
        """The secret in there, None where there is none."""

    @abstractmethod
    def _put(self, content: bytes | None, secret: Secret) -> bytes | Flaw:
        """The same content with another secret."""

    def _check(self) -> str | Flaw:
        held = self._target.read()
        if isinstance(held, Flaw):
            return held
        found = self._find(held.content)
        if isinstance(found, Flaw):
            return found
        tried = self._put(held.content, _TRIAL)
        return tried if isinstance(tried, Flaw) else self._target.probe() or version_of(found)

    def _read(self) -> Secret | Flaw | None:
        held = self._target.read()
        return held if isinstance(held, Flaw) else self._find(held.content)

    def _write(self, secret: Secret, expected_version: str | None) -> Flaw | None:
        def change(content: bytes | None) -> bytes | Flaw | None:
            held = self._find(content)
            if isinstance(held, Flaw):
                return held
            if held == secret:
                return None
            return conflict(held, expected_version) or self._put(content, secret)

        return self._target.replace(change)


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the root, as it means now; ConfigurationError for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise ConfigurationError(f"path: a str or a path, not {type(path).__name__}")
    text = os.fsdecode(path)
    if not text or UNSHOWABLE.search(text):
        raise ConfigurationError("path: it is empty, or holds a control character or a line end")
    if text.endswith("/") or os.path.basename(text) in {".", ".."}:
        raise ConfigurationError(f"path: a file, and {shown(text)} is a folder")
    return Path(os.path.abspath(text))
