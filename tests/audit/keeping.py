"""What the tests of what is kept share: a run as the engine would tell it, in few words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cobalt_async import Token
from cobalt_async.audit import AuditResult, Credential, Verdict
from cobalt_async.audit.baseline import Baseline, read_baseline, write_baseline
from cobalt_async.audit.facts import Facts

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def credential(label: str, secret: str = "", **declared: Any) -> Credential:
    """A credential; without `secret` its own."""
    return Credential(label, secret or f"secret-of-{label.replace(' ', '-')}", **declared)


def tell(facts: Facts, label: str, verdict: Verdict, user: int | None = None, secret: str = "") -> None:
    """One result."""
    reason = "no_answer" if verdict is Verdict.INDETERMINATE else None
    facts.add(credential(label, secret), AuditResult(label, verdict, reason), user)


def lists(facts: Facts, user: int, *tokens: str | tuple[str, str]) -> None:
    """Tokens of a user: an id, which is its name too, or an id and a name."""
    facts.list(user, [Token(*((token, token) if isinstance(token, str) else token)) for token in tokens])


def saved(facts: Facts, path: Path, **more: Any) -> Baseline:
    """The baseline of these facts."""
    facts.settle()
    write_baseline(facts, path, now=NOW, **more)
    return read_baseline(path)
