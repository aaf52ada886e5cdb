"""How much more memory does an audit of 100,000 credentials take than one of 1,000, by credential?

Each audit runs in a fresh process, which makes its credentials as they are taken and drops each result: what
grows is the audit's own. It raises its alerts and saves a baseline, as a nightly one does.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from attrs import asdict, frozen

from .children import plain_server, python
from .figures import Goal, Row

ROUNDS = 3  # memory is far less noisy than time
SMALL, LARGE = 1_000, 100_000
GOAL = Goal("<=", 300.0)

_MB = 1e6


@frozen
class Audited:
    """One audit in a process of its own."""

    credentials: int
    peak: float  # bytes
    seconds: float


def measure(rounds: int | None = None, *, small: int = SMALL, large: int = LARGE) -> list[Row]:
    """The rows of this question: `rounds` pairs of audits."""
    with plain_server() as url:
        pairs = [(audited(url, small), audited(url, large)) for _ in range(rounds or ROUNDS)]
    return rows([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def rows(small: list[Audited], large: list[Audited]) -> list[Row]:
    less, more = small[0].credentials, large[0].credentials
    grown = tuple((after.peak - before.peak) / (more - less) for before, after in zip(small, large, strict=True))
    return [
        Row(f"audit of {more:,}: memory by credential beyond {less:,}", grown, "bytes", GOAL),
        Row(f"    peak, {less:,} credentials", tuple(one.peak / _MB for one in small), "MB"),
        Row(f"    peak, {more:,} credentials", tuple(one.peak / _MB for one in large), "MB"),
        Row("    credentials per second", tuple(one.credentials / one.seconds for one in large), "/s"),
    ]


def audited(url: str, credentials: int) -> Audited:
    """An audit of that many credentials against the plain server, in a fresh process."""
    return Audited(**json.loads(python("-m", __name__, url, str(credentials))))


async def run(url: str, credentials: int) -> Audited:
    """The audit itself, in this process, two users to five credentials; fails where a verdict is not what the plain
    server means.
    """
    from cobalt_async import AsyncCobalt  # noqa: PLC0415  # for the child: whoever starts it needs none of it
    from cobalt_async.audit import Verdict, audit  # noqa: PLC0415  # (the same)

    from .population import EVEN, ORDERS, population  # noqa: PLC0415  # (the same)

    people = population(credentials, credentials * 2 // 5, EVEN)
    verdicts: Counter[Verdict] = Counter()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        async with (
            AsyncCobalt(base_url=url) as cobalt,
            audit(cobalt, people.inventory(ORDERS["round robin"]), concurrency=64, rate=0) as results,
        ):
            async for result in results:
                verdicts[result.verdict] += 1
            results.save_baseline(Path(folder) / "baseline")
    seconds = time.perf_counter() - started
    assert verdicts == {Verdict.ALIVE: credentials - people.dead, Verdict.DEAD: people.dead}, verdicts
    return Audited(credentials, peak(), seconds)


def peak() -> float:
    """The most memory that this process ever held, in bytes.

    Linux counts in `ru_maxrss` what the starting process held too, from before this program was loaded;
    `VmHWM` begins with this program.
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024.0 for line in status if line.startswith("VmHWM:"))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(used if sys.platform == "darwin" else used * 1024)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(sys.argv[1], int(sys.argv[2]))))))
