"""What to do first: each rule that found something, the worst first, with its fix."""

from collections.abc import Iterator
from itertools import groupby

from ...alerts import Alert
from ...catalogue import RULES
from ..outcome import Outcome, sentence
from .markup import Html, element
from .words import number

_IN_FULL = 6  # rules
_EXAMPLES = 3


def anchor(alert: Alert) -> str:
    """The id of what is said about an alert's rule."""
    return f"{alert.rule}-{alert.severity}"


def steps(outcome: Outcome) -> Html:
    """A list in the order in which to work it off."""
    return element(
        "section",
        element("h2", "What to do first", id="first", tabindex="-1"),
        *_body(outcome),
        class_="card first",
        aria_labelledby="first",
    )


def _body(outcome: Outcome) -> Iterator[Html]:
    if outcome.report.void is not None:
        yield element("p", "Find out what answers in the place of Cobalt, as said above. Nothing else counts before.")
        return
    if not outcome.alerts:
        known = "" if outcome.complete else ", among what could be seen"
        yield element("p", f"Nothing: no rule found anything{known}.")
        return
    groups = [list(group) for _, group in groupby(outcome.alerts, key=lambda alert: (alert.severity, alert.rule))]
    yield element("ol", *(_step(group, in_full=place < _IN_FULL) for place, group in enumerate(groups)))


def _step(alerts: list[Alert], *, in_full: bool) -> Html:
    alert, rule = alerts[0], RULES.get(alerts[0].rule)
    examples = alerts[:_EXAMPLES] if in_full else []
    return element(
        "li",
        element(
            "h3",
            element("span", alert.severity, class_=f"severity {alert.severity}"),
            " ",
            element("span", alert.rule, class_="rule"),
            " ",
            rule.title if rule is not None else None,
        ),
        element("p", element("b", "Do: "), alert.fix),
        element("ul", *(element("li", sentence(example)) for example in examples)) if examples else None,
        element("p", _all(alerts, examples)),
        id=anchor(alert),
        tabindex="-1",
    )


def _all(alerts: list[Alert], examples: list[Alert]) -> Html | None:
    """The way to the rule's alerts in the table, where not all of them stand here."""
    if len(alerts) <= len(examples):
        return None
    first = alerts[0]
    text = f"All {number(len(alerts), 'alert')}" if len(alerts) > 1 else "See the alert"
    return element("a", f"{text} of {first.rule}", href="#alerts", data_find=first.rule, data_show=first.severity)
