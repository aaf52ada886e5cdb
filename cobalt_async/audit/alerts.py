"""Alert: something that an audit found and a person should look at."""

import hashlib
from enum import StrEnum

from attrs import frozen

_DIGITS = 32  # of a fingerprint: 128 bits


class Severity(StrEnum):
    """How much an alert matters, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst, 4 for the least."""
        return _RANKS[self]

    def reaches(self, least: "Severity") -> bool:
        """Whether this is as bad as `least`, or worse."""
        return self.rank <= least.rank


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@frozen(kw_only=True)
class Alert:
    """One alert: `rule` is its id (CT101 …), `subject` the label, token id, user or file that it is about.

    `message` says what was found, `fix` what to do about it. `fingerprint` is the same in every run that finds
    the same thing: a digest of rule and subject, never of the secret; where the subject is a user, whose number
    holds for one run only, it is of the smallest of that user's token ids. `suppressed` is the policy's reason
    where it says that this one is known, else None.
    """

    rule: str
    severity: Severity
    subject: str
    message: str
    fix: str
    fingerprint: str
    suppressed: str | None = None


def fingerprint_of(rule: str, kind: str, key: str) -> str:
    """32 hexadecimal digits for a rule and what it is about; `kind` keeps a label apart from a token id."""
    return hashlib.sha256(f"{rule}\0{kind}\0{key}".encode()).hexdigest()[:_DIGITS]
