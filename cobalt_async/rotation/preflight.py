"""All that is looked at before a rotation begins: nothing that changes anything is sent here."""

import asyncio
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from ..client import AsyncCobalt
from ..errors import CobaltError, StoreError, UnauthorizedError, UnreadableStoreError
from ..ledger import fingerprint
from ..protocol import hosts, requests
from ..secret import Secret
from .binding import Binding, contradiction, proven
from .file_system import file_system_of
from .hands import is_going_down
from .intent import Intent, StoreNote
from .journal import Journal
from .outcome import Plan, RotationClass
from .records import Entry
from .stores import SecretStore
from .stores.in_files import StoreInFile

_UNPROVABLE = (
    "it cannot be read back, so nothing would prove that it holds the new secret; give the command that reads it "
    "(command:WRITE >>> READ), or say that its exit code is a proof (trusted-command:WRITE, trust_exit_code)"
)


class Refused(Exception):
    """A check failed, in words: nothing was sent."""


@frozen(kw_only=True)
class Wish:
    """What the caller asks for."""

    cobalt: AsyncCobalt
    token_id: str
    old: Secret
    stores: Sequence[SecretStore]
    journal: Journal
    sibling: Secret | None
    binding: Binding
    accept_guess: bool
    accept_one_shot: bool
    secret_ref: str | None
    sibling_ref: str | None
    seconds: float
    """The longest that one act of a store may take."""


@frozen(kw_only=True)
class Checked:
    """A wish that may begin: what will be written down, and what is to be said of it."""

    intent: Intent
    plan: Plan


async def check(wish: Wish, *, salt: bytes) -> Checked:
    """Look at everything; Refused, with the remedy, where anything is not as it must be."""
    entries = wish.journal.entries()
    check_unfinished(wish, entries.values())
    _check_references(wish)
    requests.check_token_id(wish.token_id)
    listed = await _listed(wish, wish.old, "the secret being replaced")
    if wish.token_id not in listed:
        raise Refused(
            f"{wish.token_id} is not among the {len(listed)} tokens of this user; compare the id with the listing"
        )
    binding = _bind(wish, listed, entries.values())
    rotation_class = await _classify(wish)
    notes: list[str] = []
    stores = tuple([await _check_store(wish, store, salt, notes) for store in wish.stores])
    intent = Intent(
        rotation_id=f"rot-{secrets.token_hex(5)}",
        token_id=wish.token_id,
        name=listed[wish.token_id],
        base_url=wish.cobalt.base_url,
        region=next((name for name, url in hosts.REGIONS.items() if url == wish.cobalt.base_url), None),
        rotation_class=rotation_class.value,
        binding=binding.value,
        salt=salt,
        old=fingerprint(wish.old, salt),
        listed=listed,
        stores=stores,
        secret_ref=wish.secret_ref,
        sibling_ref=wish.sibling_ref,
    )
    plan = Plan(
        token_id=wish.token_id,
        name=intent.name,
        rotation_class=rotation_class,
        binding=binding,
        stores=tuple(note.described for note in stores),
        journal=wish.journal.path,
        spool=wish.journal.spool.folder,
        file_system=file_system_of(wish.journal.spool.folder),
        notes=tuple(notes),
    )
    return Checked(intent=intent, plan=plan)


def check_unfinished(wish: Wish, entries: Iterable[Entry]) -> None:
    """Refuse to begin where an earlier rotation of the token has not come to its end, or showed that it is another's.

    One that stands at MISMATCH keeps neither its secret from its own id, nor its id from its own secret.
    """
    for entry in entries:
        if entry.intent.base_url != wish.cobalt.base_url:
            continue
        rotation_id = entry.intent.rotation_id
        same_id = wish.token_id in (entry.token_id, entry.intent.token_id)
        same_secret = entry.fingerprint(wish.old) == entry.intent.old  # its id may have changed since
        if entry.outlived and same_id and same_secret:
            raise Refused(
                f"this secret outlived a refresh of {wish.token_id} ({rotation_id}), so it is another token's; "
                "rotate it under its own id"
            )
        if not entry.finished and not entry.outlived and (same_id or same_secret):
            raise Refused(
                f"an earlier rotation of {wish.token_id} stands at {entry.state}; "
                f"finish it first: cobalt-async resume {rotation_id}"
            )


def _check_references(wish: Wish) -> None:
    """What the journal will hold names secrets, and never is one."""
    known = [secret.reveal() for secret in (wish.old, wish.sibling) if secret is not None]
    written = [getattr(store, "reference", None) for store in wish.stores]
    for reference in (*written, wish.secret_ref, wish.sibling_ref):
        if reference is not None and any(text in reference for text in known):
            known.clear()
            raise Refused("a reference to a store or a secret holds the secret itself, which the journal must not")


