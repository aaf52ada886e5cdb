from collections.abc import Iterator, Mapping

import pytest
from attrs import fields

from cobalt_async.rotation.states import TABLE, Facts, If, Next, after
from cobalt_async.rotation.words import FINISHED, Seen, State, Step, of_answer
from tests.rotation.model import count
from tests.rotation.world import Setting

_REFRESH = {Seen.NEW, Seen.NOT_LEFT, Seen.NO, Seen.THROTTLED, Seen.DENIED, Seen.UNKNOWN}
_QUESTION = {Seen.ALIVE, Seen.DEAD, Seen.UNCLEAR}
_IN_STORE = {Seen.ALIVE, Seen.FOUND, Seen.NOTHING, Seen.UNCLEAR}
_WRITE = {Seen.WRITTEN, Seen.OTHER, Seen.TAKEN}
_DONE = {Seen.DONE}
ENDS: Mapping[Step, set[Seen]] = {
    Step.SEND: _REFRESH,
    Step.WATCH: _IN_STORE,
    Step.LOOK: {Seen.NEVER_SENT, Seen.FOUND, Seen.NOTHING, Seen.UNCLEAR},
    Step.ASK_STORE: _IN_STORE,
    Step.SETTLE: _DONE,
    Step.PROBE_OLD: {*_QUESTION, Seen.MISSING},
    Step.WATCH_AGAIN: _IN_STORE,
    Step.FIND: {Seen.FOUND, Seen.NOTHING, Seen.DEAD, Seen.UNCLEAR},
    Step.RECOVER: _REFRESH,
    Step.SETTLE_RECOVERY: _DONE,
    Step.QUIET: _DONE,
    Step.PROVE: _QUESTION,
    Step.CHECK_OLD: {*_QUESTION, Seen.LATE, Seen.MISSING},
    Step.PROVE_AGAIN: _QUESTION,
    Step.STORE: _WRITE,
    Step.ASK_RIVAL: {*_QUESTION, Seen.MISSING},
    Step.OVERWRITE: _WRITE,
    Step.READ_BACK: {Seen.SAME, Seen.OTHER},
    Step.HOOK: _DONE,
    Step.COMMIT: _DONE,
}
"""What each act of the driver can end in: read off driver.py, refreshes.py and asking.py."""


def leaves(following: Next) -> Iterator[Step | State]:
    """Where a row may lead, whatever the facts."""
    if isinstance(following, If):
        yield from leaves(following.then)
        yield from leaves(following.otherwise)
    else:
        yield following


def test_the_table_has_a_row_for_all_that_can_be_seen_and_no_other() -> None:
    """A KeyError in the middle of a rotation would be the end of a secret."""
    assert set(TABLE) == {(step, seen) for step, ends in ENDS.items() for seen in ends}
    assert set(ENDS) == set(Step)


def test_all_that_an_answer_can_be_is_in_the_table() -> None:
    """Any status, with a secret in it or without."""
    every = {of_answer(status, has_secret=has) for status in range(100, 600) for has in (True, False)}
    assert every <= ENDS[Step.SEND] == ENDS[Step.RECOVER]


def test_each_step_and_each_state_is_reached() -> None:
    """From SEND, where a rotation begins, or LOOK, where a resumed one does; REFUSED is said before either."""
    reached: set[Step | State] = {Step.SEND, Step.LOOK}
    while more := {leaf for row in TABLE if row[0] in reached for leaf in leaves(TABLE[row])} - reached:
        reached |= more
    assert reached == {*Step, *State} - {State.REFUSED}


def test_each_fact_is_asked_for_by_a_name_that_there_is() -> None:
    """`If` asks by name."""
    asked = set()
    waiting = list(TABLE.values())
    while waiting:
        following = waiting.pop()
        if isinstance(following, If):
            asked.add(following.fact)
            waiting += [following.then, following.otherwise]
    known = {field.name for field in fields(Facts)} | {"may_send", "may_recover"}
    assert asked <= known
    assert known - asked == {"sends", "recoveries", "in_hand"}  # behind may_send, may_recover and doubt


def test_the_model_sees_nearly_all_rows() -> None:
    """What it does not see: what only a real store, a real disk or a person can bring about."""
    chosen = [
        Setting(sibling="dies"),
        Setting(sibling="lives", same_id=False),
        Setting(rival="self"),
        Setting(rival="sibling", sibling="lives"),
        Setting(old_dies="late", sibling="lives"),
        Setting(right_id=False),
    ]
    unseen = set(TABLE) - count(chosen).pairs
    assert {(str(step), str(seen)) for step, seen in unseen} <= {
        ("WATCH", "FOUND"),
        ("WATCH", "NOTHING"),
        ("WATCH_AGAIN", "FOUND"),
        ("ASK_STORE", "UNCLEAR"),
        ("WATCH", "UNCLEAR"),
        ("WATCH_AGAIN", "UNCLEAR"),  # three faults
        ("LOOK", "UNCLEAR"),
        ("PROBE_OLD", "MISSING"),
        ("CHECK_OLD", "LATE"),
        ("CHECK_OLD", "MISSING"),
        ("ASK_RIVAL", "MISSING"),
        ("ASK_RIVAL", "UNCLEAR"),
        ("ASK_RIVAL", "ALIVE"),
        ("OVERWRITE", "TAKEN"),
        ("OVERWRITE", "OTHER"),
        ("FIND", "NOTHING"),
        ("PROVE_AGAIN", "DEAD"),
        ("RECOVER", "DENIED"),
        ("QUIET", "DONE"),
    }


