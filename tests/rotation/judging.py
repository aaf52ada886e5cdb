"""What no run of a rotation may do, whatever went wrong: the judge of the model, and of the real code."""

from collections.abc import Callable, Iterable, Mapping

from cobalt_async.rotation.states import MOST_SENDS
from cobalt_async.rotation.words import FINISHED, State
from tests.rotation.world import World

_WINDOW = ("RECEIVED", "in the middle of the spool's write")


class Judge:
    """Watches one world; `objections` says what was wrong."""

    def __init__(self, world: World) -> None:
        self.objections: list[str] = []
        self.reports: list[State] = []
        self._world = world
        self._in_memory_alone = False
        self._runs = 0

    def died(self, point: str, in_hand: Iterable[str | None], spooled: str | None) -> None:
        """The process is gone, and with it what it held in its hand."""
        world = self._world
        self._runs += 1
        lost = world.current in in_hand and world.current not in (world.store, spooled)
        if lost and point not in _WINDOW and "spool: full" not in world.used:
            self._object(f"a living secret died with the process at {point}")

    def reported(self, state: State, spooled: str | None, *, in_memory: bool, healthy: bool) -> None:
        """How a run ended; `in_memory`: it says that it holds the new secret and nothing else does."""
        self.reports.append(state)
        self._runs += 1
        self._in_memory_alone = in_memory
        self._check(state, spooled)
        if healthy and state not in FINISHED and not self._is_excused(state):
            self._object(f"resumed on a healthy network it ends as {state}")

    def at_last(self, spooled: str | None) -> None:
        """All that was delayed has landed or is gone."""
        world = self._world
        world.pass_time()
        if self.reports:
            self._check(self.reports[-1], spooled, later=" in the end")
        if world.sent > 2 * MOST_SENDS * max(1, self._runs):
            self._object(f"{world.sent} refreshes")
        if not world.used and world.setting.posts == "any":
            happy = [State.SUCCESS] if world.setting.right_id else [State.MISMATCH] * 3
            if self.reports != happy or world.sent != 1 or world.by_sibling:
                self._object(f"nothing went wrong, and it took {world.sent} refreshes to {self.reports}")

    def _check(self, state: State, spooled: str | None, later: str = "") -> None:
        checks: Mapping[State, Callable[[str | None, str], str | None]] = {
            State.SUCCESS: self._stored,
            State.ADOPTED: self._stored,
            State.NOT_ROTATED: self._not_rotated,
            State.LOST: self._lost,
            State.HELD: self._held,
            State.MISMATCH: self._mismatch,
            State.CONFLICT: self._conflict,
            State.UNCERTAIN: self._uncertain,
        }
        flaw = checks[state](spooled, later)
        if flaw is not None:
            self._object(f"{state}, and {flaw}{later}")

    def _stored(self, spooled: str | None, later: str) -> str | None:
        world = self._world
        if not world.setting.right_id and State.MISMATCH in self.reports:
            return "the id was known to be another token's"
        alive = world.store == world.current or world.rival == "writes"  # a rival began with what is stored
        return None if alive else "the secret in the store is dead"

    def _not_rotated(self, spooled: str | None, later: str) -> str | None:
        world = self._world
        is_alive = world.old in (world.current, "O0") or self._is_rivalled()
        return None if is_alive and not world.executed else "it was rotated"

    def _lost(self, spooled: str | None, later: str) -> str | None:
        is_held = self._world.current in (self._world.store, spooled)
        return "a living secret is held" if is_held and not self._in_memory_alone else None

    def _held(self, spooled: str | None, later: str) -> str | None:
        excused = later or self._is_rivalled() or self._is_killed_later()
        is_held = self._world.current in (spooled, self._world.store)
        return None if excused or is_held else "what is held is dead"

    def _mismatch(self, spooled: str | None, later: str) -> str | None:
        world = self._world
        if world.setting.right_id and not any("still answers" in used for used in world.used):
            return "the id was right"
        excused = self._is_rivalled() or self._is_killed_later()
        return None if excused or spooled == world.current else "what is in the spool is dead"

    def _conflict(self, spooled: str | None, later: str) -> str | None:
        return None if self._is_rivalled() else "nobody else was there"

    def _uncertain(self, spooled: str | None, later: str) -> str | None:
        ill = self._world.used or self._world.setting.posts != "any"
        return None if ill else "nothing went wrong"

    def _is_rivalled(self) -> bool:
        return any(used.startswith("rival") for used in self._world.used)

    def _is_killed_later(self) -> bool:
        """A secret that does not die by the refresh lets what was delayed run as well."""
        return not self._world.setting.right_id and any("lands" in used for used in self._world.used)

    def _is_excused(self, state: State) -> bool:
        world = self._world
        if state is State.MISMATCH:
            return not world.setting.right_id or any("still answers" in used for used in world.used)
        if state is State.UNCERTAIN:
            never_known = not world.setting.right_id and not world.setting.same_id  # 404, and the old one lives on
            return world.setting.posts != "any" or never_known
        return state is State.CONFLICT

    def _object(self, text: str) -> None:
        if text not in self.objections:
            self.objections.append(text)
