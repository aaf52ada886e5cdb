"""What the tests of the rules share: facts as an audit would have left them, and the alerts that they raise."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from cobalt_async import Secret, Token
from cobalt_async.audit.alerts import Alert
from cobalt_async.audit.credential import Credential
from cobalt_async.audit.facts import Facts
from cobalt_async.audit.policy import Policy
from cobalt_async.audit.rules import evaluate, notes
from cobalt_async.audit.verdicts import AuditResult, Verdict
from cobalt_async.ledger import Ledger, RotationRecord, fingerprint

ALIVE, DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED = Verdict
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SALT = b"salt of the tests"


class Told:
    """Facts, told in a few words. Without `secret` each credential has one of its own."""

    def __init__(self, *records: RotationRecord) -> None:
        self.ledger = Ledger(records)
        self.facts = Facts(salt=SALT, ledger=self.ledger)

    def __del__(self) -> None:
        self.facts.close()

    def alive(self, label: str, user: int | None = 1, **declared: Any) -> None:
        self.tell(label, ALIVE, user, **declared)

    def dead(self, label: str, **declared: Any) -> None:
        self.tell(label, DEAD, None, **declared)

    def tell(
        self, label: str, verdict: Verdict, user: int | None, *, answered_by: str | None = None, **declared: Any
    ) -> None:
        """A result, and what the inventory declares."""
        secret = declared.pop("secret", f"secret-of-{label.replace(' ', '-')}")
        result = AuditResult(label, verdict, region=answered_by)
        self.facts.add(Credential(label, secret, **declared), result, user)

    def lists(self, user: int, *tokens: str | tuple[str, str] | Token) -> None:
        """Tokens of a user: an id, which is its name too, an id and a name, or a whole one."""
        self.facts.list(user, map(_token, tokens))

    def was(self, label: str, verdict: Verdict, user: int | None = None, *, secret: str | None = None) -> None:
        """What a baseline says of a credential."""
        mark = fingerprint(Secret(secret or f"secret-of-{label.replace(' ', '-')}"), SALT)
        row = (self.facts.label_mark(label), mark, verdict.value, user)
        self.facts.write("INSERT INTO was_credential VALUES (?, ?, ?, ?)", [row])

    def listed(self, user: int, *tokens: str | tuple[str, str]) -> None:
        """What a baseline says of a user's tokens."""
        rows = [(_token(token).id, user, _token(token).name) for token in tokens]
        self.facts.write("INSERT INTO was_token VALUES (?, ?, ?)", rows)

    def alerts(
        self, policy: Policy | None = None, *, baseline: bool = True, complete: bool = True
    ) -> tuple[Alert, ...]:
        """All of them."""
        self.facts.settle()
        return evaluate(
            self.facts,
            policy=policy or Policy(),
            ledger=self.ledger,
            baseline=baseline,
            complete=complete,
            now=NOW,
        )

    def subjects(self, rule: str, policy: Policy | None = None, *, complete: bool = True) -> list[str]:
        """Whom one rule's alerts are about."""
        return [alert.subject for alert in self.alerts(policy, complete=complete) if alert.rule == rule]

    def only(self, rule: str, policy: Policy | None = None) -> Alert:
        """The one alert of a rule."""
        [alert] = [alert for alert in self.alerts(policy) if alert.rule == rule]
        return alert

    def notes(self, policy: Policy | None = None, *, complete: bool = True) -> tuple[str, ...]:
        self.facts.settle()
        return notes(self.facts, policy=policy or Policy(), now=NOW, complete=complete)


def rotation(
    token_id: str, *, old: str | None = None, new: str | None = None, finished: bool = True, days: int = 1, **more: Any
) -> RotationRecord:
    """A rotation that began and was last touched so many days ago, with the texts of its secrets."""
    values: dict[str, Any] = {
        "rotation_id": f"rotation-{token_id}-{days}-{finished}-{new}",
        "token_id": token_id,
        "state": "COMMITTED" if finished else "SENT",
        "finished": finished,
        "started_at": NOW - timedelta(days=days),
        "updated_at": NOW - timedelta(days=days),
        "salt": b"salt of the journal",
        "old": None if old is None else fingerprint(Secret(old), b"salt of the journal"),
        "new": None if new is None else fingerprint(Secret(new), b"salt of the journal"),
    }
    return RotationRecord(**values | more)


def rules_of(alerts: Iterable[Alert]) -> list[str]:
    """The rule of each."""
    return [alert.rule for alert in alerts]


def _token(token: str | tuple[str, str] | Token) -> Token:
    if isinstance(token, Token):
        return token
    return Token(token, token) if isinstance(token, str) else Token(*token)
