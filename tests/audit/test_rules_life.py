import pytest

from tests.audit.judging import FORBIDDEN, INDETERMINATE, NOT_TRIED, Told, rotation

OLD, NEW = "the-old-secret-of-ci", "the-new-secret-of-ci"


def test_ct101_dead_in_use() -> None:
    """A dead secret that is active, or of which no status is declared, is an alert; each by its label."""
    told = Told()
    told.dead("ci", status="active")
    told.dead("nightly")
    assert told.subjects("CT101") == ["ci", "nightly"]


def test_ct101_not_where_it_is_retired_or_not_dead() -> None:
    """Retired ones may be dead, living ones are in use, and what got no answer says nothing."""
    told = Told()
    told.dead("retired", status="retired")
    told.alive("alive", status="active")
    told.tell("unknown", INDETERMINATE, None, status="active")
    told.tell("stopped", NOT_TRIED, None)
    assert told.subjects("CT101") == []


def test_ct101_says_where_our_own_rotation_explains_it() -> None:
    """The row was forgotten when we rotated: still an alert, with the reason."""
    told = Told(rotation("api_a", old=OLD, new=NEW))
    told.dead("ci", secret=OLD)
    assert told.only("CT101").message.endswith("our own rotation replaced it")


def test_ct102_alive_though_retired() -> None:
    """A retired secret that is answered is critical."""
    told = Told()
    told.alive("ci", status="retired")
    alert = told.only("CT102")
    assert (alert.subject, alert.severity) == ("ci", "critical")


def test_ct102_not_where_it_is_in_use_dead_or_unknown() -> None:
    """An active one may live, a retired one may be dead, and no answer is no life."""
    told = Told()
    told.alive("active", status="active")
    told.alive("undeclared")
    told.dead("dead", status="retired")
    told.tell("unknown", INDETERMINATE, None, status="retired")
    assert told.subjects("CT102") == []


def test_ct103_the_old_secret_lives_after_our_rotation() -> None:
    """A rotation brought a new secret, and the old one is answered: critical, with the token's id."""
    told = Told(rotation("api_a", old=OLD, new=NEW, days=3))
    told.alive("ci", secret=OLD)
    alert = told.only("CT103")
    assert (alert.subject, alert.severity) == ("ci", "critical")
    assert "api_a, begun 2026-11-20" in alert.message


@pytest.mark.parametrize("finished", [True, False])
def test_ct103_not_after_a_rotation_that_brought_nothing(finished: bool) -> None:
    """One that was refused, or that may never have left, replaced nothing: the old secret lives on by right."""
    told = Told(rotation("api_a", old=OLD, finished=finished))
    told.alive("ci", secret=OLD)
    assert told.subjects("CT103") == []


def test_ct103_not_for_the_new_secret_or_a_dead_one() -> None:
    """The new secret should live, and the old one should not."""
    told = Told(rotation("api_a", old=OLD, new=NEW))
    told.alive("new", secret=NEW)
    told.dead("old", secret=OLD)
    assert told.subjects("CT103") == []


def test_ct103_a_later_refusal_does_not_hide_the_rotation() -> None:
    """Of several rotations of one secret, the one that brought a new secret counts, in whatever order they stand."""
    records = [rotation("api_a", old=OLD, new=NEW, days=9), rotation("api_a", old=OLD, days=1)]
    for order in (records, records[::-1]):
        told = Told(*order)
        told.alive("ci", secret=OLD)
        assert told.subjects("CT103") == ["ci"]


def test_ct104_alive_in_the_other_region() -> None:
    """Declared for one region, answered by the other."""
    told = Told()
    told.alive("ci", answered_by="eu", region="us")
    alert = told.only("CT104")
    assert (alert.subject, alert.severity) == ("ci", "medium")
    assert "alive in eu, though declared for us" in alert.message


def test_ct104_needs_two_regions_that_are_known() -> None:
    """Nothing declared, no region asked, or the same one: no alert; nor for what is not alive."""
    told = Told()
    told.alive("same", answered_by="eu", region="eu")
    told.alive("not declared", answered_by="eu")
    told.alive("not asked", region="us")
    told.tell("forbidden", FORBIDDEN, None, answered_by="eu", region="us")
    assert told.subjects("CT104") == []


def test_ct105_forbidden() -> None:
    """A 403 of Cobalt's is an alert; a status or a user is not asked for."""
    told = Told()
    told.tell("ci", FORBIDDEN, None)
    alert = told.only("CT105")
    assert (alert.subject, alert.severity) == ("ci", "medium")


def test_ct105_not_for_a_403_of_somebody_elses() -> None:
    """A firewall's 403 is INDETERMINATE, and no alert."""
    told = Told()
    told.tell("ci", INDETERMINATE, None)
    told.alive("alive")
    told.dead("dead")
    assert told.subjects("CT105") == []
