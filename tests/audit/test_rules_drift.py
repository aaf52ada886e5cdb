import pytest

from cobalt_async.audit.marks import kept_name
from tests.audit.judging import ALIVE, DEAD, FORBIDDEN, INDETERMINATE, SALT, Told, rotation, rules_of

OLD, NEW = "the-old-secret-of-ci", "the-new-secret-of-ci"
DRIFT = {"CT701", "CT702", "CT703", "CT704", "CT705"}


def drift(told: Told) -> list[tuple[str, str]]:
    """Rule and subject of each alert about what changed."""
    return sorted((alert.rule, alert.subject) for alert in told.alerts() if alert.rule in DRIFT)


def test_ct701_a_new_id() -> None:
    """A user whom the baseline knows has one more."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_1", ("api_2", "shadow"))
    told.listed(5, "api_1")
    assert drift(told) == [("CT701", "api_2")]
    alert = told.only("CT701")
    assert (alert.severity, alert.message) == ("medium", 'api_2 is new since the baseline: "shadow"')


def test_ct701_not_for_a_user_whom_the_baseline_does_not_know() -> None:
    """Everything of a new user would be new."""
    told = Told()
    told.alive("ci", 1)
    told.alive("new", 2)
    told.lists(1, "api_1")
    told.lists(2, "api_8", "api_9")
    told.listed(5, "api_1")
    assert drift(told) == []


def test_ct702_an_id_that_is_gone() -> None:
    """A user who was seen both times has one less."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_1")
    told.listed(5, "api_1", ("api_2", "laptop"))
    assert drift(told) == [("CT702", "api_2")]
    alert = told.only("CT702")
    assert (alert.severity, alert.message) == ("medium", 'api_2 is gone since the baseline: "laptop"')


def test_ct702_not_for_users_who_could_not_be_listed_this_time() -> None:
    """Not asked, no answer, or a listing that broke off: an id that was not seen is not gone."""
    told = Told()
    told.alive("ci", 1)
    told.tell("unknown", INDETERMINATE, None)
    told.lists(1, "api_1")
    told.lists(2, "api_2")
    told.listed(5, "api_1", "api_5")
    told.listed(6, "api_2", "api_3")
    told.listed(7, "api_4")
    told.lists(3, "api_5")
    assert drift(told) == []


def test_ct703_renamed() -> None:
    """The same id, another name."""
    told = Told()
    told.alive("ci")
    told.lists(1, ("api_1", "now"))
    told.listed(5, ("api_1", "then"))
    assert drift(told) == [("CT703", "api_1")]
    alert = told.only("CT703")
    assert (alert.severity, alert.message) == ("low", 'api_1 was renamed from "then" to "now"')


def test_ct703_not_for_the_same_name() -> None:
    """As it was, though it stands in another place of the list, under another number of its user."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_2", "api_1")
    told.listed(5, "api_1", "api_2")
    assert drift(told) == []


def test_ct705_in_the_place_of_a_new_and_a_gone_id() -> None:
    """Same name, other id, same user: one alert, about the new id."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_1", ("api_9", "ci"))
    told.listed(5, "api_1", ("api_2", "ci"))
    assert drift(told) == [("CT705", "api_9")]
    alert = told.only("CT705")
    assert (alert.severity, alert.message) == ("medium", 'api_9 has the name of api_2, which is gone: "ci"')


