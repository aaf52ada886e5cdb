"""Drives a rotation through the table of states.py: does each step, says what was seen, decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from ..protocol import requests
from ..secret import Secret
from ..successors import Replacement
from .account import KEEPS_SPOOL, Account
from .asking import OLD, UNLISTED, Asking
from .hands import Hands
from .outcome import Rotation
from .points import Point, reached
from .records import Entry
from .refreshes import Refreshes
from .shelves import Shelves
from .states import Facts, after
from .words import Seen, State, Step

_AT_ONCE = 1.0  # seconds
_HELD = frozenset({Seen.ALIVE, Seen.FOUND})


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
        self._account = Account(hands, entry, notes)
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
            self._account.step(step, seen)
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
        self._account.why = self._refreshes.why
        self._take_new()
        return seen

    async def _look(self) -> Seen:
        seen = self._refreshes.look(self._known)
        self._account.why = self._refreshes.why
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
                self._account.why = "somebody else put a living secret into the store"
                return Seen.ALIVE
        if not clear:
            self._account.why = "whether the store holds a living secret is not known"
        return Seen.NOTHING if clear else Seen.UNCLEAR

    async def _settle(self) -> Seen:
        clock = asyncio.get_running_loop().time()
        left = self._entry.settles_in(self._hands.patience.settle, datetime.now(UTC), clock)
        if left > 0:
            self._hands.say(f"a request is in doubt: waiting {left:.0f} s until it cannot arrive any more")
            await asyncio.sleep(left)
        return Seen.DONE

    async def _probe_old(self) -> Seen:
        return await self._ask_old(self._hands.patience.prove, wanted=Seen.ALIVE)

    async def _check_old(self) -> Seen:
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen = await self._ask_old(self._hands.patience.old_dead, wanted=Seen.DEAD)
        return Seen.LATE if seen is Seen.DEAD and loop.time() - began > _AT_ONCE else seen

    async def _ask_old(self, seconds: float, *, wanted: Seen) -> Seen:
        if self._hands.old is None:
            self._account.why = "the old secret is not at hand to ask with; name it (--secret-ref)"
            return Seen.MISSING
        seen = await self._asking.until(wanted, self._hands.old, seconds)
        if seen is Seen.DEAD:
            self._account.died(self._entry.last_sent() or datetime.now(UTC))
        if seen is not wanted:
            self._account.why = OLD[seen].format(seconds=seconds)
        return seen

    async def _find(self) -> Seen:
        assert self._hands.sibling is not None  # noqa: S101 - the table asks for it only where it is at hand
        listed = await self._asking.listed(self._hands.sibling)
        if listed is Seen.DEAD:  # then the secret may be called lost: not because of one 401
            seen = await self._asking.until(Seen.ALIVE, self._hands.sibling, self._hands.patience.prove)
            listed = await self._asking.listed(self._hands.sibling) if seen is Seen.ALIVE else seen
        if isinstance(listed, Seen):
            self._account.why = UNLISTED[listed]
            return listed
        if self._target in listed:
            return Seen.FOUND
        known = self._entry.intent
        new = [token_id for token_id, name in listed.items() if name == known.name and token_id not in known.listed]
        if len(new) != 1 or not requests.is_token_id(new[0]):
            self._account.why = "the token is not in the sibling's list, nor is there one new token with its name"
            return Seen.NOTHING
        [self._target] = new
        return Seen.FOUND

    async def _prove(self) -> Seen:
        seen = await self._asking.until(Seen.ALIVE, self._secret(), self._hands.patience.prove)
        if seen is not Seen.ALIVE:
            self._account.why = (
                "the new secret is refused" if seen is Seen.DEAD else "no answer tells whether the new one lives"
            )
        return seen

    async def _store(self) -> Seen:
        reached(Point.STORING)
        seen = await self._shelves.write(self._secret())
        self._account.why = self._shelves.flaws
        return seen

    async def _overwrite(self) -> Seen:
        seen = await self._shelves.write(self._secret(), over=True)
        self._account.why = self._shelves.flaws
        return seen

    async def _ask_rival(self) -> Seen:
        rivals = await self._shelves.rivals()
        if rivals is None:
            return Seen.MISSING
        said = {await self._asking.once(rival) for rival in rivals}
        return next((seen for seen in (Seen.ALIVE, Seen.UNCLEAR) if seen in said), Seen.DEAD)

    async def _read_back(self) -> Seen:
        seen = await self._shelves.read_back(self._secret())
        self._account.why = self._shelves.flaws
        return seen

    async def _run_hook(self) -> Seen:
        if self._hands.hook is None and self._facts.resumed:
            self._account.note("no hook ran: run now what was to follow, if anything was")
        end = after(Step.COMMIT, Seen.DONE, self._facts)
        assert isinstance(end, State)  # noqa: S101 - nothing follows
        flaw = await self._hands.run_hook(self._account.rotation(end))
        if flaw is not None:
            self._account.note(f"the hook failed ({flaw}); the rotation stands all the same")
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

    async def _end(self, state: State) -> Rotation:
        """Write down how it ended, and leave nothing behind that nobody needs."""
        account, refreshes, rotation_id = self._account, self._refreshes, self._entry.intent.rotation_id
        kept = state not in KEEPS_SPOOL or await self._keep_spool()
        if not kept and refreshes.new is not None:
            state, account.why = State.LOST, f"{account.why}; the disk takes the answer as little as the store does"
            self._hands.cobalt._root.refreshes.unclaimed.append(refreshes.new)
        spool_file, refreshed = (refreshes.spool_file, None) if kept else (None, refreshes.new)
        outcome = partial(account.rotation, state, spool_file=spool_file, refreshed=refreshed)
        rotation = outcome()
        try:
            self._hands.journal.append(rotation_id, "ENDED", state=state.value, why=rotation.why)
        except OSError as error:
            account.note(f"the journal took no record of the end ({error.strerror}): resume will look once more")
            return outcome()
        reached(Point.COMMITTED)
        spool = self._hands.journal.spool
        try:
            if state not in KEEPS_SPOOL:
                spool.remove(rotation_id)
            elif kept:
                spool.tidy(rotation_id)
        except OSError as error:
            account.note(f"the spool could not be tidied ({error.strerror}): the next rotation does it")
            return outcome()
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
