"""What the rules stand on: everything that was learned, and how what they found is told.

A user was *seen* where one of his or her secrets is ALIVE: only then was the listing read to its end, by answers
that count. What rules say of a user's tokens they say of users who were seen, in SQL

    user IN (SELECT user FROM credential WHERE verdict = 'ALIVE')

A `+` before a column keeps SQLite from looking a row up by it: one user may have all the tokens there are, where an
id is only one's.
"""

from datetime import date, datetime

from attrs import field, frozen

from ...ledger import Ledger
from ..alerts import Severity
from ..facts import Facts
from ..policy import Policy
from ..verdicts import name_of
from .texts import Texts


@frozen(kw_only=True)
class Ground:
    """What a rule may ask: `now` is aware, `is_whole` says that the run came to its end."""

    facts: Facts
    policy: Policy
    ledger: Ledger
    is_whole: bool
    now: datetime
    texts: Texts = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "texts", Texts(self.facts))

    @property
    def today(self) -> date:
        """The day in UTC."""
        return self.now.date()


@frozen(kw_only=True)
class Raised:
    """An alert as a rule raises it, before the policy has its say.

    `kind` and `key` are what it is about in every run, `subject` is that in this one; `severity` is None where it
    is the rule's.
    """

    rule: str
    kind: str
    key: str
    subject: str
    message: str
    severity: Severity | None = None


def of_label(rule: str, label: str, message: str, severity: Severity | None = None) -> Raised:
    """About a credential."""
    return Raised(rule=rule, kind="label", key=label, subject=label, message=message, severity=severity)


def of_token(rule: str, token_id: str, message: str, severity: Severity | None = None) -> Raised:
    """About a token."""
    return Raised(rule=rule, kind="token", key=token_id, subject=token_id, message=message, severity=severity)


def of_user(rule: str, user: int, token_id: str | None, message: str) -> Raised:
    """About a user, whom the smallest of his or her token ids stands for: numbers are new in every run."""
    name = name_of(user) or ""
    return Raised(rule=rule, kind="user", key=token_id or name, subject=name, message=message)


def of_path(rule: str, path: str, message: str) -> Raised:
    """About a file."""
    return Raised(rule=rule, kind="path", key=path, subject=path, message=message)
