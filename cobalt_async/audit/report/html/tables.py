"""The two tables, a row at a time; a script makes them filtered and sorted, and without one they are whole."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from attrs import frozen

from ...alerts import Alert, Severity
from ..outcome import Outcome, sentence
from .first import anchor
from .markup import Html, closing, element, opening
from .shelf import ORDER, Row, Shelf
from .words import CALLED, number

_MOST_ALERTS = 20_000
_AT_ONCE = 50  # rows that a script shows before it is asked for more; each `tbody` has as many


@frozen(kw_only=True)
class _Table:
    """One table: `columns` are headings and how each sorts, `kinds` what the first column may say, and how often."""

    place: str
    heading: str
    noun: str
    caption: str
    columns: Sequence[tuple[str, str]]
    kinds: Sequence[tuple[str, str, int]]  # value, words, count
    total: int
    cut: str | None = None


def alerts(outcome: Outcome) -> Iterator[Html]:
    """All alerts that no policy suppresses, the worst first."""
    found = outcome.alerts
    counts = Counter(alert.severity for alert in found)
    left = len(found) - _MOST_ALERTS
    table = _Table(
        place="alerts",
        heading="Alerts",
        noun="alert",
        caption="The worst first. A rule leads to what to do about it.",
        columns=(("Severity", "kind"), ("Rule", "text"), ("What was found", "text")),
        kinds=[(severity, severity, counts[severity]) for severity in Severity if counts[severity]],
        total=min(len(found), _MOST_ALERTS),
        cut=f"The {left:,} least severe alerts are not listed; --format json has them all." if left > 0 else None,
    )
    yield from _written(table, map(_alert, islice(found, _MOST_ALERTS)))


def credentials(shelf: Shelf) -> Iterator[Html]:
    """All credentials, as many as the shelf keeps."""
    left = shelf.count - shelf.kept
    columns = [("Verdict", "kind"), ("Label", "text"), ("Reason", "text"), ("User", "text"), ("Tokens", "number")]
    if shelf.has_regions:
        columns.append(("Region", "text"))
    table = _Table(
        place="credentials",
        heading="Credentials",
        noun="credential",
        caption="Unknown, forbidden, dead first. Tokens are those of the user; users are numbered anew in each audit.",
        columns=columns,
        kinds=[(verdict.value, CALLED[verdict], shelf.counts[verdict]) for verdict in ORDER if shelf.counts[verdict]],
        total=shelf.kept,
        cut=f"{left:,} more, the last in this order, are not listed; --format csv has them all." if left > 0 else None,
    )
    yield from _written(table, (_credential(row, with_region=shelf.has_regions) for row in shelf))


def _alert(alert: Alert) -> Html:
    return element(
        "tr",
        element("td", alert.severity),
        element("td", element("a", alert.rule, href=f"#{anchor(alert)}")),
        element("td", sentence(alert)),
        data_kind=alert.severity,
    )


def _credential(row: Row, *, with_region: bool) -> Html:
    return element(
        "tr",
        element("td", CALLED[row.verdict]),
        element("th", row.label, scope="row"),
        element("td", row.reason),
        element("td", row.user),
        element("td", None if row.tokens is None else f"{row.tokens:,}"),
        element("td", row.region) if with_region else None,
        data_kind=row.verdict,
    )


def _written(table: _Table, rows: Iterable[Html]) -> Iterator[Html]:
    yield opening("section", class_="card table", aria_labelledby=table.place)
    yield element("h2", table.heading, id=table.place, tabindex="-1")
    if table.cut is not None:
        yield element("p", table.cut, class_="cut")
    if not table.total:
        yield element("p", "None.")
    else:
        yield _controls(table)
        yield opening("table", data_rows=table.total, data_noun=table.noun)
        yield element("caption", table.caption)
        headings = (element("th", text, scope="col", data_sort=sort) for text, sort in table.columns)
        yield element("thead", element("tr", *headings))
        yield from _bodies(rows)
        yield closing("table")
        yield element("button", "Show more", type="button", class_="more", hidden="")
    yield closing("section")


def _bodies(rows: Iterable[Html]) -> Iterator[Html]:
    yield opening("tbody")
    for place, row in enumerate(rows):
        if place and place % _AT_ONCE == 0:
            yield closing("tbody")
            yield opening("tbody")
        yield row
    yield closing("tbody")


def _controls(table: _Table) -> Html:
    """What a person filters with; it is seen only where a script stands behind it."""
    search, choice, words = f"{table.place}-text", f"{table.place}-kind", table.columns[0][0]
    every = element("option", f"all ({number(table.total, table.noun)})", value="")
    options = [element("option", f"{text} ({count:,})", value=value) for value, text, count in table.kinds]
    return element(
        "div",
        element("label", f"Filter {table.noun}s", for_=search),
        element(
            "input", id=search, type="search", autocomplete="off", spellcheck="false", placeholder="words in a row"
        ),
        element("label", words, for_=choice),
        element("select", every, *options, id=choice),
        element("button", "Clear", type="button", class_="clear"),
        element("p", class_="shown muted", role="status"),
        class_="controls",
        role="search",
        aria_label=f"{table.heading}",
    )
