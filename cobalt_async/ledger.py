"""RotationRecord: what a rotation left on record, as the audit may read it; and the fingerprint of a secret."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from attrs import field, frozen

from .errors import ConfigurationError
from .secret import Secret

FINGERPRINT = 16  # bytes


def fingerprint(secret: Secret, salt: bytes) -> bytes:
    """16 bytes that tell whether two secrets are one, for whoever has the salt (at most 64 bytes): keyed BLAKE2b."""
    return hashlib.blake2b(secret.reveal().encode(), key=salt, digest_size=FINGERPRINT).digest()


@frozen(kw_only=True)
class RotationRecord:
    """One rotation of one token, as far as it came.

    `state` is the journal's word for where it stands, `finished` whether nothing is left to do. Times are aware.
    `old` and `new` are fingerprints under `salt` of the secret that was to be replaced and of the one that
    replaced it, None where that one is not known: a rotation that was refused has an `old` and no `new`.
    """

    rotation_id: str
    token_id: str
    new_token_id: str | None = None
    region: str | None = None
    state: str
    finished: bool
    started_at: datetime
    updated_at: datetime
    salt: bytes = field(repr=False)
    old: bytes | None = field(default=None, repr=False)
    new: bytes | None = field(default=None, repr=False)


class Ledger:
    """The records of all rotations, and which of them a secret had a part in.

    Where several rotations began with one secret, the one that brought a new secret is what became of it, else
    the latest. Anything but RotationRecords with aware times is a ConfigurationError.
    """

    def __init__(self, records: Iterable[RotationRecord] = ()) -> None:
        self.records: tuple[RotationRecord, ...] = tuple(records)
        for record in self.records:
            if not isinstance(record, RotationRecord):
                raise ConfigurationError(f"ledger: RotationRecords, not {type(record).__name__}")
            if record.started_at.utcoffset() is None or record.updated_at.utcoffset() is None:
                raise ConfigurationError("ledger: the times of a RotationRecord are aware; give them a time zone")
        ordered = sorted(self.records, key=_weight)
        self._salts = tuple({record.salt for record in ordered})
        self._replaced = {(record.salt, record.old): record for record in ordered if record.old is not None}
        self._issued = {(record.salt, record.new): record for record in ordered if record.new is not None}
        self._next_id = {
            record.token_id: record.new_token_id
            for record in ordered
            if record.new is not None and record.new_token_id not in (None, record.token_id)
        }
        self._by_id = {record.rotation_id: record for record in ordered}

    def record(self, rotation_id: str | None) -> RotationRecord | None:
        """The rotation of that id."""
        return None if rotation_id is None else self._by_id.get(rotation_id)

    def latest_id(self, token_id: str) -> str:
        """The id that a token has after all rotations, where they changed it; else its own."""
        seen = {token_id}
        while (after := self._next_id.get(token_id)) is not None and after not in seen:
            seen.add(after)
            token_id = after
        return token_id

    def replaced(self, secret: Secret) -> RotationRecord | None:
        """The rotation that was to replace this secret; it did where the record has a `new`."""
        return self._find(self._replaced, secret)

    def issued(self, secret: Secret) -> RotationRecord | None:
        """The rotation that this secret came from."""
        return self._find(self._issued, secret)

    def _find(self, known: dict[tuple[bytes, bytes], RotationRecord], secret: Secret) -> RotationRecord | None:
        found = (known.get((salt, fingerprint(secret, salt))) for salt in self._salts)
        return max((record for record in found if record is not None), key=_weight, default=None)


def _weight(record: RotationRecord) -> tuple[bool, datetime]:
    """What a record says counts for more, the greater this is."""
    return record.new is not None, record.updated_at
