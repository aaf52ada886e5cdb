"""The journal's lines: JSON that a person can read, each with a checksum; and what they say of a rotation together.

No line holds a secret: an old or new one is named by its fingerprint, keyed with the journal's salt.
"""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from attrs import define, evolve, field

from ..ledger import RotationRecord, fingerprint
from ..secret import Secret
from .intent import Fields, Intent
from .states import Facts
from .words import FINISHED, Seen, State

SCHEMA = 1
DAMAGED: Fields = {"kind": "DAMAGED"}
"""Stands for a line in the midst of others that cannot be read."""
_SUM = re.compile(rb',"sum":"([0-9a-f]{16})"\}')


def write(fields: Fields) -> bytes:
    """One line, its end included."""
    body = json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()[:-1]
    return body + b',"sum":"' + _sum(body) + b'"}\n'


def read(line: bytes) -> Fields | None:
    """What a line holds; None where it is torn or was changed."""
    body, mark, end = line.rstrip(b"\n").rpartition(b',"sum":"')
    if not mark or not _SUM.fullmatch(mark + end) or end[:16] != _sum(body):
        return None
    try:
        fields = json.loads(body + b"}")
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _sum(body: bytes) -> bytes:
    return blake2b(body, digest_size=8).hexdigest().encode()


@define
class Send:
    """A refresh that was sent, and how it ended as far as that was written down."""

    at: datetime
    token_id: str
    by_sibling: bool
    seen: Seen = Seen.UNKNOWN
    clock: float | None = None
    """The loop's clock when it left, where this very process sent it."""


@define
class Entry:
    """All that the journal says of one rotation."""

    intent: Intent
    started_at: datetime
    updated_at: datetime
    state: str = "INTENT"
    why: str = ""
    sends: dict[int, Send] = field(factory=dict)
    new_token_id: str | None = None
    new: bytes | None = field(default=None, repr=False)
    old_dead: bool = False
    """The old secret was seen dead after the refresh."""
    outlived: bool = False
    """It ended as MISMATCH once: the old secret was seen alive long after the refresh."""
    damaged: bool = False
    """A line that cannot be read came after its beginning: it may have said that something was sent."""

    @property
    def finished(self) -> bool:
        """True where nothing is left that `resume` should do by itself."""
        return self.state in FINISHED

    @property
    def token_id(self) -> str:
        """The id that the token is known by now."""
        return self.new_token_id or self.intent.token_id

    def fingerprint(self, secret: Secret) -> bytes:
        """A secret as this rotation's records name it."""
        return fingerprint(secret, self.intent.salt)

    def last_in_doubt(self, *, by_sibling: bool = False) -> datetime | None:
        """When the last refresh left whose answer is not in hand; `by_sibling`: only a sibling's."""
        sends = (send for send in self.sends.values() if send.by_sibling or not by_sibling)
        last = max((send.at for send in sends if send.seen is Seen.UNKNOWN), default=None)
        return self.updated_at if last is None and self.damaged else last

    def settles_in(self, seconds: float, now: datetime, clock: float) -> float:
        """How long until each refresh in doubt left so many seconds ago; where this process sent it, by the later of
        both clocks: the time of day may have been put forward since.
        """
        last = self.last_in_doubt()
        by_day = 0.0 if last is None else (last + timedelta(seconds=seconds) - now).total_seconds()
        clocks = [send.clock for send in self.sends.values() if send.seen is Seen.UNKNOWN and send.clock is not None]
        by_clock = max(clocks, default=-math.inf) + seconds - clock
        return max(0.0, min(seconds, by_day), by_clock)

    def last_sent(self) -> datetime | None:
        """When the last refresh left, whatever came of it."""
        return max((send.at for send in self.sends.values()), default=None)

    def facts(self, *, sibling: bool, resumed: bool) -> Facts:
        """What the table may ask."""
        return Facts(
            doubt=self.last_in_doubt() is not None,
            recovery_in_doubt=self.last_in_doubt(by_sibling=True) is not None,
            in_hand=any(send.seen is Seen.NEW for send in self.sends.values()),
            sibling=sibling,
            had_sibling=self.intent.rotation_class == "RECOVERABLE",
            proven=self.intent.binding == "PROVEN" or self.old_dead,
            outlived=self.outlived,
            resumed=resumed,
        )

    def copy(self) -> "Entry":
        """One to go on with; the journal's own follows the journal."""
        return evolve(self, sends={number: evolve(send) for number, send in self.sends.items()})

    def record(self) -> RotationRecord:
        """As the audit reads it."""
        return RotationRecord(
            rotation_id=self.intent.rotation_id,
            token_id=self.intent.token_id,
            new_token_id=self.new_token_id,
            region=self.intent.region,
            state=self.state,
            finished=self.finished,
            started_at=self.started_at,
            updated_at=self.updated_at,
            salt=self.intent.salt,
            old=self.intent.old,
            new=self.new,
        )


class Folded:
    """What all lines that were added say together: the rotations, in the order in which they began.

    A line that stands twice counts once; one without its rotation's beginning is passed over.
    """

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._known: set[tuple[object, ...]] = set()

    def add(self, lines: Iterable[Fields]) -> None:
        """Go on with these."""
        for fields in lines:
            if fields == DAMAGED:
                for entry in self.entries.values():
                    entry.damaged |= not entry.finished
                continue
            try:
                said = tuple(map(fields.get, ("rotation", "kind", "at", "n")))
                if said not in self._known:
                    self._known.add(said)
                    _add(self.entries, fields)
            except (AttributeError, KeyError, TypeError, ValueError):  # its sum is right: somebody else wrote it
                continue


def _add(entries: dict[str, Entry], fields: Fields) -> None:
    kind, rotation_id, at = fields["kind"], fields["rotation"], datetime.fromisoformat(fields["at"])
    if kind == "INTENT":
        entries.setdefault(rotation_id, Entry(Intent.of(rotation_id, fields), at, at))
        return
    entry = entries[rotation_id]
    if kind == "SENT":
        send = entry.sends.setdefault(fields["n"], Send(at, fields["token_id"], fields["by"] == "sibling"))
        send.at = max(send.at, at)  # one that had to wait for its turn is written down again when it leaves
    elif kind == "ANSWERED":
        entry.sends[fields["n"]].seen = Seen(fields["seen"])
    elif kind == "SPOOLED":
        entry.new, entry.new_token_id = bytes.fromhex(fields["new"]), fields["token_id"]
    elif kind == "OLD_DEAD":
        entry.old_dead = True
    entry.state = State(fields["state"]).value if kind == "ENDED" else kind
    entry.outlived |= entry.state == State.MISMATCH
    entry.why = fields.get("why", "")
    entry.updated_at = max(entry.updated_at, at)


def stamp(now: datetime) -> str:
    """A time as a line holds it: UTC."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")
