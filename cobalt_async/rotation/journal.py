"""The journal: what a rotation is about to do, did, and got, on disk before the next thing happens.

A folder of its owner's alone: `journal.jsonl`, one line a record, only ever appended to and readable by a person;
`spool/`, answers as they came, while the secret in them stands nowhere else; `locks/`, empty files.
"""

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .. import durable
from ..errors import ConfigurationError
from ..ledger import RotationRecord
from . import records
from .intent import Fields, Intent
from .records import Entry
from .spool import Spool
from .state_folder import default_folder
from .words import OVER, State

_FILE, _SPOOL, _LOCKS = "journal.jsonl", "spool", "locks"
_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
_SALT = 32  # bytes


class Busy(Exception):
    """Another process, or another task of this one, is at it."""


class Journal:
    """The journal of all rotations on this machine, in a folder that is made when the first one begins.

    `path`: that folder; None stands for `cobalt_async` in the platform's state directory: `$XDG_STATE_HOME` where that
    is absolute, else `~/.local/state` (on macOS `~/Library/Application Support`). A folder that others may read or
    write, or that is somebody else's, is a ConfigurationError when it is used. Iterating yields a RotationRecord for
    each rotation, the oldest first: what `audit` takes as `ledger`.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if path is not None and not os.fspath(path):
            raise ConfigurationError("journal: its path is empty; name a folder, or none for the default one")
        self.path: Path = default_folder() if path is None else Path(path).absolute()
        self.spool: Spool = Spool(self.path / _SPOOL)
        self._content = b""
        self._salt: bytes | None = None
        self._folded = records.Folded()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    def __iter__(self) -> Iterator[RotationRecord]:
        return iter([entry.record() for entry in self.entries().values()])

    def entries(self) -> dict[str, Entry]:
        """All rotations by their ids, in the order in which they began; none where there is no journal yet."""
        self._read()
        return dict(self._folded.entries)

    def prepare(self) -> bytes:
        """Make what is missing, and try whether it can be written to for good; the salt of fingerprints."""
        with self._explained():
            for path in (self.path, self.path / _SPOOL, self.path / _LOCKS):
                durable.make_folder(path)
                _check_folder(path)
        with self._explained(), self.lock("journal"):
            self._read()
            salt = self._salt
            if salt is None:
                salt = secrets.token_bytes(_SALT)
                self._write({"kind": "HEAD", "schema": records.SCHEMA, "salt": salt.hex()})
        return salt

    def check(self) -> None:
        """Look whether `prepare` can do its work, without doing it."""
        with self._explained():
            try:
                _check_folder(self.path)
            except FileNotFoundError:
                parent = next(folder for folder in self.path.parents if folder.exists())
                if not os.access(parent, os.W_OK | os.X_OK):
                    raise PermissionError(13, os.strerror(13), str(parent)) from None

    def append(self, rotation_id: str, kind: str, **fields: object) -> None:
        """Write a record down; it is on the disk when this returns. OSError where it cannot be."""
        self._write({"rotation": rotation_id, "kind": kind, **fields})

    def remark(self, rotation_id: str, kind: str, **fields: object) -> None:
        """Write a record down for people: it outlives this process, and is on the disk with the next `append`."""
        self._write({"rotation": rotation_id, "kind": kind, **fields}, lasting=False)

    def begin(self, intent: Intent) -> None:
        """Write an intent down; Busy where a rotation of the same user is under way."""
        with self.lock("journal"):
            if self.is_busy(intent):
                raise Busy
            self.append(intent.rotation_id, "INTENT", **intent.fields())

    def is_busy(self, intent: Intent) -> bool:
        """Whether a rotation of another token of the same user is under way."""
        return any(
            entry.state not in OVER
            and entry.intent.token_id != intent.token_id
            and not entry.intent.listed.keys().isdisjoint(intent.listed)
            and self.is_locked(entry.intent)
            for entry in self.entries().values()
        )

    def sweep(self) -> None:
        """Remove what a crash left in the spool of rotations that had come to a good end."""
        with self._explained():
            kept = self.spool.rotations()
            entries = self.entries() if kept else {}
            for rotation_id in kept & entries.keys():
                if entries[rotation_id].state in OVER:
                    self.spool.remove(rotation_id)

    def waiting(self) -> list[str]:
        """The rotations that `resume` takes up: the unfinished, and a MISMATCH whose new secret nobody has taken."""
        return [
            rotation_id
            for rotation_id, entry in self.entries().items()
            if not entry.finished or (entry.state == State.MISMATCH and self._is_kept(rotation_id))
        ]

    def _is_kept(self, rotation_id: str) -> bool:
        try:
            return bool(self.spool.answers(rotation_id))
        except OSError:
            return True

    def strays(self) -> list[Path]:
        """Answers in the spool whose rotation cannot be read here, because its line was damaged, say; never swept."""
        with self._explained():
            kept = self.spool.rotations()  # looked at first: what begins meanwhile is written down before
            return sorted(path for name in kept - self.entries().keys() for path in self.spool.filled(name))

    def is_locked(self, intent: Intent) -> bool:
        """Whether somebody is at that rotation's token now."""
        try:
            with self.lock(lock_name(intent.base_url, intent.token_id)):
                return False
        except Busy:
            return True

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock of this journal's, `journal` itself or a token's; Busy where a token's is taken."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._explained():
            descriptor = os.open(self.path / _LOCKS / f"{name}.lock", flags, 0o600)
        try:
            with self._explained():
                held = durable.hold(descriptor, wait=name == "journal")
            if not held:
                raise Busy
            yield
        finally:
            os.close(descriptor)

    def _read(self) -> None:
        """Take in what is written down; lines that were read before are not taken apart again."""
        with self._explained():
            try:
                _check_folder(self.path)
                flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(self.path / _FILE, flags)
            except FileNotFoundError:
                content = b""
            else:
                with open(descriptor, "rb") as file:
                    self._check_file(os.fstat(descriptor))
                    content = file.read()
        if not content.startswith(self._content):  # only ever appended to, unless somebody else was at it
            self._content, self._salt, self._folded = b"", None, records.Folded()
        if _fields(content[content.rfind(b"\n") + 1 :]) is None:  # another process may be at it still
            content = content[: content.rfind(b"\n") + 1]
        lines = content[len(self._content) :].splitlines(keepends=True)
        found = [fields for line in lines if (fields := _fields(line)) is not None]
        if any(fields.get("kind") == "HEAD" and fields.get("schema") != records.SCHEMA for fields in found):
            raise ConfigurationError(
                f"{self.path / _FILE}: a newer version of cobalt_async wrote it; use that one, or another --journal"
            )
        self._content = content
        self._folded.add(found)
        if self._salt is None:
            self._salt = next(filter(None, map(_salt_of, found)), None)

    def _write(self, fields: dict[str, object], *, lasting: bool = True) -> None:
        line = records.write({"at": records.stamp(datetime.now(UTC)), **fields})
        durable.append(self.path / _FILE, line, lasting=lasting)

    def _check_file(self, found: os.stat_result) -> None:
        """What it says leads to refreshes and to stores: nobody else may have written it."""
        path = self.path / _FILE
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{path}: it is no regular file; remove it, or name another folder with --journal")
        if found.st_uid != os.geteuid():
            raise ConfigurationError(f"{path}: it belongs to another user, who may have written it; look into it")
        if found.st_mode & 0o022:
            raise ConfigurationError(f"{path}: others may have written to it; look into it, then run chmod 600 {path}")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            flaw = error.strerror or type(error).__name__
        else:
            return
        raise ConfigurationError(f"{self.path}: the journal cannot be used ({flaw}); mend it, or name another folder")


def _check_folder(path: Path) -> None:
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{path}: it is no folder; name another with --journal")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path}: it belongs to another user; name a folder of your own")
    if found.st_mode & 0o077:
        raise ConfigurationError(f"{path}: others may look into it; run chmod 700 {path}")


def lock_name(base_url: str, token_id: str) -> str:
    """The name of a token's lock: one rotation per token and host."""
    return "-".join(_UNSAFE.sub("-", text)[:100] for text in (base_url.partition("://")[2], token_id))


def _fields(line: bytes) -> Fields | None:
    """What a line says; None where it is empty, or the end of the file that a crash cut: it was never relied on."""
    if not line.strip():
        return None
    return records.read(line) or (records.DAMAGED if line.endswith(b"\n") else None)


def _salt_of(fields: Fields) -> bytes | None:
    """The salt in a line, None where none is, or none that could be one."""
    try:
        salt = bytes.fromhex(fields["salt"])
    except (KeyError, TypeError, ValueError):
        return None
    return salt if 0 < len(salt) <= _SALT else None
