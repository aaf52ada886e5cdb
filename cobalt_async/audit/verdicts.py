"""What an answer says about a credential: pure. Three-valued, because a failed check is not a clean check.

200, a readable list to its end            ALIVE, once a made-up token was refused there later than that
401 with a JSON or empty body everywhere   DEAD, twice, with a live answer from each host in between and after
403 with a JSON or empty body              FORBIDDEN, twice
anything else, no answer included          INDETERMINATE, with the reason
never asked, or not to an end              NOT_TRIED, with the reason
"""

from collections.abc import Sequence
from enum import StrEnum

from attrs import frozen

from ..errors import (
    CobaltError,
    ForbiddenError,
    NoAnswerError,
    NotSentError,
    PaginationError,
    RateLimitedError,
    RefusedError,
    ServerError,
    UnauthorizedError,
    UnreadableError,
)
from ..models import Token


class Verdict(StrEnum):
    """What is known of a credential; INDETERMINATE is not known, and never a polite word for dead."""

    ALIVE = "ALIVE"
    DEAD = "DEAD"
    FORBIDDEN = "FORBIDDEN"
    INDETERMINATE = "INDETERMINATE"
    NOT_TRIED = "NOT_TRIED"


@frozen(init=False)
class AuditResult:
    """What an audit says about one credential, by its label.

    `reason` is None, except for INDETERMINATE: `no_live_control` (a 401, but no token was seen to work after
    it), `no_dead_control` (an answer that counts, but a made-up token was not seen to be refused),
    `rate_limited`, `server_error`, `no_answer`, `not_sent`, `unreadable`, `pagination`, `foreign_answer` (a 401
    or 403 whose body is not Cobalt's), `changed_midway` (refused in the middle of its own listing), or
    `refused_` and a status, as in `refused_404`; and for NOT_TRIED: `stopped`, `breaker` or `void`.
    `tokens`: all tokens of the credential's user, where it is ALIVE, and `user` a name for that user which
    holds in this run: credentials of one user have the same. `region`: where it is ALIVE or FORBIDDEN, if
    `regions` were given.
    """

    label: str
    verdict: Verdict
    reason: str | None = None
    tokens: tuple[Token, ...] = ()
    region: str | None = None
    user: str | None = None

    def __init__(  # noqa: PLR0917 - what attrs would make
        self,
        label: str,
        verdict: Verdict,
        reason: str | None = None,
        tokens: tuple[Token, ...] = (),
        region: str | None = None,
        user: str | None = None,
    ) -> None:
        _set_label(self, label)
        _set_verdict(self, verdict)
        _set_reason(self, reason)
        _set_tokens(self, tokens)
        _set_region(self, region)
        _set_user(self, user)


# There is one for each credential: what the `__init__` of attrs does, without looking for each slot by its name.
_set_label = vars(AuditResult)["label"].__set__
_set_verdict = vars(AuditResult)["verdict"].__set__
_set_reason = vars(AuditResult)["reason"].__set__
_set_tokens = vars(AuditResult)["tokens"].__set__
_set_region = vars(AuditResult)["region"].__set__
_set_user = vars(AuditResult)["user"].__set__


def name_of(user: int | None) -> str | None:
    """The name of a user in results and reports."""
    return None if user is None else f"user-{user}"


def alive(label: str, tokens: tuple[Token, ...], *, region: str | None, user: str | None) -> AuditResult:
    """A listing was read, and that of its user is known to its end."""
    return AuditResult(label, Verdict.ALIVE, tokens=tokens, region=region, user=user)


def failed(label: str, error: CobaltError, *, region: str | None, pages: int) -> AuditResult:
    """What an error says of one host, after `pages` of the listing were read. DEAD is yet to be confirmed."""
    if isinstance(error, UnauthorizedError | ForbiddenError):
        if error.foreign:
            return _indeterminate(label, "foreign_answer")
        if pages:
            return _indeterminate(label, "changed_midway")
        if isinstance(error, UnauthorizedError):
            return AuditResult(label, Verdict.DEAD)
        return AuditResult(label, Verdict.FORBIDDEN, region=region)
    return _indeterminate(label, _reason(error))


def conclude(by_region: Sequence[AuditResult]) -> AuditResult:
    """What the regions say together, at least one: ALIVE before doubt before FORBIDDEN before DEAD."""
    if len(by_region) == 1:
        return by_region[0]
    for verdict in (Verdict.ALIVE, Verdict.INDETERMINATE, Verdict.FORBIDDEN):
        for result in by_region:
            if result.verdict is verdict:
                return result
    return by_region[0]


def unconfirmed(label: str) -> AuditResult:
    """A refusal that nothing vouches for: whatever strips Authorization on the way looks just like it."""
    return AuditResult(label, Verdict.INDETERMINATE, "no_live_control")


def unvouched(result: AuditResult) -> AuditResult:
    """An answer from where a made-up token was not seen to be refused: a portal's, perhaps, or a gateway's."""
    return AuditResult(result.label, Verdict.INDETERMINATE, "no_dead_control")


def changed(label: str) -> AuditResult:
    """Refused in one way, and in another when it was looked at again."""
    return _indeterminate(label, "changed_midway")


def not_tried(label: str, reason: str) -> AuditResult:
    """The run ended before this was asked to an end."""
    return AuditResult(label, Verdict.NOT_TRIED, reason)


def _indeterminate(label: str, reason: str) -> AuditResult:
    return AuditResult(label, Verdict.INDETERMINATE, reason)


def _reason(error: CobaltError) -> str:
    match error:
        case RateLimitedError():
            return "rate_limited"
        case ServerError():
            return "server_error"
        case RefusedError():
            return f"refused_{error.status}"
        case PaginationError():
            return "pagination"
        case UnreadableError():
            return "unreadable"
        case NoAnswerError():
            return "no_answer"
        case NotSentError():
            return "not_sent"
        case _:  # a kind of error that a listing does not raise: a bug, not a verdict
            raise error
