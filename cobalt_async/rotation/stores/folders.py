"""A file that is replaced as a whole, and the folder in which that happens."""

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

from attrs import field, frozen

from ...durable import hold, replacing, sync_folder
from ...references import Flaw, shown, why

LONGEST = 1_048_576  # bytes

_LOCKED_WITHIN = 10.0  # seconds; a write takes milliseconds
_PAUSE = 0.01  # seconds
_PROBED = 512  # bytes, as many as a secret may have
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_MOUNTS = "/proc/self/mountinfo"
_ACL = "system.posix_acl_access"
_MOUNTED = (
    "it is mounted by itself, and such a file cannot be replaced; mount the folder that it is in, or name another store"
)


@frozen
class Held:
    """What stands in a file, and what the system says of that; None where there is none."""

    content: bytes | None = field(repr=False)
    found: os.stat_result | None = None


@frozen
class Target:
    """The file at an absolute path, which is only ever replaced, under a lock on its folder."""

    path: Path

    def read(self) -> Held | Flaw:
        """What stands there now."""
        try:
            return self._read()
        except _Unfit as error:
            return Flaw(str(error))
        except OSError as error:
            return Flaw(f"it cannot be read ({why(error)})")

    def probe(self) -> Flaw | None:
        """Do all that a replacement does, with a file of another name beside it, which is removed again."""
        held = self.read()
        if isinstance(held, Flaw):
            return held
        probe = self.path.with_name(f".cobalt-check-{secrets.token_hex(8)}")
        try:
            with _locked(self.path.parent):
                return self._flaw(held) or _try_out(probe, held)
        except OSError as error:
            return _unwritable(error)

    def replace(self, change: Callable[[bytes | None], bytes | Flaw | None]) -> Flaw | None:
        """Replace what stands there by what `change` makes of it, and nobody between; by None nothing is changed."""
        beside = _hidden_name(self.path.name)
        try:
            with _locked(self.path.parent):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path.with_name(beside))  # of a process that was killed; it holds a secret
                held = self._read()
                flaw = self._flaw(held)
                if flaw is not None:
                    return flaw
                changed = change(held.content)
                if isinstance(changed, Flaw):
                    return changed
                if changed is None:
                    sync_folder(self.path.parent)  # whoever put it there may have been ended before this
                else:
                    _replace(self.path, held, changed, beside=beside)
        except OSError as error:
            return _unwritable(error)
        return None

    def _read(self) -> Held:
        try:
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            return Held(None)
        except OSError as error:
            if error.errno != errno.ELOOP:  # what O_NOFOLLOW says of a symbolic link
                raise
            raise _Unfit("it is a symbolic link; name the file that it leads to") from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise _Unfit("it is no regular file; name one, or one that is not there yet")
            with open(descriptor, "rb", closefd=False) as stream:
                content = stream.read(LONGEST + 1)
        finally:
            os.close(descriptor)
        if len(content) > LONGEST:
            raise _Unfit(f"it is longer than {LONGEST} bytes, so it is no file of secrets; name another")
        return Held(content, found)

    def _flaw(self, held: Held) -> Flaw | None:
        """Why it cannot, or should not, be replaced."""
        folder = os.stat(self.path.parent)
        trusted = {0, os.geteuid(), *([] if held.found is None else [held.found.st_uid])}
        if folder.st_mode & 0o022 or folder.st_uid not in trusted:
            # Not even where it is sticky: there, too, somebody else may be the first to take the name.
            return Flaw(
                f"others can write to its folder, {shown(str(self.path.parent))}, and put a file of theirs in its "
                "place; take that right from them (chmod go-w, chown), or name another folder"
            )
        if held.found is None:
            return None
        if held.found.st_nlink > 1:
            return Flaw("it has a second name (a hard link), which would keep the old secret; remove one of them")
        if held.found.st_dev != folder.st_dev or os.fspath(self.path.resolve()) in _mount_points():
            return Flaw(_MOUNTED)
        if hasattr(os, "listxattr") and _ACL in _attributes(self.path):
            return Flaw("it has an access control list, which would be lost; remove it (setfacl -b) and set its mode")
        return None


class _Unfit(OSError):
    """What stands there is nothing that is ever read or replaced."""


def _try_out(probe: Path, held: Held) -> Flaw | None:
    """A real write, read-back and delete."""
    said = secrets.token_bytes(_PROBED)
    try:
        _replace(probe, held, said)
        if probe.read_bytes() != said:
            return Flaw("a file beside it does not read back as it was written")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(probe)
    return None


def _replace(path: Path, held: Held, content: bytes, *, beside: str | None = None) -> None:
    """Put a file in its place, with the mode and the owner of the one that was there."""
    mode, owner = 0o600, None
    if held.found is not None:
        mode, owner = stat.S_IMODE(held.found.st_mode), (held.found.st_uid, held.found.st_gid)
    with replacing(path, mode=mode, owner=owner, beside=beside) as stream:
        stream.write(content)


def _hidden_name(name: str) -> str:
    """The name under which a new content waits; it is always the same, so none is left for long by a killed process."""
    return f".cobalt-{blake2b(os.fsencode(name), digest_size=8).hexdigest()}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder: from one of our stores to another, of any process on this host."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ends = time.monotonic() + _LOCKED_WITHIN
        while not hold(descriptor, wait=False):
            if time.monotonic() > ends:
                raise _Unfit(f"another process has held the lock of its folder for {_LOCKED_WITHIN:g} s")
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _mount_points() -> set[str]:
    """Where something is mounted, as far as this system tells."""
    try:
        lines = Path(_MOUNTS).read_bytes().splitlines()
    except OSError:  # no Linux
        return set()
    places = [line.split(b" ")[4:5] for line in lines]
    return {os.fsdecode(_ESCAPED.sub(_unescape, place)) for [place] in filter(None, places)}


def _unescape(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 8)])


def _attributes(path: Path) -> list[str]:
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system without them
        return []


def _unwritable(error: OSError) -> Flaw:
    """An error of the system's as a Flaw."""
    if isinstance(error, _Unfit):
        return Flaw(str(error))
    if error.errno in {errno.EBUSY, errno.EXDEV}:
        return Flaw(_MOUNTED)
    return Flaw(f"it cannot be written ({why(error)})")
