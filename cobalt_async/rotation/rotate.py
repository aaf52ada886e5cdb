"""rotate() and plan(): a rotation from the wish to its end."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from attrs import define

from ..client import AsyncCobalt
from ..errors import ConfigurationError
from ..must_finish import Dropped
from ..protocol import requests
from ..secret import Secret
from . import preflight
from .arguments import check_calls, patience, secret_of, silent, wish_of
from .binding import Binding
from .driver import Driver
from .hands import Hands, Hook
from .intent import Intent
from .journal import Busy, Journal, lock_name
from .outcome import Plan, Rotation
from .points import Point, reached
from .preflight import Checked, Refused, Wish
from .records import Entry
from .shelves import Shelves
from .stores import SecretStore
from .words import State, Step

_PAUSE = 0.2  # seconds


async def rotate(
    cobalt: AsyncCobalt,
    token_id: str,
    *,
    store: SecretStore | Sequence[SecretStore],
    journal: Journal | None = None,
    sibling: str | Secret | None = None,
    binding: Binding | str = Binding.DECLARED,
    accept_guess: bool = False,
    accept_one_shot: bool = False,
    hook: Hook | None = None,
    settle: float | None = None,
    prove_within: float = 30.0,
    old_dead_within: float = 60.0,
    secret_ref: str | None = None,
    sibling_ref: str | None = None,
    tell: Callable[[str], object] | None = None,
) -> Rotation:
    """Replace the secret of `cobalt`'s own token, which has the id `token_id`, and put the new one into its store.

    The refresh bears the very secret that it replaces, so that nobody can run it twice. The answer is on the disk,
    in the journal's spool, before it is read; the new secret is asked with, the old one is seen to be dead, and the
    store is read back before the spool is removed. Then, or as soon as the old secret is dead, `cobalt` uses the
    new one, and readings that were refused meanwhile are sent once more.

    `store`: one store or several, each of which must hold the new secret. `journal`: None for the platform's.
    `sibling`: the secret of another living token of the same user, with which a lost answer can be made good; without
    one, `accept_one_shot` must be True. `binding`: what the caller knows of id and secret, see Binding.
    `hook(rotation)` is awaited once the stores are proved; what it raises is a note. `settle`: seconds after which a
    request whose answer is lost cannot arrive any more; None reads `$COBALT_SETTLE_SECONDS`, else 120, and at least
    30 more than `Timeouts.refresh`; less than a proxy on the way may hold a request back is a risk.
    `prove_within`, `old_dead_within`: seconds that Cobalt may take to accept the new secret and to drop the old; the
    former also for which a refusal is asked about again before anything is called lost.
    `secret_ref`, `sibling_ref`: references to both, for `resume` in another process. `tell(line)` hears of each step.

    Whatever Cobalt, the stores, the journal and the hook do is a Rotation, never an exception: its `state` says how
    it ended, its `advice` what to do. A wrong kind of argument is a ConfigurationError, and so is a client that is
    not open; nothing was looked at then. Once it is written down that a refresh may leave, a cancellation waits for
    the end.
    """
    try:
        other = secret_of(sibling, "sibling")
    finally:
        del sibling  # an error carries this frame
    check_calls(hook=hook, tell=tell)
    wish = wish_of(
        cobalt,
        token_id,
        store=store,
        journal=journal,
        sibling=other,
        binding=binding,
        accept_guess=accept_guess,
        accept_one_shot=accept_one_shot,
        secret_ref=secret_ref,
        sibling_ref=sibling_ref,
    )
    hands = Hands(
        cobalt=cobalt,
        journal=wish.journal,
        old=wish.old,
        sibling=wish.sibling,
        hook=hook,
        patience=patience(cobalt, settle, prove_within, old_dead_within),
        tell=tell or silent,
    )
    begun = _Begun()
    try:
        work = partial(_rotate, wish, hands, begun)
        return claimed(cobalt, await cobalt._finish(work, committed=lambda: begun.intent is not None))
    except Refused as error:
        why = str(error)
    except Dropped:
        why = "the client was closed"
    is_one = requests.is_token_id(token_id)  # what is none may be a secret
    return Rotation(state=State.REFUSED, why=why, token_id=token_id if is_one else "")


async def plan(
    cobalt: AsyncCobalt,
    token_id: str,
    *,
    store: SecretStore | Sequence[SecretStore],
    journal: Journal | None = None,
    sibling: str | Secret | None = None,
    binding: Binding | str = Binding.DECLARED,
    accept_guess: bool = False,
    accept_one_shot: bool = False,
) -> Plan:
    """Look at all that `rotate` looks at before it begins, and say what it would do; nothing that it writes stays.

    Arguments as of `rotate`. ConfigurationError, with the remedy, where it would be REFUSED.
    """
    try:
        other = secret_of(sibling, "sibling")
    finally:
        del sibling  # an error carries this frame
    wish = wish_of(
        cobalt,
        token_id,
        store=store,
        journal=journal,
        sibling=other,
        binding=binding,
        accept_guess=accept_guess,
        accept_one_shot=accept_one_shot,
        secret_ref=None,
        sibling_ref=None,
    )
    try:
        preflight.check_system()
        wish.journal.check()
        return (await preflight.check(wish, salt=bytes(32))).plan
    except Refused as error:
        why = str(error)
    raise ConfigurationError(why)


@define
class _Begun:
    intent: Intent | None = None


async def _rotate(wish: Wish, hands: Hands, begun: _Begun) -> Rotation:
    preflight.check_system()
    with contextlib.ExitStack() as held:
        try:
            salt = wish.journal.prepare()
            held.enter_context(wish.journal.lock(lock_name(wish.cobalt.base_url, wish.token_id)))
            wish.journal.sweep()
            checked = await _begin(wish, salt, begun)
        except Busy:
            why = "another rotation of this token is under way on this machine; wait for it"
        except ConfigurationError as error:
            why = str(error)
        else:
            now = datetime.now(UTC)
            entry = Entry(checked.intent, now, now)
            shelves = Shelves(wish.stores, entry, wish.seconds)
            driver = Driver(hands, entry, shelves, notes=checked.plan.notes, resumed=False)
            return await driver.run(Step.SEND)
    raise Refused(why)


async def _begin(wish: Wish, salt: bytes, begun: _Begun) -> Checked:
    """Check, and write the intent down, as soon as no other rotation of the same user is under way.

    After a wait all is checked again: the other one may have changed ids.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + wish.seconds
    while True:
        checked = await preflight.check(wish, salt=salt)
        reached(Point.CHECKED)
        try:
            wish.journal.begin(checked.intent)
            begun.intent = checked.intent
        except Busy:
            pass
        except OSError as error:
            why = f"{wish.journal.path}: the journal takes no record ({error.strerror}); make room, or name another"
            break
        else:
            reached(Point.INTENT)
            return checked
        while wish.journal.is_busy(checked.intent) and loop.time() < ends:  # noqa: ASYNC110 - a lock tells nobody
            await asyncio.sleep(_PAUSE)
        if loop.time() >= ends:
            why = "another rotation of the same user is under way on this machine; wait for it"
            break
    raise Refused(why)


def claimed(cobalt: AsyncCobalt, rotation: Rotation) -> Rotation:
    """An outcome that is about to be returned: a secret that stands nowhere else is in the caller's hands now."""
    cobalt._root.refreshes.claim(rotation.refreshed)
    return rotation
