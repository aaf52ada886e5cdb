"""Results, alerts and sums as the objects that JSON and JSONL hold."""

from collections import Counter
from datetime import datetime

from ...models import Token
from ..alerts import Alert, Severity
from ..marks import STAND_IN
from ..rules.texts import may_hold_secret
from ..verdicts import AuditResult
from .outcome import Outcome
from .printable import ending

Fields = dict[str, object]


def credential(result: AuditResult) -> Fields:
    """One credential: `label`, `verdict`, `reason`, `user`, `region`, and the `tokens` of its user.

    A name that looks like a secret is not in it, nor are last characters that may be all of one; `AuditRun.writable`
    knows the secrets of the inventory too.
    """
    return {
        "label": result.label,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "user": result.user,
        "region": result.region,
        "tokens": [_token(token) for token in result.tokens],
    }


def alert(found: Alert) -> Fields:
    """One alert; `suppressed` is the policy's reason, or null."""
    return {
        "rule": found.rule,
        "severity": found.severity.value,
        "subject": found.subject,
        "message": found.message,
        "fix": found.fix,
        "fingerprint": found.fingerprint,
        "suppressed": found.suppressed,
    }


def summary(outcome: Outcome) -> Fields:
    """The sums of an audit; its alerts are counted without those that the policy suppresses."""
    report = outcome.report
    severities = Counter(found.severity for found in outcome.alerts)
    return {
        "started_at": _moment(outcome.started_at),
        "ended_at": _moment(outcome.ended_at),
        "complete": outcome.complete,
        "void": report.void,
        "stopped": report.stopped,
        "credentials": report.total,
        "bad_rows": outcome.bad_rows,
        "counts": {verdict.value: count for verdict, count in report.counts.items()},
        "reasons": dict(report.reasons),
        "users": report.users,
        "tokens_listed": report.tokens_listed,
        "alerts": {severity.value: severities[severity] for severity in Severity},
    }


def _token(token: Token) -> Fields:
    return {
        "id": token.id,
        "name": STAND_IN if may_hold_secret(token.name) else token.name,
        "last_characters": ending(token.last_characters),
        "expire_at": _moment(token.expire_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
