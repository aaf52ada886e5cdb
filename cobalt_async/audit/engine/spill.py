"""Credentials that have to wait, in little room: a million of them may."""

from datetime import date
from typing import cast

from ...protocol.hosts import Region
from ..credential import Credential, Status

_BETWEEN = "\x1f"  # no text of a credential holds it


def spill(credential: Credential) -> bytes:
    """A credential as bytes, its secret too: for memory alone."""
    declared = (
        credential.owner,
        credential.system,
        credential.token_id,
        credential.region,
        credential.status,
        None if credential.rotate_by is None else credential.rotate_by.isoformat(),
        credential.exposed,
    )
    texts = [credential.label, credential.secret.reveal()]
    if any(text is not None for text in declared):
        texts.extend(text or "" for text in declared)
    return _BETWEEN.join(texts).encode("utf-8", "surrogatepass")


def unspill(spilled: bytes) -> Credential:
    """The credential again."""
    label, secret, *declared = spilled.decode("utf-8", "surrogatepass").split(_BETWEEN)
    if not declared:
        return Credential(label, secret)
    owner, system, token_id, region, status, rotate_by, exposed = (text or None for text in declared)
    return Credential(
        label,
        secret,
        owner=owner,
        system=system,
        token_id=token_id,
        region=cast("Region | None", region),
        status=cast("Status | None", status),
        rotate_by=None if rotate_by is None else date.fromisoformat(rotate_by),
        exposed=exposed,
    )
