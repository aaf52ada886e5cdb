"""The model: the table of states.py, driven through every small world.

`python -m tests.rotation.model [FAULTS]` enumerates every placement of up to so many faults (3) in every setting.
"""

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from attrs import define, field, frozen

from cobalt_async.rotation.words import Seen, State, Step
from tests.rotation.choices import Oracle, every
from tests.rotation.judging import Judge
from tests.rotation.simulated import Disk, Driver, Endless, Habits
from tests.rotation.world import Death, Setting, World

DIES: tuple[Literal["at once", "late"], ...] = ("at once", "late")
SIBLINGS: tuple[Literal["none", "lives", "dies"], ...] = ("none", "lives", "dies")
RIVALS: tuple[Literal["none", "self", "sibling"], ...] = ("none", "self", "sibling")


@frozen(kw_only=True)
class Run:
    """One run to its end: what was reported on the way and at last, and what is wrong with that."""

    reports: tuple[State, ...]
    sent: int
    by_sibling: int
    store: str
    spooled: str | None
    objections: tuple[str, ...]
    used: tuple[str, ...]
    pairs: frozenset[tuple[Step, Seen]]


USUAL = Habits()


def simulate(setting: Setting, *, habits: Habits = USUAL) -> Callable[[Oracle], Run]:
    """A rotation in a world, resumed after each death; then, where it is not finished, on a healthy network."""

    def run(oracle: Oracle) -> Run:
        world = World(oracle, setting)
        judge, disk = Judge(world), Disk(token_id=world.token_id)
        step, healthy = Step.SEND, 0
        pairs: set[tuple[Step, Seen]] = set()
        try:
            while True:
                driver = Driver(world, disk, resumed=step is Step.LOOK, habits=habits)
                try:
                    state = disk.swept() if disk.is_over() else driver.run(step)
                except Death as death:
                    judge.died(str(death), driver.in_hand, disk.held())
                    step = Step.LOOK
                    continue
                finally:
                    pairs.update(driver.steps)
                judge.reported(state, disk.held(), in_memory=driver.kept_in_memory, healthy=bool(healthy))
                if disk.is_over() or healthy == 2:
                    break
                healthy += 1
                world.heal(told=state is State.MISMATCH)
                step = Step.LOOK
        except Endless:
            judge.objections.append("it goes round and round")
        judge.at_last(disk.held())
        return Run(
            reports=tuple(judge.reports),
            sent=world.sent,
            by_sibling=world.by_sibling,
            store=world.store,
            spooled=disk.held(),
            objections=tuple(judge.objections),
            used=tuple(world.used),
            pairs=frozenset(pairs),
        )

    return run


def settings(faults: int) -> Iterator[Setting]:
    """Every setting in which a client can keep its word.

    Not: a rival where a replaced secret lives on, for both may refresh with it, one after the other; and a rival of
    a wrong id, where nothing is as anybody says.
    """
    for same_id, key, dies, right, sibling, rival in itertools.product(
        (True, False), (True, False), DIES, (True, False), SIBLINGS, RIVALS
    ):
        if rival == "none" or (right and dies == "at once"):
            yield Setting(
                faults=faults,
                same_id=same_id,
                key_honoured=key,
                old_dies=dies,
                right_id=right,
                sibling=sibling,
                rival=rival,
            )


@define
class Count:
    """What came of all runs in some settings."""

    settings: int = 0
    runs: int = 0
    reports: Counter[State] = field(factory=Counter)
    objections: Counter[str] = field(factory=Counter)
    examples: dict[str, str] = field(factory=dict)
    """The shortest way to each objection."""
    pairs: set[tuple[Step, Seen]] = field(factory=set)
    most_sent: int = 0

    def __str__(self) -> str:
        reports = ", ".join(f"{state} {number}" for state, number in self.reports.most_common())
        return f"{self.settings} settings, {self.runs} runs: {reports}; {self.objections.total()} objections"

    def add(self, setting: Setting, run: Run) -> None:
        self.runs += 1
        self.reports[run.reports[-1] if run.reports else State.UNCERTAIN] += 1
        self.pairs |= run.pairs
        self.most_sent = max(self.most_sent, run.sent)
        for objection in run.objections:
            self.objections[objection] += 1
            example = f"{setting}: {', '.join(run.used)} -> {' '.join(run.reports)}"
            self.examples[objection] = min(self.examples.get(objection, example), example, key=len)


def count(chosen: Iterable[Setting], *, habits: Habits = USUAL) -> Count:
    """All runs in these settings."""
    total = Count()
    for setting in chosen:
        total.settings += 1
        for run in every(simulate(setting, habits=habits)):
            total.add(setting, run)
    return total


def main(faults: int) -> int:
    """Print what comes of every setting, and of all; 1 where there is an objection."""
    total = Count()
    for setting in settings(faults):
        began, one = time.perf_counter(), Count(settings=1)
        total.settings += 1
        for run in every(simulate(setting)):
            one.add(setting, run)
            total.add(setting, run)
        sys.stdout.write(f"{setting}: {one} ({time.perf_counter() - began:.1f} s)\n")
    sys.stdout.write(f"{faults} faults: {total}\n")
    for objection, example in total.examples.items():
        sys.stdout.write(f"OBJECTION {total.objections[objection]}: {objection}\n    {example}\n")
    return bool(total.objections)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