@pytest.mark.parametrize("status", range(100, 600))
def test_what_an_answer_says(status: int) -> None:
    """The table of the design, for every status."""
    said = of_answer(status, has_secret=False)
    if status in {400, 403, 404, 405, 406, 410, 418, 422}:
        assert said is Seen.NO
    elif status in {429, 509}:
        assert said is Seen.THROTTLED
    elif status == 401:
        assert said is Seen.DENIED
    else:
        assert said is Seen.UNKNOWN  # 409 too: the key was seen before; and a 2xx without a secret
    assert of_answer(status, has_secret=True) is Seen.NEW


def test_never_not_rotated_once_a_refresh_may_have_left() -> None:
    """With a doubt no row ends in NOT_ROTATED, but for one that says that nothing was ever sent."""
    for step, seen in TABLE:
        for resumed in (True, False):
            end = after(step, seen, Facts(doubt=True, resumed=resumed))
            assert end is not State.NOT_ROTATED or seen is Seen.NEVER_SENT


def test_lost_comes_only_after_the_store_was_watched() -> None:
    """One row, and only without a sibling."""
    assert {row for row in TABLE if State.LOST in leaves(TABLE[row])} == {(Step.WATCH_AGAIN, Seen.NOTHING)}
    nothing = (Step.WATCH_AGAIN, Seen.NOTHING)
    assert after(*nothing, Facts(doubt=True)) is State.LOST
    assert after(*nothing, Facts(doubt=True, sibling=True, had_sibling=True)) is Step.FIND
    assert after(*nothing, Facts(doubt=True, had_sibling=True)) is State.UNCERTAIN


def test_a_death_that_took_its_time_has_the_new_secret_proved_again() -> None:
    """Whatever went before; one at once does not, where nothing is in doubt."""
    for doubt in (True, False):
        assert after(Step.CHECK_OLD, Seen.LATE, Facts(doubt=doubt)) is Step.PROVE_AGAIN
    assert after(Step.CHECK_OLD, Seen.DEAD, Facts()) is Step.STORE


def test_nothing_is_sent_or_stored_once_the_old_secret_outlived_the_refresh() -> None:
    """Its death proves nothing any more, and another refresh would kill somebody else's token again."""
    for seen in (Seen.FOUND, Seen.NOTHING):
        for doubt in (True, False):
            assert after(Step.LOOK, seen, Facts(outlived=True, doubt=doubt, resumed=True)) is State.MISMATCH


def test_success_comes_only_after_the_stores_were_read_back() -> None:
    """COMMIT follows HOOK alone, and HOOK a READ_BACK that found the new secret everywhere."""
    assert {row for row in TABLE if Step.COMMIT in leaves(TABLE[row])} == {(Step.HOOK, Seen.DONE)}
    assert {row for row in TABLE if Step.HOOK in leaves(TABLE[row])} == {(Step.READ_BACK, Seen.SAME)}


def test_a_sibling_that_is_dead_counts_as_none() -> None:
    """Otherwise `resume` would say UNCERTAIN for ever."""
    facts = Facts(doubt=True, sibling=True, had_sibling=True).after(Step.FIND, Seen.DEAD)
    assert after(Step.FIND, Seen.DEAD, facts) is Step.WATCH_AGAIN
    assert after(Step.WATCH_AGAIN, Seen.NOTHING, facts) is State.LOST


def test_an_answer_that_came_and_is_gone_is_in_doubt() -> None:
    """The journal says that a new secret came, and the spool has none: nobody else was at it."""
    facts = Facts(in_hand=True, resumed=True).after(Step.LOOK, Seen.NOTHING)
    assert facts.doubt
    assert after(Step.PROBE_OLD, Seen.DEAD, facts) is Step.WATCH_AGAIN


def test_adopting_waits_for_a_recovery_in_doubt() -> None:
    """A sibling's request could still kill what stands in the store."""
    in_doubt, none = Facts(recovery_in_doubt=True), Facts(doubt=True)
    assert after(Step.ASK_STORE, Seen.ALIVE, in_doubt) is Step.SETTLE
    assert after(Step.ASK_STORE, Seen.ALIVE, none) is Step.STORE


def test_what_resume_leaves_alone() -> None:
    """All that a further run could not make better by itself."""
    assert set(State) - FINISHED == {State.HELD, State.UNCERTAIN, State.CONFLICT}
