"""Whole audits in bad weather: no verdict is ever wrong, whatever the answers are, and the run says what it is worth.

Over real HTTP, with the faults of `benchmarks.spoilt`; `python -m benchmarks audit_faults` does it with 10,000.
"""

import pytest

from benchmarks import audit_faults
from benchmarks.audit_faults import Outcome, condition_run, family_run, stray_run, throttled_run
from benchmarks.population import population
from benchmarks.spoilt import CONDITIONS, FAMILIES
from cobalt_async.audit import Verdict
from cobalt_async.audit.engine import agenda, living

PEOPLE = population(400, 150)
FORBIDDEN = 8
SOME = 0.1  # of the answers, so that a few hundred meet every row of a family

# What answers 200 or 403 to a made-up token answers for Cobalt; the others only leave nothing to be said.
VOID = {
    "a portal answers 200",
    "a gateway lists nothing",
    "a gateway lists the same to all",
    "a firewall forbids in JSON",
    "a firewall forbids in HTML",
}
# What refuses everybody from the middle on is what the breaker is for; what lets everybody in, the made-up token.
STOPPED = {
    "a proxy strips Authorization": "breaker",
    "a firewall forbids in JSON": "void",
    "a gateway lists nothing": "void",
    "a gateway lists the same to all": "void",
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look that is not waited for as long as in earnest."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.05)


def judge(outcome: Outcome) -> None:
    """Nothing wrong, everybody answered for, and complete only where nobody is without a verdict."""
    assert outcome.wrong == []
    assert outcome.verdicts.total() == PEOPLE.credentials + FORBIDDEN
    unknown = outcome.verdicts[Verdict.INDETERMINATE] + outcome.verdicts[Verdict.NOT_TRIED]
    assert outcome.report.complete is (unknown == 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family(family: str) -> None:
    """One answer in ten is spoilt: every verdict is the right one or INDETERMINATE, and most are there."""
    outcome = family_run(family, PEOPLE, share=SOME)
    judge(outcome)
    assert outcome.spoilt >= len(FAMILIES[family])
    assert outcome.verdicts[Verdict.NOT_TRIED] == 0
    assert outcome.verdicts[Verdict.INDETERMINATE] <= outcome.spoilt


def test_nothing_is_spoilt() -> None:
    """With a clean server everything is told, and the run is complete: the harness sees the truth."""
    outcome = family_run("statuses", PEOPLE, share=0.0)
    judge(outcome)
    assert outcome.report.complete
    assert outcome.verdicts[Verdict.DEAD] == PEOPLE.dead
    assert outcome.verdicts[Verdict.FORBIDDEN] == FORBIDDEN


def test_stray_401s() -> None:
    """A 401 out of the blue, once for a secret, kills nobody."""
    outcome = stray_run(PEOPLE, share=SOME)
    judge(outcome)
    assert outcome.spoilt > 20


def test_stray_509s() -> None:
    """A 429 or 509 out of the blue, with whatever Retry-After, is waited for or INDETERMINATE."""
    outcome = throttled_run(PEOPLE, share=SOME)
    assert outcome.wrong == []
    assert outcome.verdicts.total() == PEOPLE.credentials
    assert outcome.spoilt > 20
    assert set(outcome.report.reasons) <= {"rate_limited"}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_from_the_start(condition: str) -> None:
    """What answers for everybody from the start leaves nobody ALIVE, DEAD or FORBIDDEN, and a run that says so."""
    outcome = condition_run(CONDITIONS[condition], PEOPLE)
    judge(outcome)
    assert set(outcome.verdicts) <= {Verdict.INDETERMINATE, Verdict.NOT_TRIED}
    assert (outcome.report.void is not None) is (condition in VOID)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_from_the_middle(condition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What begins in the middle makes no verdict wrong, those before it stay, and the run is not complete."""
    monkeypatch.setattr(living, "TOGETHER", 32)
    outcome = condition_run(CONDITIONS[condition], PEOPLE, start=300)
    judge(outcome)
    assert outcome.verdicts[Verdict.ALIVE] > 50
    assert not outcome.report.complete
    assert outcome.report.stopped == STOPPED.get(condition)


def test_a_wrong_verdict_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness is not blind: with a listing that is another's, a verdict counts as wrong."""
    monkeypatch.setattr(audit_faults, "owner_of", lambda label: None if label.startswith("dead") else 0)
    assert len(family_run("statuses", PEOPLE, share=0.0).wrong) > 100
