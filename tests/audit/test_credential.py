from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest

from cobalt_async import Secret
from cobalt_async.audit import Credential
from cobalt_async.errors import ConfigurationError
from tests.canary import TOKEN, hunting


def test_what_is_not_declared_is_none() -> None:
    """A label and a secret are a credential; the rest is None."""
    credential = Credential("ci", TOKEN)
    assert attrs.astuple(credential, recurse=False)[2:] == (None,) * 7


def test_all_that_can_be_declared() -> None:
    """Each value stays what was given, and equal credentials are equal."""
    declared: dict[str, Any] = {
        "owner": "Ada Lovelace",
        "system": "Jenkins, main",
        "token_id": "api_1",
        "region": "eu",
        "status": "retired",
        "rotate_by": date(2026, 12, 31),
        "exposed": "inventory.csv",
    }
    credential = Credential("ci", TOKEN, **declared)
    assert {name: getattr(credential, name) for name in declared} == declared
    assert credential == Credential("ci", Secret(TOKEN), **declared)
    assert attrs.evolve(credential, secret="other", exposed=None).secret.reveal() == "other"


def test_the_declared_is_given_by_name_only() -> None:
    """Nobody has to count seven arguments."""
    with pytest.raises(TypeError):
        Credential("ci", TOKEN, "Ada")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("declared", "flaw"),
    [
        ({"owner": ""}, "owner: it is empty"),
        ({"owner": " \u3000"}, "owner: it is empty"),
        ({"owner": "a\x1b[2J"}, "owner: it holds a control character"),
        ({"owner": "a" * 1001}, "owner: at most 1000 characters"),
        ({"owner": 7}, "owner: a str, not int"),
        ({"system": "\u2028"}, "system: it is empty"),
        ({"system": "a\u2028b"}, "system: it holds a control character or a line end"),
        ({"system": "\ud800"}, "system: it holds a control character"),
        ({"token_id": ""}, "token_id: api_ followed by"),
        ({"token_id": "api_"}, "token_id: api_ followed by"),
        ({"token_id": TOKEN}, "token_id: api_ followed by"),
        ({"token_id": "api_é"}, "token_id: api_ followed by"),
        ({"token_id": 7}, "token_id: api_ followed by"),
        ({"region": "de"}, 'region: "us" or "eu"'),
        ({"region": ["us"]}, 'region: "us" or "eu"'),
        ({"status": "dead"}, 'status: "active" or "retired"'),
        ({"rotate_by": "2026-12-31"}, "rotate_by: a date, not str"),
        ({"rotate_by": datetime(2026, 12, 31, tzinfo=UTC)}, "rotate_by: a date, not datetime"),
        ({"exposed": True}, "exposed: a str, not bool"),
    ],
)
def test_what_is_declared_is_checked(declared: dict[str, Any], flaw: str) -> None:
    """A wrong value is a ConfigurationError that names the field, and no frame of it holds the secret."""
    with hunting(TOKEN) as hunter:
        with pytest.raises(ConfigurationError, match=flaw) as caught:
            Credential("ci", TOKEN, **declared)
        hunter.look_at_error(caught.value)
    assert hunter.found == []


@pytest.mark.parametrize("field", ["label", "owner", "system", "token_id"])
@pytest.mark.parametrize("around", ["{}", "api_{}", "api_a{}b"])
def test_no_text_of_it_is_the_secret(field: str, around: str) -> None:
    """What every report shows holds no secret: it stands in the wrong column, and is not repeated."""
    secret = around.format("canary0123456789") if around == "{}" else "canary0123456789"
    secret = f"api_{secret}" if field == "token_id" and around == "{}" else secret
    texts: dict[str, Any] = {"label": "ci", field: around.format(secret)}
    with hunting("canary0123456789") as hunter:
        with pytest.raises(ConfigurationError, match=f"^{field}: it holds the secret itself") as caught:
            Credential(secret=secret, **texts)
        hunter.look_at_error(caught.value)
    assert hunter.found == []


def test_a_short_secret_may_be_part_of_a_text() -> None:
    """Below eight characters that is chance; to be the same never is."""
    assert Credential("ci of x", "ci").label == "ci of x"
    assert Credential("a-1234567", "1234567").label == "a-1234567"
    for label, secret in (("x", "x"), ("a-12345678", "12345678")):
        with pytest.raises(ConfigurationError, match="label: it holds the secret"):
            Credential(label, secret)


@pytest.mark.parametrize("label", ["a\u00a0b", "a\u200db", "日本", "a\u202eb", "é\U0001f600"])
def test_text_of_any_script_is_a_label(label: str) -> None:
    """What is not printable to Python may be writing all the same: a joiner, a no-break space."""
    assert Credential(label, TOKEN, owner=label).label == label


def test_the_secret_is_in_no_repr() -> None:
    """Neither repr nor str nor a dict of its fields shows it; pickling refuses."""
    credential = Credential("ci", TOKEN, owner="Ada")
    with hunting(TOKEN) as hunter:
        hunter.look("repr", credential, attrs.asdict(credential, recurse=False), [credential])
    assert hunter.found == []
    assert not hasattr(credential, "__dict__")
