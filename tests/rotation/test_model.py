"""The protocol in every small world, the real code in the same worlds, and protocols that are a little worse."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from cobalt_async.rotation import states
from cobalt_async.rotation.states import MOST_SENDS, TABLE, If, Next
from cobalt_async.rotation.words import Seen, State, Step
from tests.rotation.choices import Oracle, every
from tests.rotation.model import Count, count, settings, simulate
from tests.rotation.real import play
from tests.rotation.simulated import Habits
from tests.rotation.world import Setting
from tests.virtual_time import VirtualLoop

WHOLE = bool(os.environ.get("COBALT_WHOLE_MODEL"))
"""Every placement of 3 faults in every setting, and all of the real code: minutes."""
ONE_SHOT = Setting()
RECOVERABLE = Setting(same_id=False, sibling="lives")
MAIN = (ONE_SHOT, RECOVERABLE)

Patch = Mapping[tuple[Step, Seen], Next]


@contextmanager
def mutated(monkeypatch: pytest.MonkeyPatch, patch: Patch) -> Iterator[None]:
    """While the block runs, these rows are other ones."""
    with monkeypatch.context() as context:
        context.setattr(states, "TABLE", {**TABLE, **patch})
        yield


def in_the_suite(faults: int) -> Iterator[Setting]:
    """All settings; where the key is ignored, which makes the fewest differences, only the plainest."""
    for setting in settings(faults):
        if WHOLE or setting.key_honoured or (setting.rival == "none" and setting.sibling != "dies"):
            yield setting


def said(counted: Count) -> str:
    """Its objections, each with the shortest way to it."""
    return "\n".join(f"{objection}: {example}" for objection, example in counted.examples.items())


def test_no_false_word_wherever_two_things_go_wrong() -> None:
    """SUCCESS is stored and alive, LOST is lost, NOT_ROTATED untouched, HELD held; and `resume` comes to an end."""
    counted = count(in_the_suite(3 if WHOLE else 2))
    print(counted)  # noqa: T201 - a published figure
    assert not counted.objections, said(counted)
    assert set(counted.reports) >= {
        State.SUCCESS, State.ADOPTED, State.LOST, State.NOT_ROTATED, State.MISMATCH, State.CONFLICT,
    }  # fmt: skip


def test_no_false_word_wherever_three_things_go_wrong() -> None:
    """The same for three faults, where the token keeps its id: with a sibling and without, and beside a rival."""
    chosen = [Setting(faults=3), Setting(faults=3, sibling="lives"), Setting(faults=3, rival="self")]
    counted = count(chosen)
    print(counted)  # noqa: T201 - a published figure
    assert not counted.objections, said(counted)


def test_one_shot_needs_no_wait_that_is_long_enough() -> None:
    """The secret that is replaced is the fence: however late a request arrives, no word is false without a sibling."""
    faults = 3 if WHOLE else 2
    counted = count([Setting(faults=faults, settles=False), Setting(faults=faults, settles=False, same_id=False)])
    assert not counted.objections, said(counted)


ILL: tuple[Setting, ...] = (
    Setting(faults=0, posts="lost"),
    Setting(faults=0, posts="throttled"),
    Setting(faults=0, posts="answers lost"),
    Setting(faults=0, posts="answers lost", sibling="lives"),
    Setting(faults=0, posts="answers lost", sibling="lives", same_id=False),
)
"""Networks that never get well."""


@pytest.mark.parametrize("setting", ILL, ids=str)
def test_every_run_asks_for_few_refreshes(setting: Setting) -> None:
    """Where refreshes, or their answers, are always lost, or the window never opens: at most 3 with each secret."""
    [run] = every(simulate(setting))
    assert not run.objections
    assert run.sent <= 2 * MOST_SENDS * len(run.reports)
    assert set(run.reports) <= {State.UNCERTAIN, State.NOT_ROTATED, State.LOST}


@pytest.mark.parametrize("setting", list(settings(0)), ids=str)
def test_where_nothing_goes_wrong_there_is_one_refresh(setting: Setting) -> None:
    """In every world one refresh, and none with the sibling: SUCCESS; MISMATCH of a secret that outlives it."""
    for run in every(simulate(setting)):
        assert run.sent == 1
        assert run.by_sibling == 0
        outlives = not setting.right_id or run.reports[0] is State.MISMATCH
        assert not outlives or not setting.right_id or "T0 still answers" in run.used
        assert set(run.reports) == {State.MISMATCH if outlives else State.SUCCESS}


# ---- the real code


def judged(setting: Setting, folder: Path, *, each: int = 1) -> int:
    """How many lists of choices the model and the real code were both given, and did the same with."""
    played = 0
    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        prefix: list[int] | None = []
        number = 0
        while prefix is not None:
            oracle = Oracle(prefix)
            run = simulate(setting)(oracle)
            if number % each == 0:
                again = Oracle([chosen for chosen, _ in oracle.trace])
                done = runner.run(play(setting, again, folder / str(number)))
                assert done.reports == run.reports, run.used
                assert (done.sent, done.store, done.spooled) == (run.sent, run.store, run.spooled), run.used
                assert list(done.trace) == oracle.trace, run.used
                assert not done.objections, run.used
                played += 1
            number += 1
            prefix = oracle.next()
    return played


@pytest.mark.parametrize("setting", MAIN, ids=str)
def test_the_real_code_does_what_the_model_does(setting: Setting, tmp_path: Path) -> None:
    """Reports, number of refreshes, what store and spool hold, and each point on the way: for every two faults."""
    assert judged(setting, tmp_path) > 400


def test_the_real_code_does_it_in_every_world(tmp_path: Path) -> None:
    """A sample of all placements of one fault, in every setting; of two, where it is asked for."""
    played = [
        judged(setting, tmp_path / str(number), each=1 if WHOLE else 7)
        for number, setting in enumerate(settings(2 if WHOLE else 1))
    ]
    assert sum(played) > 400


# ---- worse protocols

_LOST_AT_ONCE = If("sibling", Step.FIND, If("had_sibling", State.UNCERTAIN, State.LOST))
MUTANTS: Mapping[str, Patch] = {
    "not rotated, where it may have run": {(Step.PROBE_OLD, Seen.ALIVE): State.NOT_ROTATED},
    "not rotated, where the answer was lost": {(Step.SEND, Seen.UNKNOWN): State.NOT_ROTATED},
    "not proved": {
        (Step.SEND, Seen.NEW): Step.STORE,
        (Step.LOOK, Seen.FOUND): Step.STORE,
        (Step.RECOVER, Seen.NEW): Step.STORE,
    },
    "stored before the old one is dead": {(Step.PROVE, Seen.ALIVE): Step.STORE},
    "lost without a look at the store": {
        (Step.ASK_STORE, Seen.NOTHING): Step.SETTLE,
        (Step.ASK_STORE, Seen.ALIVE): Step.SETTLE,
        (Step.ASK_STORE, Seen.FOUND): Step.SETTLE,
        (Step.PROBE_OLD, Seen.DEAD): If("doubt", _LOST_AT_ONCE, State.CONFLICT),
    },
    "lost without a second look at the store": {
        (Step.PROBE_OLD, Seen.DEAD): If("doubt", _LOST_AT_ONCE, State.CONFLICT)
    },
    "lost where the old one gave no answer": {(Step.PROBE_OLD, Seen.UNCLEAR): State.LOST},
    "stored after a mismatch, because the old one died": {(Step.LOOK, Seen.FOUND): Step.PROVE},
    "the answer is not looked for": {(Step.LOOK, Seen.FOUND): Step.ASK_STORE},
    "what a rival wrote is overwritten": {(Step.STORE, Seen.TAKEN): Step.OVERWRITE},
    "a store that failed is believed": {(Step.READ_BACK, Seen.OTHER): Step.HOOK},
    "a rival is not waited for": {(Step.SEND, Seen.DENIED): State.LOST},
    "held for ever": {(Step.PROVE, Seen.DEAD): State.HELD},
    "another id is not noticed": {(Step.CHECK_OLD, Seen.ALIVE): Step.STORE},
}
JUDGED_IN = (
    Setting(),
    Setting(old_dies="late"),
    Setting(rival="self"),
    Setting(rival="sibling"),
    Setting(right_id=False),
)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_worse_table_is_objected_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sibling, which would make good what a worse table does."""
    with mutated(monkeypatch, MUTANTS[name]):
        assert count(JUDGED_IN).objections


