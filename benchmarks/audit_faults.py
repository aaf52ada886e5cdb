"""Does an audit ever say what is wrong, whatever the answers are? 10,000 credentials, and each family of faults.

First one answer in a hundred is spoilt, a family a run: each verdict is the right one or INDETERMINATE. Then there
is something between us and Cobalt that answers for everybody, from the start or from the middle of the run: no
verdict is wrong then either, and the run says what it is worth. It is over real HTTP, but for the faults of rate
windows, which are waited for in virtual time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Sequence

from attrs import field, frozen

from cobalt_async import AsyncCobalt, RetryPolicy, Timeouts
from cobalt_async.audit import AuditResult, Credential, Report, Verdict, audit

from .figures import Goal, Row
from .misbehaving import Plan, misbehaving
from .population import ORDERS, Population, owner_of, population
from .simulated import SimulatedCobalt, Throttling
from .spoilt import CONDITIONS, FAMILIES, LARGEST, REFUSED, Fault
from .virtual_loop import VirtualLoop

ROUNDS = 1
CREDENTIALS, USERS = 10_000, 2_000
SHARE = 0.01  # of the answers
NEVER = Goal("<=", 0)

_FORBIDDEN_EVERY = 50
_TIMEOUTS = Timeouts(total=0.6, connect=5.0, read=0.4)
_RETRY = RetryPolicy(base=0.0, max_wait=0.0)


@frozen
class Outcome:
    """What became of one run: `wrong` results, how many verdicts there were of each kind, and the report."""

    wrong: list[AuditResult]
    verdicts: Counter[Verdict]
    report: Report = field(repr=False)
    spoilt: int  # answers


def measure(rounds: int | None = None, *, credentials: int = CREDENTIALS, users: int = USERS) -> list[Row]:
    """The rows of this question: for each family and each condition, how many verdicts were wrong."""
    seeds = range(rounds or ROUNDS)
    people = population(credentials, users)
    found: list[Row] = []
    for family in FAMILIES:
        found.extend(rows(f"1 % of answers: {family}", [family_run(family, people, seed=seed) for seed in seeds]))
    found.extend(rows("1 % of answers: stray 401s", [stray_run(people, seed=seed) for seed in seeds]))
    found.extend(rows("1 % of answers: 509s", [throttled_run(people, seed=seed) for seed in seeds]))
    for name, condition in CONDITIONS.items():
        for start in (0, credentials // 2):
            runs = [condition_run(condition, people, start=start) for _ in seeds]
            found.extend(rows(f"{name}{', from the middle' if start else ''}", runs))
    return found


def rows(name: str, outcomes: Sequence[Outcome]) -> list[Row]:
    unknown = (Verdict.INDETERMINATE, Verdict.NOT_TRIED)
    return [
        Row(f"wrong verdicts, {name}", tuple(float(len(one.wrong)) for one in outcomes), "", NEVER),
        Row(
            "    without a verdict, of all",
            tuple(100 * sum(one.verdicts[kind] for kind in unknown) / one.verdicts.total() for one in outcomes),
            "%",
        ),
        Row("    answers that were spoilt", tuple(float(one.spoilt) for one in outcomes), ""),
    ]


def family_run(family: str, people: Population, *, share: float = SHARE, seed: int = 0) -> Outcome:
    """One audit where one answer in so many is out of this family."""
    plan = Plan(FAMILIES[family], share=share, seed=seed)
    return asyncio.run(_real(plan, people, timeouts=_TIMEOUTS if family == "time" else Timeouts()))


def stray_run(people: Population, *, share: float = SHARE, seed: int = 0) -> Outcome:
    """One audit where one answer in so many is a 401 out of the blue, for no secret twice."""
    return asyncio.run(_real(Plan([REFUSED], share=share, once=True, seed=seed), people))


def condition_run(condition: Fault, people: Population, *, start: int = 0) -> Outcome:
    """One audit where something answers for everybody, after so many right answers."""
    return asyncio.run(_real(Plan([condition], from_request=start), people))


def throttled_run(people: Population, *, share: float = SHARE, seed: int = 0) -> Outcome:
    """One audit in virtual time with the documented windows, where one answer in so many is a 429 or 509."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_virtual(people, share, seed))


async def _real(plan: Plan, people: Population, *, timeouts: Timeouts = Timeouts()) -> Outcome:
    async with (
        misbehaving(plan) as (url, server),
        AsyncCobalt(base_url=url, timeouts=timeouts, retry=_RETRY, max_page_bytes=LARGEST) as cobalt,
        audit(cobalt, inventory(people), rate=0) as run,
    ):
        wrong, verdicts = await _taken(run, people)
    return Outcome(wrong, verdicts, run.report(), server.spoilt)


async def _virtual(people: Population, share: float, seed: int) -> Outcome:
    world = SimulatedCobalt(people, throttling=Throttling(share), seed=seed)
    async with AsyncCobalt() as cobalt:
        world.stand_under(cobalt)
        async with audit(cobalt, people.inventory(ORDERS["random"]), rate=0) as run:
            wrong, verdicts = await _taken(run, people)
    return Outcome(wrong, verdicts, run.report(), world.spoilt)


def inventory(people: Population) -> Iterator[Credential]:
    """Those of the population in random order, and among them some that are forbidden."""
    for number, credential in enumerate(people.inventory(ORDERS["random"])):
        yield credential
        if number % _FORBIDDEN_EVERY == 0:
            yield Credential(f"forbidden.{number}", f"forbidden.{number}.secret")


async def _taken(run: AsyncIterable[AuditResult], people: Population) -> tuple[list[AuditResult], Counter[Verdict]]:
    """All results: those that are wrong, and how many there are of each kind."""
    wrong: list[AuditResult] = []
    verdicts: Counter[Verdict] = Counter()
    async for result in run:
        verdicts[result.verdict] += 1
        if not is_right(result, people):
            wrong.append(result)
    return wrong, verdicts


def is_right(result: AuditResult, people: Population) -> bool:
    """Whether a result is the truth, or says that it is not known."""
    if result.verdict in (Verdict.INDETERMINATE, Verdict.NOT_TRIED):
        return not result.tokens
    if result.label.startswith("forbidden"):
        return result.verdict is Verdict.FORBIDDEN
    owner = owner_of(result.label)
    if owner is None:
        return result.verdict is Verdict.DEAD
    ids = {token.id for token in result.tokens}
    return result.verdict is Verdict.ALIVE and ids == {f"api_{owner}x{number}" for number in range(people.sizes[owner])}
