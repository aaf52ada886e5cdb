"""A try whose time is over is given up as `asyncio.timeout` gives up: nobody else's cancellation is taken for it."""

import asyncio
from collections.abc import Callable

import pytest

from cobalt_async import Secret, Timeouts
from cobalt_async.transport.attempt import Attempt, Route
from cobalt_async.transport.watch import Watch
from tests.faults.raw import TOKEN, Exchange, client, ok, raw


async def hang(exchange: Exchange) -> None:
    """Say nothing until the client has gone."""
    await exchange.reader.read()


@pytest.fixture
def when_expired(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do this too, at the very moment at which a try's time is over."""

    def arrange(also: Callable[[], object]) -> None:
        own = Attempt.expire

        def expire(self: Attempt) -> None:
            own(self)
            also()

        monkeypatch.setattr(Attempt, "expire", expire)

    return arrange


async def test_a_try_that_expires_leaves_no_cancellation_behind() -> None:
    """The task that asked may go on, and is not told that somebody cancelled it."""
    async with raw(hang, ok("api_a")) as server, client(server, timeouts=Timeouts(read=0.05)) as cobalt:
        task = asyncio.current_task()
        assert task is not None
        page = await cobalt.tokens.list()  # the second try
        assert task.cancelling() == 0
        await asyncio.sleep(0)
    assert page.items[0].id == "api_a"
    assert len(server.requests) == 2


async def test_who_is_cancelled_as_time_is_over_is_cancelled(
    when_expired: Callable[[Callable[[], object]], None],
) -> None:
    """A cancellation that comes in the same turn of the loop is not swallowed."""
    async with raw(hang) as server:
        async with client(server, timeouts=Timeouts(read=0.05)) as cobalt:
            asking = asyncio.create_task(cobalt.tokens.list())
            when_expired(asking.cancel)
            with pytest.raises(asyncio.CancelledError):
                await asking
        await asyncio.sleep(0.01)  # the server sees it go
    assert asking.cancelled()
    assert len(server.requests) == 1


async def test_a_timeout_around_it_that_is_over_too_is_told(
    when_expired: Callable[[Callable[[], object]], None],
) -> None:
    """A caller's own `asyncio.timeout` that ends in the same turn of the loop ends as it should."""
    async with raw(hang) as server:
        async with client(server, timeouts=Timeouts(read=0.05)) as cobalt:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10) as around:
                    when_expired(lambda: around.reschedule(0))
                    await cobalt.tokens.list()
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
        await asyncio.sleep(0.01)
    assert around.expired()


async def test_a_task_that_was_cancelled_before_still_has_time_limits() -> None:
    """Whoever asks while it winds up after a cancellation is told that time is over, and not cancelled by that."""

    async def wind_up() -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            route = Route("http://127.0.0.1:9", Secret(TOKEN), Timeouts())
            attempt = Attempt(route, mutating=False, pooled=True, on_leave=None, watch=Watch())
            asyncio.get_running_loop().call_soon(attempt.expire)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return attempt.take_back()
        return False

    task = asyncio.create_task(wind_up())
    await asyncio.sleep(0)
    task.cancel()
    assert await task
    assert task.cancelling() == 1
