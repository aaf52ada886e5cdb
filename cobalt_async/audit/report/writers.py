"""The formats of a report, and what writes each."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from ..verdicts import AuditResult
from .csv import CsvWriter
from .html import HtmlWriter
from .json import JsonWriter
from .jsonl import JsonlWriter
from .outcome import Outcome
from .sarif import SarifWriter
from .sink import Sink
from .table import TableWriter


class Writer(Protocol):
    """Writes one report, whatever its format: results as they land, then the end of it."""

    def add(self, result: AuditResult) -> None:
        """One more result."""

    def end(self, outcome: Outcome) -> None:
        """No more results, and what they add up to; the report is whole then."""


class Format(StrEnum):
    """What a report is for: a person at a terminal, a program, a program while the audit goes on, a spreadsheet."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"
    SARIF = "sarif"

    @property
    def file_name(self) -> str:
        """What a report of this format is called in its folder."""
        return f"report.{'txt' if self is Format.TABLE else self.value}"


_WRITERS: Mapping[Format, Callable[[Sink], Writer]] = {
    Format.TABLE: TableWriter,
    Format.JSON: JsonWriter,
    Format.JSONL: JsonlWriter,
    Format.CSV: CsvWriter,
    Format.SARIF: SarifWriter,
    Format.HTML: HtmlWriter,
}


def writer(form: Format, file: Sink) -> Writer:
    """A writer of this format; nothing is written yet. ConfigurationError for a table without rich."""
    return _WRITERS[form](file)
