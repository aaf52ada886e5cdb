import asyncio
from collections.abc import Callable

import pytest

from cobalt_async.must_finish import Dropped, Finishers
from tests.testing.asking import until
from tests.virtual_time import settle


def always() -> bool:
    """The work is committed from its start."""
    return True


def never() -> bool:
    """The work is never committed."""
    return False


class Work:
    """Work that waits for `go` and notes how it ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.end = ""

    async def __call__(self, failure: Exception | None = None) -> str:
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.end = "cancelled"
            raise
        self.end = "finished"
        if failure is not None:
            raise failure
        return "result"


async def begin(work: Work, finishers: Finishers, committed: Callable[[], bool]) -> asyncio.Task[str]:
    """A caller who waits for the work, which has begun."""
    caller = asyncio.create_task(finishers.run(work, committed=committed))
    await work.began.wait()
    return caller


async def test_the_result_comes_through() -> None:
    """Without a cancellation, `run` gives what the work returns."""
    work, finishers = Work(), Finishers()
    work.go.set()
    assert await finishers.run(work, committed=always) == "result"


async def test_an_exception_comes_through() -> None:
    """Without a cancellation, `run` raises what the work raises."""
    work, finishers = Work(), Finishers()
    work.go.set()
    with pytest.raises(LookupError, match="mine"):
        await finishers.run(lambda: work(LookupError("mine")), committed=always)


async def test_a_cancellation_before_the_commitment_ends_the_work() -> None:
    """While nothing is committed, cancelling the caller cancels the work."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, never)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.end == "cancelled"


async def test_a_cancellation_after_the_commitment_waits() -> None:
    """Once committed, the work goes to its end, and only then is the cancellation let out."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, always)
    caller.cancel()
    await settle()
    assert not caller.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.end == "finished"


async def test_any_number_of_cancellations_is_survived() -> None:
    """However often the caller is cancelled, committed work finishes; the caller ends cancelled."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, always)
    for number in range(10):
        caller.cancel(f"the {number}th")
        await settle()
    assert not caller.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError, match="the 9th"):
        await caller
    assert work.end == "finished"


async def test_what_is_not_committed_yet_may_become_so() -> None:
    """`committed` is asked at each cancellation, not once."""
    work, finishers = Work(), Finishers()
    is_committed = False
    caller = await begin(work, finishers, lambda: is_committed)
    is_committed = True
    caller.cancel()
    await settle()
    assert not caller.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.end == "finished"


async def test_a_failure_behind_a_cancellation_is_not_reported_by_the_loop() -> None:
    """Where the caller is gone, what the work raised is seen: the loop has nothing to complain of."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    work, finishers = Work(), Finishers()
    caller = asyncio.create_task(finishers.run(lambda: work(LookupError("mine")), committed=always))
    await work.began.wait()
    caller.cancel()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    del caller
    await settle()
    assert complaints == []


async def test_a_timeout_around_it_rings_when_the_work_is_done() -> None:
    """`asyncio.timeout` around committed work ends in TimeoutError, after the work."""
    work, finishers = Work(), Finishers()

    async def within_no_time() -> None:
        async with asyncio.timeout(0):
            await finishers.run(work, committed=always)

    caller = asyncio.create_task(within_no_time())
    await work.began.wait()
    await settle()
    assert not caller.done()
    work.go.set()
    with pytest.raises(TimeoutError):
        await caller
    assert work.end == "finished"


async def test_a_cancellation_that_comes_with_the_end_is_let_out() -> None:
    """A caller cancelled after the work ended, and before it ran again, is cancelled all the same."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, always)
    work.go.set()
    await until(lambda: work.end)  # the very moment between the end and the caller's turn
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_closing_waits_for_all_work() -> None:
    """`close` ends when the last committed work has, also work that began meanwhile."""
    finishers = Finishers()
    first, second = Work(), Work()
    one = await begin(first, finishers, always)
    waiting = asyncio.create_task(finishers.close())
    await settle()
    two = await begin(second, finishers, always)
    first.go.set()
    await one
    await settle()
    assert not waiting.done()
    second.go.set()
    await waiting
    assert await two == "result"


async def test_closing_without_work_ends_at_once() -> None:
    """Where nothing is under way there is nothing to wait for."""
    await Finishers().close()


async def test_closing_survives_its_own_cancellations() -> None:
    """A cancelled `close` waits on, and lets the cancellation out when the work is done."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, always)
    waiting = asyncio.create_task(finishers.close())
    await settle()
    for _ in range(3):
        waiting.cancel()
        await settle()
    assert not waiting.done()
    work.go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await caller == "result"


async def test_a_callers_cancellation_does_not_reach_closing() -> None:
    """`close` also sees the work of a caller who was cancelled."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, always)
    caller.cancel()
    await settle()
    waiting = asyncio.create_task(finishers.close())
    await settle()
    assert not waiting.done()
    work.go.set()
    await waiting
    assert work.end == "finished"
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_closing_drops_what_is_not_committed() -> None:
    """Work that has done nothing yet is cancelled, and its caller told so; what is committed goes on."""
    finishers, idle, busy = Finishers(), Work(), Work()
    dropped = await begin(idle, finishers, never)
    kept = await begin(busy, finishers, always)
    closing = asyncio.create_task(finishers.close())
    with pytest.raises(Dropped):
        await dropped
    assert idle.end == "cancelled"
    assert not closing.done()
    busy.go.set()
    await closing
    assert await kept == "result"


async def test_a_caller_who_is_cancelled_as_well_is_cancelled() -> None:
    """Where the caller was cancelled too, that is what it learns."""
    work, finishers = Work(), Finishers()
    caller = await begin(work, finishers, never)
    closing = asyncio.create_task(finishers.close())
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await closing


@pytest.mark.parametrize("committed", [always, never])
async def test_work_that_closes_does_not_wait_for_itself(committed: Callable[[], bool]) -> None:
    """A `save` that closes its own client ends: it waits for the others, and not for itself."""
    finishers = Finishers()
    others = asyncio.Event()

    async def other() -> None:
        await others.wait()

    async def work() -> str:
        others.set()
        await finishers.close()
        return "done"

    waiting = asyncio.create_task(finishers.run(other, committed=lambda: True))
    async with asyncio.timeout(5):
        assert await finishers.run(work, committed=committed) == "done"
    await waiting