async def _listed(wish: Wish, secret: Secret, whose: str) -> dict[str, str]:
    """All tokens of a secret's user, id -> name."""
    try:
        return {token.id: token.name async for token in wish.cobalt.with_token(secret).tokens.iter(limit=100)}
    except UnauthorizedError:
        flaw = f"{whose} is refused (401) at {wish.cobalt.base_url}: it is wrong, dead, or of another region"
    except CobaltError as error:
        flaw = f"the tokens of {whose} cannot be listed: {error}"
    raise Refused(flaw)


def _bind(wish: Wish, listed: Mapping[str, str], entries: Iterable[Entry]) -> Binding:
    entries = [entry for entry in entries if entry.intent.base_url == wish.cobalt.base_url]
    other = contradiction(wish.old, wish.token_id, listed, entries)
    if other is not None:
        raise Refused(f"the journal knows this secret as {other}, not as {wish.token_id}; rotate it under that id")
    if proven(wish.old, wish.token_id, listed, entries):
        return Binding.PROVEN
    if wish.binding is Binding.DECLARED:
        return Binding.DECLARED
    name = listed[wish.token_id]
    if wish.binding is Binding.GUESSED and wish.accept_guess and list(listed.values()).count(name) == 1:
        return Binding.GUESSED
    raise Refused(
        f"UNBOUND: nothing proves that this secret is {wish.token_id}, and a wrong id kills somebody else's token; "
        "declare it if you know it"
    )


async def _classify(wish: Wish) -> RotationClass:
    """What a lost answer would cost."""
    if wish.sibling is None:
        if wish.accept_one_shot:
            return RotationClass.ONE_SHOT
        raise Refused(
            "ONE_SHOT: without another living token of the same user, a lost answer needs a person in the web app; "
            "name one (--sibling-ref), or accept it (--accept-one-shot)"
        )
    if wish.sibling == wish.old:
        raise Refused("the sibling is the very secret that is being replaced; name another token of the same user")
    if wish.token_id not in await _listed(wish, wish.sibling, "the sibling"):
        raise Refused(f"the sibling is another user's: it does not list {wish.token_id}; name one of the same user")
    return RotationClass.RECOVERABLE


async def _check_store(wish: Wish, store: SecretStore, salt: bytes, notes: list[str]) -> StoreNote:
    """Try a store, and note what it holds."""
    name, version, held = await described(store, wish.seconds), None, None
    flaw: str | None
    try:
        async with asyncio.timeout(wish.seconds):
            version = await store.check()
            held = await store.read()
    except asyncio.CancelledError:
        if is_going_down():
            raise
        flaw = f"{name}: its check was cancelled; mend it and try again"
    except UnreadableStoreError:
        flaw = None if getattr(store, "trust_exit_code", False) else f"{name}: {_UNPROVABLE}"
    except StoreError as error:
        flaw = str(error)
    except Exception as error:  # noqa: BLE001 - somebody else's store; its text may hold a secret
        flaw = f"{name}: its check failed ({type(error).__name__}); mend it and try again"
    else:
        flaw = _flaw_of(wish, name, version, held)
    if flaw is not None:
        raise Refused(flaw)
    known = (wish.old, wish.sibling, held)
    if any(secret is not None and secret.reveal() in f"{name} {version}" for secret in known):
        kind = type(store).__name__
        raise Refused(f"{kind}: what it says of itself, or its version, holds a secret, which the journal must not")
    if isinstance(store, StoreInFile) and store.is_exposed:
        notes.append(f"{name}: others than its owner can read or change it, and its mode stays; run chmod 600 on it")
    if held is not None and held != wish.old:
        notes.append(f"{name}: it holds another secret than the one being replaced, and will be overwritten")
    return StoreNote(
        described=name,
        reference=getattr(store, "reference", None),
        version=version,
        held=None if held is None else fingerprint(held, salt),
    )


def _flaw_of(wish: Wish, name: str, version: object, held: object) -> str | None:
    """What is wrong with what a store says; it may be somebody else's, and say anything."""
    if not isinstance(version, str | None):
        return f"{name}: its check gave a version of the kind {type(version).__name__}, not a str or None; mend it"
    if not isinstance(held, Secret | None):
        return f"{name}: its read gave a {type(held).__name__}, not a Secret or None; mend it"
    if held is not None and held == wish.sibling:
        return f"{name}: it holds the sibling's secret, which would be overwritten; name the store of the other one"
    return None


async def described(store: SecretStore, seconds: float) -> str:
    """A store's own words for itself."""
    try:
        async with asyncio.timeout(seconds):
            return str(await store.describe())
    except asyncio.CancelledError:
        if is_going_down():
            raise
        flaw = "CancelledError"
    except Exception as error:  # noqa: BLE001 - somebody else's store
        flaw = type(error).__name__
    return f"{type(store).__name__} (its describe failed: {flaw})"


def check_system() -> None:
    """Refuse where a file cannot be made one's own, or be made to last."""
    if os.name != "posix":
        raise Refused("this system has no file modes and no fsync of folders, which a safe rotation stands on")
