"""Somebody else writes to the store, or rotates the token, while we do."""

from typing import Any

from cobalt_async.rotation import State
from cobalt_async.rotation.points import Point
from tests.rotation.staging import MemoryStore, Stage, beside, falling, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


@leaping
async def test_a_conflict_with_a_dead_secret_is_overwritten() -> None:
    """While what somebody else wrote lives, it stays; once it is dead, `resume` puts the new one there."""
    async with beside() as on:
        stranger = on.sandbox.add_user("eve", tokens=1).tokens[0]

        async def somebody_writes() -> object:
            if on.memory.text == on.old:
                on.memory.set(stranger.secret)
            return None

        on.memory.instead["write"] = somebody_writes
        async with on.client() as cobalt:
            for _ in range(2):
                rotation = (await on.resume(cobalt, **BRIEF)) or await on.rotate(cobalt, **BRIEF)
                assert rotation.state is State.CONFLICT
                assert on.memory.text == stranger.secret
                assert on.kept() == [on.token.secret]
            stranger.revoke()
            again = await on.resume(cobalt, **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            on.check(again)


@leaping
async def test_each_store_that_was_changed_is_asked() -> None:
    """Of two conflicts, one with a dead secret and one with a living: neither is written over."""
    async with beside() as on:
        stranger = on.sandbox.add_user("eve", tokens=1).tokens[0]
        second = MemoryStore(on.old)
        async with on.client() as cobalt:
            with falling(Point.STORING):
                await on.rotate(cobalt, store=[on.memory, second], **BRIEF)
            on.memory.set("dead-secret-of-somebody")
            second.set(stranger.secret)
            said = await on.resume(cobalt, store=[on.memory, second], **BRIEF)
            assert said is not None
            assert said.state is State.CONFLICT
            assert second.text == stranger.secret
            second.set("")  # taken away again
            again = await on.resume(cobalt, store=[on.memory, second], **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            assert on.memory.text == second.text == on.token.secret


@leaping
async def test_what_a_rival_stored_is_adopted() -> None:
    """Somebody else refreshed it in between and put the secret into the store: it lives, and it stays."""
    for moment in ("before the refresh", "a moment after it", "while the answer was lost"):
        async with beside() as on:
            fresh: list[str] = []
            if moment == "while the answer was lost":
                on.sandbox.faults.hang_up_after(method="POST")

            async def read(moment: str = moment, on: Stage = on, fresh: list[str] = fresh) -> object:
                if moment == "before the refresh" and not on.posts and not fresh:
                    fresh.append(on.token.refresh())
                if on.posts and not fresh:
                    fresh.append(on.token.refresh())
                if on.posts and fresh:
                    on.memory.text = fresh[0]
                return None

            if moment == "a moment after it":

                async def check(on: Stage = on, fresh: list[str] = fresh) -> object:
                    fresh.append(on.token.refresh())
                    return None

                on.memory.instead["check"] = check
            on.memory.instead["read"] = read
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt, **BRIEF)
                assert rotation.state is State.ADOPTED, (moment, rotation)
                on.check(rotation)
                assert on.posts == 1
                assert (await cobalt.tokens.list()).items  # this process goes on with it, too
