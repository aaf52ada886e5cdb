"""How near does an audit of up to a million credentials come to the best that any scheduler could do?

In virtual time, against a simulated Cobalt with the documented windows: each run in a process of its own. The
audit is told nothing of whose a secret is, and nothing it could guess from: `last_characters` read "redacted". So
little time passes from asking to answer that the windows decide, with 64 under way.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import asdict, frozen

from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditResult, Verdict, audit
from cobalt_async.audit.engine.living import TOGETHER

from .audit_memory import peak
from .children import cores, python
from .figures import Goal, Row
from .optimum import Terms, optimum
from .population import ORDERS, Order, Population, owner_of, population
from .simulated import LATENCY, LIMIT, WINDOW, SimulatedCobalt, Weather
from .virtual_loop import VirtualLoop

ROUNDS = 1  # chance decides little here, and a clock that is virtual has no noise
CREDENTIALS, USERS = 100_000, 20_000
FULL = 10  # times as many in the cases that are run at full size
SHARE = 0.8
MAKESPAN, REQUESTS, NEVER = Goal("<=", 1.05), Goal("<=", 1.02), Goal("<=", 0)

_CONCURRENCY = 64
_MB = 1e6

WEATHERS: Mapping[str, Weather] = {
    "": Weather(),
    "5 % of answers 503": Weather(failing=20),
    "half of each window eaten": Weather(eaten=50),
    "both": Weather(failing=20, eaten=50),
    "endings shown": Weather(endings=True),
}
Case = tuple[str, str]  # order and weather
CASES: Sequence[Case] = (
    ("biggest first", ""),
    ("round robin", ""),
    ("random", ""),
    ("random", "5 % of answers 503"),
    ("random", "half of each window eaten"),
    ("random", "both"),
    ("biggest first", "half of each window eaten"),
    ("round robin", "half of each window eaten"),
    ("biggest first", "both"),
    ("round robin", "both"),
    ("biggest last", ""),
)
AT_FULL_SIZE: Sequence[Case] = (  # about five minutes of CPU each
    ("biggest first", ""),
    ("biggest first", "both"),
    ("round robin", ""),
    ("round robin", "both"),
    ("random", "both"),
)
WITHOUT_GOAL = frozenset({"biggest last"})  # who comes last cannot be begun with: reported, and not judged


@frozen(kw_only=True)
class Simulated:
    """One audit in virtual time."""

    credentials: int
    requests: int
    fewest: int
    makespan: float  # virtual seconds
    shortest: float  # (the same)
    throttled: int
    beyond: int  # readings out of the share that is left to others
    wrong: int  # verdicts
    unknown: int  # INDETERMINATE
    seconds: float  # real ones
    peak: float  # bytes


def measure(
    rounds: int | None = None,
    *,
    credentials: int = CREDENTIALS,
    users: int = USERS,
    cases: Sequence[Case] = CASES,
    full: Sequence[Case] = AT_FULL_SIZE,
) -> list[Row]:
    """The rows of this question: `rounds` audits of each case, each with dice of its own.

    As many at once as there are cores, for no clock but a virtual one is judged; what takes longest is begun first.
    Any other case at any size: `python -m benchmarks.makespan ORDER WEATHER CREDENTIALS USERS SEED`.
    """
    sizes = [*((case, FULL) for case in full), *((case, 1) for case in cases)]

    def runs(planned: tuple[Case, int]) -> list[Simulated]:
        case, times = planned
        return [simulated(*case, times * credentials, times * users, seed=seed) for seed in range(rounds or ROUNDS)]

    with ThreadPoolExecutor(cores()) as pool:  # each thread waits for a process
        found = list(pool.map(runs, sizes))
    return [
        row
        for ((order, weather), _), of_case in zip(sizes, found, strict=True)
        for row in rows(", ".join(filter(None, (order, weather))), of_case, is_judged=order not in WITHOUT_GOAL)
    ]


def rows(case: str, runs: Sequence[Simulated], *, is_judged: bool = True) -> list[Row]:
    name = f"{case}, {runs[0].credentials:,}"
    of = "seed" if len(runs) == 1 else "seeds"  # one gives the same figures whenever it is run
    makespans = tuple(run.makespan / run.shortest for run in runs)
    requests = tuple(run.requests / run.fewest for run in runs)
    wrong = tuple(float(run.wrong) for run in runs)
    return [
        Row(f"makespan, {name}: optimum = 1", makespans, "x", MAKESPAN if is_judged else None, counted=of),
        Row(f"requests, {name}: minimum = 1", requests, "x", REQUESTS if is_judged else None, counted=of),
        Row(f"wrong verdicts, {name}", wrong, "", NEVER, counted=of),
        Row("    INDETERMINATE", tuple(float(run.unknown) for run in runs), ""),
        Row("    answered 509", tuple(float(run.throttled) for run in runs), ""),
        Row("    readings beyond the share, % of all", tuple(100 * run.beyond / run.requests for run in runs), "%"),
        Row("    virtual seconds", tuple(run.makespan for run in runs), "s"),
        Row("    real seconds", tuple(run.seconds for run in runs), "s"),
        Row("    peak memory", tuple(run.peak / _MB for run in runs), "MB"),
    ]


def simulated(order: str, weather: str, credentials: int, users: int, *, seed: int = 0) -> Simulated:
    """One simulation in a fresh process."""
    return Simulated(**json.loads(python("-m", __name__, order, weather, str(credentials), str(users), str(seed))))


def run(order: str, weather: str, people: Population, *, seed: int = 0) -> Simulated:
    """The simulation itself, in this process; no task is left behind."""
    started = time.perf_counter()
    world = SimulatedCobalt(people, WEATHERS[weather], ours=int(LIMIT * SHARE), seed=seed)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        makespan, wrong, unknown = runner.run(_audited(world, people, ORDERS[order], seed))
    best = optimum(people.users, dead=people.dead, terms=terms(WEATHERS[weather]))
    return Simulated(
        credentials=people.credentials,
        requests=world.requests,
        fewest=best.requests,
        makespan=makespan,
        shortest=best.makespan,
        throttled=world.statuses[509],
        beyond=world.beyond,
        wrong=wrong,
        unknown=unknown,
        seconds=time.perf_counter() - started,
        peak=peak(),
    )


def terms(weather: Weather) -> Terms:
    """What the optimum has to keep to: the same share of each window, less what another client eats of it."""
    return Terms(
        per_window=int(LIMIT * SHARE) - weather.eaten,
        window=WINDOW,
        latency=2 * LATENCY[0],
        failing=1 / weather.failing if weather.failing else 0.0,
        together=TOGETHER,
    )


async def _audited(world: SimulatedCobalt, people: Population, order: Order, seed: int) -> tuple[float, int, int]:
    """How long an audit takes, on the loop's clock; and how many verdicts are wrong, and how many INDETERMINATE."""
    wrong = unknown = total = 0
    async with AsyncCobalt() as cobalt:
        world.stand_under(cobalt)
        inventory = people.inventory(order, seed=seed)
        async with audit(cobalt, inventory, concurrency=_CONCURRENCY, rate=0, share=SHARE) as results:
            async for result in results:
                total += 1
                unknown += result.verdict is Verdict.INDETERMINATE
                wrong += not _is_right(result, people)
        ended = asyncio.get_running_loop().time()
    assert total == people.credentials
    assert len(asyncio.all_tasks()) == 1, "a task was left behind"
    return ended, wrong, unknown


def _is_right(result: AuditResult, people: Population) -> bool:
    """Whether a result is the truth, or INDETERMINATE; of a listing, its size and its first id are looked at."""
    if result.verdict is Verdict.INDETERMINATE:
        return True
    owner = owner_of(result.label)
    if owner is None:
        return result.verdict is Verdict.DEAD
    tokens = result.tokens
    return result.verdict is Verdict.ALIVE and len(tokens) == people.sizes[owner] and tokens[0].id == f"api_{owner}x0"


if __name__ == "__main__":
    order, weather, credentials, users, seed = sys.argv[1:]
    print(json.dumps(asdict(run(order, weather, population(int(credentials), int(users)), seed=int(seed)))))
