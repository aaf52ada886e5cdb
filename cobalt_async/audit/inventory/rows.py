"""The fields of a row -> a Credential, with its secret or with a reference to it."""

import re
import secrets
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, cast

from attrs import frozen

from ...references import Flaw
from ...secret import Secret
from ..credential import Credential

if TYPE_CHECKING:
    from ...protocol.hosts import Region
    from ..credential import Status

_STAND_IN = Secret(secrets.token_hex())  # in no label
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@frozen
class Referenced:
    """A row that is sound, except that its secret is still to be found; the credential holds a stand-in."""

    credential: Credential
    reference: str


def read_row(fields: Mapping[str, str], exposed: str | None) -> Credential | Referenced | Flaw:
    """What a row says; a field that is empty is one that is absent.

    `exposed` is the inventory's path, where others can read it, and so the secrets that stand in it.
    """
    secret, reference = fields.get("secret", ""), fields.get("secret_ref", "")
    if bool(secret) == bool(reference):
        return Flaw("it has both secret and secret_ref" if secret else "it has neither secret nor secret_ref")
    rotate_by = _day(fields.get("rotate_by"))
    if isinstance(rotate_by, Flaw):
        return rotate_by
    try:
        credential = Credential(
            fields.get("label", ""),
            secret or _STAND_IN,
            owner=fields.get("owner") or None,
            system=fields.get("system") or None,
            token_id=fields.get("token_id") or None,
            region=cast("Region | None", fields.get("region", "").lower() or None),  # which Credential checks
            status=cast("Status | None", fields.get("status", "").lower() or None),  # (the same)
            rotate_by=rotate_by,
            exposed=exposed,  # what a reference leads to, brings its own
        )
    except ValueError as error:
        return Flaw(str(error))
    return credential if secret else Referenced(credential, reference)


def _day(text: str | None) -> date | Flaw | None:
    """The only form of a date that needs no guess; `fromisoformat` also knows weeks, and 20261231."""
    if not text:
        return None
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:  # the 30th of February
            pass
    return Flaw("rotate_by: a date such as 2026-12-31")
