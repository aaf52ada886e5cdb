from datetime import UTC, datetime

import pytest

from cobalt_async import Secret
from cobalt_async.ledger import fingerprint
from cobalt_async.rotation.binding import contradiction, proven
from cobalt_async.rotation.intent import Intent
from cobalt_async.rotation.records import Entry

AT = datetime(2026, 11, 24, tzinfo=UTC)
SALT = bytes(32)
MINE, OTHER, THIRD = Secret("mine"), Secret("other"), Secret("third")


def rotated(token_id: str, new: Secret | None, *, state: str = "SUCCESS", new_id: str | None = None) -> Entry:
    """What the journal says of a rotation that brought this secret."""
    intent = Intent(
        rotation_id=f"rot-{token_id}",
        token_id=token_id,
        name="ci",
        base_url="https://api.cobalt.io",
        region=None,
        rotation_class="ONE_SHOT",
        binding="DECLARED",
        salt=SALT,
        old=fingerprint(Secret("before"), SALT),
        listed={},
        stores=(),
    )
    mark = None if new is None else fingerprint(new, SALT)
    return Entry(intent, AT, AT, state=state, new=mark, new_token_id=new_id)


@pytest.mark.parametrize(
    ("listed", "entries", "expected"),
    [
        (["api_a"], [], True),  # the only token
        (["api_a", "api_b"], [], False),
        (["api_a", "api_b"], [rotated("api_a", MINE)], True),  # it came out of our rotation of this id
        (["api_a", "api_b"], [rotated("api_x", MINE, new_id="api_a")], True),  # (the same, the id changed)
        (["api_a", "api_b"], [rotated("api_b", MINE)], False),
        (["api_a", "api_b"], [rotated("api_b", OTHER)], True),  # the only other one is known to be another secret
        (["api_a", "api_b"], [rotated("api_b", OTHER, state="ADOPTED")], True),
        (["api_a", "api_b"], [rotated("api_b", OTHER, state="HELD")], False),  # it may never have been proved
        (["api_a", "api_b"], [rotated("api_b", None)], False),
        (["api_a", "api_b", "api_c"], [rotated("api_b", OTHER)], False),
        (["api_a", "api_b", "api_c"], [rotated("api_b", OTHER), rotated("api_c", THIRD)], True),
    ],
)
def test_what_proves_that_a_secret_is_a_token(listed: list[str], entries: list[Entry], expected: bool) -> None:
    """Our own record of both, or that nothing else is left for it to be; never a name, never last characters."""
    assert proven(MINE, "api_a", dict.fromkeys(listed, "ci"), entries) is expected


@pytest.mark.parametrize(
    ("listed", "entries", "expected"),
    [
        (["api_a", "api_b"], [], None),
        (["api_a", "api_b"], [rotated("api_a", MINE)], None),
        (["api_a", "api_b"], [rotated("api_b", OTHER)], None),
        (["api_a", "api_b"], [rotated("api_b", MINE)], "api_b"),
        (["api_a"], [rotated("api_b", MINE)], None),  # that id is gone: it may be this one's former id
        (["api_a", "api_n"], [rotated("api_b", MINE, new_id="api_n")], "api_n"),
    ],
)
def test_what_the_journal_knows_better(listed: list[str], entries: list[Entry], expected: str | None) -> None:
    """The id that this secret has, where it is another one than the one asked for, and is still listed."""
    assert contradiction(MINE, "api_a", dict.fromkeys(listed, "ci"), entries) == expected
