from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cobalt_async import Secret
from cobalt_async.errors import ConfigurationError
from cobalt_async.ledger import FINGERPRINT, Ledger, RotationRecord, fingerprint
from tests.canary import hunting

SALT, OTHER = b"salt of the journal", b"salt of another journal"
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
CANARY = "canary-secret-0123456789"


def record(
    rotation_id: str, *, old: str | None = None, new: str | None = None, day: int = 0, **more: Any
) -> RotationRecord:
    """A rotation that was last touched on a day."""
    salt = more.setdefault("salt", SALT)
    return RotationRecord(
        rotation_id=rotation_id,
        token_id="api_1",
        state="COMMITTED",
        finished=new is not None,
        started_at=more.pop("started_at", BEGAN),
        updated_at=more.pop("updated_at", BEGAN + timedelta(days=day)),
        old=None if old is None else fingerprint(Secret(old), salt),
        new=None if new is None else fingerprint(Secret(new), salt),
        **more,
    )


def named(found: RotationRecord | None) -> str | None:
    """Its id."""
    return None if found is None else found.rotation_id


def test_a_fingerprint_tells_secrets_apart() -> None:
    """The same for one secret and one salt, another for any other; 16 bytes that do not hold the text."""
    one = fingerprint(Secret(CANARY), SALT)
    assert one == fingerprint(Secret(CANARY), SALT)
    assert len(one) == FINGERPRINT == 16
    assert len({one, fingerprint(Secret(CANARY), OTHER), fingerprint(Secret(CANARY + "0"), SALT)}) == 3


def test_what_became_of_a_secret() -> None:
    """A secret is found as the one that was replaced, or as the one that came; under whatever salt."""
    ledger = Ledger([record("r1", old="a", new="b"), record("r2", old="b", new="c", salt=OTHER), record("r3")])
    assert [named(ledger.replaced(Secret(text))) for text in "abcd"] == ["r1", "r2", None, None]
    assert [named(ledger.issued(Secret(text))) for text in "abcd"] == [None, "r1", "r2", None]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("salt", [SALT, OTHER])
def test_of_several_rotations_one_counts(turned: bool, salt: bytes) -> None:
    """The one that brought a new secret, though a later one was refused; among equals the latest. In any order."""
    records = [record("brought", old="a", new="b", day=1), record("refused", old="a", day=2, salt=salt)]
    ledger = Ledger(reversed(records) if turned else records)
    assert named(ledger.replaced(Secret("a"))) == "brought"
    records = [record("early", old="a", day=1), record("late", old="a", day=2, salt=salt)]
    ledger = Ledger(reversed(records) if turned else records)
    assert named(ledger.replaced(Secret("a"))) == "late"


def test_by_id() -> None:
    """A rotation is found by its id; None and what is not there give None."""
    ledger = Ledger(iter([record("r1")]))
    assert named(ledger.record("r1")) == "r1"
    assert ledger.record("r2") is ledger.record(None) is None
    assert len(ledger.records) == 1
    assert Ledger().records == ()
    assert Ledger().replaced(Secret("a")) is None


@pytest.mark.parametrize(
    ("given", "flaw"),
    [
        (["r1"], "ledger: RotationRecords, not str"),
        ([None], "ledger: RotationRecords, not NoneType"),
        ([record("r1", started_at=BEGAN.replace(tzinfo=None))], "ledger: the times of a RotationRecord are aware"),
        ([record("r1", updated_at=BEGAN.replace(tzinfo=None))], "ledger: the times of a RotationRecord are aware"),
    ],
)  # fmt: skip
def test_what_is_no_ledger(given: list[Any], flaw: str) -> None:
    """Anything but RotationRecords with aware times is a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=flaw):
        Ledger(given)


def test_no_secret_and_no_key_is_shown() -> None:
    """The repr of a record has neither the fingerprints nor what they are keyed with."""
    made = record("r1", old=CANARY, new=CANARY)
    with hunting(CANARY) as hunter:
        hunter.look("record", made, [made], Ledger([made]))
    assert hunter.found == []
    assert made.old is not None
    assert not any(str(held) in repr(made) for held in (made.salt, made.old, made.new))
