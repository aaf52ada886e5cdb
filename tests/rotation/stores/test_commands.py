import os
import shlex
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import Secret
from cobalt_async.errors import ConfigurationError, StoreConflictError, UnreadableStoreError
from cobalt_async.rotation.stores import CommandStore
from cobalt_async.rotation.stores.versions import NOTHING, is_version_of
from tests.canary import NEW, TOKEN, hunting
from tests.rotation.stores.keeping import NEW_SECRET, OLD_SECRET, refused


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where the commands put the secret; the old one is there."""
    kept = tmp_path / "kept"
    kept.write_text(TOKEN)
    return kept


def sh(program: str) -> list[str]:
    """The words of a small shell program."""
    return ["sh", "-c", program]


def readable(kept: Path, program: str = "", **more: Any) -> CommandStore:
    """A store that writes by this program, and reads with `cat`."""
    return CommandStore(sh(program or f"cat >{kept}"), read=["cat", str(kept)], **more)


async def test_a_rotation(kept: Path) -> None:
    """Checked, read, written with the version that was there, and read back."""
    store = readable(kept)
    version = await store.check()
    assert is_version_of(str(version), OLD_SECRET)
    assert await store.read() == OLD_SECRET
    await store.write(NEW_SECRET, version)
    assert await store.read() == NEW_SECRET
    assert kept.read_bytes() == NEW.encode()
    assert await store.describe() == "command sh"


async def test_a_line(kept: Path) -> None:
    """A line is split as a shell does, and is no shell's: what would be special is a word."""
    store = CommandStore(f"sh -c 'cat >$0' '{kept}' $HOME", read=f"cat {kept}")
    await store.write(NEW_SECRET, None)
    assert kept.read_text() == NEW
    assert store.reference == f"command:sh -c 'cat >$0' {kept} '$HOME' >>> cat {kept}"


def test_a_program_beside_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is meant from where the store was made; a bare name is looked for in $PATH; other words stay."""
    monkeypatch.chdir(tmp_path)
    assert CommandStore("./put a/b").reference == f"command:{tmp_path}/put a/b"
    assert CommandStore("put ./x").reference == "command:put ./x"


async def test_compare_then_write(kept: Path) -> None:
    """What somebody else put there since the check stays; the same secret again runs nothing."""
    store = readable(kept)
    version = await store.check()
    kept.write_text("of-somebody-else")
    with pytest.raises(StoreConflictError, match="another secret than before"):
        await store.write(NEW_SECRET, version)
    kept.write_text("")
    with pytest.raises(StoreConflictError, match="nothing any more"):
        await store.write(NEW_SECRET, version)
    kept.write_text(NEW)
    await readable(kept, "exit 1").write(NEW_SECRET, version)
    assert kept.read_text() == NEW


async def test_nothing_there(kept: Path) -> None:
    """A read command that writes nothing says that nothing is held."""
    kept.write_text("\n")
    store = readable(kept)
    assert await store.read() is None
    assert await store.check() == NOTHING
    await store.write(NEW_SECRET, NOTHING)
    assert await store.read() == NEW_SECRET


FAULTS = {
    "exit 0 without effect": ("cat >/dev/null", None, TOKEN),
    "error after success": ("cat >{kept}; exit 3", "its exit code is 3; run it by hand", NEW),
    "error without effect": ("exit 3", "its exit code is 3; run it by hand", TOKEN),
    "truncation": ("head -c 7 >{kept}; cat >/dev/null", None, NEW[:7]),
    "never reads": ("exit 0", "it did not read the secret from its standard input", TOKEN),
    "closes its input": ("exec <&-; exit 0", "it did not read the secret from its standard input", TOKEN),
    "hangs": ("exec sleep 60", "it did not end within 0.5 s, and was ended", TOKEN),
    "hangs after success": ("cat >{kept}; sleep 60", "it did not end within 0.5 s, and was ended", NEW),
    "is killed": ("cat >/dev/null; kill -9 $$", "signal 9 ended it", TOKEN),
    "writes a lot": ("cat >{kept}; yes | head -c 3000000; yes | head -c 3000000 >&2", None, NEW),
    "adds a line end": ("cat >{kept}; echo >>{kept}", None, NEW),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_command_that_misbehaves(kept: Path, fault: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What can be told is told; what cannot is found by what `read` gives, and not by the exit code."""
    program, said, held = FAULTS[fault]
    store = readable(kept, program.format(kept=kept), seconds=0.5 if "hangs" in fault else 30.0)
    version = await readable(kept).check()
    with hunting(TOKEN, NEW) as hunter:
        if said is None:
            await store.write(NEW_SECRET, version)
        else:
            assert said in await refused(store.write(NEW_SECRET, version), hunter)
    assert hunter.found == []
    assert capfd.readouterr() == ("", "")
    assert await readable(kept).read() == Secret(held)
    await readable(kept).write(NEW_SECRET, None)
    assert await readable(kept).read() == NEW_SECRET


async def test_a_child_that_outlives(kept: Path, tmp_path: Path) -> None:
    """Nobody waits for what a command leaves behind on purpose."""
    began = time.monotonic()
    await readable(kept, f"cat >{kept}; sleep 30 & echo $! >{tmp_path}/child").write(NEW_SECRET, None)
    assert time.monotonic() - began < 20
    os.kill(int((tmp_path / "child").read_text()), 9)
    assert kept.read_text() == NEW


