"""Counting results as they are handed out, in memory that does not grow with them."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from .alerts import Alert
from .verdicts import AuditResult, Verdict


@frozen(kw_only=True)
class Report:
    """What the results handed out so far add up to.

    `counts` has every verdict, also those of which there is none; `reasons` counts the INDETERMINATE
    and the NOT_TRIED by reason.
    `users` is how many users were seen, `tokens_listed` how many tokens they have, each counted once.
    `complete` is True once the audit came to its end and nothing is INDETERMINATE or NOT_TRIED. `void` says why
    no answer of this run can be believed, `stopped` why it ended early; both are None where that is not so.
    `alerts` are there once the audit has ended, those that the policy suppresses too; `notes` are what it met
    that concerns no single credential: where Cobalt is not as documented (limits, fields that no document names), and
    what could not be judged. `cannot_know` is what the API cannot tell, in sentences.
    """

    counts: Mapping[Verdict, int]
    reasons: Mapping[str, int]
    users: int
    tokens_listed: int
    complete: bool
    void: str | None = None
    stopped: str | None = None
    alerts: tuple[Alert, ...] = ()
    notes: tuple[str, ...] = ()
    cannot_know: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many credentials have a result."""
        return sum(self.counts.values())


@frozen(kw_only=True)
class Conclusion:
    """What is known once an audit has ended; the fields are the Report's."""

    void: str | None
    stopped: str | None
    alerts: tuple[Alert, ...]
    notes: tuple[str, ...]
    cannot_know: tuple[str, ...]


class Tally:
    """Counts results as they are handed out; `conclusion` is set when there are no more."""

    def __init__(self) -> None:
        self.conclusion: Conclusion | None = None
        self._counts = dict.fromkeys(Verdict, 0)
        self._reasons: Counter[str] = Counter()

    def add(self, result: AuditResult) -> None:
        """One more."""
        self._counts[result.verdict] += 1
        if result.reason is not None:
            self._reasons[result.reason] += 1

    def report(self, *, users: int, tokens_listed: int) -> Report:
        """What was counted, as it stands now."""
        end = self.conclusion
        unknown = self._counts[Verdict.INDETERMINATE] + self._counts[Verdict.NOT_TRIED]
        return Report(
            counts=MappingProxyType(dict(self._counts)),
            reasons=MappingProxyType(dict(self._reasons)),
            users=users,
            tokens_listed=tokens_listed,
            complete=end is not None and end.void is None and end.stopped is None and not unknown,
            void=None if end is None else end.void,
            stopped=None if end is None else end.stopped,
            alerts=() if end is None else end.alerts,
            notes=() if end is None else end.notes,
            cannot_know=() if end is None else end.cannot_know,
        )
