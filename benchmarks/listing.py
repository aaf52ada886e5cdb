"""What does `tokens.list` cost beside the same loop, hand-written on bare aiohttp?

CPU is user + system time of this process, which runs nothing but the client; the server is another process.
Both sides stay open for the whole run and keep their connections; they differ in nothing but what is awaited.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

import aiohttp
from attrs import frozen

from cobalt_async import AsyncCobalt

from .children import plain_server
from .figures import Goal, Row, ratios
from .server import TOKENS

ROUNDS = 41  # many short rounds: what disturbs a machine for a second then falls on both sides of a pair
REQUESTS = 500  # a round and side
IN_FLIGHT = 64
GOAL = Goal("<=", 1.0)

_TOKEN = "benchmark"


@frozen
class Cost:
    """What one side of one round took, for each request."""

    cpu: float  # seconds, user + system
    wall: float  # seconds


@frozen
class Listing:
    """The costs of all counted rounds, in pairs."""

    ours: tuple[Cost, ...]
    bare: tuple[Cost, ...]


def measure(rounds: int | None = None, *, requests: int = REQUESTS) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    with plain_server() as url:
        return rows(asyncio.run(compare(url, rounds=rounds or ROUNDS, requests=requests)))


def rows(listing: Listing) -> list[Row]:
    cpu = [[cost.cpu * 1e6 for cost in side] for side in (listing.ours, listing.bare)]
    rate = [[1 / cost.wall for cost in side] for side in (listing.ours, listing.bare)]
    name = f"tokens.list, {IN_FLIGHT} in flight"
    return [
        Row(f"{name}: CPU, bare aiohttp = 1", ratios(*cpu), "x", GOAL),
        Row(f"{name}: rate, bare aiohttp = 1", ratios(*rate), "x"),
        Row("    CPU per request", tuple(cpu[0]), "us"),
        Row("    CPU per request, bare aiohttp", tuple(cpu[1]), "us"),
        Row("    requests per second", tuple(rate[0]), "/s"),
        Row("    requests per second, bare aiohttp", tuple(rate[1]), "/s"),
    ]


async def compare(url: str, *, rounds: int, requests: int) -> Listing:
    """Both sides in turn against the server at `url`, `rounds` times after a warm-up."""
    headers = {"Authorization": f"Bearer {_TOKEN}", "Accept": "application/vnd.cobalt.v1+json"}
    async with AsyncCobalt(_TOKEN, base_url=url) as cobalt, aiohttp.ClientSession(headers=headers) as session:

        async def ours() -> int:
            page = await cobalt.tokens.list()
            return len(page.items)

        async def bare() -> int:
            async with session.get(f"{url}/tokens") as response:
                response.raise_for_status()
                page = await response.json()
            return len(page["data"])

        pairs = [(await _cost(ours, requests), await _cost(bare, requests)) for _ in range(rounds + 1)]
    mine, others = zip(*pairs[1:], strict=True)
    return Listing(mine, others)


async def _cost(call: Callable[[], Awaitable[int]], requests: int) -> Cost:
    gc.collect()  # what the other side left behind is not this side's cost
    cpu, wall = time.process_time(), time.perf_counter()
    await _flood(call, requests)
    return Cost((time.process_time() - cpu) / requests, (time.perf_counter() - wall) / requests)


async def _flood(call: Callable[[], Awaitable[int]], requests: int) -> None:
    """`requests` calls, always as many in flight as the question says."""
    left = iter(range(requests))

    async def worker() -> None:
        for _ in left:
            assert await call() == TOKENS

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(worker())
