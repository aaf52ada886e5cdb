"""Workers go on together, soon, and none is left behind."""

import asyncio

import pytest

from cobalt_async.audit.engine.waves import Waves

_SOON = 8  # turns of the event loop


async def turns(count: int) -> None:
    """Let the event loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_nobody_goes_on_at_once() -> None:
    """Whoever joins waits for a turn, so that who waits for results has one too."""
    waves = Waves(lambda: 1)
    joined = asyncio.ensure_future(waves.join())
    await turns(1)
    assert not joined.done()
    await turns(_SOON)
    assert joined.done()


async def test_who_joins_within_two_turns_goes_in_the_same_wave() -> None:
    """Those whose answers come a turn after one another go on in one turn."""
    waves, gone, turn = Waves(lambda: 100), list[int](), 0

    async def worker() -> None:
        await waves.join()
        gone.append(turn)

    tasks = []
    for _ in range(5):
        tasks.append(asyncio.ensure_future(worker()))
        await turns(2)
    while not all(task.done() for task in tasks):
        turn += 1
        assert turn < _SOON
        await turns(1)
    assert len(gone) == 5
    assert len(set(gone)) == 1


async def test_a_wave_of_all_workers_waits_for_nobody() -> None:
    """Once all are in it, it goes a turn later."""
    waves = Waves(lambda: 3)
    tasks = [asyncio.ensure_future(waves.join()) for _ in range(3)]
    await turns(3)
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_one_who_is_cancelled_holds_nobody_up(cancelled: int) -> None:
    """The others of a wave go on, and so does the wave after it."""
    waves = Waves(lambda: 3)
    for _ in range(2):
        tasks = [asyncio.ensure_future(waves.join()) for _ in range(3)]
        await turns(1)
        tasks[cancelled].cancel()
        await turns(_SOON)
        assert [task.cancelled() for task in tasks] == [number == cancelled for number in range(3)]
        assert all(task.done() for task in tasks)
