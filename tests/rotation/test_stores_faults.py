"""A store that fails at each of its acts, in each way; and several of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cobalt_async import Secret
from cobalt_async.errors import StoreConflictError, StoreError, UnreadableStoreError
from cobalt_async.rotation import Rotation, State
from cobalt_async.rotation.points import Point
from tests.canary import Hunter
from tests.rotation.staging import TALLY, MemoryStore, Stage, beside, falling, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


class Faults:
    """What a store does instead of what it should; `secret()` is what it was given."""

    def __init__(self, on: Stage) -> None:
        self.on = on

    async def error(self) -> object:
        raise StoreError("a store in memory", "it is down; mend it")

    async def conflict(self) -> object:
        raise StoreConflictError("a store in memory", "it holds another secret than before")

    async def hang(self) -> object:
        return await asyncio.Event().wait()

    async def key_error(self) -> object:
        raise KeyError(self.on.token.secret)

    async def cancelled(self) -> object:
        raise asyncio.CancelledError(self.on.token.secret)

    async def error_after_success(self) -> object:
        self.on.memory.set(self.on.token.secret)
        raise StoreError("a store in memory", "it is down; mend it")

    async def success_without_effect(self) -> object:
        return "nothing is done"

    async def truncation(self) -> object:
        self.on.memory.set(self.on.token.secret[:-1])
        return "done"


AT_WRITE = (
    "error",
    "conflict",
    "hang",
    "key_error",
    "cancelled",
    "error_after_success",
    "success_without_effect",
    "truncation",
)
BEFORE = ("error", "hang", "key_error", "cancelled")


def quiet(on: Stage, rotation: Rotation) -> None:
    """No secret is in what is said."""
    hunter = Hunter(on.old, on.token.secret, on.sibling.secret)
    hunter.look("rotation", rotation, rotation.why, rotation.advice, rotation.events, rotation.notes)
    assert hunter.found == []


def at_write(on: Stage, fault: str) -> Callable[[], Awaitable[object]]:
    """A fault that begins with the refresh, for acts that the preflight does as well."""
    instead = getattr(Faults(on), fault)

    async def act() -> object:
        return await instead() if on.posts else None

    return act


@pytest.mark.parametrize("fault", AT_WRITE)
@pytest.mark.parametrize("times", [1, 99], ids=["once", "for ever"])
@leaping
async def test_a_write_fails(fault: str, times: int) -> None:
    """The secret is in the spool until the store has it, and `resume` puts it there; nothing waits for ever."""
    async with beside() as on:
        instead = getattr(Faults(on), fault)
        left = times

        async def act() -> object:
            nonlocal left
            left -= 1
            return await instead() if left >= 0 else None

        on.memory.instead["write"] = act
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
            expected = {"conflict": State.CONFLICT, "error_after_success": State.SUCCESS}.get(fault, State.HELD)
            assert rotation.state is expected, rotation
            quiet(on, rotation)
            on.check(rotation)
            assert cobalt._secret == Secret(on.token.secret)  # this process goes on, whatever its store does
            assert (await cobalt.tokens.list()).items
            on.memory.instead.clear()
            again = await on.resume(cobalt, **BRIEF)
            if expected is State.SUCCESS:
                assert again is None
            else:
                assert again is not None
                assert again.state is State.SUCCESS, again
                on.check(again)
        TALLY["store faults tried"] += 1


@pytest.mark.parametrize("act", ["check", "read", "describe"])
@pytest.mark.parametrize("fault", BEFORE)
@leaping
async def test_a_check_fails(act: str, fault: str) -> None:
    """Nothing is sent; only a store that cannot say what it is may be written to."""
    async with beside() as on:
        on.memory.instead[act] = getattr(Faults(on), fault)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
            quiet(on, rotation)
            if act == "describe":
                assert rotation.state is State.SUCCESS
            else:
                assert rotation.state is State.REFUSED
                assert on.posts == 0
            on.check(rotation)
        TALLY["store faults tried"] += 1


@pytest.mark.parametrize("fault", BEFORE)
@leaping
async def test_a_read_fails_after_the_refresh(fault: str) -> None:
    """It is not proved that the store holds it, so the spool stays."""
    async with beside() as on:
        on.memory.instead["read"] = at_write(on, fault)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is State.HELD
            quiet(on, rotation)
            on.check(rotation)
            on.memory.instead.clear()
            again = await on.resume(cobalt, **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            on.check(again)
        TALLY["store faults tried"] += 1


@pytest.mark.parametrize("fault", BEFORE)
@leaping
async def test_a_store_that_cannot_be_read_is_not_called_empty(fault: str) -> None:
    """Without an answer and without a sibling: what the store holds is not known, so LOST would be a guess."""
    async with beside() as on:
        on.sandbox.faults.hang_up_after(method="POST")
        on.memory.instead["read"] = at_write(on, fault)
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, sibling=None, **BRIEF)
            assert rotation.state is State.UNCERTAIN
            quiet(on, rotation)
            on.memory.instead.clear()
            again = await on.resume(cobalt, sibling=None, **BRIEF)
            assert again is not None
            assert again.state is State.LOST
            on.check(again)


@leaping
async def test_a_store_that_can_by_nature_not_be_read() -> None:
    """The caller's word for its exit code is taken; without it nothing is begun."""
    for trusts in (False, True):
        async with beside() as on:

            async def unreadable() -> object:
                raise UnreadableStoreError("a store in memory", "no command that reads it was given")

            on.memory.instead["read"] = unreadable
            on.memory.trust_exit_code = trusts  # type: ignore[attr-defined]
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is (State.SUCCESS if trusts else State.REFUSED)
            on.check(rotation)


