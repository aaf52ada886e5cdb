"""SARIF 2.1.0, which code scanners and their dashboards read: the alerts as results, the catalogue as rules.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/ says what each key means, and "SARIF support for code scanning" on
docs.github.com what GitHub makes of it. Where the two differ, the file is valid for the first and useful to the second.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from ..._version import __version__
from ..alerts import Alert, Severity, fingerprint_of
from ..catalogue import RULES, Rule
from ..verdicts import AuditResult
from . import objects
from .advice import ENDED, advice
from .objects import Fields
from .outcome import Outcome, sentence
from .printable import printable
from .sink import Sink

ARTIFACT = "cobalt-tokens"
"""Where every result lies: no file, and to be none in the repository that it is uploaded to.

GitHub refuses a whole upload for one result without a path, and tokens have none. What a result is about stands in
its logical location. Of a file that exists, the action that uploads would hash the first line, and complain.
"""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/cobalt-async/cobalt-async"
_MOST_RESULTS = 25_000  # GitHub takes no more in a run, and shows the worst 5,000
# What GitHub calls these: critical, high, medium and low; of 0.0 it says that it has no security severity.
_SCORES = dict(zip(Severity, ("9.5", "8.0", "5.5", "2.0", "0.0"), strict=True))
_LEVELS = dict(zip(Severity, ("error", "error", "warning", "note", "note"), strict=True))
_FAMILIES = {"1": "life", "2": "owners", "3": "coverage", "4": "names", "5": "dates", "6": "dates", "7": "drift"}
_PLACES = {rule: place for place, rule in enumerate(RULES)}
_NOTICES: Mapping[str, str] = {
    "void": "No verdict of the audit can be believed",
    "stopped": "The audit ended early",
    "unknown": "Credentials without a verdict",
    "bad-rows": "Rows of the inventory that are no credentials",
    "unfinished": "Written before the end of the audit",
    "too-many": "More results than GitHub takes",
    "note": "What the audit met that concerns no single credential",
    "cannot-know": "What no audit through this API can know",
}
_KINDS = ("label", "token", "path")
_USER = re.compile(r"user-[0-9]+")
_FIRST_CHARACTER = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}


class SarifWriter:
    """Writes one run in ASCII, all of it at the end: alerts are results, and only the sums tell of credentials.

    Each result stands on a line of its own, in the report's order, the worst first. Alerts that the policy suppresses
    are results with a suppression, which GitHub passes over: it shows them as open. The `security-severity` of a rule,
    the only one that GitHub reads, is that of its worst alert in this report, or without one the catalogue's.
    `executionSuccessful` is false unless every row has a verdict, and notifications of level error say why.
    Nothing here depends on the machine, the command line or the day: the same outcome gives the same bytes.
    """

    def __init__(self, file: Sink) -> None:
        self._file = file

    def add(self, result: AuditResult) -> None:
        """A credential is no result of its own."""

    def end(self, outcome: Outcome) -> None:
        """The whole document."""
        report = outcome.report
        self._file.write(f'{{\n"$schema": "{_SCHEMA}",\n"version": "2.1.0",\n"runs": [{{\n')
        self._value("tool", {"driver": _driver(report.alerts)})
        self._value("invocations", [_invocation(outcome)])
        self._value("artifacts", [{"location": {"uri": ARTIFACT}, "description": _message(_WHY_ARTIFACT)}])
        self._value("columnKind", "unicodeCodePoints")
        self._value("properties", objects.summary(outcome))
        self._file.write('"results": [')
        comma = "\n"
        for alert in report.alerts:
            self._file.write(comma + json.dumps(_result(alert)))
            comma = ",\n"
        self._file.write("\n]\n}]\n}\n")
        self._file.flush()

    def _value(self, name: str, value: object) -> None:
        self._file.write(f'"{name}": {json.dumps(value, indent=2)},\n')


_WHY_ARTIFACT = (
    "This is no file. It stands for the personal API tokens that were audited, for GitHub shows no result without a "
    "path. The logical location of a result says what it is about."
)


def _driver(alerts: Iterable[Alert]) -> Fields:
    """The tool: every rule of the catalogue, whether it found something or not."""
    worst: dict[str, Severity] = {}
    for alert in alerts:
        worst[alert.rule] = min(worst.get(alert.rule, alert.severity), alert.severity, key=lambda one: one.rank)
    return {
        "name": "cobalt-async",
        "semanticVersion": __version__,
        "informationUri": _HOME,
        "rules": [_rule(rule, worst.get(rule.id, rule.severity)) for rule in RULES.values()],
        "notifications": [{"id": name, "shortDescription": {"text": text}} for name, text in _NOTICES.items()],
    }


def _rule(rule: Rule, worst: Severity) -> Fields:
    words = re.findall(r"[A-Za-z0-9]+", rule.title)
    return {
        "id": rule.id,
        "name": "".join(word[0].upper() + word[1:] for word in words),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.help},
        "help": {
            "text": f"{rule.help}\n\nWhat to do: {rule.fix}",
            "markdown": f"{rule.help}\n\n**What to do:** {rule.fix}\n\nAt a terminal: `cobalt-async explain {rule.id}`",
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", _FAMILIES.get(rule.id[2], "local")],
            "security-severity": _SCORES[worst],
        },
    }


def _result(alert: Alert) -> Fields:
    return {
        "ruleId": alert.rule,
        "ruleIndex": _PLACES.get(alert.rule, -1),
        "level": _LEVELS[alert.severity],
        "message": _message(sentence(alert)),
        "locations": [
            {
                # GitHub asks for a region too: what has no lines gets the first character.
                "physicalLocation": {"artifactLocation": {"uri": ARTIFACT, "index": 0}, "region": _FIRST_CHARACTER},
                "logicalLocations": [_logical(alert)],
            }
        ],
        "partialFingerprints": {
            "cobaltAlert/v1": alert.fingerprint,
            "primaryLocationLineHash": alert.fingerprint,  # the only one that GitHub reads
        },
        # An empty list says that it is not suppressed; none at all, that this is not known.
        "suppressions": [] if alert.suppressed is None else [_suppression(alert.suppressed)],
        "properties": {"severity": alert.severity.value, "security-severity": _SCORES[alert.severity]},
    }


def _suppression(reason: str) -> Fields:
    return {"kind": "external", "status": "accepted", "justification": printable(reason)}


def _logical(alert: Alert) -> Fields:
    name = printable(alert.subject)
    kind = _kind(alert)
    return {"name": name, "fullyQualifiedName": name, **({} if kind is None else {"kind": kind})}


def _kind(alert: Alert) -> str | None:
    """What the subject is, as the fingerprint tells, for a label may look like anything; None where it does not.

    That of a user is not of the user's name, which holds for one run only.
    """
    with contextlib.suppress(UnicodeEncodeError):  # a lone surrogate: of such a name there is no fingerprint
        for kind in _KINDS:
            if fingerprint_of(alert.rule, kind, alert.subject) == alert.fingerprint:
                return kind
    return "user" if _USER.fullmatch(alert.subject) else None


def _invocation(outcome: Outcome) -> Fields:
    times = {"startTimeUtc": outcome.started_at, "endTimeUtc": outcome.ended_at}
    return {
        "executionSuccessful": outcome.complete,
        **{name: _utc(moment) for name, moment in times.items() if moment is not None},
        "toolExecutionNotifications": list(_notifications(outcome)),
    }


def _notifications(outcome: Outcome) -> Iterator[Fields]:
    """What is missing, as errors: to the standard they mean that results may be missing too. Then all else."""
    report = outcome.report
    for name, text in _missing(outcome):
        yield _notification(name, "error", text)
    if len(report.alerts) > _MOST_RESULTS:
        text = (
            f"{len(report.alerts):,} results: GitHub code scanning refuses a run of more than {_MOST_RESULTS:,}; "
            "upload the first ones, which are the worst, or turn rules off in the policy"
        )
        yield _notification("too-many", "warning", text)
    for text in report.notes:
        yield _notification("note", "note", text)
    for text in report.cannot_know:
        yield _notification("cannot-know", "note", text)


def _missing(outcome: Outcome) -> Iterator[tuple[str, str]]:
    report = outcome.report
    if report.void is not None:
        yield "void", f"VOID, no verdict of this run can be believed: {report.void}"
    elif report.stopped is not None:
        yield "stopped", ENDED.get(report.stopped, f"It ended early: {report.stopped}")
    for reason, count in sorted(report.reasons.items(), key=lambda item: (-item[1], item[0])):
        yield "unknown", f"{count:,} without a verdict, {reason}: {advice(reason)}"
    if outcome.bad_rows:
        yield "bad-rows", f"Rows of the inventory that were not asked about: {outcome.bad_rows:,}; mend and audit again"
    if not (outcome.complete or report.void or report.stopped or report.reasons or outcome.bad_rows):
        yield "unfinished", "The audit had not come to its end when this was written"


def _notification(name: str, level: str, text: str) -> Fields:
    place = list(_NOTICES).index(name)
    return {"descriptor": {"id": name, "index": place}, "level": level, "message": _message(text)}


def _message(text: str) -> Fields:
    """Text as SARIF takes it: braces would be placeholders, and brackets before a parenthesis a link."""
    return {"text": printable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
