from datetime import date, datetime, timedelta, timezone

import pytest

from cobalt_async import Token
from cobalt_async.audit.policy import Policy
from tests.audit.judging import FORBIDDEN, INDETERMINATE, NOW, Told, rotation

DAY = timedelta(days=1)
SECRET = "the-secret-of-ci"


def expiring(moment: datetime | None, *, token_id: str | None = "api_1", more: int = 0) -> Told:
    """A user with a token that expires then, a living secret, and so many tokens more."""
    told = Told()
    told.alive("ci", token_id=token_id)
    told.lists(1, Token("api_1", "ci", None, moment), *(f"api_{number + 2}" for number in range(more)))
    return told


def test_ct502_past_and_alive() -> None:
    """A secret of the token works although the token has expired: high."""
    alert = expiring(NOW - DAY, more=1).only("CT502")
    assert (alert.subject, alert.severity) == ("api_1", "high")
    assert alert.message == "api_1 should have expired on 2026-11-22, and is alive"


def test_ct502_past_and_alive_where_all_secrets_of_the_user_are_at_hand() -> None:
    """As many living secrets as tokens: all of them are alive, declared or not."""
    assert expiring(NOW - DAY, token_id=None).only("CT502").severity == "high"


def test_ct502_past_and_not_known_to_be_alive() -> None:
    """It is listed; that its secret works nobody has seen: medium, and said so."""
    alert = expiring(NOW - DAY, token_id=None, more=1).only("CT502")
    assert alert.severity == "medium"
    assert "whether it is alive is not known" in alert.message


@pytest.mark.parametrize("days", [1, 30])
def test_ct502_within_days(days: int) -> None:
    """Medium within 30 days, or as many as the policy says."""
    alert = expiring(NOW + days * DAY).only("CT502")
    assert alert.severity == "medium"
    assert alert.message.startswith("api_1 expires on 2026-1")


def test_ct502_not_later_and_not_without_a_date() -> None:
    """Later than the policy looks ahead, or never."""
    assert expiring(NOW + 31 * DAY).subjects("CT502") == []
    assert expiring(NOW + 2 * DAY).subjects("CT502", Policy(expires_within_days=1)) == []
    assert expiring(NOW + 31 * DAY).subjects("CT502", Policy(expires_within_days=31)) == ["api_1"]
    told = expiring(None)
    assert told.subjects("CT502") == []
    assert any("not implemented" in note for note in told.notes())


def test_ct502_other_time_zones_are_the_same_moment() -> None:
    """A moment in another zone is compared as one."""
    early = timezone(timedelta(hours=14))
    assert expiring((NOW + 29 * DAY).astimezone(early)).subjects("CT502") == ["api_1"]
    assert expiring((NOW + 31 * DAY).astimezone(early)).subjects("CT502") == []


def test_ct601_a_declared_day_in_the_past() -> None:
    """The day after rotate_by it is overdue."""
    told = Told()
    told.alive("ci", rotate_by=date(2026, 11, 22))
    told.tell("forbidden", FORBIDDEN, None, rotate_by=date(2026, 11, 22))
    assert told.subjects("CT601") == ["ci", "forbidden"]
    [alert, _] = [alert for alert in told.alerts() if alert.rule == "CT601"]
    assert (alert.severity, alert.message) == ("medium", "ci was to be rotated by 2026-11-22")


def test_ct601_not_on_the_day_itself_nor_for_what_needs_no_rotation() -> None:
    """Today is in time; dead, retired and unknown secrets are not to be rotated."""
    told = Told()
    past = date(2026, 11, 1)
    told.alive("today", rotate_by=NOW.date())
    told.alive("retired", rotate_by=past, status="retired")
    told.dead("dead", rotate_by=past)
    told.tell("unknown", INDETERMINATE, None, rotate_by=past)
    told.alive("not declared")
    assert told.subjects("CT601") == []


def test_ct601_by_our_own_ledger() -> None:
    """Issued 91 days ago by a rotation of ours, where 90 are allowed."""
    told = Told(rotation("api_1", new=SECRET, days=91))
    told.alive("ci", secret=SECRET)
    alert = told.only("CT601", Policy(rotate_after_days=90))
    assert (alert.subject, alert.message) == ("ci", "ci was issued 91 days ago, by our ledger")


def test_ct601_not_by_a_ledger_that_is_young_enough() -> None:
    """90 days are allowed; without the key any age is; and of another secret the ledger says nothing."""
    told = Told(rotation("api_1", new=SECRET, days=90))
    told.alive("ci", secret=SECRET)
    told.alive("other")
    assert told.subjects("CT601", Policy(rotate_after_days=90)) == []
    assert told.subjects("CT601", Policy(rotate_after_days=89)) == ["ci"]
    assert told.subjects("CT601") == []


def test_ct601_not_by_a_day_that_was_over_when_the_secret_was_issued() -> None:
    """The date was the old secret's: the row was forgotten when we rotated it."""
    told = Told(rotation("api_1", new=SECRET, days=10))
    told.alive("ci", secret=SECRET, rotate_by=date(2026, 11, 1))
    assert told.subjects("CT601") == []
    later = Told(rotation("api_1", new=SECRET, days=30))
    later.alive("ci", secret=SECRET, rotate_by=date(2026, 11, 1))
    assert later.subjects("CT601") == ["ci"]
