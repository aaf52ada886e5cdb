"""The rules together: what is in the catalogue, in which order alerts come, and what the policy makes of them."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cobalt_async import Token
from cobalt_async.audit.alerts import Alert, Severity
from cobalt_async.audit.catalogue import RULES, Rule
from cobalt_async.audit.policy import Policy, Suppression
from cobalt_async.audit.rules import CANNOT_KNOW
from cobalt_async.audit.verdicts import Verdict
from cobalt_async.errors import ConfigurationError
from tests.audit.judging import NOT_TRIED, NOW, Told, rotation, rules_of
from tests.canary import NEW, TOKEN, Hunter

IDS = [
    *("CT101", "CT102", "CT103", "CT104", "CT105"),
    *("CT201", "CT202", "CT203"),
    *("CT301", "CT302", "CT304", "CT305", "CT306"),
    *("CT401", "CT402", "CT403"),
    *("CT502", "CT601"),
    *("CT701", "CT702", "CT703", "CT704", "CT705"),
    "CT901",
]
TODAY = NOW.date()


def some() -> Told:
    """Facts that raise alerts about labels, a user, a token and a file."""
    told = Told(rotation("api_7", finished=False))
    told.alive("z", status="retired", exposed="/srv/list.csv")
    told.dead("b")
    told.dead("a")
    told.lists(1, ("api_1", "ada@example.com"))
    return told


def test_every_rule_is_in_the_catalogue() -> None:
    """In order, each with a title, a help that says how it can err or when it is raised, and a fix; for good."""
    assert list(RULES) == IDS
    for rule_id, rule in RULES.items():
        assert rule.id == rule_id
        assert min(len(rule.title), len(rule.fix)) >= 9
        assert len(rule.help) > 100
        assert not re.search(r"\s\s|\n|[^.]$", f"{rule.title}. {rule.help} {rule.fix}")
    with pytest.raises(TypeError):
        RULES["CT999"] = RULES["CT101"]  # type: ignore[index]


def test_a_rule_is_found_by_its_id() -> None:
    """In small letters too; else the nearest is named, or where they begin and end."""
    assert Rule.find(" ct301 ") is RULES["CT301"]
    with pytest.raises(ConfigurationError, match="no such rule; perhaps it is CT301"):
        Rule.find("CT309")
    with pytest.raises(ConfigurationError, match="they go from CT101 to CT901"):
        Rule.find(TOKEN)


def test_the_worst_comes_first() -> None:
    """By severity, then by rule, then by subject."""
    alerts = some().alerts()
    assert [(alert.severity, alert.rule, alert.subject) for alert in alerts] == [
        ("critical", "CT102", "z"),
        ("high", "CT101", "a"),
        ("high", "CT101", "b"),
        ("high", "CT901", "/srv/list.csv"),
        ("high", "CT901", "api_7"),
        ("low", "CT305", "user-1"),
        ("low", "CT403", "api_1"),
    ]
    assert all(alert.fix == RULES[alert.rule].fix and alert.suppressed is None for alert in alerts)


def test_severities_of_the_policy() -> None:
    """A word changes all alerts of a rule, and with them the order; off raises none."""
    policy = Policy(severities={"CT305": Severity.CRITICAL, "CT102": "note", "CT101": "off"})
    alerts = some().alerts(policy)
    assert rules_of(alerts) == ["CT305", "CT901", "CT901", "CT403", "CT102"]
    assert (alerts[0].severity, alerts[-1].severity) == ("critical", "note")


@pytest.mark.parametrize(
    ("rule", "subject", "hit"),
    [
        ("CT101", "a", [("CT101", "a")]),
        ("CT101", None, [("CT101", "a"), ("CT101", "b")]),
        ("CT101", "A", []),
        ("CT102", "a", []),
        ("CT305", "api_1", [("CT305", "user-1")]),
        ("CT403", "api_1", [("CT403", "api_1")]),
        ("CT901", "/srv/list.csv", [("CT901", "/srv/list.csv")]),
        ("CT901", "/srv", []),
    ],
)
def test_what_the_policy_suppresses_stays_and_says_why(rule: str, subject: str | None, hit: list[Any]) -> None:
    """By rule and subject, exactly; of a user the subject is the token id that the message names."""
    policy = Policy(suppress=(Suppression(rule=rule, subject=subject, reason="known", until=TODAY),))
    alerts = some().alerts(policy)
    assert len(alerts) == 7
    assert [(alert.rule, alert.subject) for alert in alerts if alert.suppressed == "known"] == hit
    assert all(alert.suppressed in (None, "known") for alert in alerts)


def test_a_suppression_ends() -> None:
    """It holds through its last day; from the next on it does not apply, and a note says so."""

    def policy(until: date) -> Policy:
        return Policy(suppress=(Suppression(rule="CT101", subject="a", reason="known", until=until),))

    assert [alert.suppressed for alert in some().alerts(policy(TODAY))].count("known") == 1
    assert not any("suppression" in note for note in some().notes(policy(TODAY)))
    over = policy(TODAY - timedelta(days=1))
    assert {alert.suppressed for alert in some().alerts(over)} == {None}
    [note] = [note for note in some().notes(over) if "suppression" in note]
    assert note == "the policy's suppression of CT101 for a ended on 2026-11-22, and no longer applies"


def test_fingerprints_are_the_same_in_every_run() -> None:
    """Whatever number the user has, and whatever else is found; and no two alerts have the same."""
    first, second = some(), Told(rotation("api_7", finished=False))
    second.dead("new")
    second.alive("other", 1)
    second.lists(1, "api_8", "api_9")
    second.alive("z", 3, status="retired", exposed="/srv/list.csv")
    second.dead("a")
    second.dead("b")
    second.lists(3, ("api_1", "ada@example.com"))
    before = {alert.fingerprint: alert.rule for alert in first.alerts()}
    after = {alert.fingerprint: alert.rule for alert in second.alerts()}
    assert len(before) == 7
    assert before.items() <= after.items()
    assert all(re.fullmatch("[0-9a-f]{32}", fingerprint) for fingerprint in before)


def test_a_label_and_a_token_of_one_name_are_two_things() -> None:
    """A fingerprint knows what kind of subject it is about."""
    told = Told(rotation("api_1", finished=False))
    told.alive("x", exposed="api_1")
    alerts = [alert for alert in told.alerts() if alert.rule == "CT901"]
    assert [alert.subject for alert in alerts] == ["api_1", "api_1"]
    assert len({alert.fingerprint for alert in alerts}) == 2


def test_no_fingerprint_is_of_a_secret() -> None:
    """The same label with another secret is the same alert."""

    def found(secret: str) -> Alert:
        told = Told()
        told.dead("ci", secret=secret)
        return told.only("CT101")

    assert found("one-secret") == found("another-secret")


def test_rows_that_are_the_same_raise_one_alert() -> None:
    """A row that stands in the inventory twice is told once."""
    told = Told()
    told.dead("a")
    told.dead("a")
    assert told.subjects("CT101") == ["a"]


def test_nothing_raises_nothing() -> None:
    """No credential, no alert, no note."""
    assert Told().alerts() == ()
    assert Told().notes() == ()


def test_a_run_that_ended_early_says_which_rules_it_left_out() -> None:
    """Whether the audit says so, or a credential was not tried."""
    told = Told()
    told.alive("a", owner="Ada")
    assert told.notes() == ()
    [note] = told.notes(complete=False)
    assert note.startswith("CT202 and CT301 need all of the inventory")
    told.tell("b", NOT_TRIED, None)
    assert told.notes() == (note,)


def test_what_cannot_be_known_is_said_in_sentences() -> None:
    """F27, one by one."""
    said = " ".join(CANNOT_KNOW)
    for word in ("made", "last used", "may do", "e-mail", "which listed token", "why", "who", "could be seen"):
        assert word in said
    assert all(sentence.endswith(".") and len(sentence.splitlines()) == 1 for sentence in CANNOT_KNOW)


CANARIES = (TOKEN, NEW)
IDS_OF_TOKENS = st.sampled_from([f"api_{number}" for number in range(6)])
NAMES = st.sampled_from(["", "ci", "CI ", "ada@example.com", *CANARIES, f"x={TOKEN}", "a\nb", "\x1b[2J", "é" * 3000])
USERS = st.integers(1, 3)
SECRETS = st.sampled_from([*CANARIES, "third-secret", "fourth-secret"])
LABELS = st.sampled_from(["a", "b", "c", "api_1"])
CREDENTIALS = st.fixed_dictionaries(
    {"label": LABELS, "verdict": st.sampled_from(Verdict), "user": st.none() | USERS, "secret": SECRETS},
    optional={
        "owner": st.sampled_from(["Ada", "ada ", "Bob"]),
        "token_id": IDS_OF_TOKENS,
        "region": st.sampled_from(["us", "eu"]),
        "answered_by": st.sampled_from(["us", "eu"]),
        "status": st.sampled_from(["active", "retired"]),
        "rotate_by": st.dates(TODAY - timedelta(days=9), TODAY + timedelta(days=9)),
        "exposed": st.sampled_from(["/a", "/b"]),
    },
)
MOMENTS = st.none() | st.integers(-40, 40).map(lambda days: NOW + timedelta(days=days))
LISTINGS = st.lists(st.tuples(USERS, st.builds(Token, IDS_OF_TOKENS, NAMES, st.none(), MOMENTS)), max_size=8)
ROTATIONS = st.lists(
    st.builds(
        rotation,
        IDS_OF_TOKENS,
        old=st.none() | SECRETS,
        new=st.none() | SECRETS,
        finished=st.booleans(),
        days=st.integers(0, 200),
        new_token_id=st.none() | IDS_OF_TOKENS,
    ),
    max_size=3,
)
POLICIES = st.builds(
    Policy,
    name_pattern=st.sampled_from([None, "[a-z]+", ".*"]),
    max_tokens_per_user=st.none() | st.integers(1, 3),
    expires_within_days=st.integers(0, 60),
    rotate_after_days=st.none() | st.integers(1, 100),
    severities=st.dictionaries(st.sampled_from(IDS), st.sampled_from([*Severity, "off"]), max_size=3),
    suppress=st.lists(
        st.builds(
            Suppression,
            rule=st.sampled_from(IDS),
            subject=st.sampled_from([None, "a", "api_1"]),
            reason=st.just("known"),
            until=st.dates(TODAY - timedelta(days=1), TODAY + timedelta(days=1)),
        ),
        max_size=2,
    ).map(tuple),
)


SITUATIONS = st.fixed_dictionaries(
    {
        "credentials": st.lists(CREDENTIALS, max_size=8),
        "listings": LISTINGS,
        "rotations": ROTATIONS,
        "then": st.dictionaries(LABELS, st.tuples(st.sampled_from(Verdict), st.none() | USERS, SECRETS)),
        "listed_then": st.dictionaries(IDS_OF_TOKENS, st.tuples(USERS, NAMES)),
        "same": st.lists(st.sampled_from([(2, 1), (3, 1), (3, 2)]), max_size=1),
    }
)


def tell(situation: dict[str, Any]) -> Told:
    """Facts of such a situation."""
    told = Told(*situation["rotations"])
    for values in situation["credentials"]:
        told.tell(values.pop("label"), values.pop("verdict"), values.pop("user"), **values)
    for user, token in situation["listings"]:
        told.lists(user, token)
    for label, (verdict, number, secret) in situation["then"].items():
        told.was(label, verdict, number, secret=secret)
    for token_id, (user, name) in situation["listed_then"].items():
        told.listed(user, (token_id, name))
    for user, same_as in situation["same"]:
        told.facts.merge(user, same_as)
    return told


@settings(max_examples=200, deadline=None)
@given(SITUATIONS, POLICIES, st.booleans(), st.booleans())
def test_whatever_the_facts_alerts_are_sound_and_hold_no_secret(
    situation: dict[str, Any], policy: Policy, baseline: bool, complete: bool
) -> None:
    """Nothing is raised but alerts: in order, each on one short line, and without a secret in it."""
    told = tell(situation)
    alerts = told.alerts(policy, baseline=baseline, complete=complete)
    order = [(alert.severity.rank, alert.rule, alert.subject) for alert in alerts]
    assert order == sorted(order)
    assert all(len(alert.message.splitlines()) == 1 and len(alert.message) < 400 for alert in alerts)
    hunter = Hunter(*CANARIES)
    hunter.look("alerts", *alerts, told.notes(policy))
    assert hunter.found == []
