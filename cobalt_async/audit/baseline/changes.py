"""What changed from one baseline to the next, by what stands in both: on disk, so a million tokens are no trouble."""

from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum

from attrs import frozen

from ...errors import ConfigurationError
from ..facts import Facts
from ..marks import kept_name
from ..rules.texts import Texts
from .reading import Baseline


class ChangeKind(StrEnum):
    """What a Change is about, and what its `subject`, `was` and `now` are.

    Ids of tokens: NEW_ID (`now`: its name), ID_GONE (`was`: its name), RENAMED (`was` and `now`: its names),
    REFRESHED: a new id with the name (`now`) of one of the same user that is gone (`was`: that id).
    Users, each by the smallest of its ids in the first file: USER_GONE, of whom the second has neither an id nor a
    credential; USERS_MERGED, who is one with the user of the id `now` in the second.
    Credentials, by the fingerprints of their labels: VERDICT (`was` and `now`), NEW_SECRET, NEW_CREDENTIAL (`now`:
    its verdict), CREDENTIAL_GONE (`was`: its verdict).
    """

    REFRESHED = "refreshed"
    NEW_ID = "new_id"
    ID_GONE = "id_gone"
    RENAMED = "renamed"
    USERS_MERGED = "users_merged"
    USER_GONE = "user_gone"
    VERDICT = "verdict"
    NEW_SECRET = "new_secret"  # noqa: S105 - what happened, not a secret
    NEW_CREDENTIAL = "new_credential"
    CREDENTIAL_GONE = "credential_gone"


@frozen
class Change:
    """One difference; `was` and `now` are None where its kind has none."""

    kind: ChangeKind
    subject: str
    was: str | None = None
    now: str | None = None


_FIRST = """
CREATE TABLE first_token (id TEXT PRIMARY KEY, user INTEGER, name TEXT) WITHOUT ROWID;
CREATE TABLE first_credential (label PRIMARY KEY, mark, verdict TEXT, user INTEGER) WITHOUT ROWID;
INSERT INTO first_token SELECT id, user, name FROM was_token ORDER BY id;
INSERT INTO first_credential SELECT label_mark, mark, verdict, user FROM was_credential ORDER BY label_mark;
"""
# What one of the files does not say, the other may, where an older version wrote it.
_UNSAID = """
UPDATE first_token SET name = kept_name(name) WHERE kept_name(name) IN (SELECT name FROM was_token);
UPDATE was_token SET name = kept_name(name) WHERE kept_name(name) IN (SELECT name FROM first_token);
"""
# `link` has users of both files who are likely one: they share an id (`sure`), or one label led to both, as where
# somebody's only token was refreshed and has a new id. `moved` has the ids that stand in one file only, each numbered
# among those of one user and name: what has the same number came for what went.
_SECOND = """
CREATE TABLE link (was INTEGER, now INTEGER, sure INTEGER, PRIMARY KEY (was, now)) WITHOUT ROWID;
INSERT INTO link SELECT DISTINCT f.user, s.user, 1 FROM first_token AS f JOIN was_token AS s ON s.id = f.id;
INSERT OR IGNORE INTO link SELECT DISTINCT f.user, s.user, 0 FROM first_credential AS f
  JOIN was_credential AS s ON s.label_mark = f.label WHERE f.user IS NOT NULL AND s.user IS NOT NULL;

CREATE TABLE moved (is_new INTEGER, user INTEGER, name TEXT, k INTEGER, id TEXT,
  PRIMARY KEY (is_new, user, name, k)) WITHOUT ROWID;
INSERT INTO moved
  SELECT 0, who, name, ROW_NUMBER() OVER (PARTITION BY who, name ORDER BY id), id FROM (
    SELECT COALESCE((SELECT MIN(now) FROM link WHERE was = f.user), -f.user) AS who, name, id FROM first_token AS f
    WHERE NOT EXISTS (SELECT 1 FROM was_token AS s WHERE s.id = f.id));
INSERT INTO moved
  SELECT 1, user, name, ROW_NUMBER() OVER (PARTITION BY user, name ORDER BY id), id FROM was_token AS s
  WHERE NOT EXISTS (SELECT 1 FROM first_token AS f WHERE f.id = s.id);
CREATE INDEX first_user ON first_token (user);
"""
_QUERIES = {
    ChangeKind.REFRESHED: (
        "SELECT n.id, g.id, n.name FROM moved AS n JOIN moved AS g"
        " ON g.is_new = 0 AND g.user = n.user AND g.name = n.name AND g.k = n.k WHERE n.is_new = 1"
    ),
    ChangeKind.NEW_ID: (
        "SELECT n.id, NULL, n.name FROM moved AS n WHERE n.is_new = 1 AND NOT EXISTS (SELECT 1 FROM moved AS g"
        " WHERE g.is_new = 0 AND g.user = n.user AND g.name = n.name AND g.k = n.k)"
    ),
    ChangeKind.ID_GONE: (
        "SELECT g.id, g.name, NULL FROM moved AS g WHERE g.is_new = 0 AND NOT EXISTS (SELECT 1 FROM moved AS n"
        " WHERE n.is_new = 1 AND n.user = g.user AND n.name = g.name AND n.k = g.k)"
    ),
    ChangeKind.RENAMED: (
        "SELECT f.id, f.name, s.name FROM first_token AS f JOIN was_token AS s ON s.id = f.id WHERE f.name <> s.name"
    ),
    ChangeKind.USERS_MERGED: (
        "SELECT (SELECT MIN(id) FROM first_token WHERE user = l.was), NULL,"
        " (SELECT MIN(id) FROM first_token WHERE user = m.was)"
        " FROM link AS l JOIN (SELECT now, MIN(was) AS was FROM link WHERE sure GROUP BY now HAVING COUNT(*) > 1) AS m"
        " ON m.now = l.now WHERE l.sure AND l.was <> m.was"
    ),
    ChangeKind.USER_GONE: (
        "SELECT MIN(id), NULL, NULL FROM first_token WHERE user NOT IN (SELECT was FROM link) GROUP BY user"
    ),
    ChangeKind.VERDICT: (
        "SELECT lower(hex(label)), f.verdict, s.verdict FROM first_credential AS f"
        " JOIN was_credential AS s ON s.label_mark = f.label WHERE f.verdict <> s.verdict"
    ),
    ChangeKind.NEW_SECRET: (
        "SELECT lower(hex(label)), NULL, NULL FROM first_credential AS f"
        " JOIN was_credential AS s ON s.label_mark = f.label WHERE f.mark <> s.mark"
    ),
    ChangeKind.NEW_CREDENTIAL: (
        "SELECT lower(hex(label_mark)), NULL, verdict FROM was_credential"
        " WHERE label_mark NOT IN (SELECT label FROM first_credential)"
    ),
    ChangeKind.CREDENTIAL_GONE: (
        "SELECT lower(hex(label)), verdict, NULL FROM first_credential"
        " WHERE label NOT IN (SELECT label_mark FROM was_credential)"
    ),
}


