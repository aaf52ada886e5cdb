"""The results as a table for a person, in bounded memory: what needs a person first."""

import importlib.util
import io
import shutil
from typing import TextIO

from ...errors import ConfigurationError
from ..verdicts import AuditResult, Verdict
from .printable import printable

_ORDER = (Verdict.INDETERMINATE, Verdict.FORBIDDEN, Verdict.DEAD, Verdict.ALIVE)
_MOST_ALIVE = 200  # rows; where more are alive, those are counted and not listed
_MOST = 5000  # rows of each other verdict
_STYLES = {
    Verdict.ALIVE: "green",
    Verdict.DEAD: "red",
    Verdict.FORBIDDEN: "yellow",
    Verdict.INDETERMINATE: "magenta",
}
_HEADINGS = ("VERDICT", "LABEL", "REASON", "REGION", "TOKENS")  # those that nothing stands under are left out
_UNCUT = 100_000  # columns: what is not a terminal has no width


class ResultTable:
    """Collects results and prints them: unknown, forbidden, dead, and then those alive, each by label.

    Up to 200 that are alive are listed; where there are more, they are only counted. Of each other verdict up
    to 5,000 are listed. Control characters in labels are written out. ConfigurationError without rich, which
    comes with `pip install 'cobalt-async[cli]'`.
    """

    def __init__(self) -> None:
        self._rows: dict[Verdict, list[tuple[str, str, str, str]]] = {verdict: [] for verdict in _ORDER}
        self._left_out = dict.fromkeys(_ORDER, 0)

    def add(self, result: AuditResult) -> None:
        """One more result."""
        rows = self._rows[result.verdict]
        if len(rows) >= (_MOST_ALIVE if result.verdict is Verdict.ALIVE else _MOST):
            self._left_out[result.verdict] += 1
            return
        tokens = str(len(result.tokens)) if result.verdict is Verdict.ALIVE else ""
        rows.append((result.label, result.reason or "", result.region or "", tokens))

    def print(self, *, file: TextIO) -> None:
        """Print the table, with colours where `file` is a terminal, and say how many are not in it."""
        if self._left_out[Verdict.ALIVE]:
            self._left_out[Verdict.ALIVE] += len(self._rows[Verdict.ALIVE])
            self._rows[Verdict.ALIVE].clear()
        if any(self._rows.values()):
            print(self._rendered(is_terminal=file.isatty()), end="", file=file)
        for verdict, count in self._left_out.items():
            if count:
                print(f"{count} {verdict} are not listed; --format jsonl has them all", file=file)

    def _rendered(self, *, is_terminal: bool) -> str:
        if importlib.util.find_spec("rich") is None:
            raise ConfigurationError("a table needs rich: pip install 'cobalt-async[cli]'")
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.table import Table  # noqa: PLC0415 - an extra
        from rich.text import Text  # noqa: PLC0415 - an extra

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        rows = [(verdict, *row) for verdict in _ORDER for row in sorted(self._rows[verdict])]
        shown = [place for place, column in enumerate(zip(*rows, strict=True)) if any(column)]
        for place in shown:
            table.add_column(_HEADINGS[place], overflow="fold", justify="right" if place == 4 else "left")
        for row in rows:
            style = _STYLES[row[0]]
            table.add_row(*(Text(printable(row[place]), "" if place else style) for place in shown))
        width = shutil.get_terminal_size().columns if is_terminal else _UNCUT
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=width)
        with console.capture() as rendered:
            console.print(table)
        return rendered.get()