@pytest.mark.parametrize("habits", [Habits(spools=False), Habits(removes_early=True)], ids=str)
def test_a_worse_driver_is_objected_to(habits: Habits) -> None:
    """No spool, or one that is removed before the store was read back."""
    counted = count([ONE_SHOT], habits=habits)
    assert any("died with the process" in objection for objection in counted.objections)


def test_without_the_wait_there_are_false_words() -> None:
    """Where a replaced secret dies late, or a sibling refreshes, a request in doubt must not arrive any more."""
    for setting in (Setting(old_dies="late"), Setting(sibling="lives")):
        assert count([setting], habits=Habits(settles=False)).objections, setting


def test_without_the_wait_between_two_recoveries_there_are_false_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sibling's request is not fenced by another one."""
    with mutated(monkeypatch, {(Step.RECOVER, Seen.UNKNOWN): Step.FIND}):
        assert count([Setting(sibling="lives", old_dies="late")]).objections


def test_lost_is_not_said_where_the_store_gave_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival's living secret may stand in there; it takes three faults to see it."""
    setting = Setting(faults=3, rival="self")
    with mutated(monkeypatch, {(Step.WATCH_AGAIN, Seen.UNCLEAR): _LOST_AT_ONCE}):
        assert any(run.objections for run in every(simulate(setting)))


