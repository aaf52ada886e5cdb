"""What a side of a comparison costs, and how sides are compared: in turn, round by round."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from attrs import define, frozen

QUOTED = 11  # rounds below which no figure is quoted

Side = Callable[[], object]


@frozen
class Cost:
    """What one side of one round took, for each request (or page, or call)."""

    cpu: float  # seconds, user + system, of all threads of this process
    wall: float  # seconds


def interleaved(sides: Mapping[str, Side], *, rounds: int, count: int) -> dict[str, list[Cost]]:
    """The costs of each side, one for each counted round: A B A B …, after a round that is not counted.

    A side does `count` times what is asked about.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, side in sides.items():
            gc.collect()  # what another side left behind is not this side's cost
            with _stopwatch() as taken:
                side()
            costs[name].append(Cost(taken.cpu / count, taken.wall / count))
    return {name: of_side[1:] for name, of_side in costs.items()}


def cpus(costs: Sequence[Cost]) -> tuple[float, ...]:
    """Microseconds of CPU for each request, round by round."""
    return tuple(cost.cpu * 1e6 for cost in costs)


def rates(costs: Sequence[Cost]) -> tuple[float, ...]:
    """Requests in a second, round by round."""
    return tuple(1 / cost.wall for cost in costs)


@define
class _Taken:
    cpu: float = 0.0
    wall: float = 0.0


@contextmanager
def _stopwatch() -> Iterator[_Taken]:
    taken = _Taken()
    cpu, wall = time.process_time(), time.perf_counter()
    yield taken
    taken.cpu, taken.wall = time.process_time() - cpu, time.perf_counter() - wall
