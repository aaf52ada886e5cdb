import pytest

from cobalt_async.audit.policy import Policy
from cobalt_async.audit.verdicts import Verdict
from tests.audit.judging import DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED, Told


def test_ct301_by_name_where_all_other_ids_are_bound() -> None:
    """Every living secret of the user is bound to an id: what is left has a name."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.alive("b", token_id="api_2")
    told.lists(1, "api_1", ("api_3", "shadow"), "api_2")
    alert = told.only("CT301")
    assert (alert.subject, alert.severity) == ("api_3", "high")
    assert alert.message == 'api_3 ("shadow") is listed, and the inventory does not know it'


def test_ct301_by_number_where_an_id_is_not_bound() -> None:
    """Two secrets, three tokens, one declared id: nobody can say which of the other two is missing."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.alive("b")
    told.lists(1, "api_1", "api_3", "api_2")
    alert = told.only("CT301")
    assert alert.subject == "user-1"
    assert alert.message == "the user of api_1 has 3 tokens, 2 of them declared"


def test_ct301_one_secret_and_two_tokens() -> None:
    """Without a declared id there is only a number."""
    told = Told()
    told.alive("a")
    told.lists(1, "api_1", "api_2")
    assert told.only("CT301").message == "the user of api_1 has 2 tokens, 1 of them declared"


@pytest.mark.parametrize("declared", [(), ("api_1",), ("api_1", "api_2"), ("api_1", "api_2", "api_3")])
def test_ct301_not_where_there_is_a_secret_for_each_token(declared: tuple[str, ...]) -> None:
    """As many living secrets as tokens account for all of them, whichever ids are declared."""
    told = Told()
    for number in range(3):
        told.alive(f"label {number}", token_id=declared[number] if number < len(declared) else None)
    told.lists(1, "api_1", "api_2", "api_3")
    assert told.subjects("CT301") == []


def test_ct301_rows_of_one_secret_count_once() -> None:
    """The same secret under three labels is one token, and covers no other."""
    told = Told()
    for label in ("a", "b", "c"):
        told.alive(label, secret="the-same")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == ["user-1"]


def test_ct301_two_ids_declared_for_one_secret_are_two_that_are_known() -> None:
    """One of the rows is wrong, and the inventory knows both tokens."""
    told = Told()
    told.alive("a", secret="the-same", token_id="api_1")
    told.alive("b", secret="the-same", token_id="api_2")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == []
    told.lists(1, "api_3")
    assert told.subjects("CT301") == ["api_3"]


def test_ct301_one_id_declared_for_two_secrets_covers_two_tokens() -> None:
    """Two living secrets are two tokens: one of the rows has a wrong id, and nothing is undeclared."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.alive("b", token_id="api_1")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == []


@pytest.mark.parametrize("verdict", [DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED])
def test_ct301_not_where_an_id_is_declared_for_a_secret_that_is_not_alive(verdict: Verdict) -> None:
    """The inventory knows the token, whatever became of its secret."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.tell("b", verdict, None, token_id="api_2")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == []


def test_ct301_an_id_that_another_users_secret_declares_is_not_known() -> None:
    """A living secret tells its user: what its row says of somebody else's token is wrong."""
    told = Told()
    told.alive("a", 1, token_id="api_1")
    told.alive("b", 2, token_id="api_2")
    told.lists(1, "api_1", "api_2")
    told.lists(2, "api_3")
    assert told.subjects("CT301") == ["api_2"]


def test_ct301_an_id_that_its_user_does_not_list_binds_nothing() -> None:
    """A wrong token_id names no token: the secret counts, and which token it is stays open."""
    told = Told()
    told.alive("a", token_id="api_9")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == ["user-1"]


def test_ct301_not_for_a_user_whose_listing_broke_off() -> None:
    """Half a listing, and no living secret: nothing is claimed."""
    told = Told()
    told.tell("a", INDETERMINATE, None)
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301") == []


def test_ct301_not_in_a_run_that_ended_early() -> None:
    """The inventory was not read to its end: what it does not have is not known, and a note says so."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT301", complete=False) == []
    assert told.subjects("CT301") == ["api_2"]
    assert any("CT301" in note for note in told.notes(complete=False))
    assert not any("CT301" in note for note in told.notes())


def test_ct301_says_how_many_secrets_told_no_user() -> None:
    """Whoever got no answer may hold the missing secret; it is said with every alert."""
    told = Told()
    told.alive("a", token_id="api_1")
    told.lists(1, "api_1", "api_2")
    told.tell("b", INDETERMINATE, None)
    assert told.only("CT301").message.endswith("; 1 of the inventory's secrets told no user, and may account for one")
    told.tell("c", FORBIDDEN, None)
    assert told.only("CT301").message.endswith("; 2 of the inventory's secrets told no user, and may account for some")


def test_ct301_a_token_that_is_listed_twice_is_one() -> None:
    """A page that repeats a row makes no second token."""
    told = Told()
    told.alive("a")
    told.lists(1, "api_1", "api_1")
    assert told.subjects("CT301") == []
    assert told.subjects("CT402") == []
    assert told.subjects("CT305") == ["user-1"]


def test_ct302_a_living_secret_whose_id_is_not_listed() -> None:
    """Its user is known and does not list that id."""
    told = Told()
    told.alive("ci", token_id="api_9")
    told.lists(1, "api_1")
    alert = told.only("CT302")
    assert (alert.subject, alert.severity) == ("ci", "medium")
    assert "api_9, declared for ci, is not among the tokens of its user" in alert.message


def test_ct302_another_users_list_does_not_count() -> None:
    """The id exists, under somebody else."""
    told = Told()
    told.alive("ci", 1, token_id="api_2")
    told.alive("other", 2, token_id="api_2")
    told.lists(1, "api_1")
    told.lists(2, "api_2")
    assert told.subjects("CT302") == ["ci"]


def test_ct302_a_dead_secret_whose_user_the_baseline_knows() -> None:
    """Then it was listed for a user who was seen now, and is not."""
    told = Told()
    told.dead("ci", token_id="api_9")
    told.alive("other", 1)
    told.lists(1, "api_1")
    told.listed(5, "api_1", "api_9")
    assert "api_9, declared for ci, is listed no longer" in told.only("CT302").message


def test_ct302_a_dead_secret_whose_user_the_baseline_remembers() -> None:
    """The id left the baseline long ago; the secret's user is still in it."""
    told = Told()
    told.dead("ci", token_id="api_9")
    told.alive("other", 1)
    told.lists(1, "api_1")
    told.was("ci", DEAD, 5)
    told.listed(5, "api_1")
    assert told.subjects("CT302") == ["ci"]


