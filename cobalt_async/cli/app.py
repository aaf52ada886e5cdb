"""The commands and their options: argv in, what to run out. Nothing runs here."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Literal

import typer
from attrs import define

from cobalt_async import __version__

Job = Callable[[], int]


@define
class _Choice:
    """What the arguments ask for."""

    job: Job | None = None


class _Region(StrEnum):
    """Cobalt's data centres, as typer takes them where an option may be repeated."""

    US = "us"
    EU = "eu"


class _Format(StrEnum):
    """The formats of a report; the audit's own Format is not loaded for `--help`."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
tokens: typer.Typer = typer.Typer(no_args_is_help=True, help="List the tokens of one user.")
app.add_typer(tokens, name="tokens")


def choose(argv: Sequence[str]) -> Job:
    """What these arguments ask for; for help, the version and a wrong usage, that is only an exit code."""
    choice = _Choice()
    command = typer.main.get_command(app)
    try:
        command.main(args=list(argv), prog_name="cobalt-async", obj=choice)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    else:
        code = 0
    return choice.job if code == 0 and choice.job is not None else lambda: code


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cobalt-async {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Audit Cobalt's personal API tokens, many at once.

    Secrets are read from the environment, a file or standard input, never from the arguments. Environment:
    COBALT_API_TOKEN (a personal API token), COBALT_REGION (us or eu), COBALT_BASE_URL.

    Exit codes: 0 done, 1 alerts, 2 usage or configuration, 3 audit incomplete, 4 incomplete with alerts,
    5 audit void, 6 a request failed, 130 interrupted.
    """


@tokens.command("list")
def _tokens_list(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")] = False,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Read the token from this file, - for standard input."),
    ] = None,
    region: Annotated[
        Literal["us", "eu"] | None, typer.Option(help="Cobalt's data centre; else COBALT_REGION.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Where the API is; else COBALT_BASE_URL.")] = None,
) -> None:
    """List all tokens of the user whose token is in COBALT_API_TOKEN, or in --token-file.

    Nothing is printed unless the listing was read to its end.
    """
    from .tokens import list_tokens

    context.obj.job = partial(list_tokens, as_json=as_json, token_file=token_file, region=region, base_url=base_url)


@app.command("audit", short_help="Say of many tokens whether they are alive, and what is wrong.")
def _audit(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="An inventory, - for standard input.", show_default=False)
    ] = None,
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Audit a make-believe organisation instead of FILE.")
    ] = False,
    form: Annotated[
        list[_Format] | None,
        typer.Option(
            "--format",
            metavar="table|json|jsonl|csv",
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
        float, typer.Option(metavar="X", help="How much of each user's rate window to use, up to 1.")
    ] = 0.8,
    region: Annotated[
        list[_Region] | None,
        typer.Option(metavar="us|eu", help="Ask in this data centre; twice, with each: in both."),
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
    forms = tuple(dict.fromkeys(form or [_Format.TABLE]))
    if out is None and len(forms) > 1:
        raise typer.BadParameter("several formats go into a folder: add --out DIR", ctx=context)
    if checkpoint is not None and resume is not None:
        raise typer.BadParameter("give --checkpoint or --resume, one of them", ctx=context)
    from cobalt_async.audit import Format, Severity

    from .audit import Options, audit_file, audit_sandbox

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
    )
    context.obj.job = partial(audit_sandbox if file is None else partial(audit_file, file), options)


@app.command("explain", short_help="Say what a rule looks for, and what to do about it.")
def _explain(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The id of a rule, such as CT301.", show_default=False)],
) -> None:
    """Say what a rule of the audit looks for, and what to do about what it finds."""
    from .rules import explain

    context.obj.job = partial(explain, rule)


@app.command("rules", short_help="List the rules of the audit.")
def _rules(context: typer.Context) -> None:
    """List the rules of the audit: the id of each, its severity, and what it looks for."""
    from .rules import rules

    context.obj.job = rules


@app.command("diff", short_help="Say what changed between two baselines.")
def _diff(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="The older baseline.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="The newer one.", show_default=False)],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of lines.")] = False,
) -> None:
    """Say what changed between two files that `audit --save-baseline` wrote.

    Credentials are named by the first 8 digits of their label's fingerprint: labels are not in the file.
    Exit codes: 0 nothing changed, 1 something did, 2 bad input.
    """
    from .diff import diff

    context.obj.job = partial(diff, first, second, as_json=as_json)


@app.command("sandbox", short_help="Serve a make-believe Cobalt on this machine.")
def _sandbox(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="On this port; 0 takes a free one.")] = 0,
    users: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="With so many users.")] = 20,
    inventory: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write an inventory of their secrets to this new file.")
    ] = None,
) -> None:
    """Serve a make-believe Cobalt on this machine until Ctrl-C, and show how to talk to it."""
    from .sandbox import serve

    context.obj.job = partial(serve, port=port, users=users, inventory=inventory)
