"""The options of `cobalt-async rotate`, `resume` and `rotations`. Nothing runs here."""

import re
from functools import partial
from typing import Annotated

import typer

from .arguments import without_secrets
from .choice import BaseUrl, Region

_ROTATION_ID = re.compile(r"rot-[a-z0-9]{1,16}", re.ASCII)


def _rotation_id(text: str | None) -> str | None:
    """An ID as it was given; what cannot be one is not repeated, for it may be a secret."""
    if text is not None and not _ROTATION_ID.fullmatch(text):
        raise typer.BadParameter("a rotation's id is rot- and a few digits; cobalt-async rotations lists them")
    return text


def _journal(text: str | None) -> str | None:
    """A folder as it was given; what looks like a secret, and leads nowhere, is not repeated."""
    if text is not None and without_secrets(text, [text]) != text:
        raise typer.BadParameter("it looks like a secret, which is not repeated here, and leads to no folder; name one")
    return text


_Journal = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="The journal's folder; else cobalt_async under XDG_STATE_HOME.",
        callback=_journal,
    ),
]
_Settle = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="When a lost request cannot arrive any more; else COBALT_SETTLE_SECONDS, 120."
    ),
]
_SecretRef = Annotated[
    str | None,
    typer.Option(metavar="REF", help="Where the secret being replaced stands; else COBALT_API_TOKEN."),
]
_SiblingRef = Annotated[
    str | None,
    typer.Option(metavar="REF", help="Another living token of the same user, to recover a lost answer with."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
_Quiet = Annotated[bool, typer.Option("--quiet", help="Do not tell each step on standard error.")]


def rotate(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The token's id, api_…", show_default=False)],
    *,
    store: Annotated[
        list[str],
        typer.Option(
            "--store",  # by name: typer 0.27 would call it as its metavar
            metavar="STORE",
            help="Where the new secret goes; given several times, into each.",
            show_default=False,
        ),
    ],
    sibling_ref: _SiblingRef = None,
    secret_ref: _SecretRef = None,
    accept_one_shot: Annotated[
        bool, typer.Option("--accept-one-shot", help="Go on without a sibling: a lost answer is a lost token.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at everything, say what would be done, and change nothing.")
    ] = False,
    hook: Annotated[
        str | None, typer.Option(metavar="CMD", help="Run this once the stores are proved, without a shell.")
    ] = None,
    journal: _Journal = None,
    settle: _Settle = None,
    region: Region = None,
    base_url: BaseUrl = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Replace the secret of the token TOKEN_ID, prove the new one, put it into its store, and read it back.

    The secret being replaced is the one in COBALT_API_TOKEN, else --secret-ref names it; giving its id says that
    they belong together. STORE is file:PATH, env:FILE#NAME (one line of a .env file), keyring:SERVICE/NAME,
    command:WRITE >>> READ (the secret goes to the standard input of WRITE, and READ prints it) or
    trusted-command:WRITE, which is believed where its exit code is 0. REF is env:NAME, file:PATH,
    keyring:SERVICE/NAME or command:LINE.

    Until its store is proved, the new secret lies in the journal's spool, in plain text. Whatever breaks off,
    cobalt-async resume goes on, without the hook. A hook has COBALT_ROTATION_ID, COBALT_TOKEN_ID and
    COBALT_NEW_TOKEN_ID in its environment, and 60 seconds; its failure undoes nothing.

    The first Ctrl-C ends it at once where nothing was sent yet; else what is under way is finished first.

    Exit codes: 0 SUCCESS or ADOPTED; 2 usage; 10 HELD, the secret is in the spool and not in its store;
    11 UNCERTAIN; 12 LOST; 13 MISMATCH or CONFLICT; 14 REFUSED, nothing was sent; 15 NOT_ROTATED; 130 interrupted
    before anything was sent.
    """
    from .rotate import Options, rotate_token

    options = Options(
        token_id=token_id,
        stores=tuple(store),
        sibling_ref=sibling_ref,
        secret_ref=secret_ref,
        accept_one_shot=accept_one_shot,
        dry_run=dry_run,
        hook=hook,
        journal=journal,
        settle=settle,
        region=region,
        base_url=base_url,
        quiet=quiet,
        as_json=as_json,
    )
    context.obj.job = partial(rotate_token, options)


def resume(
    context: typer.Context,
    rotation_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="A rotation's id, rot-…; else all unfinished ones.",
            show_default=False,
            callback=_rotation_id,
        ),
    ] = None,
    *,
    journal: _Journal = None,
    sibling_ref: _SiblingRef = None,
    secret_ref: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Where the secret being replaced stands, if not where it stood."),
    ] = None,
    settle: _Settle = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the secret in the spool of ID on this terminal; do nothing else.")
    ] = False,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Bring unfinished rotations to their ends, by what the journal, the spool and Cobalt say of them.

    Where the secret being replaced and the sibling stood is in the journal, and needs to be told only if they
    are elsewhere now. No hook runs. Nothing to do is exit code 0. An answer in the spool whose rotation the journal
    does not know (its line was damaged, say) is told, 11, and shown by --reveal.

    Exit codes: as of rotate, but that 14 says that nothing was done now: another process may be at it, and have
    sent something. Of several the worst, in the order 12, 13, 11, 10, 15, 14.
    """
    if reveal and (rotation_id is None or as_json):
        raise typer.BadParameter("--reveal takes the ID of one rotation, and no --json", ctx=context)
    from .resume import Options, resume_rotations, reveal_secret

    if reveal and rotation_id is not None:
        context.obj.job = partial(reveal_secret, rotation_id, journal)
        return
    options = Options(
        rotation_id=rotation_id,
        journal=journal,
        sibling_ref=sibling_ref,
        secret_ref=secret_ref,
        settle=settle,
        quiet=quiet,
        as_json=as_json,
    )
    context.obj.job = partial(resume_rotations, options)


def rotations(context: typer.Context, *, journal: _Journal = None, as_json: _Json = False) -> None:
    """List the rotations of the journal, the oldest first: where each stands, how old it is, and what to do next.

    Exit codes: 0; 11 where the spool holds an answer whose rotation the journal does not know, which is told.
    """
    from .rotations import list_rotations

    context.obj.job = partial(list_rotations, journal, as_json=as_json)
