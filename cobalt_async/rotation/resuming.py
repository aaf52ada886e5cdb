"""resume(): an unfinished rotation to its end, by what the journal, the spool and Cobalt say of it."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from attrs import frozen

from ..client import AsyncCobalt
from ..errors import ConfigurationError, RefreshError
from ..models import RefreshedToken
from ..references import read_reference
from ..secret import Secret
from .arguments import check_calls, check_means, patience, secret_of, silent, stores_of
from .binding import Binding
from .driver import Driver
from .hands import Hands, Hook
from .journal import Busy, Journal, lock_name
from .outcome import Rotation, RotationClass
from .preflight import Refused
from .records import Entry
from .refreshes import spooled
from .rotate import claimed
from .shelves import Shelves
from .stores import SecretStore, open_store
from .words import OVER, State, Step


async def resume(
    journal: Journal | None = None,
    rotation_id: str | None = None,
    *,
    cobalt: AsyncCobalt | None = None,
    store: SecretStore | Sequence[SecretStore] | None = None,
    secret: str | Secret | None = None,
    sibling: str | Secret | None = None,
    hook: Hook | None = None,
    settle: float | None = None,
    prove_within: float = 30.0,
    old_dead_within: float = 60.0,
    tell: Callable[[str], object] | None = None,
) -> tuple[Rotation, ...]:
    """Bring unfinished rotations to their ends, the oldest first; one outcome each, none where nothing is to do.

    `rotation_id`: that one alone, also where it ended as LOST. One that ended as MISMATCH is told again as long as its
    new secret stands in the spool, and never stored. `journal`: None for the platform's. `cobalt`: the
    client to ask with; None makes one for the place that each rotation was made in. `store`: needed for stores
    that are the caller's own; others are opened by what the journal knows of them. `secret`: the one that was to be
    replaced; it is also looked for in `cobalt`, in the reference that `rotate` was given, and in the stores.
    `sibling`: as of `rotate`; else by its reference. The rest as of `rotate`.

    Where neither disk nor store takes a new secret, its outcome is the last, with the secret in `.refreshed`; the
    rest is left to the next call. For a caller who is cancelled then, it stands in `cobalt.unclaimed`; without a
    `cobalt` that is a RefreshError with the secret in `.refreshed`, in place of the cancellation.

    ConfigurationError where the journal cannot be read, or knows no rotation of that id (`Journal.strays()` are answers
    of such), and where `cobalt` is not open.
    """
    try:
        old, other = secret_of(secret, "secret"), secret_of(sibling, "sibling")
    finally:
        del secret, sibling  # an error carries this frame
    check_calls(hook=hook, tell=tell)
    check_means(journal=journal, rotation_id=rotation_id, cobalt=cobalt)
    means = _Means(
        journal=Journal() if journal is None else journal,
        cobalt=cobalt,
        stores=None if store is None else stores_of(store),
        old=old,
        sibling=other,
        hook=hook,
        waits=(settle, prove_within, old_dead_within),
        tell=tell or silent,
    )
    entries = means.journal.entries()
    if rotation_id is not None and rotation_id not in entries:
        raise ConfigurationError(f"{rotation_id}: no rotation of that id is in {means.journal.path}")
    chosen = means.journal.waiting() if rotation_id is None else [rotation_id]
    if entries:
        means.journal.prepare()
        means.journal.sweep()
    outcomes: list[Rotation] = []
    for name in chosen:
        outcomes.append(await means.resume(name))
        if outcomes[-1].refreshed is not None:
            break  # to hand it over comes before anything that may take long or fail
    return tuple(outcomes)


def spooled_secret(journal: Journal, rotation_id: str) -> Secret | None:
    """The new secret that stands in the spool for a rotation, None where none does; also one of `Journal.strays()`.

    ConfigurationError where the journal or the spool cannot be read.
    """
    try:
        found = spooled(journal, rotation_id)
    except OSError as error:
        flaw = f"{journal.path}: the spool cannot be read ({error.strerror or type(error).__name__}); mend it"
    else:
        return None if found is None else found.secret
    raise ConfigurationError(flaw)


@frozen(kw_only=True)
class _Means:
    """What the caller gave to resume with."""

    journal: Journal
    cobalt: AsyncCobalt | None
    stores: tuple[SecretStore, ...] | None
    old: Secret | None
    sibling: Secret | None
    hook: Hook | None
    waits: tuple[float | None, float, float]
    tell: Callable[[str], object]

    async def resume(self, rotation_id: str) -> Rotation:
        """One rotation, as far as it goes."""
        intent = self.journal.entries()[rotation_id].intent
        try:
            with self.journal.lock(lock_name(intent.base_url, intent.token_id)):
                entry = self.journal.entries()[rotation_id].copy()  # as it stands now that nobody else is at it
                if entry.state in OVER:
                    return _told(entry, State(entry.state), entry.why)
                if self.cobalt is None:
                    return await self._drive_alone(entry)
                return claimed(self.cobalt, await self._drive(self.cobalt, entry))
        except Busy:
            why = "another process is at it; wait for that one"
        except Refused as error:
            why = str(error)
        return _told(self.journal.entries()[rotation_id], State.REFUSED, why)

    async def _drive_alone(self, entry: Entry) -> Rotation:
        """With a client of its own, which keeps nothing for a caller who is cancelled: nobody else can reach it."""
        new: RefreshedToken | None = None
        try:
            async with AsyncCobalt(base_url=entry.intent.base_url) as cobalt:
                try:
                    return await self._drive(cobalt, entry)
                finally:
                    for new in cobalt.unclaimed:
                        cobalt._root.refreshes.claim(new)
        except asyncio.CancelledError:
            if new is None:
                raise
        why = "it ran, neither disk nor store takes what it brought, and who resumed it was cancelled"
        raise RefreshError(entry.intent.token_id, why, refreshed=new)

    async def _drive(self, cobalt: AsyncCobalt, entry: Entry) -> Rotation:
        intent = entry.intent
        if cobalt.base_url != intent.base_url:
            raise Refused(f"it was begun at {intent.base_url}, and this client talks to {cobalt.base_url}")
        stores = _open(entry) if self.stores is None else self.stores
        if len(stores) != len(intent.stores):
            raise Refused(f"it was begun with {len(intent.stores)} stores; name as many, in the same order")
        shelves = Shelves(stores, entry, cobalt._timeouts.refresh)
        hands = Hands(
            cobalt=cobalt,
            journal=self.journal,
            old=await self._old(cobalt, entry, shelves),
            sibling=self.sibling or await _followed(intent.sibling_ref),
            hook=self.hook,
            patience=patience(cobalt, *self.waits),
            tell=self.tell,
        )
        driver = Driver(hands, entry, shelves, notes=(), resumed=True)
        return await cobalt._finish(partial(driver.run, Step.LOOK), committed=lambda: True)

    async def _old(self, cobalt: AsyncCobalt, entry: Entry, shelves: Shelves) -> Secret | None:
        """The secret that was to be replaced, from wherever it still stands."""
        for known in (self.old, cobalt._secret):
            if known is not None and entry.fingerprint(known) == entry.intent.old:
                return known
        known = await _followed(entry.intent.secret_ref)
        if known is not None and entry.fingerprint(known) == entry.intent.old:
            return known
        return await shelves.holding(entry.intent.old)


async def _followed(reference: str | None) -> Secret | None:
    """The secret that a reference names, None where it names none any more."""
    if reference is None:
        return None
    try:
        return await asyncio.to_thread(read_reference, reference)
    except ConfigurationError:
        return None


def _open(entry: Entry) -> tuple[SecretStore, ...]:
    """The stores by what the journal knows of them."""
    opened = []
    for note in entry.intent.stores:
        if note.reference is None:
            raise Refused(f"{note.described}: only the program that made this store can open it; pass it as `store`")
        try:
            opened.append(open_store(note.reference))
        except ConfigurationError as error:
            flaw = str(error)
        else:
            continue
        raise Refused(flaw)
    return tuple(opened)


def _told(entry: Entry, state: State, why: str) -> Rotation:
    """An outcome of which nothing was done now."""
    intent = entry.intent
    return Rotation(
        state=state,
        why=why,
        token_id=intent.token_id,
        rotation_id=intent.rotation_id,
        new_token_id=entry.new_token_id,
        name=intent.name,
        rotation_class=RotationClass(intent.rotation_class),
        binding=Binding(intent.binding),
        stores=tuple(note.described for note in intent.stores),
    )