@leaping
async def test_a_store_that_holds_the_secret_already_is_written_to_all_the_same() -> None:
    """A process that was killed in a write may have left something behind; how it ends, the read-back judges."""
    async with beside() as on:
        async with on.client() as cobalt:
            with falling(Point.STORING):
                await on.rotate(cobalt, **BRIEF)
            on.memory.set(on.token.secret)
            given: list[str] = []

            async def write() -> object:
                given.append(on.memory.text)
                raise StoreConflictError("a store in memory", "it compares versions alone")

            on.memory.instead["write"] = write
            again = await on.resume(cobalt, **BRIEF)
        assert again is not None
        assert (again.state, given) == (State.SUCCESS, [on.token.secret])
        on.check(again)


@pytest.mark.parametrize("failing", [0, 1, 2])
@leaping
async def test_one_of_several_stores_fails(failing: int) -> None:
    """The others hold the new secret, it stays in the spool, and `resume` writes to the one that is left."""
    async with beside() as on:
        stores = [on.memory, MemoryStore(on.old), MemoryStore(on.old)]
        stores[failing].instead["write"] = Faults(on).error
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, store=stores, **BRIEF)
            assert rotation.state is State.HELD
            assert [store.text == on.token.secret for store in stores] == [number != failing for number in range(3)]
            assert on.kept() == [on.token.secret]
            stores[failing].instead.clear()
            again = await on.resume(cobalt, store=stores, **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            assert [store.text for store in stores] == [on.token.secret] * 3
            assert [store.writes for store in stores] == [1, 1, 1]
            on.check(again)


@pytest.mark.parametrize("where", ["describe", "version"])
@leaping
async def test_a_store_that_tells_the_secret(where: str) -> None:
    """It is refused before any of it is written down."""
    async with beside() as on:

        class Telling(MemoryStore):
            async def describe(self) -> str:
                return f"the store of {self.text}" if where == "describe" else "a store"

            async def check(self) -> str | None:
                return self.text if where == "version" else "1"

        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, store=Telling(on.old), **BRIEF)
        assert rotation.state is State.REFUSED
        quiet(on, rotation)
        journal = (on.journal.path / "journal.jsonl").read_text()
        assert on.old not in journal
        assert on.posts == 0


@leaping
async def test_a_listener_and_a_hook_that_fail() -> None:
    """A pipe that nobody reads any more, and a hook that raises, is cancelled or hangs: notes, and no more."""

    def deaf(line: str) -> None:
        raise BrokenPipeError(line)

    async def raising(rotation: Rotation) -> None:
        raise KeyError(rotation)

    async def cancelling(rotation: Rotation) -> None:
        raise asyncio.CancelledError(rotation)

    async def hanging(rotation: Rotation) -> None:
        await asyncio.Event().wait()

    for hook, name in ((raising, "KeyError"), (cancelling, "CancelledError"), (hanging, "TimeoutError")):
        async with beside() as on:
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt, tell=deaf, hook=hook, **BRIEF)
            assert rotation.state is State.SUCCESS
            assert rotation.notes == (f"the hook failed ({name}); the rotation stands all the same",)
            on.check(rotation)