def test_without_a_limit_it_goes_round_and_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that never get well, asked with the old secret, with a sibling, and while the window is closed."""
    for patch in (
        {(Step.PROBE_OLD, Seen.ALIVE): Step.SEND},
        {(Step.FIND, Seen.FOUND): Step.RECOVER},
        {(Step.SEND, Seen.THROTTLED): Step.SEND},
    ):
        with mutated(monkeypatch, patch):
            assert "it goes round and round" in count(ILL).objections


def test_proving_again_halves_the_harm_of_a_wait_that_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that is shorter than the network's makes false words with a sibling; without PROVE_AGAIN, more of them."""
    short = [Setting(settles=False, sibling="lives"), Setting(settles=False, old_dies="late")]
    usual = count(short).objections.total()
    with mutated(monkeypatch, {(Step.CHECK_OLD, Seen.DEAD): Step.STORE}):
        worse = count(short).objections.total()
    assert 0 < usual < worse


def test_with_a_sibling_a_worse_driver_is_seen_by_its_refreshes() -> None:
    """A refresh with the sibling from the start is one more secret's authority, used where nothing went wrong."""
    counted = count([Setting(faults=0, sibling="lives")], habits=Habits(sends_as_sibling=True))
    assert any("nothing went wrong" in objection for objection in counted.objections)


def test_with_a_sibling_what_was_thrown_away_costs_a_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that looks for no answer repairs itself with the sibling: one refresh more, where one was enough."""
    setting = Setting(faults=1, sibling="lives")
    deaths = ("KEPT", "ANSWERED", "SPOOLED", "PROVEN", "OLD_DEAD", "STORING")

    def sent() -> list[int]:
        runs = every(simulate(setting))
        return [run.sent for run in runs if any(run.used == (f"{point}: dies",) for point in deaths)]

    assert set(sent()) == {1}
    with mutated(monkeypatch, {(Step.LOOK, Seen.FOUND): Step.ASK_STORE}):
        assert max(sent()) > 1
