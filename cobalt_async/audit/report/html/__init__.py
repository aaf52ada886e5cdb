"""A report for a browser: one file that needs nothing else, and sends nothing anywhere."""

from ...verdicts import AuditResult
from ..outcome import Outcome
from ..sink import Sink
from .page import Assets, parts
from .shelf import Row, Shelf

__all__ = ["HtmlWriter"]

_MOST = 100_000  # credentials; a browser takes a second to open so many


class HtmlWriter:
    """Collects results, and at the end writes one self-contained page, in ASCII; nothing is written before.

    Credentials stand by verdict and label: unknown, forbidden, dead, not tried, alive. The first 100,000 are listed,
    and where there are more, the page says so; most of them wait in temporary files. Of alerts, which are there
    at once, the worst 20,000 are. No text of others can become markup: control characters, and all that turns or
    hides text, is written out. ConfigurationError where there is no room for the temporary files.
    """

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._assets = Assets.installed()
        self._shelf = Shelf(_MOST)

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._shelf.add(Row.of(result))

    def end(self, outcome: Outcome) -> None:
        """Write the page."""
        for part in parts(outcome, self._shelf, self._assets):
            self._file.write(part + "\n")
        self._file.flush()
