"""CT401 to CT403: what tokens are called."""

from collections.abc import Iterator

from ..alerts import Severity
from ..pattern import NamePattern
from .ground import Ground, Raised, of_token
from .texts import Holds, shown


def breaks_pattern(ground: Ground) -> Iterator[Raised]:
    """CT401: a name that is not, as a whole, what the policy's pattern describes."""
    if ground.policy.name_pattern is None:
        return
    pattern = NamePattern(ground.policy.name_pattern)
    for token_id, name in _names(ground):
        if not pattern.matches(name):
            message = f"{shown(token_id)} has a name that breaks the pattern: {ground.texts.name(name)}"
            yield of_token("CT401", token_id, message)


def duplicates(ground: Ground) -> Iterator[Raised]:
    """CT402: one name for several tokens of one user."""
    rows = ground.facts.query(
        "SELECT name, COUNT(DISTINCT id) AS tokens, MIN(id) FROM token"
        " WHERE user IN (SELECT user FROM token GROUP BY user HAVING COUNT(DISTINCT name) < COUNT(*))"
        " AND user IN (SELECT user FROM credential WHERE verdict = 'ALIVE') GROUP BY user, name HAVING tokens > 1"
    )
    for name, tokens, token_id in rows:
        message = f"{shown(token_id)} and {tokens - 1} more of one user have the same name: {ground.texts.name(name)}"
        yield of_token("CT402", token_id, message)


def not_a_name(ground: Ground) -> Iterator[Raised]:
    """CT403: a name that may be a secret (high), or holds an e-mail address (low); neither is repeated."""
    for token_id, name in _names(ground):
        held = ground.texts.holds(name)
        if held is not None:
            severity = Severity.LOW if held is Holds.ADDRESS else Severity.HIGH
            yield of_token("CT403", token_id, f"the name of {shown(token_id)} holds {held.value}", severity)


def _names(ground: Ground) -> Iterator[tuple[str, str]]:
    """Id and name of each token of a user who was seen."""
    return ground.facts.query(
        "SELECT id, name FROM token WHERE user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')"
    )


JUDGES = (breaks_pattern, duplicates, not_a_name)
