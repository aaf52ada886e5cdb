"""The commands: argv in, what to run out. Nothing runs here; a command's options stand here or in `…_options.py`."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from cobalt_async import errors

from .audit_options import audit
from .choice import BaseUrl, Choice, Job, Region
from .exit_codes import ExitCode
from .rotation_options import resume, rotate, rotations
from .version import show_version

app: typer.Typer = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)
tokens: typer.Typer = typer.Typer()
app.add_typer(tokens, name="tokens")


def choose(argv: Sequence[str]) -> Job:
    """What these arguments ask for; for help and the version, which are shown at once, that is only an exit code.

    A wrong usage is a ConfigurationError.
    """
    choice = Choice()
    command = typer.main.get_command(app)
    try:
        ended = command.main(args=list(argv), prog_name="cobalt-async", obj=choice, standalone_mode=False)
    except typer.TyperException as error:
        context: typer.Context | None = getattr(error, "ctx", None)
        path = "cobalt-async" if context is None else context.command_path
        wrong = f"{error.format_message().rstrip('.')} (how it is used: {path} --help)"
    else:
        code = ended if isinstance(ended, int) else ExitCode.DONE
        return choice.job if code == ExitCode.DONE and choice.job is not None else lambda: code
    raise errors.ConfigurationError(wrong)


def _help_for_nothing(context: typer.Context) -> None:
    """A name that has commands under it, and was given none, shows them; nothing was done."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def _version(wanted: bool) -> None:
    if wanted:
        show_version()
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Audit Cobalt's personal API tokens, many at once; rotate one, and never lose it.

    Secrets are read from the environment, a file or standard input, never from the arguments. Environment:
    COBALT_API_TOKEN (a personal API token), COBALT_REGION (us or eu), COBALT_BASE_URL, COBALT_SETTLE_SECONDS.

    Exit codes: 0 done, 1 alerts, 2 usage or configuration, 3 audit incomplete, 4 incomplete with alerts,
    5 audit void, 6 a request or the system failed, 130 interrupted.

    Of a rotation: 10 HELD, 11 UNCERTAIN, 12 LOST, 13 MISMATCH or CONFLICT, 14 REFUSED, nothing was sent,
    15 NOT_ROTATED, 130 interrupted before anything was sent.
    """
    _help_for_nothing(context)


@tokens.callback(invoke_without_command=True)
def _tokens(context: typer.Context) -> None:
    """List the tokens of one user."""
    _help_for_nothing(context)


@tokens.command("list")
def _tokens_list(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")] = False,
    token_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Read the token from this file, - for standard input."),
    ] = None,
    region: Region = None,
    base_url: BaseUrl = None,
) -> None:
    """List all tokens of the user whose token is in COBALT_API_TOKEN, or in --token-file.

    Nothing is printed unless the listing was read to its end.
    """
    from .tokens import list_tokens

    context.obj.job = partial(list_tokens, as_json=as_json, token_file=token_file, region=region, base_url=base_url)


app.command("audit", short_help="Say of many tokens whether they are alive, and what is wrong.")(audit)


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


app.command("rotate", short_help="Replace one token's secret, prove the new one, and store it.")(rotate)
app.command("resume", short_help="Bring unfinished rotations to their ends.")(resume)
app.command("rotations", short_help="List the rotations of this machine's journal.")(rotations)


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
