"""A disk that fails at each of its steps."""

import asyncio
import contextlib
import errno
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.rotation import Journal, Rotation, State
from cobalt_async.rotation.points import Point
from cobalt_async.testing import CobaltSandbox
from tests.rotation.faulty_disk import FaultyOs, disk
from tests.rotation.staging import TALLY, Fallen, Stage, beside, falling, folder, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


async def judge(on: Stage, rotation: Rotation) -> None:
    """What is said is true; with the disk mended, what is unfinished is finished."""
    on.check(rotation, tidy=not rotation.notes)
    if rotation.state in (State.REFUSED, State.NOT_ROTATED):
        assert on.token.secret == on.old
    if rotation.state is State.LOST:
        assert rotation.refreshed is not None
        assert rotation.refreshed.secret.reveal() == on.token.secret
    async with on.client() as cobalt:
        again = await on.resume(cobalt, **BRIEF)
        if again is not None:
            # ADOPTED: where the journal took nothing any more, it cannot know whose secret the store holds.
            ends = (State.SUCCESS, State.ADOPTED, State.NOT_ROTATED)
            assert again.state in ends or rotation.refreshed is not None, again
            if again.state is State.SUCCESS:
                on.check(again)
        elif rotation.refreshed is None:
            assert rotation.state in (State.SUCCESS, State.REFUSED, State.NOT_ROTATED)


async def rotated(on: Stage, faulty: FaultyOs) -> Rotation:
    """A rotation on that disk."""
    async with on.client() as cobalt:
        with disk(faulty):
            return await on.rotate(cobalt, sibling=None, accept_one_shot=True, **BRIEF)


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("breaks_the_store", [False, True], ids=["", "and so does the store"])
@leaping
async def test_each_call_fails(for_ever: bool, breaks_the_store: bool) -> None:
    """Nothing was sent; or it is finished; or it is LOST, with the secret in `.refreshed`."""
    states: set[State] = set()
    for number in itertools.count(1):
        async with beside() as on:
            if breaks_the_store:
                on.memory.instead["write"] = _full
            faulty = FaultyOs(fails_at=number, for_ever=for_ever)
            rotation = await rotated(on, faulty)
            if not faulty.fired:
                break
            on.memory.instead.clear()
            await judge(on, rotation)
            states.add(rotation.state)
            TALLY["disk faults tried"] += 1
    assert len(faulty.calls) >= 50
    assert {"open", "write", "fsync", "rename", "ftruncate", "unlink", "mkdir", "fchmod"} <= set(faulty.calls)
    assert states >= {State.REFUSED, State.NOT_ROTATED}
    assert (State.SUCCESS in states) != breaks_the_store
    assert (State.LOST in states) == (breaks_the_store and for_ever)


async def _full() -> object:
    raise OSError(errno.ENOSPC, "full")


def test_each_call_fails_under_a_file_store() -> None:
    """The same where the store stands on that disk too: what it raises comes out of a thread."""
    with CobaltSandbox() as sandbox, folder() as place:

        async def run(number: int) -> FaultyOs:
            (place / str(number)).mkdir()
            on = Stage(sandbox, place / str(number))
            faulty = FaultyOs(fails_at=number, for_ever=number % 2 == 0)
            rotation = await rotated(on, faulty)
            await judge(on, rotation)
            return faulty

        calls = len(asyncio.run(run(0)).calls)
        for number in range(1, calls + 1, 3):
            assert asyncio.run(run(number)).fired


@leaping
async def test_each_call_fails_when_it_is_resumed() -> None:
    """After a crash with the answer on the disk, or without one, and with a disk that fails then."""
    for point in (Point.RECEIVED, Point.KEPT):
        number = 0
        faulty = FaultyOs()
        while number <= len(faulty.calls):
            number += 1
            async with beside() as on:
                async with on.client() as cobalt:
                    with falling(point):
                        await on.rotate(cobalt, **BRIEF)
                    with disk(faulty := FaultyOs(fails_at=number)):
                        try:
                            rotation = await on.resume(cobalt, **BRIEF)
                        except Exception as error:  # noqa: BLE001 - which one, is what is tested
                            assert type(error).__name__ == "ConfigurationError"
                            rotation = None
                    if rotation is not None:
                        on.check(rotation, tidy=False)
                    again = await on.resume(cobalt, **BRIEF)
                    assert again is None or again.state in (State.SUCCESS, State.NOT_ROTATED), (number, again)
                    assert on.lives()


@leaping
async def test_a_kill_between_the_bytes_and_their_name() -> None:
    """An answer that was written and got no name is found: what a process leaves, the system still writes."""
    for act in ("fsync", "rename"):
        async with beside() as on:

            class Dying(FaultyOs):
                def __getattr__(self, name: str, act: str = act, on: Stage = on) -> Any:
                    if name == act and on.posts:
                        return _die
                    return super().__getattr__(name)

            async with on.client() as cobalt:
                with disk(Dying()):
                    with pytest.raises(Fallen):
                        await on.rotate(cobalt, sibling=None, **BRIEF)
                [left] = on.journal.spool.folder.iterdir()
                assert left.suffix == ".part"
                again = await on.resume(cobalt, sibling=None, **BRIEF)
                assert again is not None
                assert again.state is State.SUCCESS
                on.check(again)
                assert on.posts == 1


def _die(*arguments: object) -> None:
    raise Fallen(arguments)


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of so many kilobytes."""
    place.mkdir()
    mounting = [
        shutil.which("mount") or "/bin/false",
        "-t",
        "tmpfs",
        "-o",
        f"size={kilobytes}k,mode=700",
        "none",
        str(place),
    ]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a tmpfs, so no disk can be filled for real")
    try:
        yield place
    finally:
        subprocess.run([shutil.which("umount") or "umount", "-l", str(place)], check=True, capture_output=True)


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """At whichever page it gets full: nothing is sent, or it is finished."""
    states = []
    with CobaltSandbox() as sandbox:
        for kilobytes in range(4, 160, 12):
            with small_disk(tmp_path / str(kilobytes), kilobytes) as place, folder() as elsewhere:
                on = Stage(sandbox, elsewhere, in_memory=True)
                on.journal = Journal(place / "journal")
                sandbox.requests.clear()
                rotation = asyncio.run(rotated(on, FaultyOs()))
                on.check(rotation, tidy=not rotation.notes)
                assert rotation.state is State.SUCCESS or on.posts == 0
                states.append(rotation.state)
    assert states[0] is not State.SUCCESS
    assert states[-1] is State.SUCCESS


@leaping
async def test_an_answer_without_a_secret_is_no_loss() -> None:
    """That no disk takes it costs nothing: it is not waited for, and nothing is called lost for it."""
    async with beside() as on:
        on.no_spool()
        on.sandbox.faults.answer(500, {}, method="POST", times=None)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
        assert rotation.state is State.UNCERTAIN
        assert rotation.refreshed is None
        assert on.sandbox.alive(on.old)
