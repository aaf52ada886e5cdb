"""A baseline to a file: what this run knows, and where it does not, what the baseline before it knew.

A failed check must not erase what is known. So a credential without a verdict in this run keeps the line that it
had, and a user whom this run did not see keeps the tokens of then as long as the inventory still has a credential
of that user; a DEAD or FORBIDDEN one keeps its user. What the inventory has no longer goes, unless the run was
stopped: then it may not have been read. A credential of which nothing was ever known has no line.

A name that holds a secret, or looks like one, is not written: `kept_name` stands for it, in the next file too.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ...durable import replacing
from ...errors import ConfigurationError
from ..facts import Facts
from ..marks import kept_name
from ..rules.texts import Texts
from . import lines
from .lines import End, Head, Judged, Line, Listed

_MOST = 100  # tokens on a line
_ENOUGH = 1 << 16  # characters of names on a line

# `seen` has the users of whom this run read the whole listing; `same` has users of the baseline (`was`) who were seen
# now, by the ids that they share. Who was not keeps the number of then, put above all that this run gave.
_PREPARE = """
DROP TABLE IF EXISTS temp.seen;
DROP TABLE IF EXISTS temp.same;
CREATE TEMP TABLE seen (user INTEGER PRIMARY KEY);
CREATE TEMP TABLE same (was INTEGER PRIMARY KEY, now INTEGER);
INSERT INTO seen SELECT DISTINCT user FROM credential WHERE verdict = 'ALIVE' AND user IS NOT NULL;
INSERT INTO same SELECT w.user, MIN(t.user) FROM was_token AS w JOIN token AS t ON t.id = w.id
  WHERE t.user IN (SELECT user FROM seen) GROUP BY w.user;
"""
_SEEN = """
SELECT user, id, name FROM token AS t
WHERE user IN (SELECT user FROM seen) AND NOT EXISTS (
  SELECT 1 FROM token AS o
  WHERE o.id = t.id AND (o.user, o.place) < (t.user, t.place) AND o.user IN (SELECT user FROM seen))
ORDER BY user, place
"""
_UNSEEN = """
SELECT user + ?, id, name FROM was_token
WHERE user NOT IN (SELECT was FROM same) AND (? OR user IN (
  SELECT user FROM was_credential
  WHERE mark IN (SELECT mark FROM credential) OR label_mark IN (SELECT label_mark(label) FROM credential)))
ORDER BY user, id
"""
# For each label, what this run says of it comes before what the baseline said.
_JUDGED = """
SELECT label_mark(c.label), 0 AS is_old, c.n, c.mark, c.verdict,
  CASE c.verdict WHEN 'ALIVE' THEN c.user ELSE COALESCE(s.now, w.user + ?) END
FROM credential AS c
LEFT JOIN (SELECT mark, MAX(user) AS user FROM was_credential GROUP BY mark) AS w ON w.mark = c.mark
LEFT JOIN same AS s ON s.was = w.user
UNION ALL
SELECT w.label_mark, 1, 0, w.mark, w.verdict, COALESCE(s.now, w.user + ?)
FROM was_credential AS w LEFT JOIN same AS s ON s.was = w.user
ORDER BY 1, 2, 3
"""


def write_baseline(facts: Facts, path: Path, *, now: datetime, stopped: bool = False) -> None:
    """Write a baseline of settled facts, in one step; `now` is aware, `stopped`: the run did not come to its end.

    ConfigurationError where the file cannot be written; what stood there before stays.
    """
    try:
        with replacing(path) as stream:
            digest, counts = hashlib.sha256(), Counter[str]()
            for line in _lines(facts, now=now, stopped=stopped, counts=counts):
                text = lines.write(line)
                if len(text) > lines.LONGEST:
                    raise ConfigurationError(f"{path}: not saved, for a token's name is longer than a line may be")
                digest.update(text)
                stream.write(text)
            stream.write(lines.write(End(counts["users"], counts["tokens"], counts["credentials"], digest.hexdigest())))
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        why = getattr(error, "strerror", None) or str(error)
    else:
        return
    raise ConfigurationError(f"{path}: the baseline cannot be saved ({why}); name another file, or make room")


def _lines(facts: Facts, *, now: datetime, stopped: bool, counts: Counter[str]) -> Iterator[Line]:
    """All lines but the last, which they are counted for."""
    last = facts.last_user()
    facts.run(_PREPARE)
    texts = Texts(facts)
    yield Head(now, facts.salt)
    for rows in (facts.query(_SEEN), facts.query(_UNSEEN, (last, stopped))):
        for user, tokens in groupby(rows, itemgetter(0)):
            counts["users"] += 1
            for listed in _by_line((token_id, _kept(texts, name, facts.salt)) for _, token_id, name in tokens):
                counts["tokens"] += len(listed)
                yield Listed(user, listed)
    for _, rows in groupby(facts.query(_JUDGED, (last, last)), itemgetter(0)):
        judged = _last_known(rows, stopped=stopped)
        if judged is not None:
            counts["credentials"] += 1
            yield judged


def _kept(texts: Texts, name: str, salt: bytes) -> str:
    return kept_name(name, salt) if texts.hides(name) else name


def _by_line(tokens: Iterator[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    """As many tokens at a time as a line may have, for its reader's sake."""
    some: list[tuple[str, str]] = []
    size = 0
    for token in tokens:
        some.append(token)
        size += len(token[1])
        if len(some) >= _MOST or size >= _ENOUGH:
            yield tuple(some)
            some, size = [], 0
    if some:
        yield tuple(some)


def _last_known(rows: Iterator[tuple[Any, ...]], *, stopped: bool) -> Judged | None:
    """The verdict to keep for one label, of those that this run found for it and the baseline's, if there is one."""
    found, is_there = None, stopped
    for label_mark, is_old, _, mark, verdict, user in rows:
        is_there = is_there or not is_old
        if found is None and (is_there if is_old else verdict in lines.VERDICTS):
            found = Judged(label_mark, mark, verdict, user)
    return found
