"""Where the results of an audit go: to standard output in one format, or into a folder in several."""

import contextlib
import shutil
import sys
from types import TracebackType
from typing import Self, TextIO

from cobalt_async.audit import (
    AuditResult,
    Format,
    Outcome,
    ReportFiles,
    TableWriter,
    Writer,
    printable,
    summarize,
    writer,
)

from .speaking import tell


class Output:
    """A report for each format, and the summary where a person reads it, unless `quiet`.

    `folder`: where the reports go; None for standard output, which takes one. `with` it: in the folder, reports
    appear when the block ends well. `names`: whether a report has the names of tokens.
    """

    def __init__(self, formats: tuple[Format, ...], *, folder: str | None, quiet: bool) -> None:
        self._form = formats[0]
        self.names: bool = not {Format.JSON, Format.JSONL}.isdisjoint(formats)
        self._files = None if folder is None else ReportFiles(folder, formats)
        self._quiet = quiet
        self._stack = contextlib.ExitStack()
        self._writer: Writer

    @property
    def streams(self) -> bool:
        """Whether results go by on standard output while the audit runs."""
        return self._files is None and self._form is not Format.TABLE

    def __enter__(self) -> Self:
        if self._files is not None:
            self._writer = self._stack.enter_context(self._files)
        elif self._form is Format.TABLE:
            self._writer = TableWriter(sys.stdout, summary=not self._quiet)
        else:
            self._writer = writer(self._form, sys.stdout)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._writer.add(result)

    def end(self, outcome: Outcome) -> None:
        """No more results, and what they add up to."""
        self._writer.end(outcome)

    def conclude(self, outcome: Outcome) -> None:
        """Tell a person the summary where no table does, and where the reports are; after leaving."""
        if self._quiet or (self._files is None and self._form is Format.TABLE):
            return
        if self._files is None:
            for line in summarize(outcome, width=_width(sys.stderr)).splitlines():
                tell(line)
        else:
            written = (printable(f"Written: {path}") for path in self._files.paths)
            print(summarize(outcome, width=_width(sys.stdout)), *written, sep="\n", flush=True)


def _width(stream: TextIO | None) -> int | None:
    """The columns of a terminal; None for what has none."""
    return shutil.get_terminal_size().columns if stream is not None and stream.isatty() else None
