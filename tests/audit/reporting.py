"""What the tests of reports share: reports, alerts and results made by hand."""

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from cobalt_async import Token
from cobalt_async.audit import Alert, AuditResult, Outcome, Report, Severity, Verdict
from tests.audit.asking import ALIVE, DEAD, INDETERMINATE

NASTY = "a\x1b]0;x\x07\u202e\ud800[red]b[/red]\u2028"
"""What plays with a terminal; and as it is to be shown."""
SHOWN = r"a\x1b]0;x\x07\u202e\ud800[red]b[/red]\u2028"

TOKEN = Token("api_a", "naïve \x1b[31m\u202e", "abcd", datetime(2030, 1, 2, tzinfo=UTC))
RESULTS = (
    AuditResult("é\u2028", ALIVE, None, (TOKEN, Token("api_b", "b")), "eu", "user-1"),
    AuditResult("gone", DEAD),
    AuditResult("lost", INDETERMINATE, "no_answer"),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def alert(rule: str, severity: str = "high", **changed: Any) -> Alert:
    """An alert whose texts name its rule."""
    fields = {"subject": f"subject of {rule}", "message": f"message of {rule}", "fix": f"fix of {rule}"}
    return Alert(rule=rule, severity=Severity(severity), **{"fingerprint": f"print of {rule}", **fields, **changed})


def outcome(
    counts: Mapping[Verdict, int] | None = None,
    *,
    reasons: Mapping[str, int] | None = None,
    alerts: Iterable[Alert] = (),
    bad_rows: int = 0,
    **changed: Any,
) -> Outcome:
    """How an audit ended; complete, unless something is said that is not."""
    counts = {**dict.fromkeys(Verdict, 0), **(counts or {ALIVE: 1})}
    unknown = counts[INDETERMINATE] + counts[Verdict.NOT_TRIED]
    fields = {"users": 0, "tokens_listed": 0, "complete": not unknown, **changed}
    report = Report(counts=counts, reasons=reasons or {}, alerts=tuple(alerts), **fields)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Outcome(report=report, bad_rows=bad_rows, started_at=moment, ended_at=moment.replace(hour=4))
