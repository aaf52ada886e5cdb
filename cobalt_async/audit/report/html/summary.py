"""The top of the page: whether the audit counts, and the sums."""

from collections import Counter
from collections.abc import Iterator

from ...alerts import Severity
from ...verdicts import Verdict
from ..advice import ENDED
from ..outcome import Outcome
from .markup import Html, element
from .words import number, percent


def banner(outcome: Outcome) -> Html:
    """One calm line where the audit is complete; else what is wrong with it, before anything that it says."""
    report = outcome.report
    if report.void is not None:
        heading = "VOID: no verdict of this audit can be believed"
        lines = [report.void, "Nothing below says anything about a token. Mend that, and audit again."]
    elif not outcome.complete:
        heading = "INCOMPLETE: what is missing here is not known to be well"
        lines = list(_missing(outcome))
    else:
        return element("p", "Complete: every credential has a verdict.", class_="complete")
    return element(
        "section",
        element("h2", heading, id="state"),
        element("ul", *(element("li", line) for line in lines)),
        class_="banner void" if report.void is not None else "banner",
        aria_labelledby="state",
    )


def _missing(outcome: Outcome) -> Iterator[str]:
    report = outcome.report
    unknown, not_tried = report.counts[Verdict.INDETERMINATE], report.counts[Verdict.NOT_TRIED]
    if report.stopped is not None:
        yield ENDED.get(report.stopped, f"It ended early: {report.stopped}")
    if unknown:
        yield f"{number(unknown, 'credential')} asked about without an answer that says alive or dead."
    if not_tried:
        yield f"{number(not_tried, 'credential')} not tried."
    if outcome.bad_rows:
        yield f"{number(outcome.bad_rows, 'bad row')} of the inventory, not asked about: mend and audit again."
    if not (report.stopped or unknown or not_tried or outcome.bad_rows):
        yield "The audit had not come to its end when this was written."


def tiles(outcome: Outcome) -> Html:
    """The sums at a glance, each of which leads to what it counts."""
    return element("ul", *_tiles(outcome), class_="tiles", aria_label="Sums")


def _tiles(outcome: Outcome) -> Iterator[Html]:
    report = outcome.report
    counts = report.counts
    notes = {
        Verdict.DEAD: ("dead", "refused, and looked at twice"),
        Verdict.INDETERMINATE: ("unknown", "not the same as dead"),
        Verdict.FORBIDDEN: ("forbidden", "known to Cobalt, no access"),
        Verdict.ALIVE: ("alive", "can act as their users"),
        Verdict.NOT_TRIED: ("not tried", "nothing is known"),
    }
    for verdict, (called, note) in notes.items():
        if counts[verdict] or verdict is not Verdict.NOT_TRIED:
            yield _tile(counts[verdict], called, note, place="credentials", kind=verdict.value)
    severities = Counter(alert.severity for alert in outcome.alerts)
    worst = ", ".join(f"{severities[severity]:,} {severity}" for severity in Severity if severities[severity])
    yield _tile(
        len(outcome.alerts),
        "alert" if len(outcome.alerts) == 1 else "alerts",
        worst or "none",
        place="alerts",
        kind="alerts" if outcome.alerts else None,
    )
    yield _tile(report.users, "user" if report.users == 1 else "users", f"with {number(report.tokens_listed, 'token')}")
    rows = report.total + outcome.bad_rows
    known = report.total - counts[Verdict.INDETERMINATE] - counts[Verdict.NOT_TRIED]
    share = percent(known, rows) if report.void is None and rows else "none"
    yield _tile(share, "coverage", f"{known:,} of {rows:,} have a verdict")


def _tile(count: int | str, called: str, note: str, *, place: str | None = None, kind: str | None = None) -> Html:
    shown = count if isinstance(count, str) else f"{count:,}"
    inner = (
        element("strong", shown),
        " ",
        element("span", called, class_="called"),
        " ",
        element("span", note, class_="muted"),
    )
    nothing = "nothing" if count == 0 else None
    if place is None or count == 0:
        return element("li", element("div", *inner, class_=nothing))
    return element(
        "li", element("a", *inner, href=f"#{place}", data_show="" if kind == "alerts" else kind, data_kind=kind)
    )
