"""The options of `cobalt-async audit`. Nothing runs here."""

from collections.abc import Container, Iterator
from enum import StrEnum
from functools import partial
from typing import Annotated, Literal

import typer


class _Region(StrEnum):
    """Cobalt's data centres, as typer takes them where an option may be repeated."""

    US = "us"
    EU = "eu"


class FormatName(StrEnum):
    """The formats of a report; the audit's own Format is not loaded for `--help`."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"
    SARIF = "sarif"


def audit(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="An inventory, - for standard input.", show_default=False)
    ] = None,
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Audit a make-believe organisation instead of FILE.")
    ] = False,
    form: Annotated[
        list[FormatName] | None,
        typer.Option(
            "--format",
            metavar="table|json|jsonl|csv|html|sarif",
            help="What to write, table unless given; with --out several.",
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write report.txt, report.json, … into this folder.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="N", help="How many credentials at once.")] = 64,
    rate: Annotated[
        float, typer.Option(metavar="N", help="Requests a second for each host; 0 lifts the limit.")
    ] = 20.0,
    share: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="How much of each user's rate window to use, up to 1; to learn whose a secret is, a few are "
            "asked beyond it.",
        ),
    ] = 0.8,
    region: Annotated[
        list[_Region] | None,
        typer.Option(
            metavar="us|eu",
            help="Ask in this data centre, whatever COBALT_BASE_URL says; twice, with each: in both.",
        ),
    ] = None,
    policy: Annotated[str | None, typer.Option(metavar="FILE", help="What alerts go by, in TOML.")] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="FILE", help="Compare with what an earlier audit saved.")
    ] = None,
    save_baseline: Annotated[
        str | None, typer.Option(metavar="FILE", help="Save what is known, for a later --baseline.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep a new file up to date, for a later --resume.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="FILE", help="Go on from a checkpoint, and keep it up to date.")
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Count rows that are no credentials, and go on.")
    ] = False,
    fail_on: Annotated[
        Literal["critical", "high", "medium", "low", "note", "never"] | None,
        typer.Option(help="Exit with 1 for alerts as bad as this; high unless given, never in the sandbox."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")] = False,
) -> None:
    """Say of each token in an inventory whether it is alive, dead, forbidden, or not known; then raise alerts.

    FILE is CSV or JSONL in UTF-8, with label, and secret or secret_ref (env:NAME, file:PATH,
    keyring:SERVICE/NAME or command:LINE); it may have owner, system, token_id, region, status and rotate_by.

    A 401 counts as dead only where a live token was answered in the same run: one of the inventory, or
    the one in COBALT_API_TOKEN.

    The first Ctrl-C writes the reports of what is known and a checkpoint, the second ends at once.

    Exit codes: 0 done; 1 alerts; 2 usage or configuration; 3 incomplete; 4 incomplete, with alerts; 5 void, no
    answer can be believed; 130 interrupted.
    """
    if (file is None) != sandbox:
        raise typer.BadParameter("give FILE or --sandbox, one of them", ctx=context)
    forms = tuple(dict.fromkeys(form or [FormatName.TABLE]))
    if out is None and len(forms) > 1:
        raise typer.BadParameter("several formats go into a folder: add --out DIR", ctx=context)
    if checkpoint is not None and resume is not None:
        raise typer.BadParameter("give --checkpoint or --resume, one of them", ctx=context)
    from cobalt_async.audit import Format, Severity

    from .audit import audit_file, audit_sandbox
    from .audit_wishes import Options

    least = fail_on or ("high" if file is not None else "never")
    options = Options(
        formats=tuple(map(Format, forms)),
        out=out,
        concurrency=concurrency,
        rate=rate,
        share=share,
        regions=tuple("us" if name == "us" else "eu" for name in region or ()),
        policy=policy,
        baseline=baseline,
        save_baseline=save_baseline,
        checkpoint=checkpoint,
        resume=resume,
        skip_bad_rows=skip_bad_rows,
        fail_on=None if least == "never" else Severity(least),
        quiet=quiet,
        again=("audit", *(() if file is None else (file,)), *_given(context, but=("checkpoint", "resume"))),
    )
    context.obj.job = partial(audit_sandbox if file is None else partial(audit_file, file), options)


def _given(context: typer.Context, *, but: Container[str]) -> Iterator[str]:
    """The options that were given, as words of a command line, in the order in which the help has them."""
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if name in but or option.param_type_name != "option" or source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        for one in value if isinstance(value, list | tuple) else (value,):
            yield option.opts[0]
            if one is not True:
                yield str(one)
