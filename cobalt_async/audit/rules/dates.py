"""CT502 and CT601: what should have ended, or been replaced, by now."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from ..alerts import Severity
from .ground import Ground, Raised, of_label, of_token
from .texts import shown


def expiry(ground: Ground) -> Iterator[Raised]:
    """CT502: expire_at has passed (high where the token is alive all the same), or is near.

    A token is known to be alive where a living secret of its user declares it, or where its user has a living
    secret for each token.
    """
    if next(ground.facts.query("SELECT 1 FROM token WHERE expire_at IS NOT NULL LIMIT 1"), None) is None:
        return  # as Cobalt has it (F7)
    rows = ground.facts.query(
        "SELECT t.id, t.expire_at, u.secrets >= u.tokens OR EXISTS (SELECT 1 FROM credential AS c"
        " WHERE c.token_id = t.id AND c.verdict = 'ALIVE' AND +c.user = t.user)"
        " FROM (SELECT user, COUNT(DISTINCT mark) AS secrets, (SELECT COUNT(DISTINCT id) FROM token AS o"
        " WHERE o.user = credential.user) AS tokens FROM credential WHERE verdict = 'ALIVE' GROUP BY user) AS u"
        " JOIN token AS t ON t.user = u.user WHERE t.expire_at IS NOT NULL"
    )
    ahead = timedelta(days=ground.policy.expires_within_days)
    for token_id, text, is_alive in rows:
        moment = datetime.fromisoformat(text)
        left = moment - ground.now
        if left > ahead:
            continue
        day = f"{moment:%Y-%m-%d}"
        if left > timedelta():
            message, severity = f"{shown(token_id)} expires on {day}", Severity.MEDIUM
        elif is_alive:
            message, severity = f"{shown(token_id)} should have expired on {day}, and is alive", Severity.HIGH
        else:
            message = f"{shown(token_id)} should have expired on {day}, and is listed; whether it is alive is not known"
            severity = Severity.MEDIUM
        yield of_token("CT502", token_id, message, severity)


def overdue(ground: Ground) -> Iterator[Raised]:
    """CT601: a secret that works and was to be replaced before today, by its row or by its age in our ledger."""
    rows = ground.facts.query(
        "SELECT label, rotate_by, issued_in FROM credential WHERE verdict IN ('ALIVE', 'FORBIDDEN')"
        " AND status IS NOT 'retired' AND (rotate_by IS NOT NULL OR issued_in IS NOT NULL)"
    )
    for label, rotate_by, issued_in in rows:
        record = ground.ledger.record(issued_in)
        issued = None if record is None else record.updated_at
        if rotate_by is not None and _has_passed(date.fromisoformat(rotate_by), ground.today, issued):
            yield of_label("CT601", label, f"{shown(label)} was to be rotated by {rotate_by}")
        elif issued is not None and _is_old(ground, issued):
            age = (ground.now - issued).days
            yield of_label("CT601", label, f"{shown(label)} was issued {age} days ago, by our ledger")


def _has_passed(day: date, today: date, issued: datetime | None) -> bool:
    """Whether a day is over that was still to come when the secret was issued."""
    return day < today and (issued is None or issued.date() <= day)


def _is_old(ground: Ground, issued: datetime) -> bool:
    most = ground.policy.rotate_after_days
    return most is not None and ground.now - issued > timedelta(days=most)


JUDGES = (expiry, overdue)
