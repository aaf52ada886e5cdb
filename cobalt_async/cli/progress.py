"""How far an audit is: a bar on a terminal, elsewhere a line now and then, so that a log shows life."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cobalt_async.audit import AuditResult, Verdict, printable

from .speaking import complain, tell

if TYPE_CHECKING:
    from rich.progress import Progress

_EVERY = 10.0  # seconds between two lines, where there is no terminal
_SPAN = 30.0  # seconds by which the rate is measured


class Count:
    """Results so far: how many, with what verdicts, how fast lately, and how long it will take.

    `total`: about how many will come, None where nobody knows. `clock` tells seconds.
    """

    def __init__(self, total: int | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.done: int = 0
        self.total = total
        self._verdicts = dict.fromkeys(Verdict, 0)
        self._clock = clock
        self._passed = deque([(clock(), 0)])  # moments, a second apart or more, and how many were done then

    def add(self, verdict: Verdict) -> None:
        """One more."""
        self.done += 1
        self._verdicts[verdict] += 1

    def text(self, parked: int) -> str:
        """All of it in a line; `parked` credentials wait for the window of their user."""
        verdicts = self._verdicts
        rate = self._rate()
        parts = [
            f"{self.done}/{self.total}" if self._expects_more() else f"{self.done} done",
            f"{rate:.0f}/s",
            f"{verdicts[Verdict.ALIVE]} alive",
            f"{verdicts[Verdict.DEAD]} dead",
            f"{verdicts[Verdict.FORBIDDEN]} forbidden",
            f"{verdicts[Verdict.INDETERMINATE]} unknown",
        ]
        if parked:
            parts.append(f"{parked} parked")
        if self.total is not None and self._expects_more() and rate > 0:
            parts.append(f"{_clock_face((self.total - self.done) / rate)} left")
        return " · ".join(parts)

    def _expects_more(self) -> bool:
        return self.total is not None and self.done <= self.total

    def _rate(self) -> float:
        now, passed = self._clock(), self._passed
        if now - passed[-1][0] >= 1:
            passed.append((now, self.done))
        while len(passed) > 1 and now - passed[1][0] >= _SPAN:
            passed.popleft()
        moment, done = passed[0]
        return (self.done - done) / max(now - moment, 0.001)


class Watch:
    """Shows a count on standard error while `with` lasts: a bar on a terminal, else a line every 10 s.

    `parked` tells how many credentials wait for the window of their user. `quiet` shows nothing; nor is
    anything shown on a terminal on which results stream by.
    """

    def __init__(self, total: int | None, *, parked: Callable[[], int], quiet: bool, streams: bool) -> None:
        self._count = Count(total)
        self._parked = parked
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = not quiet and not (self._is_terminal and streams and sys.stdout.isatty())
        self._bar: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        if self._shown and self._is_terminal:
            self._bar = _bar(self._text)
            self._bar.add_task("", total=self._count.total)
            self._bar.start()
        elif self._shown:
            self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()
        if self._timer is not None:
            self._timer.cancel()

    def add(self, result: AuditResult) -> None:
        """One more result."""
        self._count.add(result.verdict)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._count.done)

    def complain(self, text: str) -> None:
        """Say a line, above what is shown."""
        if self._bar is None:
            complain(text)
        else:
            line = printable(f"cobalt-async: {text}")
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_EVERY, self._tick)

    def _tick(self) -> None:
        tell(f"cobalt-async: {self._text()}")
        self._wait()

    def _text(self) -> str:
        return self._count.text(self._parked())


def _clock_face(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bar(text: Callable[[], str]) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task
    from rich.text import Text

    class Counts(ProgressColumn):
        """The count as it stands whenever the bar is drawn, be it that nothing lands for a minute."""

        def render(self, task: Task) -> Text:
            return Text(text())

    # Standard output is left alone: what goes there may go to a file.
    return Progress(
        BarColumn(bar_width=20),
        Counts(),
        console=Console(file=sys.stderr),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
