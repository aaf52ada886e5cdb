"""After MISMATCH: a wrong id killed another token's secret, and its new one must be neither lost nor misplaced."""

from typing import Any

import pytest

from cobalt_async.rotation import Binding, Rotation, State
from tests.rotation.staging import MemoryStore, Stage, beside, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


async def mismatched(on: Stage) -> Rotation:
    """The token's secret was given with another token's id."""
    async with on.client() as cobalt:
        rotation = await on.rotate(cobalt, token_id=on.other.id, **BRIEF)
    assert rotation.state is State.MISMATCH
    assert on.kept() == [on.other.secret]
    return rotation


@pytest.mark.parametrize("how", ["revoked", "rotated", "lives"])
@leaping
async def test_resume_stores_nothing_whatever_becomes_of_the_old_secret(how: str) -> None:
    """Its death proves nothing any more. It is told again, until the new secret was taken out of the spool."""
    async with beside() as on:
        rotation = await mismatched(on)
        if how == "revoked":
            on.token.revoke()
        elif how == "rotated":
            on.token.refresh()
        async with on.client(on.sibling.secret) as cobalt:
            for rotation_id in (None, None, rotation.rotation_id):
                again = await on.resume(cobalt, rotation_id, **BRIEF)
                assert again is not None
                assert (again.state, again.spool) == (State.MISMATCH, rotation.spool)
            assert rotation.spool is not None
            assert "put it where it belongs, then remove that file" in rotation.advice
            rotation.spool.unlink()
            assert await on.resume(cobalt, **BRIEF) is None
        assert (on.stored, on.posts) == (on.old, 1)


@leaping
async def test_resume_sends_nothing_once_the_other_token_was_rotated_again() -> None:
    """The secret in the spool is dead by then: another refresh would kill the other token's living one."""
    for has_sibling in (False, True):
        async with beside() as on:
            await mismatched(on)
            on.other.refresh()
            async with on.client() as cobalt:
                again = await on.resume(cobalt, sibling=on.sibling.secret if has_sibling else None, **BRIEF)
            assert again is not None
            assert (again.state, on.posts) == (State.MISMATCH, 1)


@leaping
async def test_both_secrets_can_be_rotated_each_under_its_own_id() -> None:
    """As the advice has it; what stands in the spool stays there."""
    async with beside() as on:
        await mismatched(on)
        first = on.other.secret
        async with on.client() as cobalt:
            rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is State.SUCCESS, rotation
            on.check(rotation, tidy=False)
        assert on.kept() == [first]
        store = MemoryStore(first)
        async with on.client(first) as cobalt:
            given = {**BRIEF, "store": store, "token_id": on.other.id, "binding": Binding.UNBOUND}
            rotation = await on.rotate(cobalt, **given)
            assert (rotation.state, rotation.binding) == (State.SUCCESS, Binding.PROVEN)
        assert store.text == on.other.secret
        assert on.kept() == [first]


@leaping
async def test_the_same_mistake_is_not_made_twice() -> None:
    """The journal knows that this secret is not that token's, and says so."""
    async with beside() as on:
        await mismatched(on)
        async with on.client() as cobalt:
            again = await on.rotate(cobalt, token_id=on.other.id, **BRIEF)
        assert again.state is State.REFUSED
        assert f"this secret outlived a refresh of {on.other.id}" in again.why
        assert "rotate it under its own id" in again.why
        assert on.posts == 1
