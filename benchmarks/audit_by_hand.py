"""What does an audit of 1,000, 10,000 and 100,000 credentials cost beside the one that a user would write by hand?

By hand: a semaphore, `gather`, and one bare aiohttp session, each with room for 64. It may do less, and does: it
looks at nobody a second time, has no controls and no pacing, remembers what it found and raises no alerts. Ours does
all that it does for its user, and counts up to the report; it is the core, without the extra `speed`.

Each side runs in a fresh process, which makes its credentials first; then the two take turns. CPU is user + system
time of that process, which runs nothing but the client, from before it is opened to after its report.

Dead secrets are looked at again five seconds later, and that is waiting and no work. So the time of a credential is
the time up to the last verdict that needs no second look, for each answer that came until then: one for each
credential, and a second one for each that was told dead by then. By hand it is the whole run, by credentials.
"""

import asyncio
import gc
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence

from attrs import asdict, frozen

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Verdict, audit

from . import by_hand
from .audit_memory import peak
from .children import plain_server, python
from .figures import Bar, Goal, Row, ratios
from .population import EVEN, ORDERS, Population, population
from .replacing import core

ROUNDS = 11
SIZES: Mapping[int, int] = {1_000: 2, 10_000: 1, 100_000: 1}  # credentials, and audits in a process
CPU, ACROSS = Goal("<=", 1.0), Goal("<=", 1.10)
OURS, HAND = "cobalt_async", "by hand"

_CONCURRENCY = 64
_MB = 1e6


@frozen(kw_only=True)
class Cost:
    """One process: all audits in it by their credentials, but for the memory."""

    cpu: float  # seconds, user + system, a credential
    wall: float  # seconds an answer, without waiting for second looks
    peak: float  # bytes, the credentials too
    beyond: float  # bytes by which the audits raised it


Costs = Mapping[str, Sequence[Cost]]
Once = Callable[[str], Coroutine[None, None, float]]
"""One audit against the server at a URL: seconds an answer. It fails where a verdict is not what the server means."""


def measure(rounds: int | None = None, *, sizes: Mapping[int, int] = SIZES) -> list[Row]:
    """The rows of this question; a round is a pair of processes at each size."""
    with plain_server() as url:
        taken = [
            {size: {side: cost(side, url, size, audits) for side in _SIDES} for size, audits in sizes.items()}
            for _ in range(rounds or ROUNDS)
        ]
    costs = {size: {side: [one[size][side] for one in taken] for side in _SIDES} for size in sizes}
    return [*(row for size, of_size in costs.items() for row in rows(size, of_size)), *across(costs)]


def rows(size: int, costs: Costs) -> list[Row]:
    """The rows of one size: ours beside the one by hand, and what stands behind it."""
    cpus = {side: tuple(one.cpu * 1e6 for one in of_side) for side, of_side in costs.items()}
    group = f"{size:,} credentials"
    found = [Row(f"audit of {size:,}: CPU, {HAND} = 1", ratios(cpus[OURS], cpus[HAND]), "x", CPU)]
    for side, of_side in costs.items():
        beyond = tuple(one.beyond / _MB for one in of_side)
        found += [
            Row(f"    CPU per credential, {side}", cpus[side], "us", bar=Bar("CPU per credential", group, side)),
            Row(f"    time per answer, {side}", tuple(one.wall * 1e6 for one in of_side), "us"),
            Row(f"    peak memory, {side}", tuple(one.peak / _MB for one in of_side), "MB"),
            Row(f"    of it beyond its credentials, {side}", beyond, "MB", bar=Bar("memory of it", group, side)),
        ]
    return found


def across(costs: Mapping[int, Costs]) -> list[Row]:
    """How much longer an answer takes at one size than at another, round by round."""
    walls = {
        side: zip(*([one.wall for one in of_size[side]] for of_size in costs.values()), strict=True) for side in _SIDES
    }
    sizes = f"audits of {min(costs):,} to {max(costs):,}: time per answer, most by least"
    spans = {side: tuple(max(of_round) / min(of_round) for of_round in taken) for side, taken in walls.items()}
    return [Row(sizes, spans[OURS], "x", ACROSS), Row(f"    the same, {HAND}", spans[HAND], "x")]


def cost(side: str, url: str, size: int, audits: int) -> Cost:
    """One process."""
    return Cost(**json.loads(python("-m", __name__, side, url, str(size), str(audits))))


def run(side: str, url: str, size: int, audits: int) -> Cost:
    """The audits of one side, in this process."""
    once = _SIDES[side](population(size, size * 2 // 5, EVEN))
    gc.collect()
    gc.freeze()  # what was made beforehand is nobody's to look through
    held, began = peak(), time.process_time()
    with core():
        walls = [asyncio.run(once(url)) for _ in range(audits)]
    cpu, most = time.process_time() - began, peak()
    return Cost(cpu=cpu / size / audits, wall=statistics.fmean(walls), peak=most, beyond=most - held)


def _ours(people: Population) -> Once:
    inventory = list(people.inventory(ORDERS["random"]))
    count, dead = len(inventory), people.dead

    async def once(url: str) -> float:
        verdicts: Counter[Verdict] = Counter()
        began, answers, ended = time.perf_counter(), 0, 0.0
        async with (
            AsyncCobalt(base_url=url) as cobalt,
            audit(cobalt, inventory, concurrency=_CONCURRENCY, rate=0) as results,
        ):
            async for result in results:
                verdicts[result.verdict] += 1
                if result.verdict is Verdict.ALIVE:
                    answers, ended = count + verdicts[Verdict.DEAD], time.perf_counter()
            report = results.report()
        assert report.complete
        assert verdicts == {Verdict.ALIVE: count - dead, Verdict.DEAD: dead}, verdicts
        return (ended - began) / answers

    return once


def _hand(people: Population) -> Once:
    inventory = [(one.label, one.secret.reveal()) for one in people.inventory(ORDERS["random"])]

    async def once(url: str) -> float:
        began = time.perf_counter()
        found = await by_hand.audited(url, inventory, in_flight=_CONCURRENCY)
        taken = time.perf_counter() - began
        assert sum(tokens is None for tokens in found.values()) == people.dead
        assert len(found) == len(inventory)
        return taken / len(inventory)

    return once


_SIDES: Mapping[str, Callable[[Population], Once]] = {OURS: _ours, HAND: _hand}


if __name__ == "__main__":
    side, url, size, audits = sys.argv[1:]
    print(json.dumps(asdict(run(side, url, int(size), int(audits)))))