def changes(first: Baseline, second: Baseline) -> Iterator[Change]:
    """What is different in the second, by kind and then by subject; no name that holds a secret is repeated.

    ConfigurationError where they have different salts, for then nothing says which credentials are the same; and
    where one of the files was changed since it was read.
    """
    if first.salt != second.salt:
        raise ConfigurationError(
            f"{first.path} and {second.path} cannot be compared: each has a salt of its own; "
            "save the second from an audit with --baseline, given the first"
        )
    with closing(Facts(salt=first.salt)) as facts:
        is_unsaid = _load(first, facts)
        facts.run(_FIRST)
        is_unsaid = _load(second, facts) or is_unsaid
        if is_unsaid:
            facts.run(_UNSAID)
        facts.run(_SECOND)
        for kind, sql in _QUERIES.items():
            for row in facts.query(f"{sql} ORDER BY 1"):
                yield Change(kind, *row)


def _load(baseline: Baseline, facts: Facts) -> bool:
    """Put a baseline into `facts`, without the names that hold a secret; whether there is any of those."""
    baseline.load_into(facts)
    facts.settle()
    texts = Texts(facts)
    held = "SELECT id, name FROM was_token ORDER BY id"
    facts.run("CREATE TEMP TABLE IF NOT EXISTS held (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID; DELETE FROM held;")
    hidden = ((token_id, kept_name(name, facts.salt)) for token_id, name in facts.query(held) if texts.hides(name))
    facts.write("INSERT INTO held VALUES (?, ?)", hidden)
    facts.run(
        "UPDATE was_token SET name = (SELECT h.name FROM held AS h WHERE h.id = was_token.id)"
        " WHERE id IN (SELECT id FROM held);"
    )
    return any(facts.query("SELECT 1 FROM held LIMIT 1"))
