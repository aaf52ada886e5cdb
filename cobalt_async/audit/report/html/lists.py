"""The short lists of the page: what is unknown, what changed, what was suppressed, and what no audit can know."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from ...alerts import Alert
from ..advice import DRIFT, advice
from ..outcome import Outcome, sentence
from .markup import Html, element
from .words import number

_MOST_SUPPRESSED = 1000


def unknown(outcome: Outcome) -> Html:
    """Why credentials have no verdict, the most frequent reason first, and what to do about it."""
    reasons = sorted(outcome.report.reasons.items(), key=lambda item: (-item[1], item[0]))
    items = [
        element(
            "li",
            element("a", f"{count:,} {reason}", href="#credentials", data_find=reason),
            f": {advice(reason)}",
        )
        for reason, count in reasons
    ]
    text = "Nothing: every credential that was asked about has a verdict." if not items else None
    note = "Unknown is INDETERMINATE in the other reports, and never a polite word for dead." if items else None
    return _card(
        "unknown",
        "What is unknown",
        element("p", text) if text else element("ul", *items),
        element("p", note, class_="muted") if note else None,
    )


def drift(outcome: Outcome) -> Html:
    """What alerts say about changes since the baseline."""
    found = Counter(alert.rule for alert in outcome.alerts if alert.rule in DRIFT)
    if found:
        body = element(
            "ul",
            *(
                element("li", element("a", f"{found[rule]:,} {what}", href="#alerts", data_find=rule), f" ({rule})")
                for rule, what in DRIFT.items()
                if found[rule]
            ),
        )
    else:
        body = element(
            "p",
            "No alert tells of a change. To compare this audit with the next one: ",
            element("code", "--save-baseline FILE"),
            " now, ",
            element("code", "--baseline FILE"),
            " then.",
        )
    return _card("drift", "Since the baseline", body)


def suppressed(outcome: Outcome) -> Html | None:
    """What the policy calls known, with its reason, so that it is not forgotten."""
    known = [alert for alert in outcome.report.alerts if alert.suppressed is not None]
    if not known:
        return None
    left = len(known) - _MOST_SUPPRESSED
    return _card(
        "suppressed",
        "Suppressed by the policy",
        element("details", element("summary", number(len(known), "alert")), element("ul", *_known(known))),
        element("p", f"{left:,} more are not listed; --format json has them all.") if left > 0 else None,
    )


def _known(alerts: Iterable[Alert]) -> Iterator[Html]:
    for alert in islice(alerts, _MOST_SUPPRESSED):
        yield element("li", f"{alert.severity} {alert.rule} ", sentence(alert), f" Suppressed: {alert.suppressed}")


def sentences(place: str, heading: str, lines: Iterable[str]) -> Html | None:
    """A list of sentences under a heading; nothing where there are none."""
    items = [element("li", line) for line in lines]
    return _card(place, heading, element("ul", *items)) if items else None


def _card(place: str, heading: str, *children: Html | None) -> Html:
    return element(
        "section", element("h2", heading, id=place, tabindex="-1"), *children, class_="card", aria_labelledby=place
    )
