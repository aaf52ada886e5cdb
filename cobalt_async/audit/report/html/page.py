"""The page as a whole: what a browser may do with it, and its parts from top to bottom."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

from attrs import frozen

from ...._version import __version__
from ....errors import ConfigurationError
from ..outcome import Outcome
from . import charts, first, lists, summary, tables
from .markup import DOCTYPE, Html, closing, element, joined, opening, verbatim
from .shelf import Shelf


@frozen
class Assets:
    """The style and the script that stand in the page."""

    style: str
    script: str

    @classmethod
    def installed(cls) -> "Assets":
        """Those beside this file; ConfigurationError where an installation has lost them."""
        folder = files("cobalt_async.audit.report.html")
        try:
            return cls(*(folder.joinpath(name).read_text("ascii") for name in ("page.css", "page.js")))
        except OSError as error:
            why = error.strerror or type(error).__name__
        raise ConfigurationError(f"page.css and page.js of the html report: {why}; install cobalt-async again")

    def policy(self) -> str:
        """What a browser may do with the page: use this style and this script, and nothing else from anywhere."""
        rules = (
            "default-src 'none'",
            f"style-src {_digest(self.style)}",
            f"script-src {_digest(self.script)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
        return "; ".join(rules)


def parts(outcome: Outcome, shelf: Shelf, assets: Assets) -> Iterator[Html]:
    """The page in pieces, so that it need not stand in memory."""
    yield DOCTYPE
    yield opening("html", lang="en")
    yield _head(outcome, assets)
    yield opening("body")
    yield element("a", "Skip to what to do first", class_="skip", href="#first")
    yield _header(outcome)
    yield opening("main")
    yield summary.banner(outcome)
    yield summary.tiles(outcome)
    yield element(
        "div",
        first.steps(outcome),
        element("div", *_aside(outcome), class_="aside"),
        class_="columns",
    )
    yield from tables.alerts(outcome)
    yield from tables.credentials(shelf)
    yield joined(
        [
            lists.suppressed(outcome),
            lists.sentences("notes", "Notes", outcome.report.notes),
            lists.sentences("limits", "What this audit cannot know", outcome.report.cannot_know),
        ]
    )
    yield closing("main")
    yield element(
        "footer",
        element(
            "p",
            f"cobalt-async {__version__}. This page holds no secret and loads nothing; "
            "it does hold labels, token ids and names: share it as you would those.",
        ),
    )
    yield closing("body")
    yield closing("html")


def _aside(outcome: Outcome) -> tuple[Html, ...]:
    """What stands beside the first steps; what is unknown comes before the pictures, where there is any."""
    pictures = (charts.verdicts(outcome), charts.severities(outcome))
    words = (lists.unknown(outcome), lists.drift(outcome))
    return (*words, *pictures) if outcome.report.reasons else (*pictures, *words)


def _head(outcome: Outcome, assets: Assets) -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=assets.policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", " ".join(["Cobalt token audit", *([_day(outcome.ended_at)] if outcome.ended_at else [])])),
        verbatim("style", assets.style),
        verbatim("script", assets.script),
    )


def _header(outcome: Outcome) -> Html:
    places = [("first", "Do first"), ("alerts", "Alerts"), ("credentials", "Credentials"), ("limits", "Cannot know")]
    return element(
        "header",
        element("div", element("h1", "Cobalt token audit"), element("p", *_times(outcome), class_="muted")),
        element(
            "nav", *(element("a", text, href=f"#{place}") for place, text in places), aria_label="Parts of the report"
        ),
    )


def _times(outcome: Outcome) -> Iterator[Html | str]:
    """When it ran, in UTC, and for how long."""
    if outcome.started_at is not None:
        yield _moment(outcome.started_at)
    if outcome.started_at is not None and outcome.ended_at is not None:
        yield f", took {_span((outcome.ended_at - outcome.started_at).total_seconds())}"


def _moment(moment: datetime) -> Html:
    shown = moment.astimezone(UTC)
    return element("time", f"{shown:%Y-%m-%d %H:%M} UTC", datetime=shown.isoformat(timespec="seconds"))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _digest(source: str) -> str:
    digest = base64.b64encode(hashlib.sha256(source.encode("ascii")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
