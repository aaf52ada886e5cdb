"""The lines at the end of an audit that a person reads."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice

from ..alerts import Alert, Severity
from ..tally import Report
from ..verdicts import Verdict
from .advice import DRIFT, ENDED, NOT_TRIED, advice
from .outcome import Outcome, sentence
from .printable import printable

_MOST_RULES = 10


def summarize(outcome: Outcome, *, width: int | None = None) -> str:
    """The result in lines: how many, what each verdict means, the worst alerts with their fix, and what is not known.

    Of the alerts, up to ten rules are shown, each with its first alert. Control characters are written out. Lines
    are broken between words where they are longer than `width`; None for never.
    """
    lines = map(printable, _lines(outcome))
    return "\n".join(lines if width is None else (part for line in lines for part in _wrapped(line, width)))


def _wrapped(line: str, width: int) -> list[str]:
    """A line in parts, of which the later ones are indented as the first is, and a bit more."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, max(width, 40), subsequent_indent=indent, break_on_hyphens=False) or [""]


def _lines(outcome: Outcome) -> Iterator[str]:
    report = outcome.report
    counts = report.counts
    yield (
        f"{_number(report.total, 'credential')}: {counts[Verdict.ALIVE]} alive, {counts[Verdict.DEAD]} dead, "
        f"{counts[Verdict.FORBIDDEN]} forbidden, {counts[Verdict.INDETERMINATE]} unknown"
    )
    yield from _verdicts(report)
    if outcome.bad_rows:
        yield f"  not asked  {_number(outcome.bad_rows, 'bad row')} of the inventory: mend and audit again"
    if report.users:
        yield f"{_number(report.users, 'user')} with {_number(report.tokens_listed, 'token')} between them"
    yield from _alerts(outcome)
    yield from _bullets("Notes:", report.notes)
    yield from _bullets("What no audit can know:", report.cannot_know)
    yield from _ending(outcome)


def _verdicts(report: Report) -> Iterator[str]:
    """What each verdict means that there is any of, and what to do where there is none."""
    counts = report.counts
    if counts[Verdict.ALIVE]:
        yield "  alive      whoever holds the secret can act as its user: retire what nobody needs"
    if counts[Verdict.DEAD]:
        yield "  dead       refused (401) while other tokens were answered: revoked, or refreshed elsewhere"
    if counts[Verdict.FORBIDDEN]:
        yield "  forbidden  known to Cobalt, and not allowed to list tokens (403): ask an administrator"
    if counts[Verdict.INDETERMINATE]:
        yield "  unknown    no verdict, which is not the same as dead:"
        yield from _reasons(report, {reason for reason in report.reasons if reason not in NOT_TRIED})
    if counts[Verdict.NOT_TRIED]:
        yield f"  not tried  {counts[Verdict.NOT_TRIED]}, of which nothing is known:"
        yield from _reasons(report, set(NOT_TRIED))


def _reasons(report: Report, among: set[str]) -> Iterator[str]:
    """Reasons with what to do next, the most frequent first."""
    for reason, count in sorted(report.reasons.items(), key=lambda item: (-item[1], item[0])):
        if reason in among:
            yield f"               {count} {reason}: {advice(reason)}"


def _alerts(outcome: Outcome) -> Iterator[str]:
    """How many of each severity, and for each rule the first of its alerts and what to do; the worst first."""
    alerts = outcome.alerts
    suppressed = len(outcome.report.alerts) - len(alerts)
    if not outcome.report.alerts:
        return
    severities = Counter(alert.severity for alert in alerts)
    counted = ", ".join(f"{severities[severity]} {severity}" for severity in Severity if severities[severity])
    yield f"Alerts: {counted or 'none'}" + (f"; {suppressed} more that the policy suppresses" if suppressed else "")
    rules = [list(group) for _, group in groupby(alerts, key=lambda alert: (alert.severity, alert.rule))]
    for group in rules[:_MOST_RULES]:
        yield from _rule(group)
    if left := sum(map(len, islice(rules, _MOST_RULES, None))):
        yield f"  … and {left} more"
    drift = Counter(alert.rule for alert in alerts if alert.rule in DRIFT)
    if drift:
        changes = ", ".join(f"{drift[rule]} {what}" for rule, what in DRIFT.items() if drift[rule])
        yield f"Since the baseline: {changes}"


def _rule(alerts: list[Alert]) -> Iterator[str]:
    first, more = alerts[0], len(alerts) - 1
    others = f" (and {more} more)" if more else ""
    yield f"  {first.severity} {first.rule}  {sentence(first)}{others}"
    yield f"      {first.fix}"


def _bullets(heading: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"  {line}" for line in lines)


def _ending(outcome: Outcome) -> Iterator[str]:
    report = outcome.report
    if report.void is not None:
        yield f"VOID, no verdict of this run can be believed: {report.void}"
    elif report.stopped is not None:
        yield ENDED.get(report.stopped, f"It ended early: {report.stopped}")
    yield "Complete: every credential has a verdict." if outcome.complete else "NOT complete."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
