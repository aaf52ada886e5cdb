import time

import pytest

from cobalt_async.audit import looks_like_secret
from cobalt_async.audit.policy import Policy
from tests.audit.judging import Told
from tests.canary import TOKEN

TEAM = Policy(name_pattern=r"[a-z]+(-[a-z0-9]+)*")


def named(*names: str) -> Told:
    """A user who was seen, with tokens of these names: api_0, api_1 …"""
    told = Told()
    told.alive("ci", secret="a-secret-of-the-inventory")
    told.dead("another", secret="a=b,c;d:")
    told.lists(1, *[(f"api_{number}", name) for number, name in enumerate(names)])
    return told


def test_ct401_a_name_that_breaks_the_pattern() -> None:
    """The whole name has to match."""
    told = named("team-ci", "Team CI", "team-ci!", "", "team-ci\n")
    assert told.subjects("CT401", TEAM) == ["api_1", "api_2", "api_3", "api_4"]
    [first, *_] = [alert for alert in told.alerts(TEAM) if alert.rule == "CT401"]
    assert (first.severity, first.message) == ("low", 'api_1 has a name that breaks the pattern: "Team CI"')


def test_ct401_not_for_a_name_that_fits_or_without_a_pattern() -> None:
    """No pattern, no alert."""
    assert named("team-ci", "a").subjects("CT401", TEAM) == []
    assert named("Team CI").subjects("CT401") == []


def test_ct401_a_long_name_breaks_every_pattern() -> None:
    """256 characters are looked at, and a name of more is not one that a pattern meant."""
    told = named("a" * 256, "a" * 257)
    assert told.subjects("CT401", Policy(name_pattern="a*")) == ["api_1"]


def test_ct401_takes_its_time_from_no_name() -> None:
    """A name that keeps `re` busy for longer than the sun shines costs nothing here."""
    told = named(*("a" * 200 + "!" for _ in range(50)))
    began = time.process_time()
    assert len(told.subjects("CT401", Policy(name_pattern="(a+)+"))) == 50
    assert time.process_time() - began < 5


def test_ct402_duplicate_names_under_one_user() -> None:
    """Told once for a name, by the smallest id."""
    told = named("other", "ci", "ci", "ci")
    alert = told.only("CT402")
    assert (alert.subject, alert.severity) == ("api_1", "medium")
    assert alert.message == 'api_1 and 2 more of one user have the same name: "ci"'


def test_ct402_not_for_two_users_or_another_spelling() -> None:
    """Everybody may have a token called ci."""
    told = named("ci", "CI")
    told.alive("other", 2)
    told.lists(2, ("api_9", "ci"))
    assert told.subjects("CT402") == []


@pytest.mark.parametrize(
    "name",
    [
        TOKEN,
        f"ci {TOKEN}",
        "ghp_" + "a1B2" * 9,
        "AKIAIOSFODNN7EXAMPLE",
        "glpat-x9Kq7vTz2mXw9bRf4sYn",
        "0123456789abcdef0123456789abcdef",
        "-----BEGIN RSA PRIVATE KEY-----",
        "a-secret-of-the-inventory",
        "key=a-secret-of-the-inventory",
        "a=b,c;d:",
    ],
)
def test_ct403_a_name_that_may_be_a_secret(name: str) -> None:
    """High, and no message of any rule repeats it, whatever else is wrong with the name."""
    told = named(name, name)
    told.listed(5, ("api_0", "before"), ("api_7", name))
    policy = Policy(name_pattern="nothing")
    alerts = [alert for alert in told.alerts(policy) if alert.rule == "CT403"]
    assert [(alert.subject, alert.severity) for alert in alerts] == [("api_0", "high"), ("api_1", "high")]
    everything = told.alerts(policy)
    assert {"CT301", "CT401", "CT402", "CT403", "CT703", "CT705"} <= {alert.rule for alert in everything}
    assert name not in str(everything)


def test_ct403_an_address() -> None:
    """Low, and not repeated."""
    told = named("ada@example.com", "CI of <ada.lovelace@mail.example.com>")
    alerts = [alert for alert in told.alerts() if alert.rule == "CT403"]
    assert [(alert.subject, alert.severity) for alert in alerts] == [("api_0", "low"), ("api_1", "low")]
    assert "example" not in str(told.alerts(TEAM))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ci",
        "production-deployment-pipeline-Team1-EU",
        "MyProductionDeployToken2024Backup",
        "ci-2024-06-01-backup-v2-3-1-eu-west-1",
        "sk-learn-model-training-pipeline",
        "npm_publish_production_token",
        "glpat-rotation-for-the-platform-team",
        "jenkins.build42.node7.rack3.dc1",
        "ci 3f2a9c1b-7d4e-4b8a-9e6f-1c5d8a2b7f3e",
        "of api_AbcdEfgh1234Ijkl56Mn78",
        "20241231235959000000000000000000",
        "@ada",
        "ci@build-host",
        "a @ b",
        "Ж日本é" * 20,
    ],
)
def test_ct403_not_for_a_name(name: str) -> None:
    """Long names, dates, identifiers, hosts and other scripts are names."""
    assert named(name).subjects("CT403") == []


def test_a_name_is_shown_short_and_on_one_line() -> None:
    """Line ends and length are taken out of it; a very long one is not shown at all."""
    told = named("a\r\n\u2028b" + "c" * 200, "d" * 2000)
    first, second = [alert.message for alert in told.alerts(TEAM) if alert.rule == "CT401"]
    assert len(first.splitlines()) == 1
    assert len(first) < 120
    assert second.endswith("a name that is not repeated here")


def test_what_looks_like_a_secret_takes_linear_time() -> None:
    """A name made to keep the search busy does not."""
    began = time.process_time()
    for piece in ("glpat-", "eyJ-", "eyJa.", "a1B", "0f", "-----BEGIN ", "@a.", "api_", "SG.a"):
        looks_like_secret(piece * 1000)
        named((piece * 1000)[:4000]).subjects("CT403")
    assert time.process_time() - began < 20
