"""The driver, simulated: its acts in a small world, and the real table of states.py between them."""

from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from cobalt_async.rotation.states import Facts, after
from cobalt_async.rotation.words import FINISHED, Seen, State, Step, of_answer
from tests.rotation.world import Death, World

_LONGEST = 80  # steps of one run of the driver; more is a loop
_KEEPS = frozenset(State) - {State.SUCCESS, State.ADOPTED, State.NOT_ROTATED, State.REFUSED}
_ASKED: Mapping[str, Seen] = {"alive": Seen.ALIVE, "dead": Seen.DEAD, "unclear": Seen.UNCLEAR}


class Endless(Exception):
    """The table goes round and round."""


@define
class Sent:
    """A refresh as the journal knows it."""

    by_sibling: bool
    seen: Seen = Seen.UNKNOWN


@define
class Disk:
    """What outlives the process. In the spool a None is an answer without a whole secret in it."""

    sends: dict[int, Sent] = field(factory=dict)
    spool: dict[int, tuple[str, str] | None] = field(factory=dict)
    new: str | None = None
    token_id: str = ""
    ended: State | None = None
    outlived: bool = False

    def held(self) -> str | None:
        """The latest whole secret in the spool."""
        return next((kept[0] for _, kept in sorted(self.spool.items(), reverse=True) if kept is not None), None)

    def is_over(self) -> bool:
        """Whether `resume` finds nothing to do; a MISMATCH it tells again while its secret stands in the spool."""
        return self.ended in FINISHED and not (self.ended is State.MISMATCH and self.spool)

    def swept(self) -> State:
        """How it ended; what a crash left behind of a good end is removed."""
        assert self.ended is not None
        if self.ended not in _KEEPS:
            self.spool.clear()
        return self.ended


@frozen(kw_only=True)
class Habits:
    """What the driver does around the table; each may be spoiled."""

    spools: bool = True
    removes_early: bool = False
    settles: bool = True
    sends_as_sibling: bool = False


