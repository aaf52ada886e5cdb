"""What was learned -> alerts: the rules of the catalogue, asked one after the other, and the policy's say on each."""

from collections.abc import Iterator
from datetime import datetime

from ...ledger import Ledger
from ..alerts import Alert, fingerprint_of
from ..catalogue import RULES, Rule
from ..facts import Facts
from ..policy import Policy
from . import coverage, dates, drift, life, local, names, owners
from .footer import CANNOT_KNOW, notes
from .ground import Ground, Raised

__all__ = ["CANNOT_KNOW", "RULES", "Rule", "evaluate", "notes"]

_ALWAYS = (
    *life.JUDGES,
    *owners.JUDGES,
    *coverage.JUDGES,
    *names.JUDGES,
    *dates.JUDGES,
    *local.JUDGES,
)
_WITH_BASELINE = (*owners.WITH_BASELINE, *drift.JUDGES)


def evaluate(
    facts: Facts, *, policy: Policy, ledger: Ledger, baseline: bool, complete: bool, now: datetime
) -> tuple[Alert, ...]:
    """All alerts, the worst first, then by rule and subject; those that the policy suppresses say so.

    `facts` are settled. `baseline`: they hold one. `complete`: the run came to its end, so the whole inventory is
    in them; without that no rule says that something is not in the inventory. `now` is aware.
    """
    ground = Ground(facts=facts, policy=policy, ledger=ledger, is_whole=complete, now=now)
    raised = (found for judge in (*_ALWAYS, *(_WITH_BASELINE if baseline else ())) for found in judge(ground))
    alerts = dict.fromkeys(_alerts(raised, policy, now))  # rows that are the same raise the same
    return tuple(sorted(alerts, key=lambda alert: (alert.severity.rank, alert.rule, alert.subject, alert.message)))


def _alerts(raised: Iterator[Raised], policy: Policy, now: datetime) -> Iterator[Alert]:
    """What a rule raised, as the policy has it."""
    for found in raised:
        rule = RULES[found.rule]
        severity = policy.severities.get(found.rule) or found.severity or rule.severity
        if severity != "off":
            yield Alert(
                rule=found.rule,
                severity=severity,
                subject=found.subject,
                message=found.message,
                fix=rule.fix,
                fingerprint=fingerprint_of(found.rule, found.kind, found.key),
                suppressed=_reason(found, policy, now),
            )


def _reason(found: Raised, policy: Policy, now: datetime) -> str | None:
    """Why the policy suppresses this, if it does."""
    for entry in policy.suppress:
        if entry.rule == found.rule and entry.subject in (None, found.key) and now.date() <= entry.until:
            return entry.reason
    return None
