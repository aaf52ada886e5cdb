"""Lists of choices: every run of something that chooses, replayed one after the other (depth first)."""

from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Oracle:
    """Replays a list of choices, goes on with the first option, and remembers what there was to choose from."""

    def __init__(self, prefix: list[int]) -> None:
        self._prefix = prefix
        self.trace: list[tuple[int, int]] = []

    def choose(self, count: int) -> int:
        at = len(self.trace)
        chosen = self._prefix[at] if at < len(self._prefix) else 0
        self.trace.append((chosen, count))
        return chosen

    def next(self) -> list[int] | None:
        """The prefix of the run that follows; None after the last."""
        trace = self.trace
        while trace and trace[-1][0] == trace[-1][1] - 1:
            trace = trace[:-1]
        return [*(chosen for chosen, _ in trace[:-1]), trace[-1][0] + 1] if trace else None


def every(run: Callable[[Oracle], T]) -> Iterator[T]:
    """The outcomes of a run under every list of choices."""
    prefix: list[int] | None = []
    while prefix is not None:
        oracle = Oracle(prefix)
        yield run(oracle)
        prefix = oracle.next()
