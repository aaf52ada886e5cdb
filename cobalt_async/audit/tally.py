"""Counting results as they are handed out, in memory that does not grow with them."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from .verdicts import AuditResult, Verdict


@frozen(kw_only=True)
class Report:
    """What the results handed out so far add up to.

    `counts` has every verdict, also those of which there is none; `reasons` counts the INDETERMINATE by
    reason.
    `tokens_listed` adds up the tokens that each ALIVE credential lists: two credentials of one user count its
    tokens twice. `complete` is True once the audit came to its end and nothing is INDETERMINATE.
    """

    counts: Mapping[Verdict, int]
    reasons: Mapping[str, int]
    tokens_listed: int
    complete: bool

    @property
    def total(self) -> int:
        """How many credentials have a result."""
        return sum(self.counts.values())


class Tally:
    """Counts results; `ended` once there will be no more."""

    def __init__(self) -> None:
        self.ended = False
        self._counts = dict.fromkeys(Verdict, 0)
        self._reasons: Counter[str] = Counter()
        self._tokens_listed = 0

    def add(self, result: AuditResult) -> None:
        """One more."""
        self._counts[result.verdict] += 1
        self._tokens_listed += len(result.tokens)
        if result.reason is not None:
            self._reasons[result.reason] += 1

    def report(self) -> Report:
        """What was counted, as it stands now."""
        return Report(
            counts=MappingProxyType(dict(self._counts)),
            reasons=MappingProxyType(dict(self._reasons)),
            tokens_listed=self._tokens_listed,
            complete=self.ended and not self._counts[Verdict.INDETERMINATE],
        )
