"""`cobalt-async audit`: an inventory, or the sandbox's, from the first request to the exit code."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterable, Iterable
from datetime import UTC, datetime

from cobalt_async import AsyncCobalt, errors
from cobalt_async.audit import (
    AuditRun,
    BadRow,
    Credential,
    Outcome,
    Severity,
    Verdict,
    audit,
    read_inventory,
)
from cobalt_async.testing import CobaltSandbox, populate

from .arguments import without_secrets
from .audit_wishes import Known, Options
from .exit_codes import ExitCode
from .interrupts import Interrupts
from .output import Output
from .paths import count_rows, free_name
from .people import declared
from .progress import Watch
from .rows import Rows
from .sandbox import open_sandbox
from .speaking import complain

_CONNECTIONS = 100  # at least, and as many as there are credentials at once
_SANDBOX_USERS = 200


def audit_file(file: str, options: Options) -> int:
    """Audit an inventory; a flaw of a file as a whole is an error before anything is sent."""
    audited = _Audit(options, file=file, total=None if file == "-" else count_rows(file))
    # Its first row is read before the loop runs: there, Ctrl-C would not end the wait for a pipe.
    inventory = read_inventory(file)
    with Rows(inventory, on_bad=lambda row: audited.on_bad(inventory.name, row)) as credentials:
        return asyncio.run(_audit_inventory(audited, credentials, options))


def audit_sandbox(options: Options) -> int:
    """Audit a population of the embedded sandbox; nothing leaves this machine, no setting is read."""
    return asyncio.run(_audit_sandbox(options))


async def _audit_inventory(audited: "_Audit", credentials: Rows, options: Options) -> int:
    cobalt = AsyncCobalt(
        region=options.regions[0] if options.regions else None,
        max_connections=max(_CONNECTIONS, options.concurrency),
    )
    async with cobalt:
        return await audited.run(cobalt, credentials)


async def _audit_sandbox(options: Options) -> int:
    sandbox = CobaltSandbox(rate_limit=True)
    async with contextlib.AsyncExitStack() as stack:
        if (flaw := await open_sandbox(sandbox, stack)) is not None:
            raise errors.ConfigurationError(f"the sandbox does not start: {flaw}")
        population = populate(sandbox, users=_SANDBOX_USERS)
        auditor = sandbox.add_user("auditor").tokens[0].secret
        audited = _Audit(options, file=None, total=len(population.inventory))
        connections = max(_CONNECTIONS, options.concurrency)
        async with AsyncCobalt(auditor, base_url=sandbox.url, max_connections=connections) as cobalt:
            return await audited.run(cobalt, declared(population.inventory))


class _Audit:
    """One audit of the command line: `file` is the inventory's name on it, None for the sandbox's."""

    def __init__(self, options: Options, *, file: str | None, total: int | None) -> None:
        self._options = options
        self._known = Known.read(options, file)
        self._file = file
        self._total = total
        self._output = Output(options.formats, folder=options.out, quiet=options.quiet)
        self._watch: Watch
        self._bad_rows = 0

    def on_bad(self, name: str, row: BadRow) -> None:
        """A row that is no credential is counted, or is the end."""
        self._bad_rows += 1
        if not self._options.skip_bad_rows:
            raise errors.ConfigurationError(f"{name}, {row}; mend it, or go on without such rows by --skip-bad-rows")
        self._watch.complain(f"{name}, {row}")

    async def run(self, cobalt: AsyncCobalt, credentials: Iterable[Credential] | AsyncIterable[Credential]) -> int:
        """Ask about all of them, report, and say how it ended."""
        options, known = self._options, self._known
        asked = audit(
            cobalt,
            credentials,
            concurrency=options.concurrency,
            rate=options.rate,
            share=options.share,
            regions=options.regions,
            policy=known.policy,
            baseline=known.baseline,
            checkpoint=known.checkpoint,
        )
        started_at = datetime.now(UTC)
        async with asked as run:
            self._watch = Watch(
                self._total, parked=lambda: run.parked, quiet=options.quiet, streams=self._output.streams
            )
            with Interrupts(lambda: self._stop(run)) as interrupts:
                with self._output:
                    flaw = await self._take(run)
                    outcome = Outcome(
                        report=run.report(), bad_rows=self._bad_rows, started_at=started_at, ended_at=datetime.now(UTC)
                    )
                    if flaw is not None and not outcome.report.total:
                        raise errors.ConfigurationError(flaw)
                    self._output.end(outcome)
                self._output.conclude(outcome)
                return self._keep(run, outcome, flaw, interrupted=interrupts.came)

    async def _take(self, run: AuditRun) -> str | None:
        """Every result, to its report; and what was wrong with the inventory, if that ended it."""
        flaw = None
        with self._watch:
            while True:
                try:
                    result = await anext(run)
                except StopAsyncIteration:
                    return flaw
                except errors.ConfigurationError as error:
                    flaw = str(error)  # and once more: the next call draws the conclusion from what landed
                    continue
                self._watch.add(result)
                self._output.add(run.writable(result) if self._output.names else result)

    def _stop(self, run: AuditRun) -> None:
        self._watch.complain("interrupted; what is under way is finished first, and a second time ends it at once")
        run.stop()

    def _keep(self, run: AuditRun, outcome: Outcome, flaw: str | None, *, interrupted: bool) -> int:
        """Save what is for the next run, say what there is to say, and give the exit code."""
        options, report = self._options, outcome.report
        if options.save_baseline is not None:
            if interrupted or flaw is not None or report.stopped is not None or report.void is not None:
                line = f"{options.save_baseline}: not saved, for the audit did not come to its end"
                complain(without_secrets(line, options.again))
            else:
                run.save_baseline(options.save_baseline)
        if interrupted:
            if not report.complete:
                self._save_checkpoint(run, outcome)
            return ExitCode.INTERRUPTED
        if flaw is not None:
            complain(flaw)
            return ExitCode.USAGE
        return _exit_code(outcome, options.fail_on)

    def _save_checkpoint(self, run: AuditRun, outcome: Outcome) -> None:
        """Keep what is known where it is not kept already, and say how to go on."""
        report = outcome.report
        if self._file is None or report.total == report.counts[Verdict.NOT_TRIED]:
            complain("interrupted; there is nothing to go on with")
            return
        path = self._known.checkpoint
        if path is None:
            path = free_name(self._options.out or "", "cobalt-audit", ".checkpoint")
            try:
                run.save_checkpoint(path)
            except errors.ConfigurationError as error:
                complain(f"interrupted, and there is no checkpoint: {error}")
                return
        words = (*self._options.again, "--resume", path)
        complain(without_secrets(f"to go on: cobalt-async {shlex.join(words)}", words))


def _exit_code(outcome: Outcome, fail_on: Severity | None) -> int:
    if outcome.report.void is not None:
        return ExitCode.VOID
    is_alarming = fail_on is not None and any(alert.severity.reaches(fail_on) for alert in outcome.alerts)
    if outcome.complete:
        return ExitCode.ALERTS if is_alarming else ExitCode.DONE
    return ExitCode.INCOMPLETE_WITH_ALERTS if is_alarming else ExitCode.INCOMPLETE
