"""How much longer does one `tokens.list` take than the same request from bare aiohttp, one at a time?

Calls alternate one by one, so that both sides have the same machine; a round's percentiles are of one side's calls.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from .figures import Goal, Row, differences
from .replacing import core
from .rivals import bare, ours
from .server import TOKENS
from .web import server

ROUNDS = 11
CALLS = 1000  # a round and side
GOAL = Goal("<=", 30.0)

_WARM_UP = 50  # calls

Call = Callable[[int], Awaitable[Sequence[object]]]


@frozen
class Times:
    """The percentiles of one side of one round, in microseconds."""

    p50: float
    p99: float


def measure(rounds: int | None = None, *, calls: int = CALLS) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after some calls that are not counted."""
    with server() as web, core():
        return rows(*asyncio.run(compare(web.url, rounds=rounds or ROUNDS, calls=calls)))


def rows(mine: Sequence[Times], others: Sequence[Times]) -> list[Row]:
    halves = [tuple(one.p50 for one in side) for side in (mine, others)]
    tails = [tuple(one.p99 for one in side) for side in (mine, others)]
    return [
        Row("added time per call, p50, beside bare aiohttp", differences(*halves), "us", GOAL),
        Row("added time per call, p99, beside bare aiohttp", differences(*tails), "us"),
        Row("    time per call, p50", halves[0], "us"),
        Row("    time per call, p50, bare aiohttp", halves[1], "us"),
        Row("    time per call, p99", tails[0], "us"),
        Row("    time per call, p99, bare aiohttp", tails[1], "us"),
    ]


async def compare(url: str, *, rounds: int, calls: int) -> tuple[list[Times], list[Times]]:
    """Both sides, call by call in turn."""
    async with ours.opened(url, in_flight=1) as mine, bare.opened(url, in_flight=1) as other:
        await _round((mine, other), _WARM_UP)
        pairs = [await _round((mine, other), calls) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


async def _round(sides: Sequence[Call], calls: int) -> list[Times]:
    gc.collect()
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(calls):
        for side, times in zip(sides, taken, strict=True):
            started = time.perf_counter()
            listed = await side(1)  # one task more than need be, on both sides
            times.append((time.perf_counter() - started) * 1e6)
            assert len(listed) == TOKENS
    return [percentiles(times) for times in taken]


def percentiles(times: Sequence[float]) -> Times:
    """The value that half of the calls, and 99 in 100, stay within."""
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Times(cuts[49], cuts[98])
