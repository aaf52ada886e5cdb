"""What does `tokens.list` cost beside what a user would take instead, at 1, 16, 64 and 256 in flight?

CPU is user + system time of this process, which runs nothing but the clients, threads and all; the server is another
process. All sides stay open for all rounds of a level and keep their connections. Ours is the core, without the extra
`speed`.
"""

import asyncio
import resource
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from .costs import Cost, Side, cpus, interleaved, rates
from .figures import Bar, Goal, Row, ratios
from .replacing import core
from .rivals import BARE, OURS, RIVALS, Open, loaded
from .server import TOKENS
from .web import server

ROUNDS = 11
REQUESTS = 512  # a round and side
LEVELS = (1, 16, 64, 256)
CPU, RATE = Goal("<=", 1.0), Goal(">=", 3.0)

_FILES = 8192  # open at once: a connection for each request in flight, of each client
_NO_RIVAL = ("bare aiohttp, no objects",)

Costs = Mapping[str, Sequence[Cost]]

T = TypeVar("T")


def measure(
    rounds: int | None = None, *, requests: int = REQUESTS, levels: Sequence[int] = LEVELS, only: Sequence[str] = ()
) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted. `only`: not all rivals."""
    allow_files()
    here, missing = loaded()
    here = {name: opens for name, opens in here.items() if not only or name in only}
    with server() as web, core():
        found = [web.ceiling()]
        for level in levels:
            costs = compare(here, web.url, in_flight=level, rounds=rounds or ROUNDS, requests=requests)
            found.extend(rows(level, costs, missing))
    return [*found[1:], found[0]]


def compare(here: Mapping[str, Open], url: str, *, in_flight: int, rounds: int, requests: int) -> dict[str, list[Cost]]:
    """All sides in turn against the server at `url`, `rounds` times after a warm-up."""
    with asyncio.Runner() as runner, ExitStack() as opened:
        sides = {
            name: opened.enter_context(flood(runner, opens, url, in_flight=in_flight, requests=requests))
            for name, opens in here.items()
        }
        return interleaved(sides, rounds=rounds, count=requests)


@contextmanager
def flood(runner: asyncio.Runner, opens: Open, url: str, *, in_flight: int, requests: int) -> Iterator[Side]:
    """A client that is open until the block ends, on this loop; each call of the side is `requests` listings."""
    client = opens(url, in_flight=in_flight)
    ask = runner.run(_awaited(client.__aenter__()))

    def side() -> None:
        assert len(runner.run(_awaited(ask(requests)))) == TOKENS

    try:
        yield side
    finally:
        runner.run(_awaited(client.__aexit__(None, None, None)))


async def _awaited(awaitable: Awaitable[T]) -> T:
    """A runner wants a coroutine."""
    return await awaitable


def rows(level: int, costs: Costs, missing: Mapping[str, str]) -> list[Row]:
    """The rows of one level: ours beside each rival, and what stands behind it."""
    name = f"tokens.list, {level} in flight"
    ours, bare = costs[OURS], costs[BARE]
    found = [Row(f"{name}: CPU, {BARE} = 1", ratios(cpus(ours), cpus(bare)), "x", CPU)]
    for rival in RIVALS:
        if rival in missing:
            found.append(Row(f"{name}: rate, {rival} = 1", (), "x", RATE, missing=missing[rival]))
        elif rival in costs and rival != OURS:
            goal = None if rival == BARE or rival in _NO_RIVAL else RATE
            found.append(Row(f"{name}: rate, {rival} = 1", ratios(rates(ours), rates(costs[rival])), "x", goal))
    for side, cost in costs.items():
        found.append(Row(f"    CPU per request, {side}", cpus(cost), "us", bar=_bar("CPU per request", level, side)))
        found.append(
            Row(f"    requests per second, {side}", rates(cost), "/s", bar=_bar("requests per second", level, side))
        )
    return found


def _bar(panel: str, level: int, owner: str) -> Bar:
    return Bar(panel, f"{level} in flight", owner)


def allow_files() -> None:
    """As many open files as this process may have, up to what all connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
