"""SIGKILL at a moment of nobody's choice; then another process resumes."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.rotation.crasher import Ended
from tests.rotation.staging import TALLY, Crasher, Stage, crasher, stage

KILLS = int(os.environ.get("COBALT_ASYNC_KILLS", "40"))


@pytest.fixture(scope="module")
def crashing() -> Iterator[Crasher]:
    """The process that starts those that die."""
    with crasher() as started:
        yield started


def killed(on: Stage, crashing: Crasher, after: float | None, *, sibling: bool) -> Ended:
    """A rotation that is killed after so many seconds, if it is not over by then."""
    job = on.job(
        secret=on.old,
        token_id=on.token.id,
        sibling=on.sibling.secret if sibling else None,
        killed_after=after,
    )
    return crashing.run(job)


def test_kills_at_random_moments(crashing: Crasher) -> None:
    """Nothing is lost unless it is said: the living secret is in the store, or LOST is what `resume` says."""
    dice = random.Random(7)
    early, late = 0.0, 1.0
    for _ in range(3):
        with stage() as on:
            late = min(late, killed(on, crashing, None, sibling=True).seconds)
    unfinished, pace = 0, 0.05 * late
    for number in range(KILLS):
        has_sibling = number % 3 != 0
        with stage(refreshed_id=dice.choice(("same", "new"))) as on:
            ended = killed(on, crashing, dice.uniform(early, late), sibling=has_sibling)
            began = bool(on.journal.entries())
            # However fast the machine is at the moment: half shall come while something is under way.
            early += -pace if began else 3 * pace
            late += pace if ended.code else -3 * pace
            early, late = max(0.0, early), max(early, late, pace)
            over = on.journal.path.exists() and all(entry.finished for entry in on.journal.entries().values())
            unfinished += began and not over
            again = crashing.run(on.job(secret=on.old, sibling=on.sibling.secret if has_sibling else None, settle=0.1))
            assert again.code == 0
            state = on.state()
            is_silent = on.token.secret not in {on.stored, *on.kept()} and state != "LOST"
            TALLY["kills"] += 1
            TALLY["resumed"] += len(again.said)
            TALLY["said to be lost, without a sibling"] += state == "LOST"
            TALLY["silent losses"] += is_silent
            assert not is_silent, (state, again.said)
            assert state != "LOST" or not has_sibling
            on.check(again.said[0] if again.said else None, tidy=bool(again.said))
    assert unfinished >= KILLS // 10, "the kills came too early or too late to prove anything"
