"""Two bar charts, in SVG, which say in words what they show."""

from collections import Counter
from collections.abc import Iterable

from ...alerts import Severity
from ..outcome import Outcome
from .markup import Html, element
from .shelf import ORDER
from .words import CALLED, percent

_ROW, _LEFT, _LONGEST, _WIDTH = 24, 78, 150, 360  # SVG units


def verdicts(outcome: Outcome) -> Html:
    """How many credentials have each verdict."""
    counts = outcome.report.counts
    bars = [(CALLED[verdict], verdict.value, counts[verdict]) for verdict in ORDER]
    return _chart("chart-verdicts", "Verdicts", bars)


def severities(outcome: Outcome) -> Html:
    """How many alerts are how bad."""
    found = Counter(alert.severity for alert in outcome.alerts)
    return _chart(
        "chart-alerts", "Alerts by severity", [(severity, severity, found[severity]) for severity in Severity]
    )


def _chart(place: str, heading: str, bars: Iterable[tuple[str, str, int]]) -> Html:
    """A bar for each name, class and count, with the count and its share beside it."""
    bars = list(bars)
    total, most = sum(count for *_, count in bars), max(count for *_, count in bars)
    words = ", ".join(f"{count:,} {name}" for name, _, count in bars)
    rows = [row for place, bar in enumerate(bars) for row in _bar(place, *bar, most=most, total=total)]
    height = _ROW * len(bars)
    picture = element("svg", *rows, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=f"{heading}: {words}")
    return element("section", element("h2", heading, id=place), picture, class_="card chart", aria_labelledby=place)


def _bar(place: int, name: str, kind: str, count: int, *, most: int, total: int) -> tuple[Html, Html, Html]:
    line = place * _ROW + 16
    width = max(2, count * _LONGEST // most) if count else 0
    share = f" ({percent(count, total)})" if count else ""
    return (
        element("text", name, x=0, y=line),
        element("rect", x=_LEFT, y=place * _ROW + 5, width=width, height=14, rx=2, data_kind=kind),
        element("text", f"{count:,}{share}", x=_LEFT + width + (6 if width else 0), y=line),
    )
