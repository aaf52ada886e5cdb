"""The spool: the answer to a refresh, raw, on the disk before anything reads it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from .. import durable

_RESERVED = 65_536  # bytes; a refresh's answer has some hundred
_NAME = re.compile(r"(?P<rotation>[a-z0-9-]+)\.(?P<number>[0-9]+)\.(?:raw|part)", re.ASCII)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Spool:
    """A folder of answers, each a file that its owner alone can read, named by rotation and number of the refresh."""

    def __init__(self, folder: Path) -> None:
        self.folder: Path = folder

    def path(self, rotation_id: str, number: int) -> Path:
        """Where the answer to a refresh stands once it is there."""
        return self.folder / f"{rotation_id}.{number}.raw"

    def reserve(self, rotation_id: str, number: int) -> None:
        """Take room on the disk for an answer, before anything is sent; OSError where there is none."""
        durable.reserve(self._part(rotation_id, number), _RESERVED)

    def keep(self, rotation_id: str, number: int, answer: bytes) -> None:
        """Put an answer into the room that was taken for it; it is on the disk when this returns.

        Synchronous on purpose: between an answer's last byte and this, nothing else may happen.
        """
        durable.fill(self._part(rotation_id, number), answer, self.path(rotation_id, number))

    def answers(self, rotation_id: str) -> list[tuple[int, bytes]]:
        """The answers that are kept for a rotation, the latest first; OSError where one cannot be read.

        One that a crash kept from getting its name counts too, as far as it came.
        """
        found = ((number, _content(path)) for number, path in sorted(self._files(rotation_id), reverse=True))
        return [(number, body) for number, body in found if body]

    def filled(self, rotation_id: str) -> list[Path]:
        """The files of a rotation that hold anything, or cannot be read."""
        return [path for _, path in self._files(rotation_id) if _is_filled(path)]

    def rotations(self) -> set[str]:
        """The rotations of which something is kept."""
        return {rotation_id for rotation_id, _, _ in self._all()}

    def numbers(self, rotation_id: str) -> list[int]:
        """The numbers that answers of a rotation have, or may still get."""
        return [number for number, _ in self._files(rotation_id)]

    def remove(self, rotation_id: str) -> None:
        """Remove what is kept, and the room that is reserved, for a rotation."""
        durable.remove(path for _, path in self._files(rotation_id))

    def tidy(self, rotation_id: str) -> None:
        """Remove the room that was reserved and not needed."""
        files = self._files(rotation_id)
        durable.remove(path for _, path in files if path.suffix == ".part" and not _content(path))

    def _part(self, rotation_id: str, number: int) -> Path:
        return self.folder / f"{rotation_id}.{number}.part"

    def _files(self, rotation_id: str) -> list[tuple[int, Path]]:
        """The number and the path of each file of a rotation."""
        return [(number, path) for owner, number, path in self._all() if owner == rotation_id]

    def _all(self) -> Iterator[tuple[str, int, Path]]:
        """The rotation, the number and the path of each file."""
        if self.folder.exists():
            for path in self.folder.iterdir():
                if match := _NAME.fullmatch(path.name):
                    yield match["rotation"], int(match["number"]), path


def _is_filled(path: Path) -> bool:
    try:
        return bool(_content(path))
    except OSError:
        return True


def _content(path: Path) -> bytes:
    """What stands in a file, without the room that was not needed; a link to one is not followed."""
    with open(os.open(path, _FLAGS), "rb") as file:
        return file.read().rstrip(b"\0")
