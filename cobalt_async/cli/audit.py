"""`cobalt-async audit`: an inventory, or the sandbox's, from the first request to the summary."""

import asyncio
import sys
from collections.abc import AsyncIterable, Iterable
from typing import Literal

from attrs import frozen

from cobalt_async import AsyncCobalt
from cobalt_async.audit import (
    BadRow,
    Credential,
    Inventory,
    Report,
    ResultTable,
    audit,
    read_inventory,
    summarize,
    write_jsonl,
)
from cobalt_async.testing import CobaltSandbox, populate

from .progress import Watch, watches
from .rows import Rows
from .speaking import tell

_INCOMPLETE = 3
_CONNECTIONS = 100  # at least, and as many as there are credentials at once
_SANDBOX_USERS = 200


@frozen
class Options:
    """What the command line asks of an audit, whatever is audited."""

    form: Literal["table", "jsonl"]
    concurrency: int
    rate: float
    regions: tuple[Literal["us", "eu"], ...]
    quiet: bool


def audit_file(file: str, options: Options) -> int:
    """Audit an inventory; a flaw of the file as a whole is an error before anything is sent."""
    return asyncio.run(_audit_inventory(read_inventory(file), options))


def audit_sandbox(options: Options) -> int:
    """Audit a population of the embedded sandbox; nothing leaves this machine, no setting is read."""
    return asyncio.run(_audit_sandbox(options))


async def _audit_inventory(inventory: Inventory, options: Options) -> int:
    bad_rows = 0

    def on_bad(row: BadRow) -> None:
        nonlocal bad_rows
        bad_rows += 1
        watch.complain(f"{inventory.name}, {row}")

    with (
        Watch(None, shown=watches(quiet=options.quiet, streams=options.form == "jsonl")) as watch,
        Rows(inventory, on_bad=on_bad) as credentials,
    ):
        cobalt = AsyncCobalt(
            region=options.regions[0] if options.regions else None,
            max_connections=max(_CONNECTIONS, options.concurrency),
        )
        async with cobalt:
            table, report = await _run(cobalt, credentials, options, watch)
    return _conclude(table, report, options, bad_rows=bad_rows)


async def _audit_sandbox(options: Options) -> int:
    async with CobaltSandbox(rate_limit=True) as sandbox:
        population = populate(sandbox, users=_SANDBOX_USERS)
        auditor = sandbox.add_user("auditor").tokens[0].secret
        total = len(population.inventory)
        connections = max(_CONNECTIONS, options.concurrency)
        credentials = (Credential(label, secret) for label, secret in population.inventory)
        with Watch(total, shown=watches(quiet=options.quiet, streams=options.form == "jsonl")) as watch:
            async with AsyncCobalt(auditor, base_url=sandbox.url, max_connections=connections) as cobalt:
                table, report = await _run(cobalt, credentials, options, watch)
    return _conclude(table, report, options, bad_rows=0)


async def _run(
    cobalt: AsyncCobalt,
    credentials: Iterable[Credential] | AsyncIterable[Credential],
    options: Options,
    watch: Watch,
) -> tuple[ResultTable, Report]:
    """Ask about all of them, and write or keep each result as it lands."""
    table = ResultTable()
    asked = audit(cobalt, credentials, concurrency=options.concurrency, rate=options.rate, regions=options.regions)
    async with asked as run:
        async for result in run:
            watch.add(result)
            if options.form == "jsonl":
                write_jsonl(result, file=sys.stdout)
            else:
                table.add(result)
    return table, run.report()


def _conclude(table: ResultTable, report: Report, options: Options, *, bad_rows: int) -> int:
    """The table, if it is wanted, the summary, and the exit code."""
    table.print(file=sys.stdout)
    if not options.quiet:
        lines = summarize(report, bad_rows=bad_rows).splitlines()
        if options.form == "table":
            print("", *lines, sep="\n", flush=True)
        else:
            for line in lines:
                tell(line)
    return 0 if report.complete and not bad_rows else _INCOMPLETE
