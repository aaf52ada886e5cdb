"""Outcome: how an audit ended, as every report tells it."""

import re
from datetime import datetime

from attrs import Factory, field, frozen

from ..alerts import Alert, Severity
from ..tally import Report

_ORDER = {severity: place for place, severity in enumerate(Severity)}
_DIGITS = re.compile(r"([0-9]+)")


def _worst_first(outcome: "Outcome") -> tuple[Alert, ...]:
    alerts = (alert for alert in outcome.report.alerts if alert.suppressed is None)
    return tuple(sorted(alerts, key=lambda alert: (_ORDER[alert.severity], alert.rule, natural(alert.subject))))


@frozen(kw_only=True)
class Outcome:
    """What an audit's results add up to, how many rows of its inventory were no credentials, and its (aware) times.

    `alerts` are those that no policy suppresses: the worst first, then by rule and what they are about,
    user-2 before user-10.
    """

    report: Report
    bad_rows: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    alerts: tuple[Alert, ...] = field(init=False, repr=False, default=Factory(_worst_first, takes_self=True))

    @property
    def complete(self) -> bool:
        """Whether every row was a credential, and every credential has a verdict."""
        return self.report.complete and not self.bad_rows


def sentence(alert: Alert) -> str:
    """What an alert says, with what it is about."""
    return alert.message if alert.subject in alert.message else f"{alert.subject}: {alert.message}"


def natural(text: str) -> list[str | tuple[int, str]]:
    """Text and numbers in turn, to sort by: a number by its length first, for it may be too long for an int."""
    return [(len(part), part) if number % 2 else part for number, part in enumerate(_DIGITS.split(text))]
