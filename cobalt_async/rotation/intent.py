"""What a rotation is about to do, as the journal has it before anything is sent."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

Fields = Mapping[str, Any]
"""Of one line of the journal."""


@frozen(kw_only=True)
class StoreNote:
    """A store as the journal knows it: for people, to open it again, and what it held when the rotation began."""

    described: str
    reference: str | None = None
    version: str | None = None
    held: bytes | None = field(default=None, repr=False)
    """The fingerprint of what it held when the rotation began."""


@frozen(kw_only=True)
class Intent:
    """What a rotation is about to do, written down before anything is sent."""

    rotation_id: str
    token_id: str
    name: str
    base_url: str
    region: str | None
    rotation_class: str
    binding: str
    salt: bytes = field(repr=False)
    """The journal's, with each intent again, so that one damaged line costs no fingerprint."""
    old: bytes = field(repr=False)
    listed: Mapping[str, str] = field(repr=False)
    """The user's tokens when it began: id -> name."""
    stores: tuple[StoreNote, ...]
    secret_ref: str | None = None
    sibling_ref: str | None = None

    def fields(self) -> dict[str, Any]:
        """As a record holds it."""
        return {
            "token_id": self.token_id,
            "name": self.name,
            "base_url": self.base_url,
            "region": self.region,
            "class": self.rotation_class,
            "binding": self.binding,
            "salt": self.salt.hex(),
            "old": self.old.hex(),
            "listed": dict(self.listed),
            "stores": [_note_fields(note) for note in self.stores],
            "secret_ref": self.secret_ref,
            "sibling_ref": self.sibling_ref,
        }

    @classmethod
    def of(cls, rotation_id: str, fields: Fields) -> "Intent":
        """What `fields` wrote."""
        return cls(
            rotation_id=rotation_id,
            token_id=fields["token_id"],
            name=fields["name"],
            base_url=fields["base_url"],
            region=fields["region"],
            rotation_class=fields["class"],
            binding=fields["binding"],
            salt=bytes.fromhex(fields["salt"]),
            old=bytes.fromhex(fields["old"]),
            listed=fields["listed"],
            stores=tuple(map(_note, fields["stores"])),
            secret_ref=fields["secret_ref"],
            sibling_ref=fields["sibling_ref"],
        )


def _note_fields(note: StoreNote) -> dict[str, str | None]:
    return {
        "described": note.described,
        "reference": note.reference,
        "version": note.version,
        "held": None if note.held is None else note.held.hex(),
    }


def _note(fields: Fields) -> StoreNote:
    held = fields["held"]
    return StoreNote(
        described=fields["described"],
        reference=fields["reference"],
        version=fields["version"],
        held=None if held is None else bytes.fromhex(held),
    )
