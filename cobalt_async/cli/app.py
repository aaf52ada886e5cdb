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

    Exit codes: 0 done, 2 usage or configuration, 3 audit incomplete, 6 a request failed, 130 interrupted.
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


@app.command("audit", short_help="Say of many tokens whether they are alive.")
def _audit(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A CSV inventory, - for stdin.", show_default=False)
    ] = None,
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Audit a make-believe organisation instead of FILE.")
    ] = False,
    form: Annotated[
        Literal["table", "jsonl"],
        typer.Option("--format", help="jsonl: one JSON object a line, as results land."),
    ] = "table",
    concurrency: Annotated[int, typer.Option(metavar="N", help="How many credentials at once.")] = 64,
    rate: Annotated[
        float, typer.Option(metavar="N", help="Requests a second for each host; 0 lifts the limit.")
    ] = 20.0,
    region: Annotated[
        list[_Region] | None,
        typer.Option(metavar="us|eu", help="Ask in this data centre; twice, with each: in both."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no summary.")] = False,
) -> None:
    """Say of each token in an inventory whether it is alive, dead, forbidden, or not known.

    FILE is CSV in UTF-8. Its first line names the columns: label, and secret or secret_ref or both; a
    secret_ref is env:NAME. A bad row is named by its line, the others are audited, and the exit code is 3.

    A 401 counts as dead only where a live token was answered in the same run: one of the inventory, or
    the one in COBALT_API_TOKEN.
    """
    if (file is None) != sandbox:
        raise typer.BadParameter("give FILE or --sandbox, one of them", ctx=context)
    from .audit import Options, audit_file, audit_sandbox

    regions: tuple[Literal["us", "eu"], ...] = tuple("us" if name == "us" else "eu" for name in region or ())
    options = Options(form, concurrency=concurrency, rate=rate, regions=regions, quiet=quiet)
    context.obj.job = partial(audit_sandbox if file is None else partial(audit_file, file), options)


@app.command("sandbox", short_help="Serve a make-believe Cobalt on this machine.")
def _sandbox(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="On this port; 0 takes a free one.")] = 0,
    users: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="With so many users.")] = 20,
) -> None:
    """Serve a make-believe Cobalt on this machine until Ctrl-C, and show how to talk to it."""
    from .sandbox import serve

    context.obj.job = partial(serve, port=port, users=users)
