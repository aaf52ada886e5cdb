"""What became of replaced secrets."""

import asyncio

import pytest

from cobalt_async import Secret, successors
from cobalt_async.successors import Successors

OLD, NEW, NEWEST = Secret("old"), Secret("new"), Secret("newest")


def _named(secret: Secret) -> bytes:
    return secret.reveal().encode()


def _later() -> float:
    return asyncio.get_running_loop().time() + 60


async def test_a_secret_that_nobody_replaces_has_no_successor() -> None:
    """Also while another one is being replaced; nobody waits."""
    known = Successors(_named)
    assert await known.of(OLD, _later()) is None
    with known.replacing(NEW):
        assert await known.of(OLD, _later()) is None


async def test_who_asks_in_the_middle_waits_for_the_end() -> None:
    """And gets what replaced it."""
    known = Successors(_named)
    with known.replacing(OLD) as replacement:
        asking = asyncio.create_task(known.of(OLD, _later()))
        await asyncio.sleep(0)
        assert not asking.done()
        replacement.settle(NEW)
        assert await asking == NEW
    assert await known.of(OLD, _later()) == NEW


async def test_a_chain_is_followed_to_its_end() -> None:
    """What was replaced twice has the last one as its successor."""
    known = Successors(_named)
    for before, now in ((OLD, NEW), (NEW, NEWEST)):
        with known.replacing(before) as replacement:
            replacement.settle(now)
    assert await known.of(OLD, _later()) == NEWEST


async def test_a_replacement_that_failed_is_forgotten() -> None:
    """Nothing has become of the secret, and who waited for it hears that."""
    known = Successors(_named)
    with known.replacing(OLD):
        asking = asyncio.create_task(known.of(OLD, _later()))
        await asyncio.sleep(0)
    assert await asking is None
    assert await known.of(OLD, _later()) is None


async def test_the_wait_ends_in_time() -> None:
    """When the time is over, nothing has replaced it yet."""
    known = Successors(_named)
    with known.replacing(OLD):
        assert await known.of(OLD, asyncio.get_running_loop().time()) is None


async def test_a_cancelled_waiter_harms_nobody() -> None:
    """The others go on waiting, and get what replaced it."""
    known = Successors(_named)
    with known.replacing(OLD) as replacement:
        one, other = (asyncio.create_task(known.of(OLD, _later())) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        assert not other.done()
        replacement.settle(NEW)
        assert await other == NEW


async def test_no_more_than_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr(successors, "_MOST", 3)
    known = Successors(_named)
    for number in range(5):
        with known.replacing(Secret(f"old{number}")) as replacement:
            replacement.settle(NEW)
    found = [await known.of(Secret(f"old{number}"), _later()) for number in range(5)]
    assert found == [None, None, NEW, NEW, NEW]