def test_ct705_pairs_each_id_once() -> None:
    """Two new and one gone of a name: one was made again, the other is new; and the other way round."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_1", ("api_8", "ci"), ("api_9", "ci"), ("api_7", "laptop"))
    told.listed(5, "api_1", ("api_2", "ci"), ("api_3", "laptop"), ("api_4", "laptop"))
    assert drift(told) == [("CT701", "api_9"), ("CT702", "api_4"), ("CT705", "api_7"), ("CT705", "api_8")]


def test_ct705_not_for_two_users_or_two_names() -> None:
    """What one user lost and another got was not refreshed; nor what has another name."""
    told = Told()
    told.alive("a", 1)
    told.alive("b", 2)
    told.lists(1, "api_1")
    told.lists(2, "api_2", ("api_9", "ci"))
    told.listed(5, "api_1", ("api_3", "ci"))
    told.listed(6, "api_2", ("api_4", "laptop"))
    assert drift(told) == [("CT701", "api_9"), ("CT702", "api_3"), ("CT702", "api_4")]


def test_ct705_somebodys_only_token() -> None:
    """A refresh changed the one id there was: label and name tell that it is the same user."""
    told = Told()
    told.alive("ci", 1, secret=NEW)
    told.lists(1, ("api_9", "ci"))
    told.was("ci", ALIVE, 5, secret=OLD)
    told.listed(5, ("api_1", "ci"))
    assert drift(told) == [("CT705", "api_9")]


def test_ct705_not_where_a_label_leads_to_two_users() -> None:
    """A name in common is no proof while the user of then is seen under an id of then."""
    told = Told()
    told.alive("ci", 1, secret=NEW)
    told.alive("other", 2)
    told.lists(1, ("api_9", "ci"))
    told.lists(2, ("api_1", "ci"))
    told.was("ci", ALIVE, 5, secret=OLD)
    told.listed(5, ("api_1", "ci"))
    assert drift(told) == []


def test_ct705_not_where_the_user_was_known_by_an_id() -> None:
    """The label got another user's secret: what the user of then had is neither that one's nor gone."""
    told = Told()
    told.alive("ci", 1, secret=NEW)
    told.lists(1, ("api_9", "ci"))
    told.was("ci", ALIVE, 5, secret=OLD)
    told.listed(5, ("api_1", "ci"))
    told.listed(6, ("api_9", "ci"))
    assert drift(told) == []


def test_ct705_not_after_our_own_rotations() -> None:
    """We refreshed it twice, and each time the id changed: that is no news."""
    told = Told(
        rotation("api_2", new="one-secret", new_token_id="api_8", days=3),
        rotation("api_8", new=NEW, new_token_id="api_9", days=2),
    )
    told.alive("ci", secret=NEW)
    told.lists(1, "api_1", ("api_9", "ci"))
    told.listed(5, "api_1", ("api_2", "ci"))
    assert drift(told) == []


def test_ct704_alive_became_dead() -> None:
    """Nobody planned it: high."""
    told = Told()
    told.dead("ci")
    told.was("ci", ALIVE, 5)
    assert drift(told) == [("CT704", "ci")]
    assert told.only("CT704").severity == "high"


@pytest.mark.parametrize("finished", [True, False])
def test_ct704_a_rotation_that_was_refused_explains_no_death(finished: bool) -> None:
    """One that came to nothing did not kill it; one that is not finished may have, and is an alert of its own."""
    told = Told(rotation("api_1", old=OLD, finished=finished))
    told.dead("ci", secret=OLD)
    told.was("ci", ALIVE, 5, secret=OLD)
    assert ("CT704" in rules_of(told.alerts())) is finished
    assert ("CT901" in rules_of(told.alerts())) is not finished


def test_ct704_not_where_the_death_was_planned() -> None:
    """Retired since, or replaced by our own rotation."""
    told = Told(rotation("api_1", old=OLD, new=NEW))
    told.dead("retired", status="retired")
    told.dead("rotated", secret=OLD)
    told.was("retired", ALIVE, 5)
    told.was("rotated", ALIVE, 5, secret=OLD)
    assert drift(told) == []


def test_ct704_dead_became_alive() -> None:
    """There is no way back that Cobalt documents: critical."""
    told = Told()
    told.alive("ci")
    told.was("ci", DEAD)
    assert drift(told) == [("CT704", "ci")]
    assert told.only("CT704").severity == "critical"


def test_ct704_not_without_a_verdict_at_both_times() -> None:
    """Unknown or forbidden, now or then, is neither dead nor alive; and another secret is not the same one."""
    told = Told()
    told.tell("unknown now", INDETERMINATE, None)
    told.tell("forbidden now", FORBIDDEN, None)
    told.dead("forbidden then")
    told.dead("still dead")
    told.alive("still alive")
    told.dead("another secret", secret=NEW)
    told.was("unknown now", ALIVE, 5)
    told.was("forbidden now", ALIVE, 5)
    told.was("forbidden then", FORBIDDEN)
    told.was("still dead", DEAD)
    told.was("still alive", ALIVE, 5)
    told.was("another secret", ALIVE, 5, secret=OLD)
    assert drift(told) == []


def test_ct704_not_where_then_one_row_said_alive() -> None:
    """The secret stood there twice, and died while the baseline was made: it was alive."""
    told = Told()
    told.alive("ci", secret=OLD)
    told.was("ci", DEAD, secret=OLD)
    told.was("other", ALIVE, 5, secret=OLD)
    assert drift(told) == []


def test_ct704_is_about_the_secret_wherever_it_stands() -> None:
    """The row was relabelled, and its secret died."""
    told = Told()
    told.dead("new label", secret=OLD)
    told.was("old label", ALIVE, 5, secret=OLD)
    assert drift(told) == [("CT704", "new label")]


def test_without_a_baseline_nothing_has_changed() -> None:
    """What a baseline would say is not asked."""
    told = Told()
    told.alive("ci")
    told.lists(1, "api_1", "api_2")
    told.was("ci", DEAD)
    told.listed(5, "api_1", "api_3")
    assert not (DRIFT | {"CT203"}) & set(rules_of(told.alerts(baseline=False)))
    assert {"CT701", "CT702", "CT704"} <= set(rules_of(told.alerts()))


def test_names_of_which_a_baseline_has_a_fingerprint() -> None:
    """Unchanged it is no drift, another one is CT703, a new id with it CT705; no message repeats it."""
    told = Told()
    told.alive("ci", secret=NEW)
    told.lists(1, ("api_1", NEW), ("api_2", f"{NEW} too"), ("api_3", NEW), ("api_5", OLD))
    told.listed(5, *((token_id, kept_name(NEW, SALT)) for token_id in ("api_1", "api_2", "api_4")))
    told.listed(5, ("api_5", kept_name(OLD, SALT)), ("api_6", kept_name("gone", SALT)))
    assert drift(told) == [("CT702", "api_6"), ("CT703", "api_2"), ("CT705", "api_3")]
    hidden = "a name that is not repeated here"
    assert told.only("CT703").message == f"api_2 was renamed from {hidden} to {hidden}"
    assert told.only("CT705").message == f"api_3 has the name of api_4, which is gone: {hidden}"
    assert told.only("CT702").message == f"api_6 is gone since the baseline: {hidden}"


def test_a_name_that_a_baseline_kept_is_not_repeated_later() -> None:
    """Though the inventory has that secret no more."""
    told = Told()
    told.alive("ci")
    told.lists(1, ("api_1", OLD), ("api_2", OLD))
    told.listed(5, ("api_1", kept_name(OLD, SALT)))
    assert told.only("CT701").message == "api_2 is new since the baseline: a name that is not repeated here"
