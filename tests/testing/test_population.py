from collections import Counter

import pytest

from cobalt_async.testing import CobaltSandbox, Population, populate
from tests.testing.asking import Ask

STATUS = {"alive": 200, "dead": 401, "forbidden": 403}


def test_a_seed_makes_the_same_organisation() -> None:
    """The same seed gives the same inventory, secrets too, in any sandbox; another seed another."""
    one, same, other = populate(CobaltSandbox()), populate(CobaltSandbox()), populate(CobaltSandbox(), seed=1)
    assert one == same
    assert one.inventory != other.inventory


def test_it_is_believable() -> None:
    """Mostly alive, some dead, forbidden, undeclared; few users with many tokens; names that repeat."""
    sandbox = CobaltSandbox()
    found = populate(sandbox)
    total = len(found.inventory)
    assert found.users == len(sandbox.users) == 200
    assert found.alive + found.dead + found.forbidden == total == len(found.fates)
    assert found.alive > 0.8 * total
    assert min(found.dead, found.forbidden, found.undeclared) > 0.01 * total
    counts = sorted(len(user.tokens) for user in sandbox.users)
    assert counts[100] <= 2
    assert 10 < counts[-1] <= 30
    names = Counter(token.name for user in sandbox.users for token in user.tokens)
    assert max(names.values()) > 1
    assert any(len({t.name for t in user.tokens}) < len(user.tokens) for user in sandbox.users)
    labels = [label for label, _ in found.inventory]
    assert len(set(labels)) == total
    assert any(not label.isascii() for label in labels)
    assert any(label.isascii() for label in labels)


def test_the_counts_are_those_of_the_sandbox() -> None:
    """Fates, counts and undeclared tokens are what the sandbox holds."""
    sandbox = CobaltSandbox()
    found = populate(sandbox, seed=3)
    assert Counter(found.fates) == {"alive": found.alive, "dead": found.dead, "forbidden": found.forbidden}
    declared = {secret for _, secret in found.inventory}
    tokens = [token for user in sandbox.users for token in user.tokens]
    assert all(
        sandbox.alive(secret) == (fate != "dead")
        for (_, secret), fate in zip(found.inventory, found.fates, strict=True)
    )
    refreshed_elsewhere = [secret for secret in declared if secret not in {token.secret for token in tokens}]
    assert 0 < len(refreshed_elsewhere) < found.dead
    unknown = [token for token in tokens if token.alive and token.secret not in declared]
    assert len(unknown) == found.undeclared + len(refreshed_elsewhere)


async def test_an_audit_of_it_meets_no_window(ask: Ask) -> None:
    """Two GETs for each credential, all in one window, are answered as the fates say."""
    async with CobaltSandbox(rate_limit=True) as sandbox:
        sandbox.clock.freeze()
        found = populate(sandbox)
        expected = [STATUS[fate] for fate in found.fates]
        for _ in range(2):
            assert [(await ask(sandbox, secret)).status for _, secret in found.inventory] == expected


def test_its_repr_shows_no_secret() -> None:
    """The inventory is not in the repr."""
    found = populate(CobaltSandbox(), users=5)
    assert not any(secret in repr(found) for _, secret in found.inventory)


def test_nobody_is_an_organisation_too() -> None:
    """No users, no inventory."""
    empty = Population(inventory=(), fates=(), users=0, alive=0, dead=0, forbidden=0, undeclared=0)
    assert populate(CobaltSandbox(), users=0) == empty


def test_wrong_arguments_are_named() -> None:
    """`users` and `seed` are whole numbers from 0 on; a seed goes into one sandbox once."""
    sandbox = CobaltSandbox()
    for users in (-1, True, "5"):
        with pytest.raises(ValueError, match=r"^users must be"):
            populate(sandbox, users=users)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^seed must be"):
        populate(sandbox, seed=-1)
    populate(sandbox, users=1)
    with pytest.raises(ValueError, match="belongs to another token"):
        populate(sandbox, users=1)
    assert len(populate(sandbox, users=1, seed=1).inventory) >= 0
