"""Of listings the latest are in memory, and the rest comes from where it is on record."""

from collections.abc import Iterator

import pytest

from cobalt_async import Token
from cobalt_async.audit.engine import at_hand
from cobalt_async.audit.engine.at_hand import AtHand
from cobalt_async.audit.facts import Facts
from tests.audit.keeping import lists


@pytest.fixture
def facts() -> Iterator[Facts]:
    """A store of its own."""
    facts = Facts()
    yield facts
    facts.close()


def tokens(user: int, count: int) -> tuple[Token, ...]:
    """So many tokens of a user."""
    return tuple(Token(f"api_{user}x{number}", f"api_{user}x{number}") for number in range(count))


def test_what_is_kept_is_not_asked_for(facts: Facts) -> None:
    """A listing that is at hand is the very one that was kept, and one that is not comes from the record."""
    hand = AtHand(facts)
    lists(facts, 2, "api_2x0", "api_2x1")
    kept = tokens(1, 2)
    hand.keep(1, kept)
    assert hand.tokens(1) is kept
    assert 2 not in hand
    assert hand.tokens(2) == tokens(2, 2)
    assert hand.tokens(2) is hand.tokens(2)
    hand.drop(1)
    assert 1 not in hand
    hand.drop(1)


def test_what_is_at_hand_is_bounded(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many listings are kept, and however often, there are never more tokens than the bound."""
    monkeypatch.setattr(at_hand, "_MOST", 100)
    hand = AtHand(facts)
    for user in range(1, 300):
        for _ in range(2):
            hand.keep(user, tokens(user, user % 5))
        held = sum(len(listing) + 1 for listing in hand._listings.values())
        assert hand._size == held <= at_hand._MOST
    assert len(hand._listings) > at_hand._MOST / 4


def test_a_listing_beyond_the_bound_is_kept_until_the_next(facts: Facts) -> None:
    """One large listing is at hand for as long as nobody else's is."""
    hand = AtHand(facts)
    large = tokens(1, at_hand._MOST)
    hand.keep(1, large)
    assert hand.tokens(1) is large
    hand.keep(2, tokens(2, 1))
    assert 1 not in hand
    assert 2 in hand
