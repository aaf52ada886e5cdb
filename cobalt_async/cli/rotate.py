"""`cobalt-async rotate`: one token's secret, from the checks to the exit code."""

import asyncio
from functools import partial
from typing import Literal

from attrs import evolve, field, frozen

from cobalt_async import AsyncCobalt, Secret, Timeouts, errors
from cobalt_async.rotation import Rotation, SecretStore, State, open_store, plan, rotate

from .exit_codes import ExitCode
from .hooks import Hook, read_hook
from .interrupts import sigterm_interrupts
from .outcomes import plan_block, plan_object, resume_command, show, show_json, show_rotation, without_secret
from .speaking import complain
from .steps import sentence
from .under_way import UnderWay, WatchedJournal
from .wishes import kept_from_programs, lasting, read_old, read_optional

TIMEOUTS: Timeouts = Timeouts()


@frozen(kw_only=True)
class Options:
    """What the command line asks of a rotation; None where it says nothing."""

    token_id: str
    stores: tuple[str, ...]
    sibling_ref: str | None
    secret_ref: str | None
    accept_one_shot: bool
    dry_run: bool
    hook: str | None
    journal: str | None
    settle: float | None
    region: Literal["us", "eu"] | None
    base_url: str | None
    quiet: bool
    as_json: bool


@frozen(kw_only=True)
class _Wish:
    """The options, followed to what they name; nothing was asked of Cobalt yet."""

    old: Secret = field(repr=False)
    old_ref: str
    sibling: Secret | None = field(repr=False)
    stores: tuple[SecretStore, ...]
    hook: Hook | None
    journal: WatchedJournal
    cobalt: AsyncCobalt

    @classmethod
    def read(cls, options: Options) -> "_Wish":
        """All of them; ConfigurationError for the first that cannot be."""
        stores = tuple(map(open_store, options.stores))
        hook = None if options.hook is None else read_hook(options.hook)
        old, old_ref = read_old(options.secret_ref)
        if old.reveal() in options.token_id:
            raise errors.ConfigurationError("TOKEN_ID holds the secret itself; give the id, which tokens list shows")
        return cls(
            old=old,
            old_ref=old_ref,
            sibling=read_optional(options.sibling_ref, "--sibling-ref"),
            stores=stores,
            hook=hook,
            journal=WatchedJournal(options.journal),
            cobalt=AsyncCobalt(old, region=options.region, base_url=options.base_url, timeouts=TIMEOUTS),
        )


def rotate_token(options: Options) -> int:
    """Rotate, or with `dry_run` look only, and say how it ended; what stands in the way is one line and 14."""
    with sigterm_interrupts():
        try:
            wish = _Wish.read(options)
            with kept_from_programs(wish.old, wish.sibling):
                return asyncio.run(_look(wish, options) if options.dry_run else _rotate(wish, options))
        except errors.ConfigurationError as error:
            refused = Rotation(state=State.REFUSED, why=str(error), token_id="")  # what was given may be a secret
    return show_rotation(refused, options.journal, as_json=options.as_json)


async def _look(wish: _Wish, options: Options) -> int:
    async with wish.cobalt:
        found = await plan(
            wish.cobalt,
            options.token_id,
            store=wish.stores,
            journal=wish.journal,
            sibling=wish.sibling,
            accept_one_shot=options.accept_one_shot,
        )
    if options.as_json:
        show_json(plan_object(found))
    else:
        show(plan_block(found))
    return ExitCode.DONE


async def _rotate(wish: _Wish, options: Options) -> int:
    again = partial(resume_command, journal=options.journal)
    with UnderWay(wish.journal, seconds=TIMEOUTS.refresh, again=again).interrupts:
        try:
            async with wish.cobalt:
                rotation = await _turn(wish, options)
        except asyncio.CancelledError:
            complain("interrupted; nothing was sent")
            return ExitCode.INTERRUPTED
        rotation = without_secret(rotation)
        if wish.hook is not None and wish.hook.flaw is not None:
            rotation = evolve(rotation, notes=(*rotation.notes, wish.hook.flaw))
        return show_rotation(rotation, options.journal, as_json=options.as_json)


async def _turn(wish: _Wish, options: Options) -> Rotation:
    try:
        return await rotate(
            wish.cobalt,
            options.token_id,
            store=wish.stores,
            journal=wish.journal,
            sibling=wish.sibling,
            accept_one_shot=options.accept_one_shot,
            hook=wish.hook,
            settle=options.settle,
            secret_ref=wish.old_ref,
            sibling_ref=None if options.sibling_ref is None else lasting(options.sibling_ref),
            tell=None if options.quiet else partial(_say, hooked=wish.hook is not None),
        )
    except Exception as error:  # once it is written down, whatever breaks off is for `resume`
        if wish.journal.under_way is None:
            raise
        why = f"it broke off ({type(error).__name__})"
    return Rotation(state=State.UNCERTAIN, why=why, token_id=options.token_id, rotation_id=wish.journal.under_way)


def _say(line: str, *, hooked: bool) -> None:
    if hooked or not line.startswith("hook:"):
        complain(sentence(line))
