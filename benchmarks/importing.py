"""What does `import cobalt_async` cost beside `import aiohttp`?

Each import runs in a fresh process, the start of Python included, as a user's command pays it. The warm-up
leaves the compiled files behind.
"""

import resource
import time
from collections.abc import Sequence

from .children import python
from .costs import Cost
from .figures import Goal, Row, ratios

ROUNDS = 21  # short and noisy: more of them than usual
GOAL = Goal("<=", 1.10)


def measure(rounds: int | None = None) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    pairs = [(cost("cobalt_async"), cost("aiohttp")) for _ in range((rounds or ROUNDS) + 1)][1:]
    return rows(*zip(*pairs, strict=True))


def rows(ours: Sequence[Cost], bare: Sequence[Cost]) -> list[Row]:
    wall = [[cost.wall * 1e3 for cost in side] for side in (ours, bare)]
    cpu = [[cost.cpu * 1e3 for cost in side] for side in (ours, bare)]
    name = "import cobalt_async"
    return [
        Row(f"{name}: time, import aiohttp = 1", ratios(*wall), "x", GOAL),
        Row(f"{name}: CPU, import aiohttp = 1", ratios(*cpu), "x"),
        Row("    time", tuple(wall[0]), "ms"),
        Row("    time, import aiohttp", tuple(wall[1]), "ms"),
    ]


def cost(module: str) -> Cost:
    """What a process takes that imports this module and ends."""
    return run("-c", f"import {module}")


def run(*arguments: str) -> Cost:
    """What this Python takes with these arguments, from its start to its end."""
    cpu, wall = _children(), time.perf_counter()
    python(*arguments)
    return Cost(_children() - cpu, time.perf_counter() - wall)


def _children() -> float:
    """CPU seconds, user + system, of all processes that we started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
