import errno
import os
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cobalt_async import Secret
from cobalt_async.errors import ConfigurationError, StoreConflictError
from cobalt_async.rotation.stores import EnvFileStore
from cobalt_async.rotation.stores.versions import NOTHING
from tests.canary import NEW, TOKEN, hunting
from tests.rotation.stores.keeping import DISK_STEPS, NEW_SECRET, OLD_SECRET, broken_disk, contents, refused

NAME = "COBALT_API_TOKEN"
TEXT = f"# ours\nA=1\nexport {NAME}='{TOKEN}' # rotated\nB='two\nlines'\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A .env file with the old secret."""
    path = tmp_path / ".env"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


async def test_a_rotation(path: Path) -> None:
    """Checked, read, written with the version that was there; one value is another, and every other byte the same."""
    store = EnvFileStore(path, NAME)
    version = await store.check()
    assert await store.read() == OLD_SECRET
    await store.write(NEW_SECRET, version)
    assert await store.read() == NEW_SECRET
    assert contents(path.parent) == {".env": TEXT.replace(TOKEN, NEW).encode()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert dotenv_values(path) == {"A": "1", NAME: NEW, "B": "two\nlines"}
    assert await store.describe() == f"{NAME} in {path}"


@pytest.mark.parametrize("before", [None, b"", b"A=1", f"{NAME}=\n".encode(), f"{NAME}\n".encode()])
async def test_nothing_there(tmp_path: Path, before: bytes | None) -> None:
    """No file, no line, an empty value: it holds nothing, and a line of its own does then."""
    path = tmp_path / ".env"
    if before is not None:
        path.write_bytes(before)
    store = EnvFileStore(path, NAME)
    assert await store.read() is None
    assert await store.check() == NOTHING
    await store.write(NEW_SECRET, NOTHING)
    assert await store.read() == NEW_SECRET
    assert dotenv_values(path)[NAME] == NEW
    if before is None:
        assert path.read_text() == f"{NAME}={NEW}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_is_no_utf_8_stays(path: Path) -> None:
    """Bytes that are no text come out as they went in."""
    path.write_bytes(b"A=\xff\xfe\n" + f"{NAME}={TOKEN}\r\n".encode() + b"# \xe9\n")
    store = EnvFileStore(path, NAME)
    await store.write(NEW_SECRET, await store.check())
    assert path.read_bytes() == b"A=\xff\xfe\n" + f"{NAME}={NEW}\r\n".encode() + b"# \xe9\n"


async def test_compare_and_swap(path: Path) -> None:
    """A change of another line, or of its quotes, is no conflict; one of its value is, and stays."""
    store = EnvFileStore(path, NAME)
    version = await store.check()
    path.write_text(f'A=2\n{NAME}="{TOKEN}"\nC=3\n')
    await store.write(NEW_SECRET, version)
    assert path.read_text() == f'A=2\n{NAME}="{NEW}"\nC=3\n'
    with pytest.raises(StoreConflictError, match="another secret than before"):
        await store.write(Secret("third"), version)
    path.write_text("A=2\n")
    with pytest.raises(StoreConflictError, match="nothing any more"):
        await store.write(Secret("third"), version)
    path.write_text(f"{NAME}={NEW}")
    await store.write(NEW_SECRET, version)
    assert path.read_text() == f"{NAME}={NEW}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{NAME}=two words", "what COBALT_API_TOKEN holds is no secret and would be lost"),
        (f"{NAME}='{TOKEN}", "line 1 cannot be read"),
        (f"{NAME}=${{OTHER}}", "its value refers to another variable"),
        (f"{NAME}='a${{OTHER}}b'", "its value refers to another variable"),
    ],
)
async def test_what_is_not_overwritten(path: Path, line: str, said: str) -> None:
    """A line that cannot be read, that refers to another, or that holds something else: refused, and it stays."""
    path.write_text(line)
    store = EnvFileStore(path, NAME)
    for doing in (store.check(), store.read(), store.write(NEW_SECRET, None)):
        assert said in await refused(doing)
    assert contents(path.parent) == {".env": line.encode()}


async def test_lines_that_cannot_be_told_apart(path: Path) -> None:
    """A name with a comment at its heels takes no value: the check says so, before there is a secret to be stored."""
    path.write_text("N#\n")
    store = EnvFileStore(path, "N")
    for doing in (store.check(), store.write(NEW_SECRET, None)):
        assert "its lines cannot be told apart; tidy the file" in await refused(doing)
    assert contents(path.parent) == {".env": b"N#\n"}


async def test_a_secret_that_readers_would_change(path: Path) -> None:
    """It is refused at the write, and the file stays."""
    assert "which readers of such files replace" in await refused(EnvFileStore(path, NAME).write(Secret("a${b}"), None))
    assert path.read_text() == TEXT


@pytest.mark.parametrize("step", DISK_STEPS)
async def test_a_disk_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """At every step: StoreError, and the file is whole, with nothing beside it."""
    store = EnvFileStore(path, NAME)
    version = await store.check()
    with broken_disk(monkeypatch, step, errno.ENOSPC):
        assert "it cannot be written (No space left" in await refused(store.write(NEW_SECRET, version))
    now = TEXT.replace(TOKEN, NEW) if step == "folder fsync" else TEXT
    assert contents(path.parent) == {".env": now.encode()}
    await store.write(NEW_SECRET, version)
    assert contents(path.parent) == {".env": TEXT.replace(TOKEN, NEW).encode()}


async def test_a_link(path: Path) -> None:
    """It is refused, as a file of a single secret is."""
    link = path.with_name("link")
    link.symlink_to(path)
    assert "it is a symbolic link" in await refused(EnvFileStore(link, NAME).write(NEW_SECRET, None))
    assert sorted(os.listdir(path.parent)) == [".env", "link"]


async def test_no_secret_leaks(path: Path) -> None:
    """In no repr, log or error; nor does what else the file holds."""
    path.write_text(f"{TEXT}OTHER=other-canary-0123456789\n")
    with hunting(TOKEN, NEW, "other-canary-0123456789") as hunter:
        store = EnvFileStore(path, NAME)
        version = await store.check()
        await store.write(NEW_SECRET, version)
        hunter.look("store", store, await store.describe(), store.reference, version, vars(store))
        await refused(store.write(OLD_SECRET, version), hunter)
        path.write_text(f"{NAME}='{TOKEN}")
        await refused(store.check(), hunter)
    assert hunter.found == []


@pytest.mark.parametrize("name", ["", "A B", "A=B", "1A", "A-B", "É", "A" * 65, 7, None])
def test_no_name(name: str) -> None:
    """What names no environment variable is a wrong argument."""
    with pytest.raises(ConfigurationError, match="name: of an environment variable"):
        EnvFileStore(".env", name)
