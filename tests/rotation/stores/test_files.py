import asyncio
import contextlib
import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import durable
from cobalt_async.errors import ConfigurationError, StoreConflictError
from cobalt_async.rotation.stores import FileStore, folders
from cobalt_async.rotation.stores.folders import Target
from cobalt_async.rotation.stores.versions import NOTHING, version_of
from tests.audit.inventories import unprivileged
from tests.canary import NEW, TOKEN, hunting
from tests.processes import ending
from tests.rotation.stores.keeping import (
    DISK_STEPS,
    NEW_SECRET,
    NUMBERS,
    OLD_SECRET,
    broken_disk,
    contents,
    refused,
)

ROOT = os.geteuid() == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds the old secret."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


async def test_a_rotation(path: Path) -> None:
    """Checked, read, written with the version that was there, and read back; nothing else is left in the folder."""
    store = FileStore(path)
    version = await store.check()
    assert await store.read() == OLD_SECRET
    await store.write(NEW_SECRET, version)
    assert await store.read() == NEW_SECRET
    assert contents(path.parent) == {"token": NEW.encode()}
    assert await store.describe() == f"file {path}"


@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
async def test_the_line_end_stays(path: Path, line_end: str) -> None:
    """It is as it was in the file that is there, and is no part of the version."""
    store = FileStore(path)
    version = await store.check()
    path.write_bytes(f"{TOKEN}{line_end}".encode())
    await store.write(NEW_SECRET, version)
    assert path.read_bytes() == f"{NEW}{line_end}".encode()


@pytest.mark.parametrize("before", [None, b"", b"\n"])
@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
async def test_a_new_file(tmp_path: Path, before: bytes | None, mask: int) -> None:
    """Nothing there, or an empty file, holds nothing; a new file is its owner's alone, whatever the umask."""
    path = tmp_path / "token"
    if before is not None:
        path.write_bytes(before)
        path.chmod(0o600)
    store = FileStore(str(path))
    assert await store.read() is None
    version = await store.check()
    assert version == NOTHING
    umask = os.umask(mask)
    try:
        await store.write(NEW_SECRET, version)
    finally:
        os.umask(umask)
    assert path.read_bytes() == NEW.encode() + (before or b"")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644, 0o660])
async def test_the_mode_stays(path: Path, mode: int) -> None:
    """Who could read the old secret can read the new one."""
    path.chmod(mode)
    umask = os.umask(0)
    try:
        await FileStore(path).write(NEW_SECRET, None)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
async def test_the_owner_stays(path: Path) -> None:
    """Where we have the right, user and group are those of the old file."""
    os.chown(path, 1234, 5678)
    store = FileStore(path)
    await store.check()
    await store.write(NEW_SECRET, None)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


async def test_the_owner_cannot_be_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where we have not, nothing is written, and `check` says so beforehand."""
    fstat = os.fstat

    def others(descriptor: int) -> Any:
        found = fstat(descriptor)
        if "/.cobalt-" not in os.readlink(f"/proc/self/fd/{descriptor}"):
            return found
        return os.stat_result((*found[:4], 4321, *found[5:]))

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fstat", others)
    monkeypatch.setattr(os, "fchown", refuse)
    store = FileStore(path)
    for doing in (store.check(), store.write(NEW_SECRET, None)):
        assert "it cannot be written (Operation not permitted)" in await refused(doing)
    assert contents(path.parent) == {"token": TOKEN.encode()}


async def test_compare_and_swap(path: Path) -> None:
    """What somebody else wrote since the check stays, and is told; the same secret again is no conflict."""
    store = FileStore(path)
    version = await store.check()
    path.write_text("of-somebody-else")
    with pytest.raises(StoreConflictError, match="it holds another secret than before, and nothing was written"):
        await store.write(NEW_SECRET, version)
    assert path.read_text() == "of-somebody-else"
    path.unlink()
    with pytest.raises(StoreConflictError, match="it holds nothing any more"):
        await store.write(NEW_SECRET, version)
    with pytest.raises(StoreConflictError):
        path.write_text(TOKEN)
        await store.write(NEW_SECRET, NOTHING)
    path.write_text(f"{NEW}\n")
    before = path.stat().st_ino
    await store.write(NEW_SECRET, version)
    assert (path.read_text(), path.stat().st_ino) == (f"{NEW}\n", before)
    await store.write(OLD_SECRET, None)
    assert path.read_text() == f"{TOKEN}\n"


async def test_what_was_there_already_is_made_to_last(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that finds its secret in place syncs the folder: whoever put it there may have been killed before."""
    synced: list[Path] = []
    monkeypatch.setattr(folders, "sync_folder", synced.append)
    await FileStore(path).write(OLD_SECRET, None)
    assert synced == [path.parent]


