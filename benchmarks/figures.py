"""What a question yields, and what its figures say against its goal: pure."""

import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from attrs import frozen

Relation = Literal["<=", "<", ">="]

_HOLDS: Mapping[Relation, Callable[[float, float], bool]] = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}


@frozen
class Goal:
    """What the median has to be: `relation` and a bound in the row's unit."""

    relation: Relation
    bound: float


@frozen
class Bar:
    """Where a row stands in its question's picture: in which panel, in which group of bars there, and whose it is."""

    panel: str
    group: str
    owner: str


@frozen
class Row:
    """One line of the table: `values` holds one figure for each counted round, in the order of the rounds.

    A row without a goal tells what stands behind another row's ratio or difference. A row without values says in
    `missing` what has to be installed for them. `counted`: what there is a figure for each of, where those are no
    rounds, and another run would give the same.
    """

    question: str
    values: tuple[float, ...]
    unit: str
    goal: Goal | None = None
    bar: Bar | None = None
    missing: str = ""
    counted: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Ours by theirs, pair by pair."""
    return tuple(mine / other for mine, other in zip(ours, theirs, strict=True))


def differences(more: Sequence[float], less: Sequence[float]) -> tuple[float, ...]:
    """More minus less, pair by pair."""
    return tuple(above - below for above, below in zip(more, less, strict=True))


def verdict(row: Row) -> str:
    """`met`, or `short by` how much the median misses the goal; nothing where there is no goal; or what is missing."""
    if not row.values:
        return f"not measured: {row.missing}"
    if row.goal is None:
        return ""
    if _HOLDS[row.goal.relation](row.median, row.goal.bound):
        return "met"
    miss = abs(row.median - row.goal.bound)
    return f"short by {f'{miss:.2f}' if miss >= 0.005 or not miss else f'{miss:.1g}'} {row.unit}"
