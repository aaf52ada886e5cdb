"""What is told of a rotation: each step as it is done, to people and to the journal, and the outcome at its end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ..models import RefreshedToken
from . import records
from .binding import Binding
from .hands import Hands
from .outcome import WHY, Rotation, RotationClass
from .points import Point, reached
from .records import Entry
from .words import Seen, State, Step

KEEPS_SPOOL = frozenset({State.HELD, State.UNCERTAIN, State.LOST, State.MISMATCH, State.CONFLICT})
_EVENTS: Mapping[tuple[Step, Seen], tuple[str, Point]] = {
    (Step.PROVE, Seen.ALIVE): ("PROVEN", Point.PROVEN),
    (Step.CHECK_OLD, Seen.DEAD): ("OLD_DEAD", Point.OLD_DEAD),
    (Step.CHECK_OLD, Seen.LATE): ("OLD_DEAD", Point.OLD_DEAD),
    (Step.STORE, Seen.WRITTEN): ("STORED", Point.STORED),
    (Step.OVERWRITE, Seen.WRITTEN): ("STORED", Point.STORED),
    (Step.READ_BACK, Seen.SAME): ("READ_BACK", Point.READ_BACK),
}


class Account:
    """Of one rotation; `why` is what stands in its way now, "" for what its state says by itself."""

    def __init__(self, hands: Hands, entry: Entry, notes: Sequence[str]) -> None:
        self._hands = hands
        self._entry = entry
        self._events: list[str] = []
        self._notes = [*notes]
        self._died_at = "an unknown time"
        self.why = ""

    def step(self, step: Step, seen: Seen) -> None:
        """Say and write down what can be: the next run finds all of it out again, but for a death that was seen."""
        self._events.append(f"{step}: {seen}")
        self._hands.say(f"{step.value.lower().replace('_', ' ')}: {seen.value.lower().replace('_', ' ')}")
        event = _EVENTS.get((step, seen))
        if event is None:
            return
        kind, point = event
        try:
            write = self._hands.journal.append if point is Point.OLD_DEAD else self._hands.journal.remark
            write(self._entry.intent.rotation_id, kind)
        except OSError as error:
            self.note(f"the journal took no record of {kind} ({error.strerror})")
        reached(point)

    def note(self, text: str) -> None:
        """What did not go as it should, and changed nothing."""
        self._notes.append(text)

    def died(self, moment: datetime) -> None:
        """The old secret is dead, at the latest since then."""
        self._died_at = records.stamp(moment)

    def rotation(
        self, state: State, *, spool_file: Path | None = None, refreshed: RefreshedToken | None = None
    ) -> Rotation:
        """The outcome; `spool_file` is where the new secret stands, `refreshed` has it where the disk does not."""
        intent = self._entry.intent
        return Rotation(
            state=state,
            why=WHY[state] if state in (State.SUCCESS, State.ADOPTED) else self.why or WHY[state],
            token_id=intent.token_id,
            rotation_id=intent.rotation_id,
            new_token_id=self._entry.new_token_id,
            name=intent.name,
            rotation_class=RotationClass(intent.rotation_class),
            binding=Binding(intent.binding),
            stores=tuple(note.described for note in intent.stores),
            events=tuple(self._events),
            notes=tuple(self._notes),
            spool=spool_file if state in KEEPS_SPOOL else None,
            died_at=self._died_at,
            refreshed=refreshed,
        )