def test_ct302_a_dead_secret_whose_owner_has_one_user() -> None:
    """The owner's living secrets are all of one user, who was seen."""
    told = Told()
    told.dead("ci", token_id="api_9", owner="Ada")
    told.alive("other", 1, owner="ada ")
    told.lists(1, "api_1")
    assert told.subjects("CT302") == ["ci"]


def test_ct302_not_for_a_dead_secret_whose_user_nobody_knows() -> None:
    """No baseline, no owner, an owner with two users, or a user who was not seen now: it may well be listed."""
    told = Told()
    told.dead("no owner", token_id="api_7")
    told.dead("two users", token_id="api_8", owner="Ada")
    told.dead("not seen", token_id="api_9")
    told.alive("a", 1, owner="Ada")
    told.alive("b", 2, owner="Ada")
    told.lists(1, "api_1")
    told.lists(2, "api_2")
    told.listed(5, "api_5", "api_9")
    assert told.subjects("CT302") == []


def test_ct302_not_where_it_is_listed_retired_or_unknown() -> None:
    """What is listed is there; what is retired and dead may go; what got no answer says nothing."""
    told = Told()
    told.alive("listed", token_id="api_1", owner="Ada")
    told.dead("dead and listed", token_id="api_2", owner="Ada")
    told.dead("retired", token_id="api_8", owner="Ada", status="retired")
    told.tell("unknown", INDETERMINATE, None, token_id="api_9", owner="Ada")
    told.lists(1, "api_1", "api_2")
    assert told.subjects("CT302") == []


def test_ct304_one_secret_under_several_labels() -> None:
    """One alert for the secret, with its places, and whatever was answered."""
    told = Told()
    for label in ("vault/b", "vault/a", "laptop", "ci", "zoo"):
        told.tell(label, INDETERMINATE, None, secret="the-same")
    alert = told.only("CT304")
    assert (alert.subject, alert.severity) == ("ci", "high")
    assert alert.message == "one secret in 5 places: ci, laptop, vault/a and 2 more"


def test_ct304_not_for_two_secrets_or_one_row_twice() -> None:
    """Each has its own; and the same label twice is one place."""
    told = Told()
    told.alive("a")
    told.alive("b")
    told.alive("b")
    assert told.subjects("CT304") == []


def test_ct305_a_single_token() -> None:
    """A lost answer of its rotation could not be recovered."""
    told = Told()
    told.alive("a")
    told.lists(1, "api_1")
    alert = told.only("CT305")
    assert (alert.subject, alert.severity) == ("user-1", "low")
    assert alert.message.startswith("api_1 is the only token of its user")


def test_ct305_not_with_a_second_token_or_half_a_listing() -> None:
    """A second one is enough; and of a listing that broke off nobody knows how long it is."""
    told = Told()
    told.alive("a", 1)
    told.lists(1, "api_1", "api_2")
    told.lists(2, "api_3")
    assert told.subjects("CT305") == []


def test_ct306_more_tokens_than_allowed() -> None:
    """Three where two are allowed."""
    told = Told()
    told.alive("a")
    told.lists(1, "api_1", "api_2", "api_3")
    policy = Policy(max_tokens_per_user=2)
    alert = told.only("CT306", policy)
    assert (alert.subject, alert.severity) == ("user-1", "medium")
    assert "has 3 tokens, and the policy allows 2" in alert.message


def test_ct306_not_at_the_maximum_or_without_one() -> None:
    """As many as allowed are allowed; without the key any number is."""
    told = Told()
    told.alive("a")
    told.lists(1, "api_1", "api_2", "api_3")
    assert told.subjects("CT306", Policy(max_tokens_per_user=3)) == []
    assert told.subjects("CT306") == []


def test_users_who_turned_out_to_be_one_are_one() -> None:
    """Their tokens and secrets count together once the facts are settled."""
    told = Told()
    told.alive("a", 1)
    told.alive("b", 2)
    told.lists(1, "api_1")
    told.lists(2, "api_2")
    told.facts.merge(2, 1)
    assert told.subjects("CT301") == told.subjects("CT305") == []