@pytest.mark.parametrize("text", ["two words", "A=1\nB=2\n", f"{TOKEN}\n\n", "\x00", " ", "x" * 600])
async def test_what_is_no_secret_is_not_overwritten(path: Path, text: str) -> None:
    """A file that holds anything else is somebody's work, perhaps a .env: it is refused and stays."""
    path.write_text(text)
    store = FileStore(path)
    for doing in (store.check(), store.read(), store.write(NEW_SECRET, None)):
        assert "what it holds is no secret and would be lost" in await refused(doing)
    assert contents(path.parent) == {"token": text.encode()}


async def test_a_huge_file_is_not_read(path: Path) -> None:
    """Of a terabyte no more is read than shows that it is none of ours."""
    os.truncate(path, 2**40)
    assert "it is longer than 1048576 bytes" in await refused(FileStore(path).write(NEW_SECRET, None))


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
async def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """A symbolic link, a folder, a FIFO: refused at once, by each coroutine, and nothing changes."""
    path, target = tmp_path / "token", tmp_path / "target"
    target.write_text(TOKEN)
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(target if kind == "link" else tmp_path / "nowhere")
    store, before = FileStore(path), sorted(os.listdir(tmp_path))
    said = "it is a symbolic link; name the file" if path.is_symlink() else "it is no regular file; name one"
    for doing in (store.check(), store.read(), store.write(NEW_SECRET, None)):
        assert said in await refused(doing)
    assert sorted(os.listdir(tmp_path)) == before
    assert target.read_text() == TOKEN


async def test_a_link_that_is_planted_in_between(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that appears after the check, or while the write goes on, is replaced and never followed."""
    victim = path.parent / "victim"
    victim.write_text("victim")
    replace = os.replace

    def planted(source: str, target: Path) -> None:
        path.unlink()
        path.symlink_to(victim)
        replace(source, target)

    monkeypatch.setattr(os, "replace", planted)
    await FileStore(path).write(NEW_SECRET, None)
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("victim", NEW, False)


async def test_a_link_where_the_new_content_waits(path: Path) -> None:
    """Whatever stands under the hidden name is removed and not followed; a killed process may have left it."""
    victim = path.parent / "victim"
    victim.write_text("victim")
    hidden = path.with_name(folders._hidden_name(path.name))
    hidden.symlink_to(victim)
    await FileStore(path).write(NEW_SECRET, None)
    assert contents(path.parent) == {"token": NEW.encode(), "victim": b"victim"}


@pytest.mark.parametrize("held", [NEW, "of-somebody-else"])
async def test_what_a_killed_process_left_is_removed_where_nothing_is_written(path: Path, held: str) -> None:
    """A secret stands in it: it goes, also where the store holds the new secret already, or another than expected."""
    version = await FileStore(path).check()
    path.write_text(held)
    path.with_name(folders._hidden_name(path.name)).write_text("left")
    with contextlib.suppress(StoreConflictError):
        await FileStore(path).write(NEW_SECRET, version)
    assert contents(path.parent) == {"token": held.encode()}


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777, 0o720])
async def test_a_folder_that_others_can_write_to(path: Path, mode: int) -> None:
    """They could put a file of theirs in its place; a sticky bit does not help. Reading is not refused."""
    path.parent.chmod(mode)
    store = FileStore(path)
    for doing in (store.check(), store.write(NEW_SECRET, None)):
        assert f"others can write to its folder, {path.parent}" in await refused(doing)
    assert await store.read() == OLD_SECRET
    assert contents(path.parent) == {"token": TOKEN.encode()}


@pytest.mark.skipif(not ROOT, reason="only root can give folders away")
async def test_a_folder_of_somebody_else(path: Path) -> None:
    """It is theirs to write to: refused, unless the file is theirs too."""
    os.chown(path.parent, 1234, -1)
    assert "others can write" in await refused(FileStore(path).write(NEW_SECRET, None))
    os.chown(path, 1234, -1)
    await FileStore(path).write(NEW_SECRET, None)
    assert path.stat().st_uid == 1234


async def test_a_second_name(path: Path) -> None:
    """A hard link would keep the old secret: refused."""
    os.link(path, path.parent / "other")
    assert "it has a second name" in await refused(FileStore(path).check())


async def test_an_access_control_list(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be lost, and with it somebody's right to read: refused; a file system without them is fine."""
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: ["user.x", "system.posix_acl_access"])
    assert "access control list, which would be lost" in await refused(FileStore(path).check())

    def fail(*_: object, **__: object) -> list[str]:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "listxattr", fail)
    await FileStore(path).check()


