"""CT301, CT302 and CT304 to CT306: which tokens the inventory covers, and how well."""

from collections.abc import Iterator

from .ground import Ground, Raised, of_label, of_token, of_user
from .texts import shown

_MOST_NAMED = 3  # places of one secret, in a message
_MOST_TOKENS = 2**62


def undeclared(ground: Ground) -> Iterator[Raised]:
    """CT301: a user lists more tokens than the inventory can account for.

    Each living secret is one token, and no token has two; a declared id is one whether its secret lives or not.
    An id is known where the inventory declares it, except for a secret that is alive and another user's, and bound
    where a living secret of its own user declares it. What is missing has a name once every living secret is bound
    to an id, else only a number. A run that ended early does not know the inventory, and says nothing.

    Where there are as many living secrets as tokens, no token is missing, whatever is declared: that is most users,
    and the quickest to see.
    """
    if not ground.is_whole:
        return
    silent = _silent(ground)
    rows = ground.facts.query(
        "SELECT user, COUNT(*), SUM(known), SUM(bound), MIN(id),"
        " (SELECT COUNT(DISTINCT mark) FROM credential WHERE verdict = 'ALIVE' AND user = listed.user) FROM"
        " (SELECT t.user, t.id, EXISTS (SELECT 1 FROM credential AS c"
        " WHERE c.token_id = t.id AND (c.verdict <> 'ALIVE' OR +c.user = t.user)) AS known,"
        " EXISTS (SELECT 1 FROM credential AS c"
        " WHERE c.token_id = t.id AND c.verdict = 'ALIVE' AND +c.user = t.user) AS bound"
        " FROM token AS t WHERE t.user IN (SELECT user FROM credential AS seen WHERE verdict = 'ALIVE' GROUP BY user"
        " HAVING COUNT(DISTINCT mark) < (SELECT COUNT(DISTINCT id) FROM token WHERE token.user = seen.user))"
        " GROUP BY t.user, t.id) AS listed GROUP BY user"
    )
    for user, tokens, known, bound, least, secrets in rows:
        unbound = max(0, secrets - bound)
        if tokens <= known + unbound:
            continue
        if not unbound:
            yield from _unknown(ground, user, silent)
        else:
            counted = f"{tokens} tokens, {known + unbound} of them declared"
            yield of_user("CT301", user, least, f"the user of {shown(least)} has {counted}{silent}")


def _unknown(ground: Ground, user: int, silent: str) -> Iterator[Raised]:
    """The listed tokens of a user that the inventory does not know, by id."""
    rows = ground.facts.query(
        "SELECT DISTINCT id, name FROM token AS t WHERE user = ? AND NOT EXISTS (SELECT 1 FROM credential AS c"
        " WHERE c.token_id = t.id AND (c.verdict <> 'ALIVE' OR +c.user = t.user))",
        (user,),
    )
    for token_id, name in rows:
        called = ground.texts.name(name)
        message = f"{shown(token_id)} ({called}) is listed, and the inventory does not know it{silent}"
        yield of_token("CT301", token_id, message)


def _silent(ground: Ground) -> str:
    """How many secrets there are whose user is not known: each may account for one token of somebody's."""
    rows = ground.facts.query("SELECT COUNT(DISTINCT mark) FROM credential WHERE verdict NOT IN ('ALIVE', 'DEAD')")
    (count,) = next(rows)
    if not count:
        return ""
    return f"; {count} of the inventory's secrets told no user, and may account for " + (
        "one" if count == 1 else "some"
    )


def no_longer_listed(ground: Ground) -> Iterator[Raised]:
    """CT302: a declared id that its user does not list.

    A living secret tells its user. Of a dead one in use that is whoever listed the id at the baseline, or the
    one user whom its owner's living secrets belong to; that user was seen, and nobody at all lists the id.
    """
    alive = ground.facts.query(
        "SELECT label, token_id FROM credential AS c WHERE verdict = 'ALIVE' AND token_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM token AS t WHERE t.id = c.token_id AND +t.user = c.user)"
    )
    for label, token_id in alive:
        message = f"{shown(token_id)}, declared for {shown(label)}, is not among the tokens of its user"
        yield of_label("CT302", label, message)
    dead = ground.facts.query(
        "WITH one_user AS MATERIALIZED (SELECT lower(trim(owner)) AS name FROM credential WHERE verdict = 'ALIVE'"
        " AND user IS NOT NULL AND trim(owner) <> '' GROUP BY name HAVING COUNT(DISTINCT user) = 1)"
        " SELECT label, token_id FROM credential AS c WHERE verdict = 'DEAD' AND status IS NOT 'retired'"
        " AND token_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM token AS t WHERE t.id = c.token_id)"
        " AND (lower(trim(owner)) IN (SELECT name FROM one_user)"
        " OR EXISTS (SELECT 1 FROM (SELECT user FROM was_token WHERE id = c.token_id"
        " UNION SELECT user FROM was_credential WHERE mark = c.mark) AS w"
        " CROSS JOIN was_token AS o ON o.user = w.user CROSS JOIN token AS t ON t.id = o.id"
        " WHERE t.user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')))"
    )
    for label, token_id in dead:
        message = f"{shown(token_id)}, declared for {shown(label)}, is listed no longer, and its secret is dead"
        yield of_label("CT302", label, message)


def one_secret_twice(ground: Ground) -> Iterator[Raised]:
    """CT304: a secret under several labels, whatever was answered to it."""
    rows = ground.facts.query(
        "SELECT mark, MIN(label), COUNT(DISTINCT label) AS labels FROM credential WHERE mark IN"
        " (SELECT mark FROM credential GROUP BY mark HAVING COUNT(*) > 1) GROUP BY mark HAVING labels > 1"
    )
    for mark, label, labels in rows:
        places = ground.facts.query(
            "SELECT DISTINCT label FROM credential WHERE mark = ? ORDER BY label LIMIT ?", (mark, _MOST_NAMED)
        )
        named = ", ".join(shown(place) for (place,) in places)
        more = f" and {labels - _MOST_NAMED} more" if labels > _MOST_NAMED else ""
        yield of_label("CT304", label, f"one secret in {labels} places: {named}{more}")


def single_token(ground: Ground) -> Iterator[Raised]:
    """CT305: a user with one token, and so without another to recover it."""
    for user, _, token_id in _sizes(ground, 1, 1):
        message = f"{shown(token_id)} is the only token of its user: a lost rotation of it cannot be recovered"
        yield of_user("CT305", user, token_id, message)


def too_many(ground: Ground) -> Iterator[Raised]:
    """CT306: a user with more tokens than the policy allows."""
    most = ground.policy.max_tokens_per_user
    if most is not None:
        for user, tokens, token_id in _sizes(ground, most + 1, _MOST_TOKENS):
            message = f"the user of {shown(token_id)} has {tokens} tokens, and the policy allows {most}"
            yield of_user("CT306", user, token_id, message)


def _sizes(ground: Ground, least: int, most: int) -> Iterator[tuple[int, int, str]]:
    """User, number of tokens and smallest id, of users who were seen and have so many."""
    return ground.facts.query(
        "SELECT user, COUNT(DISTINCT id) AS tokens, MIN(id) FROM token"
        " WHERE user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')"
        " GROUP BY user HAVING tokens BETWEEN ? AND ?",
        (least, most),
    )


JUDGES = (undeclared, no_longer_listed, one_secret_twice, single_token, too_many)
