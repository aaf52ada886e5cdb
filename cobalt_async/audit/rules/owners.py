"""CT201 to CT203: whose a secret is said to be, and whose it is."""

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from .ground import Ground, Raised, of_label, of_user
from .texts import shown

_MOST_NAMED = 3  # owners, in a message


def several_owners(ground: Ground) -> Iterator[Raised]:
    """CT201: living secrets of one user, declared for owners who differ in more than capitals and blanks."""
    rows = ground.facts.query(
        "SELECT user, owner FROM credential"
        " WHERE verdict = 'ALIVE' AND user IS NOT NULL AND trim(owner) <> '' ORDER BY user, owner"
    )
    for user, entries in groupby(rows, lambda row: row[0]):
        owners: dict[str, str] = {}
        for _, owner in entries:
            if len(owners) <= _MOST_NAMED:
                owners.setdefault(_spelling(owner), owner)
        if len(owners) > 1:
            (token_id,) = next(ground.facts.query("SELECT MIN(id) FROM token WHERE user = ?", (user,)))
            named = ", ".join(map(ground.texts.owner, list(owners.values())[:_MOST_NAMED]))
            more = " and others" if len(owners) > _MOST_NAMED else ""
            message = f"secrets of the user of {shown(token_id or '?')} are declared for {named}{more}"
            yield of_user("CT201", user, token_id, message)


def no_owner(ground: Ground) -> Iterator[Raised]:
    """CT202: a user none of whose living secrets has a declared owner, where owners are declared at all.

    It claims that something is not in the inventory: a run that ended early cannot know that.
    """
    if not ground.is_whole or not owners_declared(ground):
        return
    rows = ground.facts.query(
        "SELECT user, COUNT(DISTINCT mark), (SELECT MIN(id) FROM token WHERE token.user = credential.user)"
        " FROM credential WHERE verdict = 'ALIVE' AND user IS NOT NULL GROUP BY user"
        " HAVING MAX(COALESCE(trim(owner), '')) = ''"
    )
    for user, secrets, token_id in rows:
        held = "its secret is" if secrets == 1 else f"its {secrets} secrets are"
        message = f"no owner is declared for the user of {shown(token_id or '?')}, though {held} in the inventory"
        yield of_user("CT202", user, token_id, message)


def another_user(ground: Ground) -> Iterator[Raised]:
    """CT203: alive at both times, and not one token that was listed then is listed now.

    The same secret keeps its id. Where a label has another secret now, that may come of a refresh that changed the
    id and kept the name. So it is another user for certain if one of the two is known by an id at the other time,
    and else if they have no name in common.
    """
    same_secret = ground.facts.query(
        "SELECT label FROM credential AS c WHERE verdict = 'ALIVE' AND user IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM was_credential AS w CROSS JOIN was_token AS o ON o.user = w.user"
        " WHERE w.mark = c.mark AND w.verdict = 'ALIVE')"
        " AND NOT EXISTS (SELECT 1 FROM was_credential AS w CROSS JOIN was_token AS o ON o.user = w.user"
        " CROSS JOIN token AS t ON t.id = o.id WHERE w.mark = c.mark AND +t.user = c.user)"
    )
    for (label,) in same_secret:
        yield of_label("CT203", label, f"{shown(label)} answers for another user than at the baseline")
    other_secret = ground.facts.query(
        "SELECT label FROM credential AS c CROSS JOIN was_credential AS w ON w.label_mark = label_mark(c.label)"
        " WHERE c.verdict = 'ALIVE' AND c.user IS NOT NULL AND w.verdict = 'ALIVE' AND w.mark <> c.mark"
        " AND EXISTS (SELECT 1 FROM was_token AS o WHERE o.user = w.user)"
        " AND NOT EXISTS (SELECT 1 FROM was_token AS o CROSS JOIN token AS t ON t.id = o.id"
        " WHERE o.user = w.user AND +t.user = c.user)"
        " AND (EXISTS (SELECT 1 FROM was_token AS o CROSS JOIN token AS t ON t.id = o.id WHERE o.user = w.user)"
        " OR EXISTS (SELECT 1 FROM token AS t WHERE t.user = c.user AND t.id IN (SELECT id FROM was_token))"
        " OR NOT EXISTS (SELECT 1 FROM was_token AS o WHERE o.user = w.user"
        " AND o.name IN (SELECT name FROM token AS t WHERE t.user = c.user)))"
    )
    for (label,) in other_secret:
        yield of_label("CT203", label, f"{shown(label)} has a secret of another user than at the baseline")


def owners_declared(ground: Ground) -> bool:
    """Whether the inventory declares any owner."""
    return any(ground.facts.query("SELECT 1 FROM credential WHERE trim(owner) <> '' LIMIT 1"))


def _spelling(owner: str) -> str:
    """An owner without what does not tell two of them apart."""
    plain = owner if owner.isascii() else unicodedata.normalize("NFKC", owner)
    return " ".join(plain.casefold().split())


JUDGES = (several_owners, no_owner)
WITH_BASELINE = (another_user,)
