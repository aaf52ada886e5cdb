"""Drives a rotation through the table of states.py: does each step, says what was seen, decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ..protocol import requests
from ..secret import Secret
from ..successors import Replacement
from . import records
from .asking import OLD, UNLISTED, Asking
from .binding import Binding
from .hands import Hands
from .outcome import WHY, Rotation, RotationClass
from .points import Point, reached
from .records import Entry
from .refreshes import Refreshes
from .shelves import Shelves
from .states import Facts, Seen, State, Step, after

_KEEPS_SPOOL = frozenset({State.HELD, State.UNCERTAIN, State.LOST, State.MISMATCH, State.CONFLICT})
_HELD = frozenset({Seen.ALIVE, Seen.FOUND})
_EVENTS: Mapping[tuple[Step, Seen], tuple[str, Point]] = {
    (Step.PROVE, Seen.ALIVE): ("PROVEN", Point.PROVEN),
    (Step.CHECK_OLD, Seen.DEAD): ("OLD_DEAD", Point.OLD_DEAD),
    (Step.STORE, Seen.WRITTEN): ("STORED", Point.STORED),
    (Step.OVERWRITE, Seen.WRITTEN): ("STORED", Point.STORED),
    (Step.READ_BACK, Seen.SAME): ("READ_BACK", Point.READ_BACK),
}


class Driver:
    """One rotation, from a step to its end; `run` once."""

    def __init__(self, hands: Hands, entry: Entry, shelves: Shelves, *, notes: Sequence[str], resumed: bool) -> None:
        self._hands = hands
        self._entry = entry
        self._shelves = shelves
        self._asking = Asking(hands.cobalt)
        self._refreshes = Refreshes(hands.cobalt, hands.journal, entry)
        self._facts: Facts = entry.facts(sibling=hands.sibling is not None, resumed=resumed)
        self._known = {hands.old, hands.sibling}  # no answer brings these but as an echo
        self._new: Secret | None = None
        self._target = entry.token_id
        self._events: list[str] = []
        self._notes: list[str] = [*notes]
        self._why = ""
        self._died_at = "an unknown time"
        self._acts: Mapping[Step, Callable[[], Awaitable[Seen]]] = {
            Step.SEND: self._send,
            Step.WATCH: self._watch,
            Step.LOOK: self._look,
            Step.ASK_STORE: self._ask_store,
            Step.SETTLE: self._settle,
            Step.WATCH_AGAIN: self._watch,
            Step.PROBE_OLD: self._probe_old,
            Step.FIND: self._find,
            Step.RECOVER: self._recover,
            Step.SETTLE_RECOVERY: self._settle,
            Step.QUIET: self._settle,
            Step.PROVE: self._prove,
            Step.CHECK_OLD: self._check_old,
            Step.PROVE_AGAIN: self._prove,
            Step.STORE: self._store,
            Step.ASK_RIVAL: self._ask_rival,
            Step.OVERWRITE: self._overwrite,
            Step.READ_BACK: self._read_back,
            Step.HOOK: self._run_hook,
            Step.COMMIT: self._commit,
        }

    async def run(self, first: Step) -> Rotation:
        """Take step after step until one ends it."""
        if self._hands.old is None:
            return await self._run(first, Replacement())
        with self._hands.cobalt._replacing(self._hands.old) as replacement:
            return await self._run(first, replacement)

    async def _run(self, step: Step | State, replacement: Replacement) -> Rotation:
        while isinstance(step, Step):
            seen = await self._acts[step]()
            self._note(step, seen)
            self._facts = self._facts.after(step, seen)
            following = after(step, seen, self._facts)
            if following in (Step.STORE, Step.PROVE_AGAIN):
                self._use_new(replacement)
            step = following
        return await self._end(step)

    async def _send(self) -> Seen:
        return await self._refresh(self._hands.old, by_sibling=False)

    async def _recover(self) -> Seen:
        return await self._refresh(self._hands.sibling, by_sibling=True)

    async def _refresh(self, secret: Secret | None, *, by_sibling: bool) -> Seen:
        assert secret is not None  # noqa: S101 - the table asks for it only where it is at hand
        seen = await self._refreshes.send(secret, self._target, by_sibling=by_sibling, known=self._known)
        self._why = self._refreshes.why
        self._take_new()
        return seen

    async def _look(self) -> Seen:
        seen = self._refreshes.look(self._known)
        self._why = self._refreshes.why
        self._take_new()
        return seen

    def _take_new(self) -> None:
        if self._refreshes.new is not None:
            self._new = self._refreshes.new.secret
            self._target = self._entry.token_id

    async def _watch(self) -> Seen:
        """A rival was faster: its secret may reach the store a moment later."""
        loop, ends = asyncio.get_running_loop(), asyncio.get_running_loop().time() + self._hands.patience.prove
        while (seen := await self._ask_store()) not in _HELD and loop.time() < ends:  # noqa: ASYNC110 - no store tells
            await asyncio.sleep(min(0.5, self._hands.patience.prove))
        return seen

    async def _ask_store(self) -> Seen:
        newer, clear = await self._shelves.newer()
        for found in newer:
            seen = await self._asking.once(found)
            clear = clear and seen is not Seen.UNCLEAR
            if seen is Seen.ALIVE:
                self._new = found
                if self._entry.fingerprint(found) == self._entry.new:
                    return Seen.FOUND
                self._why = "somebody else put a living secret into the store"
                return Seen.ALIVE
        if not clear:
            self._why = "whether the store holds a living secret is not known"
        return Seen.NOTHING if clear else Seen.UNCLEAR

    async def _settle(self) -> Seen:
        last = self._entry.last_in_doubt()
        if last is not None:
            settle = self._hands.patience.settle
            left = min(settle, (last + timedelta(seconds=settle) - datetime.now(UTC)).total_seconds())
            if left > 0:
                self._hands.say(f"a request is in doubt: waiting {left:.0f} s until it cannot arrive any more")
                await asyncio.sleep(left)
        return Seen.DONE

    async def _probe_old(self) -> Seen:
        return await self._ask_old(0.0, wanted=Seen.ALIVE)

    async def _check_old(self) -> Seen:
        return await self._ask_old(self._hands.patience.old_dead, wanted=Seen.DEAD)

    async def _ask_old(self, seconds: float, *, wanted: Seen) -> Seen:
        if self._hands.old is None:
            self._why = "the old secret is not at hand to ask with; name it (--secret-ref)"
            return Seen.MISSING
        seen = await self._asking.until(wanted, self._hands.old, seconds)
        if seen is Seen.DEAD:
            self._died_at = records.stamp(self._entry.last_sent() or datetime.now(UTC))
        if seen is not wanted:
            self._why = OLD[seen].format(seconds=seconds)
        return seen

    async def _find(self) -> Seen:
        assert self._hands.sibling is not None  # noqa: S101 - the table asks for it only where it is at hand
        listed = await self._asking.listed(self._hands.sibling)
        if isinstance(listed, Seen):
            self._why = UNLISTED[listed]
            return listed
        if self._target in listed:
            return Seen.FOUND
        known = self._entry.intent
        new = [token_id for token_id, name in listed.items() if name == known.name and token_id not in known.listed]
        if len(new) != 1 or not requests.is_token_id(new[0]):
            self._why = "the token is not in the sibling's list, nor is there one new token with its name"
            return Seen.NOTHING
        [self._target] = new
        return Seen.FOUND

    async def _prove(self) -> Seen:
        seen = await self._asking.until(Seen.ALIVE, self._secret(), self._hands.patience.prove)
        if seen is not Seen.ALIVE:
            self._why = (
                "the new secret is refused" if seen is Seen.DEAD else "no answer tells whether the new one lives"
            )
        return seen

    async def _store(self) -> Seen:
        reached(Point.STORING)
        seen = await self._shelves.write(self._secret())
        self._why = self._shelves.flaws
        return seen

    async def _overwrite(self) -> Seen:
        seen = await self._shelves.write(self._secret(), over=True)
        self._why = self._shelves.flaws
        return seen

    async def _ask_rival(self) -> Seen:
        rivals = await self._shelves.rivals()
        if rivals is None:
            return Seen.MISSING
        said = {await self._asking.once(rival) for rival in rivals}
        return next((seen for seen in (Seen.ALIVE, Seen.UNCLEAR) if seen in said), Seen.DEAD)

    async def _read_back(self) -> Seen:
        seen = await self._shelves.read_back(self._secret())
        self._why = self._shelves.flaws
        return seen

    async def _run_hook(self) -> Seen:
        end = after(Step.COMMIT, Seen.DONE, self._facts)
        assert isinstance(end, State)  # noqa: S101 - nothing follows
        flaw = await self._hands.run_hook(self._rotation(end))
        if flaw is not None:
            self._notes.append(f"the hook failed ({flaw}); the rotation stands all the same")
        reached(Point.HOOKED)
        return Seen.DONE

    async def _commit(self) -> Seen:
        return Seen.DONE

    def _secret(self) -> Secret:
        assert self._new is not None  # noqa: S101 - the table asks for it only once it is in hand
        return self._new

    def _use_new(self, replacement: Replacement) -> None:
        """The old secret is dead and the new one lives: this process goes on with it, whatever its store does."""
        cobalt, used = self._hands.cobalt, replacement.new or self._hands.old
        if used is not None and cobalt._secret == used:
            cobalt.use_token(self._secret())
        replacement.settle(self._secret())

    def _note(self, step: Step, seen: Seen) -> None:
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
            self._notes.append(f"the journal took no record of {kind} ({error.strerror})")
        reached(point)

    async def _end(self, state: State) -> Rotation:
        kept = state not in _KEEPS_SPOOL or await self._keep_spool()
        if not kept and self._refreshes.new is not None:
            state, self._why = State.LOST, f"{self._why}; the disk takes the answer as little as the store does"
            self._hands.cobalt._root.refreshes.unclaimed.append(self._refreshes.new)
        rotation = self._rotation(state, kept=kept)
        journal, rotation_id = self._hands.journal, self._entry.intent.rotation_id
        try:
            journal.append(rotation_id, "ENDED", state=state.value, why=rotation.why)
        except OSError as error:
            self._notes.append(f"the journal took no record of the end ({error.strerror}): resume will look once more")
            return self._rotation(state, kept=kept)
        reached(Point.COMMITTED)
        try:
            if state not in _KEEPS_SPOOL:
                journal.spool.remove(rotation_id)
            elif kept:
                journal.spool.tidy(rotation_id)
        except OSError as error:
            self._notes.append(f"the spool could not be tidied ({error.strerror}): the next rotation does it")
            return self._rotation(state, kept=kept)
        reached(Point.REMOVED)
        return rotation

    async def _keep_spool(self) -> bool:
        """An answer that the disk did not take is tried again for a while."""
        ends = asyncio.get_running_loop().time() + self._hands.patience.prove
        while not self._refreshes.keep_again():
            if asyncio.get_running_loop().time() >= ends:
                return False
            await asyncio.sleep(min(1.0, self._hands.patience.prove))
        return True

    def _rotation(self, state: State, *, kept: bool = True) -> Rotation:
        intent = self._entry.intent
        return Rotation(
            state=state,
            why=WHY[state] if state in (State.SUCCESS, State.ADOPTED) else self._why or WHY[state],
            token_id=intent.token_id,
            rotation_id=intent.rotation_id,
            new_token_id=self._entry.new_token_id,
            name=intent.name,
            rotation_class=RotationClass(intent.rotation_class),
            binding=Binding(intent.binding),
            stores=tuple(note.described for note in intent.stores),
            events=tuple(self._events),
            notes=tuple(self._notes),
            spool=self._refreshes.spool_file if state in _KEEPS_SPOOL and kept else None,
            died_at=self._died_at,
            refreshed=None if kept else self._refreshes.new,
        )
