"""A journal that is not as it was left: lines doubled, spoilt or torn; links, modes, owners, names that are none."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.rotation import State
from cobalt_async.rotation.journal import lock_name
from cobalt_async.rotation.points import Point
from tests.rotation.staging import beside, falling, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


@pytest.mark.parametrize("point", [Point.SENT, Point.RECEIVED, Point.KEPT, Point.SPOOLED, Point.OLD_DEAD, Point.STORED])
@leaping
async def test_lines_that_stand_twice(point: Point) -> None:
    """A journal whose lines came twice, in whatever order, says what it said."""
    async with beside() as on:
        async with on.client() as cobalt:
            with falling(point):
                await on.rotate(cobalt, **BRIEF)
            file = on.journal.path / "journal.jsonl"
            file.write_bytes(file.read_bytes() * 2)
            again = await on.resume(cobalt, **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            on.check(again)
            file.write_bytes(file.read_bytes() + b"".join(file.read_bytes().splitlines(keepends=True)[1:4]))
            assert await on.resume(cobalt, **BRIEF) is None


@pytest.mark.parametrize("point", [Point.INTENT, Point.SENT, Point.KEPT, Point.SPOOLED, Point.STORED, Point.COMMITTED])
@leaping
async def test_a_journal_with_garbage_in_it(point: Point) -> None:
    """Whichever line is spoilt, nothing that is said is false, and no secret in the spool is thrown away."""
    lines = 0
    number = -1
    while (number := number + 1) <= lines:
        async with beside() as on:
            async with on.client() as cobalt:
                with falling(point):
                    await on.rotate(cobalt, **BRIEF)
                file = on.journal.path / "journal.jsonl"
                content = file.read_bytes().splitlines(keepends=True)
                lines = len(content) - 1
                spoilt = bytearray(content[number])
                spoilt[len(spoilt) // 2] ^= 0x01
                file.write_bytes(b"".join([*content[:number], bytes(spoilt), *content[number + 1 :]]))
                again = await on.resume(cobalt, **BRIEF)
                if again is not None:
                    assert again.state in (State.SUCCESS, State.NOT_ROTATED), (number, again)
                    on.check(again)
                elif b'"INTENT"' in content[number]:  # then nothing of it is known, and its spool stays
                    assert on.lives() or on.token.secret == on.old or any(on.journal.spool.folder.iterdir())
                else:
                    assert on.lives()


@leaping
async def test_a_torn_tail() -> None:
    """A crash inside the last line: what it would have said was not relied on."""
    for point in (Point.SENT, Point.KEPT, Point.SPOOLED, Point.STORED):
        for cut in (1, 2, 20, 60):
            async with beside() as on:
                async with on.client() as cobalt:
                    with falling(point):
                        await on.rotate(cobalt, **BRIEF)
                    file = on.journal.path / "journal.jsonl"
                    file.write_bytes(file.read_bytes()[:-cut])
                    again = await on.resume(cobalt, **BRIEF)
                    assert again is not None
                    is_sent = point is not Point.SENT or cut == 1
                    assert again.state is (State.SUCCESS if is_sent else State.NOT_ROTATED), (point, cut)
                    on.check(again)


@leaping
async def test_links_that_somebody_planted() -> None:
    """What they lead to is neither read nor written, and nothing is sent."""
    for name in ("journal.jsonl", "locks/{lock}.lock", "locks/journal.lock"):
        async with beside() as on:
            victim = on.folder / "victim"
            victim.write_text("untouched")
            on.journal.prepare()
            link = on.journal.path / name.format(lock=lock_name(on.url, on.token.id))
            link.unlink(missing_ok=True)
            link.symlink_to(victim)
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is State.REFUSED
            assert str(on.journal.path) in rotation.why
            assert victim.read_text() == "untouched"
            assert on.posts == 0


@leaping
async def test_links_in_the_spool() -> None:
    """One in the place of an answer is not followed: whether there is a secret cannot be known."""
    for suffix in ("raw", "part"):
        async with beside() as on:
            async with on.client() as cobalt:
                with falling(Point.RECEIVED):
                    await on.rotate(cobalt, **BRIEF)
                victim = on.folder / "victim"
                victim.write_bytes(b'{"secret": "of somebody else entirely"}')
                [rotation_id] = on.journal.entries()
                link = on.journal.spool.folder / f"{rotation_id}.2.{suffix}"
                link.symlink_to(victim)
                said = await on.resume(cobalt, **BRIEF)
                assert said is not None
                assert said.state is State.UNCERTAIN
                assert "spool cannot be read" in said.why
                link.unlink()
                again = await on.resume(cobalt, **BRIEF)
                assert again is not None
                assert again.state is State.SUCCESS
                assert victim.read_bytes() == b'{"secret": "of somebody else entirely"}'


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@leaping
async def test_modes(mask: int) -> None:
    """Whatever the umask: folders 0700, files 0600, while it runs and afterwards."""
    before = os.umask(mask)
    try:
        async with beside() as on:
            seen: set[tuple[str, int]] = set()

            async def look() -> object:
                seen.update((path.name, stat.S_IMODE(path.lstat().st_mode)) for path in on.journal.path.rglob("*"))
                seen.add(("", stat.S_IMODE(on.journal.path.stat().st_mode)))
                return None

            on.memory.instead["write"] = look
            async with on.client() as cobalt:
                assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
            assert {mode for name, mode in seen if "." not in name} == {0o700}
            assert {mode for name, mode in seen if "." in name} == {0o600}
            assert {Path(name).suffix for name, _ in seen} >= {".raw", ".jsonl", ".lock"}
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.chmod(0o750), "chmod 700"),
        (lambda path: path.chmod(0o701), "chmod 700"),
        (lambda path: (path.rmdir(), path.write_text("")), "no folder"),
        (lambda path: (path.rename(path.with_name("real")), path.symlink_to("real")), "no folder"),
    ],
    ids=["its group may look", "others may enter", "a file", "a link"],
)
@leaping
async def test_a_journal_folder_that_is_not_ones_own(spoil: Any, says: str) -> None:
    """It is refused, with the remedy, and nothing is sent."""
    async with beside() as on:
        on.journal.path.mkdir(0o700)
        spoil(on.journal.path)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
        assert rotation.state is State.REFUSED
        assert says in rotation.why
        assert on.posts == 0


@leaping
async def test_a_journal_folder_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused."""
    async with beside() as on:
        on.journal.prepare()
        monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
        assert rotation.state is State.REFUSED
        assert "another user" in rotation.why
        assert on.posts == 0


@pytest.mark.parametrize("token_id", ["../../../../tmp/x", "api_" + "ä" * 200, "api_\0", "", "a/b", "api_" + "x" * 500])
@leaping
async def test_an_id_that_is_none(token_id: str) -> None:
    """It is refused, and names no file outside of the journal."""
    async with beside() as on:
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, token_id=token_id, **BRIEF)
        assert rotation.state is State.REFUSED
        assert {path.name for path in on.folder.iterdir()} == {"journal", "secret"}
        assert on.posts == 0
