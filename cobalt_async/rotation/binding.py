"""How far it is known that a secret is the token with an id. Pure.

Cobalt does not say which of the listed tokens asks (`last_characters` is never matched on, F8), and a refresh with
the wrong id kills somebody else's token.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from ..secret import Secret
from .records import Entry


class Binding(StrEnum):
    """How a secret and an id belong together, the strongest first."""

    PROVEN = "PROVEN"
    """The journal recorded both at an earlier refresh, or every other listed token is known to be another secret."""
    DECLARED = "DECLARED"
    """The caller says so."""
    GUESSED = "GUESSED"
    """The caller guesses, by a name that only one token has; needs `accept_guess`."""
    UNBOUND = "UNBOUND"
    """Nothing says so: refused."""


def contradiction(secret: Secret, token_id: str, listed: Mapping[str, str], entries: Iterable[Entry]) -> str | None:
    """The id of the listed token that the journal knows this secret to be, where that is another one."""
    return next(
        (
            entry.token_id
            for entry in entries
            if _issued(entry, secret) and entry.token_id in listed.keys() - {token_id}
        ),
        None,
    )


def proven(secret: Secret, token_id: str, listed: Mapping[str, str], entries: Iterable[Entry]) -> bool:
    """Whether this secret can only be the token with this id."""
    entries = [entry for entry in entries if entry.new is not None]
    if any(_issued(entry, secret) and entry.token_id == token_id for entry in entries):
        return True
    others = listed.keys() - {token_id}
    known = {
        entry.token_id for entry in entries if not _issued(entry, secret) and entry.state in ("SUCCESS", "ADOPTED")
    }
    return others <= known


def _issued(entry: Entry, secret: Secret) -> bool:
    """Whether this secret came out of that rotation."""
    return entry.new is not None and entry.new == entry.fingerprint(secret)