async def test_what_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is on standard input and nowhere else; our own token is in no environment."""
    monkeypatch.setenv("COBALT_API_TOKEN", TOKEN)
    monkeypatch.setenv("VAULT_ADDR", "here")
    program = (
        f"import os, sys; open({str(tmp_path / 'seen')!r}, 'w').write(repr((sys.argv, dict(os.environ)))); "
        f"open({str(tmp_path / 'given')!r}, 'w').write(sys.stdin.read())"
    )
    await CommandStore([sys.executable, "-c", program]).write(NEW_SECRET, None)
    seen = (tmp_path / "seen").read_text()
    assert "'VAULT_ADDR': 'here'" in seen
    assert NEW not in seen
    assert TOKEN not in seen
    assert (tmp_path / "given").read_text() == NEW


@pytest.mark.parametrize("where", ["write", "read"])
async def test_a_command_line_with_the_secret_in_it(kept: Path, where: str) -> None:
    """It is refused before anything runs: everybody could see it, and the journal would keep it."""
    word = f"--token={NEW}"
    write, read = ["tee", str(kept)], ["cat", str(kept)]
    store = CommandStore([*write, word] if where == "write" else write, read=[*read, word] if where == "read" else read)
    with pytest.raises(Exception, match="its command line holds the secret itself, for all to see") as caught:
        await store.write(NEW_SECRET, None)
    assert NEW not in f"{caught.value!r} {store!r} {await store.describe()}"
    assert sorted(os.listdir(kept.parent)) == ["kept"]
    assert kept.read_text() == TOKEN


async def test_without_a_way_to_read(kept: Path) -> None:
    """It says by its own class that it cannot be read; there is no version, and writes compare nothing."""
    store = CommandStore(sh(f"cat >{kept}"))
    assert await store.check() is None
    await store.write(NEW_SECRET, "00:00")
    with pytest.raises(UnreadableStoreError, match="no command that reads it was given"):
        await store.read()
    assert kept.read_text() == NEW


async def test_a_command_whose_word_is_trusted(kept: Path) -> None:
    """It says so, for whoever asks, and can be read as little; a bad exit code is an error all the same."""
    store = CommandStore(sh(f"cat >{kept}"), trust_exit_code=True)
    assert store.trust_exit_code
    assert not readable(kept).trust_exit_code
    assert await store.check() is None
    await store.write(NEW_SECRET, None)
    assert kept.read_text() == NEW
    with pytest.raises(UnreadableStoreError, match="no command that reads it was given"):
        await store.read()
    assert "its exit code is 1" in await refused(
        CommandStore(sh("cat; exit 1"), trust_exit_code=True).write(NEW_SECRET, None)
    )


async def test_the_check(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs are there, and the read command works; nothing is written."""
    there = tmp_path / "prog"
    there.write_text("#!/bin/sh\ncat\n")
    assert f"{there} is no program" in await refused(CommandStore([str(there)]).check())
    there.chmod(there.stat().st_mode | stat.S_IXUSR)
    await CommandStore([str(there)]).check()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    await CommandStore("prog").check()
    assert "no-such-program-x is no program" in await refused(CommandStore("no-such-program-x").check())
    assert "no-such-x is no program" in await refused(CommandStore("cat", read="no-such-x").check())
    assert "reading it back: command false: its exit code is 1" in await refused(
        CommandStore("cat", read="false").check()
    )
    assert "a token is printable ASCII" in await refused(CommandStore("cat", read="echo two words").check())
    assert "it did not end within 0.2 s" in await refused(CommandStore("cat", read="sleep 60", seconds=0.2).check())
    assert kept.read_text() == TOKEN


async def test_a_command_that_cannot_be_started() -> None:
    """It went away since the check."""
    assert "it cannot be started (No such file or directory)" in await refused(
        CommandStore("no-such-program-x").write(NEW_SECRET, None)
    )


async def test_no_secret_leaks(kept: Path) -> None:
    """In no repr, log or error, though the command shouts it."""
    with hunting(TOKEN, NEW) as hunter:
        store = readable(kept, f"cat {kept} - | tee /dev/stderr; exit 5")
        version = await store.check()
        await refused(store.write(NEW_SECRET, version), hunter)
        hunter.look("store", store, await store.describe(), store.reference, version, vars(store))
    assert hunter.found == []


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        " ",
        "'",
        "A=1 cat",
        [],
        [""],
        ["cat", 7],
        b"cat",
        7,
        ["A=1", "cat"],
        ["cat", ">>>", "x"],
        ["cat", "a\nb"],
        ["cat", "\x00"],
    ],
    ids=repr,
)
def test_no_command(wrong: Any) -> None:
    """What is none is a wrong argument, for writing and for reading."""
    with pytest.raises(ConfigurationError, match="^write: "):
        CommandStore(wrong)
    with pytest.raises(ConfigurationError, match="^read: "):
        CommandStore("cat", read=wrong)


def test_wrong_options() -> None:
    """A store that is read needs no trust; time is limited."""
    with pytest.raises(ConfigurationError, match="trust_exit_code: for a store without `read`"):
        CommandStore("cat", read="cat", trust_exit_code=True)
    with pytest.raises(ConfigurationError, match="seconds: more than 0"):
        CommandStore("cat", seconds=float("inf"))


def test_a_wrong_command_is_not_repeated() -> None:
    """A line that cannot be split may hold anything."""
    with hunting(TOKEN) as hunter:
        for wrong in (f"'{TOKEN}", f"A={TOKEN}", ["cat", f"{TOKEN}\n"], ["", TOKEN]):
            with pytest.raises(ConfigurationError) as caught:
                CommandStore(wrong)
            hunter.look("error", caught.value, caught.value.args)
    assert hunter.found == []
    assert shlex.split(CommandStore(["a b", "c'd"]).reference.removeprefix("command:")) == ["a b", "c'd"]
