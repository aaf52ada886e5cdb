from datetime import date, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from cobalt_async.audit.alerts import Severity
from cobalt_async.audit.policy import Policy, Suppression, read_policy
from cobalt_async.errors import ConfigurationError
from tests.canary import TOKEN, hunting

WHOLE = """
name_pattern = '[a-z]+(-[a-z0-9]+)*'
max_tokens_per_user = 5
expires_within_days = 0
rotate_after_days = 90

[severities]
CT401 = "note"
CT305 = "off"

[[suppress]]
rule = "CT305"
reason = "service users have one token each"
until = 2027-06-30

[[suppress]]
rule = "CT101"
subject = "ci / old"
reason = "being moved, see OPS-7"
until = 2026-12-01
"""


def read(folder: Path, text: str | bytes) -> Policy:
    """The policy of a file with this text."""
    path = folder / "policy.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_policy(path)


def refusal(folder: Path, text: str | bytes) -> str:
    """Why this text is none, after the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'policy.toml'}: ")
    assert len(message.splitlines()) == 1
    assert caught.value.__cause__ is caught.value.__context__ is None
    return message.removeprefix(f"{folder / 'policy.toml'}: ")


def test_every_key(tmp_path: Path) -> None:
    """All that a policy can say, as it is said in TOML."""
    assert read(tmp_path, WHOLE) == Policy(
        name_pattern="[a-z]+(-[a-z0-9]+)*",
        max_tokens_per_user=5,
        expires_within_days=0,
        rotate_after_days=90,
        severities={"CT401": Severity.NOTE, "CT305": "off"},
        suppress=(
            Suppression(rule="CT305", reason="service users have one token each", until=date(2027, 6, 30)),
            Suppression(rule="CT101", subject="ci / old", reason="being moved, see OPS-7", until=date(2026, 12, 1)),
        ),
    )


@pytest.mark.parametrize("text", ["", "\ufeff", "# nothing", "[severities]"])
def test_an_empty_file_is_a_policy(tmp_path: Path, text: str) -> None:
    """Each key is optional; so is a byte order mark."""
    assert read(tmp_path, text) == Policy()


def test_a_policy_does_not_change() -> None:
    """Its severities are its own, for good."""
    given: dict[str, Any] = {"CT401": "note"}
    policy = Policy(severities=given)
    given["CT401"] = "high"
    assert policy.severities == {"CT401": Severity.NOTE}
    with pytest.raises(TypeError):
        policy.severities["CT401"] = Severity.HIGH  # type: ignore[index]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        policy.name_pattern = None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("name_patern = 'a'", "the key name_patern is unknown; is it meant to be name_pattern?"),
        ("zzz = 1", "the key zzz is unknown; the keys are name_pattern, "),
        ("'a b' = 1", "key 1 is unknown"),
        ("[policy]\nname_pattern = 'a'", "the key policy is unknown"),
        ("name_pattern = 5", "name_pattern: a text in quotes"),
        ("name_pattern = '(a'", "name_pattern: at character 1, a ( without its )"),
        ("max_tokens_per_user = 0", "max_tokens_per_user: a whole number from 1 to"),
        ("max_tokens_per_user = '5'", "max_tokens_per_user: a whole number from 1 to"),
        ("max_tokens_per_user = true", "max_tokens_per_user: a whole number from 1 to"),
        ("max_tokens_per_user = 5.0", "max_tokens_per_user: a whole number from 1 to"),
        ("expires_within_days = -1", "expires_within_days: a whole number from 0 to 36500"),
        ("expires_within_days = 99999999999", "expires_within_days: a whole number from 0 to 36500"),
        ("rotate_after_days = 0", "rotate_after_days: a whole number from 1 to 36500"),
        ("severities = 'high'", "severities: a table of rules"),
        ("severities.CT999 = 'high'", "severities: there is no such rule; perhaps it is CT901"),
        ("severities.CT401 = 'hihg'", "severities: CT401: one of critical, high, medium, low, note, off"),
        ("severities.CT401 = ['high']", "severities: CT401: one of critical"),
        ("severities.CT401 = false", "severities: CT401: one of critical"),
        ("suppress = 5", "suppress: tables under [[suppress]]"),
        ("[suppress]\nrule = 'CT401'", "suppress: tables under [[suppress]]"),
        ("suppress = [5]", "suppress 1: a table under [[suppress]]"),
        ("[[suppress]]\nreason = 'x'\nuntil = 2027-01-01", "suppress 1: rule is missing"),
        ("[[suppress]]\nrule = 'CT401'\nuntil = 2027-01-01", "suppress 1: reason is missing"),
        ("[[suppress]]\nrule = 'CT401'\nreason = 'x'", "suppress 1: until is missing"),
        (f"{WHOLE}[[suppress]]\nrule = 'CT9'\nreason = 'x'\nuntil = 2027-01-01", "suppress 3: rule: there is no such"),
        ("[[suppress]]\nrule = ['CT401']\nreason = 'x'\nuntil = 2027-01-01", "suppress 1: rule: there is no such rule"),
        ("[[suppress]]\nrule = 'CT401'\nreason = ' '\nuntil = 2027-01-01", "suppress 1: reason: a text in quotes"),
        ("[[suppress]]\nrule = 'CT401'\nreason = 'x'\nuntil = '2027-01-01'", "suppress 1: until: a day such as"),
        ("[[suppress]]\nrule = 'CT401'\nreason = 'x'\nuntil = 2027-01-01T00:00:00", "suppress 1: until: a day such as"),
        ("[[suppress]]\nrule = 'CT401'\nreason = 'x'\nuntil = 2027-01-01\nsubject = ''", "suppress 1: subject: a text"),
        ("[[suppress]]\nrule = 'CT401'\nreason = 'x'\nuntil = 2027-01-01\nsubjct = 'x'", "suppress 1: the key subjct"),
        (
            "[[suppress]]\nrule = 'CT305'\nreason = 'x'\nuntil = 2027-01-01\nsubject = 'user-7'",
            "suppress 1: subject: users have other numbers in every run; give the token id",
        ),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, flaw: str) -> None:
    """One line with the file, the key and what belongs there; a key that nobody knows is never ignored."""
    assert refusal(tmp_path, text).startswith(flaw)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (f'max_tokens_per_user = 5\nname_pattern = "{TOKEN}\n', "line 2: it is no TOML from here on"),
        (f"{TOKEN}\n", "line 1: it is no TOML from here on"),
        (f"[severities]\n[severities]\n# {TOKEN}", "line 2: it is no TOML from here on"),
        (f"name_pattern = '''{TOKEN}", "it is no TOML, or it ends too early"),
        (f"max_tokens_per_user = {'9' * 5000}", "it is no TOML, or it ends too early"),
        (f"name_pattern = {'[' * 100_000}", "it is nested too deep"),
        (b"\xff\xfe" + TOKEN.encode(), "it is not UTF-8"),
        (b"#" * (1_048_576 + 1), "longer than 1 MiB"),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str | bytes, flaw: str) -> None:
    """With its line where that is known, and without repeating what stands there."""
    with hunting(TOKEN) as hunter:
        message = refusal(tmp_path, text)
        hunter.look("message", message)
    assert message.startswith(flaw)
    assert hunter.found == []


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    """1 MiB is not too much."""
    assert read(tmp_path, b"#" * 1_048_576) == Policy()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is named, with the reason."""
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ConfigurationError, match=r"it cannot be read \(.+\); give a TOML file"):
            read_policy(path)


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [
        ({"name_pattern": 5}, "name_pattern: a text"),
        ({"max_tokens_per_user": "5"}, "max_tokens_per_user: a whole number"),
        ({"expires_within_days": None}, "expires_within_days: a whole number"),
        ({"severities": None}, "severities: a table"),
        ({"severities": {5: "high"}}, "severities: there is no such rule"),
        ({"suppress": ["CT401"]}, "suppress: Suppressions"),
        ({"suppress": ("CT401",)}, "suppress: Suppressions"),
    ],
)
def test_a_policy_made_in_python_is_checked_alike(wrong: dict[str, Any], flaw: str) -> None:
    """The library's callers get the same sentences."""
    with pytest.raises(ConfigurationError, match=flaw):
        Policy(**wrong)


def test_a_suppression_made_in_python_is_checked_alike() -> None:
    """A datetime is no day, though Python takes it for one; a label may be called like a user."""
    good: dict[str, Any] = {"rule": "CT101", "reason": "x", "until": date(2027, 1, 1)}
    for wrong in ({"until": datetime(2027, 1, 1)}, {"until": None}, {"reason": ""}, {"rule": 5}, {"subject": 5}):  # noqa: DTZ001
        with pytest.raises(ConfigurationError):
            Suppression(**good | wrong)
    assert Suppression(**good, subject="user-7").subject == "user-7"
