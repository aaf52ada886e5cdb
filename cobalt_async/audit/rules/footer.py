"""What is said once a run: notes, and what no audit through this API can know (F27)."""

from collections.abc import Iterator
from datetime import datetime

from ..facts import Facts
from ..policy import Policy
from .texts import shown

CANNOT_KNOW: tuple[str, ...] = (
    (
        "Cobalt lists only the tokens of the user who asks: that no undeclared token was found holds among the users "
        "who could be seen, and of users for whom no living secret is held nothing is known."
    ),
    "Cobalt does not say when a token was made, when it was last used, or what it may do.",
    "Cobalt does not say whose a user is: no name and no e-mail address. Owners are those of the inventory.",
    (
        "Cobalt does not say which listed token made a call: which secret belongs to which id is known only where it "
        "is declared, or where nothing else is left."
    ),
    "Cobalt does not say why a secret is refused: revoked, refreshed elsewhere and never valid look alike.",
    "Cobalt does not say who refreshed, revoked or renamed a token.",
)


def notes(facts: Facts, *, policy: Policy, now: datetime, complete: bool = True) -> tuple[str, ...]:
    """What belongs in the footer: rules that were not judged, suppressions that are over, what Cobalt leaves out."""
    return tuple(_notes(facts, policy, now, complete))


def _notes(facts: Facts, policy: Policy, now: datetime, complete: bool) -> Iterator[str]:
    (not_tried,) = _counted(facts, "SELECT COUNT(*) FROM credential WHERE verdict = 'NOT_TRIED'")
    if not_tried or not complete:
        yield "CT202 and CT301 need all of the inventory: what they say is nothing where credentials were not tried"
    for entry in policy.suppress:
        if now.date() > entry.until:
            what = entry.rule if entry.subject is None else f"{entry.rule} for {shown(entry.subject)}"
            yield f"the policy's suppression of {what} ended on {entry.until}, and no longer applies"
    credentials, owners = _counted(facts, "SELECT COUNT(*), COUNT(NULLIF(trim(owner), '')) FROM credential")
    if credentials and not owners:
        yield "the inventory declares no owners, so CT201 and CT202 found nothing to compare"
    tokens, ends = _counted(facts, "SELECT COUNT(*), COUNT(expire_at) FROM token")
    if tokens and not ends:
        yield "no token has an expire_at: Cobalt documents it as not implemented, so CT502 found nothing to compare"


def _counted(facts: Facts, sql: str) -> tuple[int, ...]:
    return next(facts.query(sql))
