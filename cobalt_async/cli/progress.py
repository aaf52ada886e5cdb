"""How far an audit is, on a terminal; elsewhere nothing but what must be said."""

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Self

from cobalt_async.audit import AuditResult, Verdict, printable

from .speaking import complain

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress, TaskID


def watches(*, quiet: bool, streams: bool) -> bool:
    """Whether somebody looks at standard error, and not at results that stream by on the same terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return False
    return not (streams and sys.stdout.isatty())


class Watch:
    """Counts results, and shows the count where `shown`: how many, how fast, and with what verdicts.

    `total`: how many will come, None where nobody knows.
    """

    def __init__(self, total: int | None, *, shown: bool) -> None:
        self._counts = dict.fromkeys(Verdict, 0)
        self._began = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._stack = contextlib.ExitStack()
        if shown:
            self._bar = _bar()
            self._task = self._bar.add_task(self._text(), total=total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._stack.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        self._stack.close()

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._counts[result.verdict] += 1
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, description=self._text())

    def complain(self, text: str) -> None:
        """Say a line, above what is shown."""
        if self._bar is None:
            complain(text)
        else:
            line = printable(f"cobalt-async: {text}")
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _text(self) -> str:
        done = sum(self._counts.values())
        rate = done / max(time.monotonic() - self._began, 0.001)
        names = {"alive": Verdict.ALIVE, "dead": Verdict.DEAD, "forbidden": Verdict.FORBIDDEN}
        counts = " · ".join(f"{self._counts[verdict]} {name}" for name, verdict in names.items())
        return f"{done} done · {rate:.0f}/s · {counts} · {self._counts[Verdict.INDETERMINATE]} unknown"


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    # Standard output is left alone: what goes there may go to a file.
    return Progress(
        BarColumn(bar_width=20),
        TextColumn("{task.description}", markup=False),
        console=Console(file=sys.stderr),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
