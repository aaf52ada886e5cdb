"""What rotate(), plan() and resume() are called with, checked before anything is looked at."""

import contextlib
import math
import os
from collections.abc import Sequence

from ..client import AsyncCobalt
from ..errors import ConfigurationError
from ..protocol import requests
from ..secret import Secret
from .binding import Binding
from .hands import Patience
from .journal import Journal
from .preflight import Wish
from .stores import SecretStore

_SETTLE_SECONDS = "COBALT_SETTLE_SECONDS"
_SETTLE = 120.0  # seconds
_MARGIN = 30.0  # seconds above the longest that a refresh may take


def wish_of(
    cobalt: AsyncCobalt,
    token_id: str,
    *,
    store: SecretStore | Sequence[SecretStore],
    journal: Journal | None,
    sibling: Secret | None,
    binding: Binding | str,
    accept_guess: bool,
    accept_one_shot: bool,
    secret_ref: str | None,
    sibling_ref: str | None,
) -> Wish:
    """What the caller asks for; a wrong kind of argument is a ConfigurationError."""
    if not isinstance(cobalt, AsyncCobalt):
        raise ConfigurationError(f"cobalt: an AsyncCobalt, not {type(cobalt).__name__}")
    if cobalt._secret is None:
        raise ConfigurationError("cobalt: a client with the token that is to be replaced; this one has none")
    if not isinstance(token_id, str):
        raise ConfigurationError(f"token_id: a str, not {type(token_id).__name__}")
    _check_kind("journal", journal, Journal)
    _check_kind("secret_ref", secret_ref, str)
    _check_kind("sibling_ref", sibling_ref, str)
    declared = None
    with contextlib.suppress(ValueError):
        declared = Binding(binding)
    if declared is None:
        raise ConfigurationError(f"binding: one of {', '.join(Binding)}")
    return Wish(
        cobalt=cobalt,
        token_id=token_id,
        old=cobalt._secret,
        stores=stores_of(store),
        journal=Journal() if journal is None else journal,
        sibling=sibling,
        binding=declared,
        accept_guess=accept_guess,
        accept_one_shot=accept_one_shot,
        secret_ref=secret_ref,
        sibling_ref=sibling_ref,
        seconds=cobalt._timeouts.refresh,
    )


def patience(cobalt: AsyncCobalt, settle: float | None, prove: float, old_dead: float) -> Patience:
    """How long to wait for what."""
    name = "settle"
    if settle is None:
        name, text = f"${_SETTLE_SECONDS}", os.environ.get(_SETTLE_SECONDS)
        settle = max(_SETTLE, cobalt._timeouts.refresh + _MARGIN) if not text else _number(text)
    return Patience(
        settle=requests.check_seconds_or_zero(settle, name),
        prove=requests.check_seconds_or_zero(prove, "prove_within"),
        old_dead=requests.check_seconds_or_zero(old_dead, "old_dead_within"),
    )


def secret_of(secret: str | Secret | None, name: str) -> Secret | None:
    """An argument that is a secret; no frame of an error holds its text."""
    try:
        return None if secret is None else requests.check_token(secret, name)
    finally:
        del secret


def stores_of(store: SecretStore | Sequence[SecretStore]) -> tuple[SecretStore, ...]:
    """One store, or several."""
    stores = tuple(store) if isinstance(store, Sequence) else (store,)
    acts = ("check", "read", "write", "describe")
    if not stores or not all(callable(getattr(one, act, None)) for one in stores for act in acts):
        raise ConfigurationError("store: a SecretStore, which has check, read, write and describe, or several of them")
    for one in stores:
        if not isinstance(reference := getattr(one, "reference", None), str | None):
            kind = type(reference).__name__
            del reference
            raise ConfigurationError(f"store: its reference is a str, or None, not {kind}")
    return stores


def check_means(*, journal: Journal | None, rotation_id: str | None, cobalt: AsyncCobalt | None) -> None:
    """Refuse what `resume` cannot go by."""
    _check_kind("journal", journal, Journal)
    _check_kind("rotation_id", rotation_id, str)
    _check_kind("cobalt", cobalt, AsyncCobalt)


def check_calls(*, hook: object, tell: object) -> None:
    """Refuse what is to be called and cannot be."""
    for name, given in (("hook", hook), ("tell", tell)):
        if given is not None and not callable(given):
            raise ConfigurationError(f"{name}: what can be called, not {type(given).__name__}")


def _check_kind(name: str, given: object, kind: type[object]) -> None:
    if not isinstance(given, kind | None):
        found = type(given).__name__
        del given  # its text, perhaps: this frame travels with the traceback
        article = "an" if kind.__name__[0] == "A" else "a"
        raise ConfigurationError(f"{name}: {article} {kind.__name__}, not {found}")


def silent(line: str) -> None:
    """Hear of a step, and say nothing."""
    del line


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # refused like any other that is none
