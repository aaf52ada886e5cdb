"""An audit for a person, in bounded memory: what needs one first, then the alerts, then what it all adds up to."""

import importlib.util
import io
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigurationError
from ..alerts import Severity
from ..verdicts import AuditResult, Verdict
from .outcome import Outcome, sentence
from .printable import printable
from .sink import Sink
from .summary import summarize

if TYPE_CHECKING:
    from rich.table import Table

_ORDER = (Verdict.INDETERMINATE, Verdict.FORBIDDEN, Verdict.DEAD, Verdict.NOT_TRIED, Verdict.ALIVE)
_MOST = 5000  # rows of each verdict, and of alerts
_BRIEF: Mapping[Verdict, int] = {Verdict.ALIVE: 200, Verdict.NOT_TRIED: 200}  # above, they are counted and not listed
_MOST_ALIKE = 20  # alerts of one rule that is not as bad as high
_STYLES: Mapping[str, str] = {
    Verdict.ALIVE: "green",
    Verdict.DEAD: "red",
    Verdict.FORBIDDEN: "yellow",
    Verdict.INDETERMINATE: "magenta",
    Verdict.NOT_TRIED: "dim",
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.NOTE: "dim",
}
_RESULTS = ("VERDICT", "LABEL", "REASON", "USER", "REGION", "TOKENS")
_ALERTS = ("SEVERITY", "RULE", "ALERT")
_NARROWEST = 40  # columns: on less, folding leaves no word whole; there the terminal breaks the lines
_UNCUT = 100_000  # columns: what is not a terminal has no width


class TableWriter:
    """Collects results, and at the end writes them, the alerts, and the summary unless that is not wanted.

    Results stand by verdict and label: unknown, forbidden, dead, not tried, alive. Up to 200 that are alive are
    listed, and as many that were not tried; where there are more, they are only counted. Of the others, and of
    the alerts, up to 5,000 are listed, but of each rule below high up to 20. Control characters are written out.
    Where `file` is a terminal of 40 columns or more, lines fit its width; and there are colours, unless $NO_COLOR is
    set.
    ConfigurationError without rich, which comes with `pip install 'cobalt-async[cli]'`.
    """

    def __init__(self, file: Sink, *, summary: bool = True) -> None:
        if importlib.util.find_spec("rich") is None:
            raise ConfigurationError("a table needs rich: pip install 'cobalt-async[cli]'")
        self._file = file
        self._has_summary = summary
        self._rows: dict[Verdict, list[tuple[str, ...]]] = {verdict: [] for verdict in _ORDER}
        self._left_out = dict.fromkeys(_ORDER, 0)

    def add(self, result: AuditResult) -> None:
        """One more result."""
        rows = self._rows[result.verdict]
        if len(rows) >= _BRIEF.get(result.verdict, _MOST):
            self._left_out[result.verdict] += 1
            return
        tokens = str(len(result.tokens)) if result.verdict is Verdict.ALIVE else ""
        rows.append((result.label, result.reason or "", result.user or "", result.region or "", tokens))

    def end(self, outcome: Outcome) -> None:
        """Write all of it, with an empty line between its parts."""
        parts = [*self._results(), *self._alerts(outcome)]
        if self._has_summary:
            parts.append(summarize(outcome, width=self._width()) + "\n")
        self._file.write("\n".join(parts))
        self._file.flush()

    def _results(self) -> Iterable[str]:
        for verdict in _BRIEF:
            if self._left_out[verdict]:
                self._left_out[verdict] += len(self._rows[verdict])
                self._rows[verdict].clear()
        rows = [(verdict, *row) for verdict in _ORDER for row in sorted(self._rows[verdict])]
        left_out = [f"{count} {verdict}" for verdict, count in self._left_out.items() if count]
        return self._part(_RESULTS, rows, left_out, "--format jsonl")

    def _alerts(self, outcome: Outcome) -> Iterable[str]:
        alike: Counter[str] = Counter()
        rows: list[tuple[str, ...]] = []
        left_out = 0
        for alert in outcome.alerts:
            alike[alert.rule] += 1
            if len(rows) >= _MOST or (alike[alert.rule] > _MOST_ALIKE and not alert.severity.reaches(Severity.HIGH)):
                left_out += 1
            else:
                rows.append((alert.severity, alert.rule, sentence(alert)))
        return self._part(_ALERTS, rows, [f"{left_out} more alerts"] if left_out else [], "--format json")

    def _part(
        self, headings: Sequence[str], rows: Sequence[tuple[str, ...]], left_out: Sequence[str], remedy: str
    ) -> Iterable[str]:
        """A table, and what is not in it; nothing where there is neither."""
        text = self._rendered(_table(headings, rows)) if rows else ""
        text += "".join(f"{what} are not listed; {remedy} has them all\n" for what in left_out)
        return (text,) if text else ()

    def _rendered(self, table: "Table") -> str:
        from rich.console import Console  # noqa: PLC0415 - an extra

        width = self._width()
        console = Console(file=io.StringIO(), force_terminal=width is not None, width=width or _UNCUT)
        with console.capture() as rendered:
            console.print(table)
        text = rendered.get()
        return text if width else "".join(line.rstrip() + "\n" for line in text.splitlines())

    def _width(self) -> int | None:
        """The columns of a terminal, at least as many as a table needs; None for what has none."""
        return max(shutil.get_terminal_size().columns, _NARROWEST) if self._file.isatty() else None


def _table(headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> "Table":
    """The columns under which something stands; the first is coloured by what it says, numbers stand right."""
    from rich.table import Table  # noqa: PLC0415 - an extra
    from rich.text import Text  # noqa: PLC0415 - an extra

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown = [place for place, column in enumerate(zip(*rows, strict=True)) if any(column)]
    for place in shown:
        is_count = headings[place] == "TOKENS"
        table.add_column(headings[place], overflow="fold", justify="right" if is_count else "left", no_wrap=not place)
    for row in rows:
        table.add_row(*(Text(printable(row[place]), "" if place else _STYLES[row[0]]) for place in shown))
    return table
