import pytest

from tests.audit.judging import ALIVE, DEAD, INDETERMINATE, Told


def test_ct201_two_owners_of_one_user() -> None:
    """Living secrets of one user under two owners: one alert, about the user, that names both and a token id."""
    told = Told()
    told.alive("a", 7, owner="Ada")
    told.alive("b", 7, owner="Bob")
    told.lists(7, "api_2", "api_1")
    alert = told.only("CT201")
    assert (alert.subject, alert.severity) == ("user-7", "high")
    assert alert.message == "secrets of the user of api_1 are declared for Ada, Bob"


@pytest.mark.parametrize("other", ["ada lovelace", "  Ada Lovelace ", "ADA  LOVELACE", "\u1d2cda Lovelace"])
def test_ct201_not_for_two_spellings(other: str) -> None:
    """Capitals, blanks and forms of a letter tell no two owners apart."""
    told = Told()
    told.alive("a", owner="Ada Lovelace")
    told.alive("b", owner=other)
    assert told.subjects("CT201") == []


def test_ct201_not_for_two_users_dead_secrets_or_no_owner() -> None:
    """Each user with one owner is as it should be; who has a dead secret is not known."""
    told = Told()
    told.alive("a", 1, owner="Ada")
    told.alive("b", 2, owner="Bob")
    told.alive("c", 1)
    told.dead("d", owner="Dora")
    told.tell("e", INDETERMINATE, None, owner="Eve")
    assert told.subjects("CT201") == []


def test_ct201_names_three_owners_at_most() -> None:
    """A user shared by a whole department makes a short message."""
    told = Told()
    for number in range(6):
        told.alive(f"label {number}", owner=f"owner {number}")
    told.lists(1, "api_1")
    assert told.only("CT201").message.endswith("for owner 0, owner 1, owner 2 and others")


def test_ct202_a_user_without_an_owner() -> None:
    """Some credentials have owners, and none of this user's."""
    told = Told()
    told.alive("a", 1, owner="Ada")
    told.alive("b", 2)
    told.alive("c", 2)
    told.lists(2, "api_2", "api_3")
    alert = told.only("CT202")
    assert (alert.subject, alert.severity) == ("user-2", "medium")
    assert alert.message == "no owner is declared for the user of api_2, though its 2 secrets are in the inventory"


def test_ct202_not_where_one_secret_of_the_user_has_an_owner() -> None:
    """One is enough."""
    told = Told()
    told.alive("a", 1, owner="Ada")
    told.alive("b", 1)
    assert told.subjects("CT202") == []


def test_ct202_not_where_nobody_declares_owners() -> None:
    """An inventory without owners has another way to know them: a note, not an alert for each user."""
    told = Told()
    told.alive("a", 1)
    told.alive("b", 2)
    assert told.subjects("CT202") == []
    assert any("declares no owners" in note for note in told.notes())
    told.alive("c", 1, owner="Ada")
    assert not any("declares no owners" in note for note in told.notes())


def test_ct202_not_in_a_run_that_ended_early() -> None:
    """The credential with the owner may be one of those that were not read."""
    told = Told()
    told.alive("a", 1, owner="Ada")
    told.alive("b", 2)
    assert told.subjects("CT202", complete=False) == []
    assert told.subjects("CT202") == ["user-2"]


def test_ct203_the_same_secret_answers_for_another_user() -> None:
    """Alive at both times, and the lists have nothing in common."""
    told = Told()
    told.alive("ci", 1)
    told.lists(1, "api_9")
    told.was("ci", ALIVE, 5)
    told.listed(5, "api_1", "api_2")
    alert = told.only("CT203")
    assert (alert.subject, alert.severity) == ("ci", "high")
    assert "answers for another user" in alert.message


def test_ct203_not_where_one_token_is_listed_at_both_times() -> None:
    """Users have other numbers in every run: one id in common makes them one."""
    told = Told()
    told.alive("ci", 1)
    told.lists(1, "api_9", "api_2")
    told.was("ci", ALIVE, 5)
    told.listed(5, "api_1", "api_2")
    assert told.subjects("CT203") == []


def test_ct203_not_where_the_user_was_not_seen_both_times() -> None:
    """Dead, unknown, or of no user, now or then: nothing to compare."""
    told = Told()
    told.dead("dead now")
    told.alive("dead then", 1)
    told.alive("no list then", 1)
    told.alive("new", 1)
    told.lists(1, "api_9")
    told.was("dead now", ALIVE, 5)
    told.was("dead then", DEAD, 5)
    told.was("no list then", ALIVE)
    told.listed(5, "api_1")
    assert told.subjects("CT203") == []


def test_ct203_another_users_secret_under_the_same_label() -> None:
    """Somebody put another user's secret there: no id and no name in common."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, ("api_9", "laptop"))
    told.was("ci", ALIVE, 5)
    told.listed(5, ("api_1", "ci"))
    assert "a secret of another user" in told.only("CT203").message


def test_ct203_not_where_a_refresh_may_have_changed_the_id() -> None:
    """A refresh keeps the name (F12) and may change the id (F14): the same user, as far as anybody can tell."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, ("api_9", "ci"))
    told.was("ci", ALIVE, 5)
    told.listed(5, ("api_1", "ci"))
    assert told.subjects("CT203") == []


def test_ct203_a_name_in_common_is_nothing_while_the_other_user_is_seen() -> None:
    """Everybody has a token called test; the user of then still lists the id of then."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, ("api_9", "test"))
    told.alive("other", 2)
    told.lists(2, ("api_1", "test"))
    told.was("ci", ALIVE, 5)
    told.listed(5, ("api_1", "test"))
    assert told.subjects("CT203") == ["ci"]


def test_ct203_a_name_in_common_is_nothing_where_the_user_was_known_then() -> None:
    """The user of now had other tokens and another number then, and the one of then is not seen."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, ("api_9", "test"))
    told.was("ci", ALIVE, 5)
    told.listed(5, ("api_1", "test"))
    told.listed(6, ("api_9", "test"))
    assert told.subjects("CT203") == ["ci"]


def test_ct203_not_where_the_label_had_a_dead_secret() -> None:
    """Whoever filled in a new one chose the user."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, "api_9")
    told.was("ci", DEAD, 5)
    told.listed(5, "api_1")
    assert told.subjects("CT203") == []


def test_ct203_not_where_another_secret_is_of_the_same_user() -> None:
    """A rotation, or another token of the same user, under the same label."""
    told = Told()
    told.alive("ci", 1, secret="another-secret")
    told.lists(1, ("api_9", "laptop"), ("api_1", "ci"))
    told.was("ci", ALIVE, 5)
    told.listed(5, ("api_1", "ci"))
    assert told.subjects("CT203") == []


def test_ct201_does_not_repeat_an_owner_who_is_a_secret() -> None:
    """A column too far to the left is soon made."""
    told = Told()
    told.alive("a", owner="Ada")
    told.alive("b", owner="secret-of-a")
    told.lists(1, "api_1")
    assert told.only("CT201").message.endswith("are declared for Ada, an owner who is not repeated here")
