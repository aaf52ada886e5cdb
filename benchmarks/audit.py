"""What does an audit of 100,000 credentials of 40,000 users cost beside a bare aiohttp loop that sends the same?

CPU is user + system time of one process, which runs nothing but clients; the server is another. The audit is one
run. From time to time its consumer waits until nothing is under way, and the requests that went out since then go
out once more, in their order, 64 at a time, from bare aiohttp: what disturbs a machine falls on both. Credentials
are made beforehand, as the bare loop's requests are; whatever the audit does counts for it, up to the alerts.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence

import aiohttp
from attrs import asdict, frozen

from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditRun, Verdict, audit
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.transport import Route

from . import audit_memory
from .children import plain_server, python
from .figures import Goal, Row
from .population import EVEN, ORDERS, owner_of, population

ROUNDS = 1  # each is 100,000 credentials, in slices
CREDENTIALS, USERS = 100_000, 40_000
GOAL, NEVER = Goal("<=", 1.15), Goal("<=", 0)

_CONCURRENCY = 64
_SLICES = 40  # pairs in a round
_QUIET = 0.02  # seconds without a request after which nothing is under way
_MB = 1e6

Asked = tuple[str, str]  # target and bearer


@frozen(kw_only=True)
class Cost:
    """One audit and the same requests from bare aiohttp, in a process of its own. CPU in seconds."""

    credentials: int
    requests: int
    ours: float
    bare: float
    slices: list[float]  # ours by bare, one by one
    wall: float  # seconds of the audit alone
    leaked: int  # tasks


def measure(rounds: int | None = None, *, credentials: int = CREDENTIALS, users: int = USERS) -> list[Row]:
    """The rows of this question: `rounds` times an audit beside bare aiohttp, and one that is let run for its peak."""
    with plain_server() as url:
        costs = [cost(url, credentials, users) for _ in range(rounds or ROUNDS)]
        peaks = [audit_memory.audited(url, credentials) for _ in costs]
    return rows(costs, [one.peak for one in peaks])


def rows(costs: Sequence[Cost], peaks: Sequence[float]) -> list[Row]:
    size = f"{costs[0].credentials:,}"
    return [
        Row(f"audit of {size}: CPU, bare aiohttp = 1", tuple(one.ours / one.bare for one in costs), "x", GOAL),
        Row(f"audit of {size}: tasks left behind", tuple(float(one.leaked) for one in costs), "", NEVER),
        Row("    CPU, slice by slice", tuple(part for one in costs for part in one.slices), "x"),
        Row("    CPU per credential", tuple(one.ours / one.credentials * 1e6 for one in costs), "us"),
        Row("    CPU per credential, bare aiohttp", tuple(one.bare / one.credentials * 1e6 for one in costs), "us"),
        Row("    requests per credential", tuple(one.requests / one.credentials for one in costs), ""),
        Row("    credentials per second", tuple(one.credentials / one.wall for one in costs), "/s"),
        Row("    peak memory", tuple(peak / _MB for peak in peaks), "MB"),
    ]


def cost(url: str, credentials: int, users: int) -> Cost:
    """One round in a fresh process."""
    return Cost(**json.loads(python("-m", __name__, url, str(credentials), str(users))))


class Sent:
    """What a client sent, in order; for a client that is open."""

    def __init__(self, cobalt: AsyncCobalt) -> None:
        self.since_last: list[Asked] = []
        transport = cobalt._root.refreshes.exchange._transport
        send = transport.send

        def noting(request: Request, route: Route, *, on_answer: None, on_leave: None) -> Awaitable[Response]:
            self.since_last.append((request.target, route.secret.reveal()))
            return send(request, route, on_answer=on_answer, on_leave=on_leave)  # a reading has neither

        transport.send = noting  # type: ignore[method-assign, assignment]

    async def taken(self) -> list[Asked]:
        """What was sent since the last time, once nothing more is."""
        count = -1
        while count != len(self.since_last):
            count = len(self.since_last)
            await asyncio.sleep(_QUIET)
        taken, self.since_last = self.since_last, []
        return taken


class Stopwatch:
    """CPU and wall seconds of this process between `start` and `stop`, added up."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.start()

    def start(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def stop(self) -> float:
        """Stop, and say how much CPU went by since `start`."""
        spent = time.process_time() - self._cpu
        self.cpu += spent
        self.wall += time.perf_counter() - self._wall
        return spent


async def run(url: str, credentials: int, users: int) -> Cost:
    """The comparison itself, in this process; fails where a verdict is not what the server means."""
    people = population(credentials, users, EVEN)
    inventory = list(people.inventory(ORDERS["random"]))
    gc.freeze()  # what was made beforehand is nobody's to look through
    verdicts: Counter[Verdict] = Counter()
    ours, bare, slices, requests = Stopwatch(), 0.0, [], 0
    before = len(asyncio.all_tasks())
    ours.start()
    async with (
        AsyncCobalt(base_url=url) as cobalt,
        aiohttp.ClientSession(headers={"Accept": "application/vnd.cobalt.v1+json"}) as session,
        audit(cobalt, inventory, concurrency=_CONCURRENCY, rate=0) as results,
    ):
        sent = Sent(cobalt)
        while more := await _take(results, max(credentials // _SLICES, 1), verdicts):
            asked = await sent.taken()
            spent = ours.stop()
            replayed = await _replay(session, url, asked)
            requests += len(asked)
            bare += replayed
            slices.append(spent / replayed if replayed else 1.0)
            ours.start()
        del more
        report = results.report()
    ours.stop()
    assert report.complete
    assert verdicts == {Verdict.ALIVE: credentials - people.dead, Verdict.DEAD: people.dead}, verdicts
    await asyncio.sleep(0.1)  # for what may still end by itself
    return Cost(
        credentials=credentials,
        requests=requests,
        ours=ours.cpu,
        bare=bare,
        slices=slices,
        wall=ours.wall,
        leaked=len(asyncio.all_tasks()) - before,
    )


async def _take(results: AuditRun, count: int, verdicts: Counter[Verdict]) -> int:
    """Take so many results, or as many as there still are."""
    taken = 0
    async for result in results:
        verdicts[result.verdict] += 1
        assert (owner_of(result.label) is None) is (result.verdict is Verdict.DEAD), result
        taken += 1
        if taken == count:
            break
    return taken


async def _replay(session: aiohttp.ClientSession, url: str, asked: Iterable[Asked]) -> float:
    """The CPU that the same requests take, sent by hand."""
    gc.collect()  # what the other side left behind is not this side's cost
    watch = Stopwatch()
    left = iter(asked)

    async def worker() -> None:
        for target, bearer in left:
            async with session.get(url + target, headers={"Authorization": f"Bearer {bearer}"}) as response:
                if response.status == 200:
                    assert "data" in await response.json()
                else:
                    await response.read()

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONCURRENCY):
            group.create_task(worker())
    spent = watch.stop()
    gc.collect()
    return spent


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))))
