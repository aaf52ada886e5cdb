"""audit(): many credentials, a bounded window, one AuditResult each, as they land."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import evolve

from ...client import AsyncCobalt
from ...errors import ConfigurationError
from ...ledger import RotationRecord
from ...protocol.hosts import Region
from ..baseline import Baseline, write_baseline
from ..credential import Credential
from ..facts import Facts
from ..marks import STAND_IN
from ..policy import Policy
from ..rules import CANNOT_KNOW, evaluate, notes
from ..rules.texts import Texts
from ..tables import INDEX_MARKS
from ..tally import Conclusion, Report, Tally
from ..verdicts import AuditResult
from .conductor import Conductor
from .plan import Plan, plan_of


def audit(
    cobalt: AsyncCobalt,
    credentials: Iterable[Credential] | AsyncIterable[Credential],
    *,
    concurrency: int = 64,
    rate: float = 20.0,
    share: float = 0.8,
    regions: Sequence[Region] = (),
    policy: Policy | None = None,
    baseline: Baseline | None = None,
    ledger: Iterable[RotationRecord] = (),
    checkpoint: str | os.PathLike[str] | None = None,
) -> "AuditRun":
    """Ask for each credential whether it is alive, and which tokens its user has; then raise alerts.

    `cobalt` is open while the audit is iterated; it needs no token of its own, and where it has one, that is
    asked once as a control. `credentials` are read as they are needed; a plain iterable on the event loop, so
    what blocks belongs into an async one.
    `concurrency`: how many are under way or wait to be taken, 1 to the client's `max_connections`. Beside those wait
    whose answer nothing vouches for yet: up to about 1,000 living, for three seconds, and 10,000 that were refused.
    `rate`: page requests a second for each host, 0 for no limit; loopback is never limited, and what the
    client sends again after a failure comes on top. `share`: how much of each user's rate window (100 readings
    a minute, F22) is used, above 0 and at most 1; the rest is left to the user's own integrations. Secrets
    of which nothing is known yet are asked beyond it, a few, to find out whose they are.
    `regions`: "us", "eu" or both: each credential is asked there in this order, its declared region first,
    until one answers 200; DEAD is one that is refused in all of them.
    `policy`, `baseline` and `ledger`: what alerts go by. `checkpoint`: a file that is kept up to date with what
    is known; where it is there already, what it knows is not asked again, and it has to be of the same hosts.

    A wrong argument is a ConfigurationError, before anything is sent.
    """
    return AuditRun(
        plan_of(
            cobalt,
            credentials,
            concurrency=concurrency,
            rate=rate,
            share=share,
            regions=regions,
            policy=policy,
            baseline=baseline,
            ledger=ledger,
            checkpoint=checkpoint,
        )
    )


class AuditRun:
    """One audit under way, made by `audit()`: `async with` it, iterate it, read its report.

    Results come as they land, in no order; nothing is asked before the first is waited for. However the
    caller leaves, no task and no open generator stays behind. An exception of the credentials' iterable is
    raised once: where the iteration ends, or else on leaving.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._owner = asyncio.TaskGroup()
        self._stirred = asyncio.Event()
        self._tally = Tally()
        self._facts: Facts
        self._work: Conductor
        self._texts: Texts | None = None
        self._entered = self._begun = self._left = self._waited_for = False

    @property
    def parked(self) -> int:
        """How many credentials wait for their user's rate window right now."""
        return self._work.parked if self._entered else 0

    def report(self) -> Report:
        """What the results handed out so far add up to; at any time, after leaving too."""
        if not self._entered:
            return self._tally.report(users=0, tokens_listed=0)
        return self._tally.report(users=len(self._work.users), tokens_listed=self._work.users.tokens)

    def stop(self) -> None:
        """End early: what is under way comes to its end, the rest is NOT_TRIED, and the iteration ends."""
        self._inside("stop").stop("stopped")

    def writable(self, result: AuditResult) -> AuditResult:
        """The result for a report: without names of tokens that hold a secret, or look like one.

        A secret of the inventory is known once its own result has landed, and not before.
        """
        self._inside("writable")
        if self._texts is None:
            self._facts.run(INDEX_MARKS)
            self._texts = Texts(self._facts)
        hides = self._texts.hides
        if not any(hides(token.name) for token in result.tokens):
            return result
        tokens = (evolve(token, name=STAND_IN) if hides(token.name) else token for token in result.tokens)
        return AuditResult(
            result.label, result.verdict, result.reason, tuple(tokens), region=result.region, user=result.user
        )

    def save_baseline(self, path: str | os.PathLike[str]) -> None:
        """Write what this run knows as a baseline for the next, in one step; after the iteration has ended.

        ConfigurationError where the file cannot be written; what stood there before stays.
        """
        work = self._inside("save_baseline")
        if self._tally.conclusion is None:
            raise ConfigurationError("save_baseline: the audit has not ended; iterate it to its end first")
        write_baseline(self._facts, Path(path), now=datetime.now(UTC), stopped=work.stopped is not None)

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write what is known so far, for `audit(checkpoint=)` to go on with, in one step."""
        self._inside("save_checkpoint")
        self._facts.save(Path(path))

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("this audit was entered before; make another with audit()")
        plan = self._plan
        salt = None if plan.baseline is None else plan.baseline.salt
        self._facts = Facts(plan.checkpoint, salt=salt, asked=[place.url for place in plan.places], ledger=plan.ledger)
        try:
            if plan.baseline is not None:
                plan.baseline.load_into(self._facts)
            self._work = Conductor(
                plan.cobalt,
                plan.source,
                plan.places,
                self._facts,
                self._owner,
                concurrency=plan.concurrency,
                share=plan.share,
                on_change=self._stirred.set,
            )
            await self._owner.__aenter__()
        except BaseException:
            self._facts.close()
            raise
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left = True
        async with contextlib.AsyncExitStack() as left:
            left.callback(self._facts.close)
            left.push_async_callback(self._plan.source.close)
            self._work.leave()
            await self._owner.__aexit__(None, None, None)
        if error is None:
            self._raise_failure()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AuditResult:
        work = self._inside("an iteration")
        if self._waited_for:
            raise ConfigurationError("this audit is being iterated already; its results come once")
        if not self._begun:
            self._begun = True
            work.start()
        if not work.outlet.landed:
            await self._wait(work)
        if work.outlet.landed:
            result = work.take()
            self._tally.add(result)
            return result
        self._raise_failure()
        self._end()
        raise StopAsyncIteration

    async def _wait(self, work: Conductor) -> None:
        """Until there is a result, or no more."""
        self._waited_for = True
        try:
            while not (work.outlet.landed or work.ended):
                self._stirred.clear()
                await self._stirred.wait()
        finally:
            self._waited_for = False

    def _inside(self, what: str) -> Conductor:
        if not self._entered or self._left:
            raise ConfigurationError(f"{what} belongs inside of `async with audit(…) as run`")
        return self._work

    def _end(self) -> None:
        """Every result was handed out: what they add up to."""
        if self._tally.conclusion is not None:
            return
        plan, work, facts = self._plan, self._work, self._facts
        if facts.resumed and work.stopped is None:
            work.users.forget(*facts.forget_unmet())
        facts.settle()
        now = datetime.now(UTC)
        self._tally.conclusion = Conclusion(
            void=work.void,
            stopped=work.stopped,
            alerts=evaluate(
                facts,
                policy=plan.policy,
                ledger=plan.ledger,
                baseline=plan.baseline is not None,
                complete=work.stopped is None,
                now=now,
            ),
            notes=(*_met(work), *notes(facts, policy=plan.policy, now=now, complete=work.stopped is None)),
            cannot_know=CANNOT_KNOW,
        )

    def _raise_failure(self) -> None:
        if not self._entered:
            return
        failure = self._work.failure
        self._work.forget_failure()
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # the frame is in the traceback


def _met(work: Conductor) -> Iterator[str]:
    """What the answers showed that the documents say otherwise, or do not say."""
    for limit in sorted(work.users.limits):
        yield f"the headers tell a limit of {limit} readings a minute, where 100 are documented"
    if (note := work.users.undocumented.note()) is not None:
        yield note