class Driver:
    """One run of the driver, from a step to a state; what it did is in the world and on the disk."""

    def __init__(self, world: World, disk: Disk, *, resumed: bool, habits: Habits) -> None:
        self._world = world
        self._disk = disk
        self._habits = habits
        in_doubt = [sent for sent in disk.sends.values() if sent.seen is Seen.UNKNOWN]
        self._facts = Facts(
            doubt=bool(in_doubt),
            recovery_in_doubt=any(sent.by_sibling for sent in in_doubt),
            sibling=world.setting.sibling != "none",
            had_sibling=world.setting.sibling != "none",
            in_hand=any(sent.seen is Seen.NEW for sent in disk.sends.values()),
            outlived=disk.outlived,
            resumed=resumed,
        )
        self._new: str | None = None
        self._number = 0
        self._target = disk.token_id
        self._unspooled: dict[int, tuple[str, str] | None] = {}
        self._brought_new = 0
        self.kept_in_memory = False
        self.in_hand: set[str | None] = set()
        self.steps: list[tuple[Step, Seen]] = []
        self._acts: Mapping[Step, Callable[[], Seen]] = {
            Step.SEND: lambda: self._refresh(by_sibling=self._habits.sends_as_sibling),
            Step.RECOVER: lambda: self._refresh(by_sibling=True),
            Step.LOOK: self._look,
            Step.WATCH: self._watch,
            Step.ASK_STORE: self._ask_store,
            Step.WATCH_AGAIN: self._watch,
            Step.PROBE_OLD: lambda: self._ask(self._world.old),
            Step.CHECK_OLD: lambda: self._ask(self._world.old),
            Step.PROVE: lambda: self._ask(self._new),
            Step.PROVE_AGAIN: lambda: self._ask(self._new),
            Step.SETTLE: self._settle,
            Step.SETTLE_RECOVERY: self._settle,
            Step.QUIET: self._settle,
            Step.FIND: self._find,
            Step.STORE: self._store,
            Step.OVERWRITE: self._overwrite,
            Step.ASK_RIVAL: lambda: self._ask(self._world.store),
            Step.READ_BACK: lambda: Seen.SAME if self._world.store == self._new else Seen.OTHER,
            Step.HOOK: self._hook,
            Step.COMMIT: lambda: Seen.DONE,
        }

    def run(self, first: Step) -> State:
        following: Step | State = first
        if first is Step.SEND:
            self._world.point("INTENT")
        while isinstance(following, Step):
            if len(self.steps) > _LONGEST:
                raise Endless
            step = following
            seen = self._acts[step]()
            self.steps.append((step, seen))
            self._note(step, seen)
            self._facts = self._facts.after(step, seen)
            following = after(step, seen, self._facts)
        return self._end(following)

    def _refresh(self, *, by_sibling: bool) -> Seen:
        world, disk = self._world, self._disk
        number = max(disk.sends, default=0) + 1
        if world.fault("room", "ok", "full") == "full":
            return Seen.NOT_LEFT
        world.point("RESERVED")
        disk.sends[number] = Sent(by_sibling)
        world.point("SENT")
        reply = world.post("S" if by_sibling else world.old, self._target, f"key-{number}")
        new = None
        if reply.kind in ("answer", "cut"):
            if reply.kind == "answer" and reply.secret is not None and reply.token_id is not None:
                new = (reply.secret, reply.token_id)
                self.in_hand.add(new[0])
            self._keep(number, new)
        seen = Seen.UNKNOWN if reply.kind == "silence" else Seen.NOT_LEFT
        if reply.kind in ("answer", "cut"):
            seen = of_answer(reply.status, has_secret=new is not None)
        disk.sends[number].seen = seen
        world.point("ANSWERED")
        if new is not None:
            self._take(new, number)
            world.point("SPOOLED")
        return seen

    def _keep(self, number: int, new: tuple[str, str] | None) -> None:
        self._world.point("RECEIVED")
        if not self._habits.spools or self._spool(number, new) == "full":
            self._unspooled[number] = new
        self._world.point("KEPT")

    def _spool(self, number: int, new: tuple[str, str] | None) -> str:
        written = self._world.disk("spool")
        if written != "full":
            self._disk.spool[number] = new if written == "ok" else None
        if written == "torn":
            raise Death("in the middle of the spool's write")
        return written

    def _take(self, new: tuple[str, str], number: int) -> None:
        self._brought_new = number
        self._new, self._target = new
        self.in_hand.add(self._new)
        self._disk.new, self._disk.token_id = new

    def _look(self) -> Seen:
        if not self._disk.sends:
            return Seen.NEVER_SENT
        for number, kept in sorted(self._disk.spool.items(), reverse=True):
            if kept is not None:
                self._take(kept, number)
                return Seen.FOUND
        return Seen.NOTHING

    def _watch(self) -> Seen:
        self._world.pass_time()
        return self._ask_store()

    def _ask_store(self) -> Seen:
        held = self._world.store
        if held == self._world.old:
            return Seen.NOTHING
        seen = self._ask(held)
        if seen is not Seen.ALIVE:
            return Seen.UNCLEAR if seen is Seen.UNCLEAR else Seen.NOTHING
        self._new = held
        return Seen.FOUND if held == self._disk.new else Seen.ALIVE

    def _settle(self) -> Seen:
        if self._habits.settles and any(sent.seen is Seen.UNKNOWN for sent in self._disk.sends.values()):
            self._world.wait()
        return Seen.DONE

    def _ask(self, secret: str | None) -> Seen:
        assert secret is not None
        return _ASKED[self._world.ask(secret)]

    def _find(self) -> Seen:
        listed = self._world.listed("S")
        if listed == "dead":
            said = self._world.ask("S")
            listed = self._world.listed("S") if said == "alive" else said
        if isinstance(listed, str):
            return _ASKED[listed]
        if self._target in [token_id for token_id, _ in listed]:
            return Seen.FOUND
        known = {"api_t" if self._world.setting.same_id else "api_t0", "api_o", "api_s"}
        new = [token_id for token_id, name in listed if name == "ci" and token_id not in known]
        if len(new) != 1:
            return Seen.NOTHING
        [self._target] = new
        return Seen.FOUND

    def _store(self) -> Seen:
        self._world.point("STORING")
        if self._habits.removes_early:
            self._disk.spool.clear()
        return self._write(0)

    def _overwrite(self) -> Seen:
        return self._write(self._world.version)

    def _write(self, version: int) -> Seen:
        assert self._new is not None
        if self._world.store == self._new:
            return Seen.WRITTEN
        written = self._world.write(self._new, version)
        return {"ok": Seen.WRITTEN, "failed": Seen.OTHER, "taken": Seen.TAKEN}[written]

    def _hook(self) -> Seen:
        self._world.point("HOOKED")
        return Seen.DONE

    def _note(self, step: Step, seen: Seen) -> None:
        points = {
            (Step.PROVE, Seen.ALIVE): "PROVEN",
            (Step.CHECK_OLD, Seen.DEAD): "OLD_DEAD",
            (Step.STORE, Seen.WRITTEN): "STORED",
            (Step.OVERWRITE, Seen.WRITTEN): "STORED",
            (Step.READ_BACK, Seen.SAME): "READ_BACK",
        }
        if (step, seen) in points:
            self._world.point(points[step, seen])

    def _end(self, state: State) -> State:
        new = self._unspooled.get(self._brought_new)
        if state in _KEEPS and new is not None and self._spool(self._brought_new, new) == "full":
            state, self.kept_in_memory = State.LOST, True
        self._disk.ended = state
        self._disk.outlived |= state is State.MISMATCH
        self._world.point("COMMITTED")
        if state not in _KEEPS:
            self._disk.spool.clear()
        self._world.point("REMOVED")
        return state
