"""How much faster is `tokens.list` with the extra `speed`: on uvloop, and decoding by msgspec?

Two clients in one process, each on a loop of its own that runs only when it is that side's turn; the one on asyncio
is the core alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module

from .costs import Cost, Side, cpus, interleaved, rates
from .figures import Bar, Goal, Row, ratios
from .listing import LEVELS, REQUESTS, Costs, allow_files, flood
from .replacing import core
from .rivals import ours
from .web import server

ROUNDS = 11
GOAL = Goal(">=", 1.3)
ASYNCIO, UVLOOP = "asyncio", "uvloop"

_MISSING = "uvloop is not installed; pip install 'cobalt-async[speed]'"

Factory = Callable[[], asyncio.AbstractEventLoop]


def measure(rounds: int | None = None, *, requests: int = REQUESTS, levels: Sequence[int] = LEVELS) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    try:
        uvloop: Factory = import_module(UVLOOP).new_event_loop
    except ImportError:
        return [Row(f"{_name(level)}: rate, {ASYNCIO} = 1", (), "x", GOAL, missing=_MISSING) for level in levels]
    loops = {ASYNCIO: asyncio.new_event_loop, UVLOOP: uvloop}
    allow_files()
    with server() as web:
        found = []
        for level in levels:
            costs = compare(loops, web.url, in_flight=level, rounds=rounds or ROUNDS, requests=requests)
            found.extend(rows(level, costs))
        return [*found, web.ceiling()]


def compare(
    loops: Mapping[str, Factory], url: str, *, in_flight: int, rounds: int, requests: int
) -> dict[str, list[Cost]]:
    """One client on each loop in turn, `rounds` times after a warm-up."""
    with ExitStack() as opened:
        sides: dict[str, Side] = {}
        for name, factory in loops.items():
            runner = opened.enter_context(asyncio.Runner(loop_factory=factory))
            side = opened.enter_context(flood(runner, ours.opened, url, in_flight=in_flight, requests=requests))
            sides[name] = _in_core(side) if name == ASYNCIO else side
        return interleaved(sides, rounds=rounds, count=requests)


def _in_core(side: Side) -> Side:
    def alone() -> None:
        with core():
            side()

    return alone


def rows(level: int, costs: Costs) -> list[Row]:
    slow, fast = costs[ASYNCIO], costs[UVLOOP]
    found = [
        Row(f"{_name(level)}: rate, {ASYNCIO} = 1", ratios(rates(fast), rates(slow)), "x", GOAL),
        Row(f"{_name(level)}: CPU, {ASYNCIO} = 1", ratios(cpus(fast), cpus(slow)), "x"),
    ]
    for name, cost in costs.items():
        bar = Bar("requests per second", f"{level} in flight", name)
        found.append(Row(f"    requests per second, {name}", rates(cost), "/s", bar=bar))
    return found


def _name(level: int) -> str:
    return f"tokens.list with speed (uvloop, msgspec), {level} in flight"
