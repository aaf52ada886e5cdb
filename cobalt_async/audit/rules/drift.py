"""CT701 to CT705: what changed since the baseline, among users who were seen both times."""

from collections.abc import Iterator
from itertools import groupby

from ..alerts import Severity
from .ground import Ground, Raised, of_label, of_token
from .texts import shown


def comings_and_goings(ground: Ground) -> Iterator[Raised]:
    """CT701 for a new id, CT702 for one that is gone, CT705 for one of each that have the same name and user.

    A user now and one of the baseline are the same where they share an id (`sure`); or, since a refresh may change
    the id of somebody's only token, where neither shares one with anybody, and they share a label and a name.
    """
    rows = ground.facts.query(
        "WITH sure AS MATERIALIZED (SELECT DISTINCT w.user AS was, t.user AS now FROM was_token AS w"
        " JOIN token AS t ON t.id = w.id WHERE t.user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')),"
        " both_times AS MATERIALIZED (SELECT was, now FROM sure UNION"
        " SELECT w.user, c.user FROM credential AS c"
        " CROSS JOIN was_credential AS w ON w.label_mark = label_mark(c.label)"
        " WHERE c.verdict = 'ALIVE' AND c.user NOT IN (SELECT now FROM sure)"
        " AND w.verdict = 'ALIVE' AND w.user NOT IN (SELECT was FROM sure)"
        " AND EXISTS (SELECT 1 FROM was_token AS o WHERE o.user = w.user"
        " AND o.name IN (SELECT name FROM token AS t WHERE t.user = c.user)))"
        " SELECT user, name, id, 1 AS is_new FROM token"
        " WHERE user IN (SELECT now FROM both_times) AND id NOT IN (SELECT id FROM was_token)"
        " UNION"
        " SELECT b.now, w.name, w.id, 0 FROM was_token AS w"
        " JOIN (SELECT was, MIN(now) AS now FROM both_times GROUP BY was) AS b ON b.was = w.user"
        " WHERE NOT EXISTS (SELECT 1 FROM token AS t WHERE t.id = w.id)"
        " ORDER BY 1, 2, 4, 3"
    )
    for (_, name), entries in groupby(rows, lambda row: (row[0], row[1])):
        found: tuple[list[str], list[str]] = ([], [])
        for _, _, token_id, is_new in entries:
            found[is_new].append(token_id)
        yield from _told(ground, name, gone=found[0], new=found[1])


def _told(ground: Ground, name: str, *, gone: list[str], new: list[str]) -> Iterator[Raised]:
    """What became of one name of one user; what our own rotations made of it is no news."""
    ours = {old: latest for old in gone if (latest := ground.ledger.latest_id(old)) in new}
    gone = [old for old in gone if old not in ours]
    new = [token_id for token_id in new if token_id not in ours.values()]
    called = ground.texts.name(name)
    pairs = min(len(gone), len(new))
    for old_id, new_id in zip(gone, new, strict=False):
        message = f"{shown(new_id)} has the name of {shown(old_id)}, which is gone: {called}"
        yield of_token("CT705", new_id, message)
    for token_id in new[pairs:]:
        yield of_token("CT701", token_id, f"{shown(token_id)} is new since the baseline: {called}")
    for token_id in gone[pairs:]:
        yield of_token("CT702", token_id, f"{shown(token_id)} is gone since the baseline: {called}")


def renamed(ground: Ground) -> Iterator[Raised]:
    """CT703: the same id under another name."""
    rows = ground.facts.query(
        "SELECT t.id, w.name, t.name FROM token AS t JOIN was_token AS w ON w.id = t.id"
        " WHERE t.name <> w.name AND t.user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')"
    )
    for token_id, before, now in rows:
        name = ground.texts.name
        yield of_token("CT703", token_id, f"{shown(token_id)} was renamed from {name(before)} to {name(now)}")


def life_changed(ground: Ground) -> Iterator[Raised]:
    """CT704: the same secret, dead that was alive and was not meant to die, or alive that was dead."""
    rows = ground.facts.query(
        "SELECT c.label, c.verdict, c.status, c.replaced_in,"
        " MAX(w.verdict = 'ALIVE') AS was_alive, MAX(w.verdict = 'DEAD') AS was_dead"
        " FROM credential AS c JOIN was_credential AS w ON w.mark = c.mark WHERE c.verdict IN ('ALIVE', 'DEAD')"
        " GROUP BY c.n HAVING CASE c.verdict WHEN 'DEAD' THEN was_alive ELSE was_dead AND NOT was_alive END"
    )
    for label, verdict, status, replaced_in, _, _ in rows:
        if verdict == "ALIVE":
            message = f"{shown(label)} is alive, and was dead at the baseline"
            yield of_label("CT704", label, message, Severity.CRITICAL)
        elif status != "retired" and not _explains(ground, replaced_in):
            message = f"{shown(label)} is dead, and was alive at the baseline"
            yield of_label("CT704", label, message, Severity.HIGH)


def _explains(ground: Ground, rotation_id: str | None) -> bool:
    """Whether a rotation of ours has, or may have, replaced a secret; one that came to nothing has not."""
    record = ground.ledger.record(rotation_id)
    return record is not None and (record.new is not None or not record.finished)


JUDGES = (comings_and_goings, renamed, life_changed)
