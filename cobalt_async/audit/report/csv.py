"""One row a credential for a spreadsheet, as results land (RFC 4180, UTF-8)."""

import csv
import re

from ..verdicts import AuditResult
from .outcome import Outcome
from .printable import printable
from .sink import Sink

_COLUMNS = ("label", "verdict", "reason", "user", "region", "tokens")
# Excel takes the wide signs too, and looks past blanks.
_FORMULA = re.compile(r"[\t\r\n]|[\s\ufeff\u200b-\u200f]*[=+\-@＝＋－＠]")  # noqa: RUF001


class CsvWriter:
    """Writes a header and a row for each result: `label,verdict,reason,user,region,tokens`, the last a count.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front. Where `file` is a terminal,
    control characters are written out.
    """

    def __init__(self, file: Sink) -> None:
        self._file = file
        self._rows = csv.writer(file)
        self._is_shown = file.isatty()
        self._began = False

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._begin()
        texts = (result.label, result.verdict.value, result.reason, result.user, result.region)
        self._rows.writerow((*map(self._cell, texts), len(result.tokens)))

    def end(self, outcome: Outcome) -> None:
        """The rows are all there is."""
        self._begin()
        self._file.flush()

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._rows.writerow(_COLUMNS)

    def _cell(self, text: str | None) -> str:
        if text is None:
            return ""
        if self._is_shown:
            text = printable(text)
        return f"'{text}" if _FORMULA.match(text) else text