async def test_a_file_that_is_mounted_by_itself(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` sees it where the system lists its mounts, and a write says it where it does not."""
    odd = path.with_name("an odd\\name")
    odd.write_text(TOKEN)
    mounts = tmp_path / "mounts"
    escaped = os.fspath(odd).replace("\\", "\\134").replace(" ", "\\040")
    mounts.write_text(f"36 35 98:0 / {escaped} rw,noatime - ext4 /dev/sda rw\n")
    monkeypatch.setattr(folders, "_MOUNTS", str(mounts))
    assert "it is mounted by itself" in await refused(FileStore(odd).check())
    await FileStore(path).check()
    monkeypatch.setattr(folders, "_MOUNTS", "/nowhere")
    await FileStore(odd).check()
    for number in (errno.EBUSY, errno.EXDEV):
        with broken_disk(monkeypatch, "rename", number):
            assert "mount the folder that it is in" in await refused(FileStore(odd).write(NEW_SECRET, None))


@pytest.mark.skipif(
    not ROOT or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0,  # noqa: S607
    reason="only root can mount",
)
def test_a_real_mount(path: Path) -> None:
    """A bind-mounted single file is found by `check`; the system itself refuses to replace it."""
    source = path.with_name("source")
    source.write_text(TOKEN)
    program = (
        "import asyncio, sys\nfrom cobalt_async.rotation.stores import FileStore\n"
        "from cobalt_async.errors import StoreError\n"
        "try: asyncio.run(FileStore(sys.argv[1]).check())\nexcept StoreError as error: print(error)\n"
    )
    line = 'mount --bind "$1" "$2" && exec "$3" -c "$4" "$2"'
    words = ["unshare", "-m", "sh", "-c", line, "sh", str(source), str(path), sys.executable, program]
    with ending(subprocess.Popen(words, stdout=subprocess.PIPE, text=True)) as process:
        told, _ = process.communicate(timeout=60)
    assert "it is mounted by itself" in told


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("step", DISK_STEPS)
async def test_a_disk_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> None:
    """At every step, by every error: StoreError, and the old secret is whole, with nothing beside it.

    Only where the folder itself cannot be synced the new one may be there, whole as well; the next write ends it.
    """
    path.chmod(0o640)
    store = FileStore(path)
    version = await store.check()
    with hunting(TOKEN, NEW) as hunter:
        with broken_disk(monkeypatch, step, number):
            assert f"it cannot be written ({os.strerror(number)})" in await refused(
                store.write(NEW_SECRET, version), hunter
            )
            left = contents(path.parent)
            assert f"it cannot be written ({os.strerror(number)})" in await refused(store.check(), hunter)
    now = NEW if step == "folder fsync" else TOKEN
    assert left == contents(path.parent) == {"token": now.encode()}
    await store.write(NEW_SECRET, version)
    assert path.read_text() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_probe_that_does_not_read_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that keeps something else than was written is found by `check`."""
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"other")
    assert "does not read back as it was written" in await refused(FileStore(path).check())
    assert os.listdir(path.parent) == ["token"]


async def test_the_check_is_a_real_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It creates, syncs, renames, reads and deletes in the very folder, and does not touch the file."""
    names: list[str] = []
    replace = os.replace

    def noted(source: str, target: Path) -> None:
        names.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    before = path.stat()
    await FileStore(path).check()
    assert len(names) == 1
    assert names[0].startswith(".cobalt-check-")
    assert path.stat() == before
    assert os.listdir(path.parent) == ["token"]


async def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is not made."""
    store = FileStore(tmp_path / "no" / "token")
    assert await store.read() is None
    for doing in (store.check(), store.write(NEW_SECRET, None)):
        assert "it cannot be written (No such file or directory); mend it" in await refused(doing)


async def test_no_right_to_write(tmp_path: Path) -> None:
    """Neither to read where one may not, nor to write: both are told as the system does."""
    with unprivileged() as folder:
        path = folder / "token"
        path.write_text(TOKEN)
        path.chmod(0)
        store = FileStore(path)
        target = Target(path)
        read = target.read()
        path.chmod(0o600)
        folder.chmod(0o500)
        probed, replaced = target.probe(), target.replace(lambda _: NEW.encode())
        folder.chmod(0o700)
        assert "it cannot be read (Permission denied)" in repr(read)
        assert "it cannot be written (Permission denied)" in f"{probed!r}"
        assert "it cannot be written (Permission denied)" in f"{replaced!r}"
        assert contents(folder) == {"token": TOKEN.encode()}
        assert store.path == path


async def test_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One write at a time: it waits for another of the same folder, and not for ever."""
    monkeypatch.setattr(folders, "_LOCKED_WITHIN", 0.05)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        assert durable.hold(descriptor, wait=False)
        assert "another process has held the lock of its folder" in await refused(
            FileStore(path).write(NEW_SECRET, None)
        )
    finally:
        os.close(descriptor)
    await FileStore(path).write(NEW_SECRET, None)


RIVAL = """
import asyncio, sys
from cobalt_async import Secret
from cobalt_async.errors import StoreConflictError
from cobalt_async.rotation.stores import FileStore
version, path, mine = sys.argv[1:]
sys.stdin.readline()
try:
    asyncio.run(FileStore(path).write(Secret(mine), version))
    print("won")
except StoreConflictError:
    print("lost")
"""


def test_two_processes(path: Path) -> None:
    """Of many that swap the same version at once, one wins, and what it wrote is there."""
    version = asyncio.run(FileStore(path).check())
    rivals = []
    for number in range(6):
        words = [sys.executable, "-c", RIVAL, str(version), str(path), f"rival-{number}"]
        rivals.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    try:
        for rival in rivals:
            assert rival.stdin is not None
            rival.stdin.write("\n")
            rival.stdin.flush()
        told = [rival.communicate(timeout=60)[0].strip() for rival in rivals]
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()
    assert sorted(told) == ["lost"] * 5 + ["won"]
    assert path.read_text() == f"rival-{told.index('won')}"


KILLED = """
import asyncio, itertools, sys
from cobalt_async import Secret
from cobalt_async.rotation.stores import FileStore
store = FileStore(sys.argv[1])
print("ready", flush=True)
for number in itertools.count():
    asyncio.run(store.write(Secret("ab"[number % 2] * 500), None))
"""


def test_killed_in_the_middle(path: Path) -> None:
    """At any moment the file holds one secret whole; what was left beside it is gone after the next write."""
    for moment in range(8):
        words = [sys.executable, "-c", KILLED, str(path)]
        with ending(subprocess.Popen(words, stdout=subprocess.PIPE, text=True)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.004 * moment)  # a moment, whichever
        assert path.read_text() in {TOKEN, "a" * 500, "b" * 500}
        assert len(os.listdir(path.parent)) <= 2
    asyncio.run(FileStore(path).write(NEW_SECRET, None))
    assert contents(path.parent) == {"token": NEW.encode()}


STEPS = {"create": "open", "sync": "fsync", "mode": "fchmod", "rename": "replace"}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step(path: Path, step: str) -> None:
    """Ended right before and right after each step: old or new, never half, and the next write leaves no trace."""
    for after in (False, True):
        program = (
            "import asyncio, os, sys\nfrom cobalt_async import Secret\n"
            "from cobalt_async.rotation.stores import FileStore\n"
            f"was, seen = os.{STEPS[step]}, []\n"
            "def fatal(*a, **k):\n"
            f"    if {step == 'create'} and not a[1] & os.O_CREAT: return was(*a, **k)\n"
            f"    if {after}: was(*a, **k)\n"
            "    os._exit(9)\n"
            f"os.{STEPS[step]} = fatal\n"
            "asyncio.run(FileStore(sys.argv[1]).write(Secret(sys.argv[2]), None))\n"
        )
        path.write_text(TOKEN)
        ended = subprocess.run([sys.executable, "-c", program, path, NEW], check=False, timeout=60)
        assert ended.returncode == 9
        assert path.read_text() == (NEW if after and step == "rename" else TOKEN)
        asyncio.run(FileStore(path).write(NEW_SECRET, None))
        assert contents(path.parent) == {"token": NEW.encode()}


async def test_cancelled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write under way is finished before the cancellation comes out, however often it is asked."""
    began, go = threading.Event(), threading.Event()
    fchmod = os.fchmod

    def waiting(descriptor: int, mode: int) -> None:
        began.set()
        go.wait(60)
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", waiting)
    writing = asyncio.create_task(FileStore(path).write(NEW_SECRET, None))
    await asyncio.to_thread(began.wait, 60)
    try:
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        assert not writing.done()
        assert path.read_text() == TOKEN
    finally:
        go.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert contents(path.parent) == {"token": NEW.encode()}


async def test_no_secret_leaks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no repr, log, error or name of a file, while it waits or fails."""
    names: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        names.extend(os.listdir(path.parent))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with hunting(TOKEN, NEW) as hunter:
        store = FileStore(path)
        version = await store.check()
        await store.write(NEW_SECRET, version)
        hunter.look("store", store, await store.describe(), store.reference, version, vars(store), names)
        await refused(store.write(OLD_SECRET, version), hunter)
    assert len(names) > 2
    assert hunter.found == []


async def test_what_is_written_is_a_secret(path: Path) -> None:
    """A str is a wrong argument, and is not repeated."""
    with hunting(TOKEN, NEW) as hunter:
        with pytest.raises(ConfigurationError, match="secret: a Secret, not str") as caught:
            await FileStore(path).write(NEW, None)  # type: ignore[arg-type]
        hunter.look_at_error(caught.value)
    assert hunter.found == []


@pytest.mark.parametrize("wrong", ["", "a\nb", "folder/", ".", "a/..", "a\x00b", "a\x1bb"])
def test_no_path(wrong: str) -> None:
    """What names no file is a wrong argument."""
    with pytest.raises(ConfigurationError, match="^path: "):
        FileStore(wrong)
    with pytest.raises(ConfigurationError, match="a str or a path, not int"):
        FileStore(7)  # type: ignore[arg-type]


async def test_where_a_relative_path_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process was when the store was made."""
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path)
    store = FileStore("token")
    monkeypatch.chdir(tmp_path / "away")
    await store.write(NEW_SECRET, version_of(None))
    assert (tmp_path / "token").read_text() == NEW
