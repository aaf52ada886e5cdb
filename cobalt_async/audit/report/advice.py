"""What people are told in every report alike: about reasons, early ends and changes."""

from collections.abc import Mapping

NOT_TRIED = ("breaker", "stopped", "void")
"""The reasons for which a credential was not tried; all others are of those that were, and are unknown."""

ENDED: Mapping[str, str] = {
    "breaker": "It stopped itself: after many refusals in a row, a token that had been alive was refused too.",
    "stopped": "It was stopped before its end.",
}
"""Why an audit ended early, by its Report's `stopped`."""

DRIFT: Mapping[str, str] = {
    "CT701": "new",
    "CT702": "gone",
    "CT703": "renamed",
    "CT704": "died or came back",
    "CT705": "made again elsewhere",
    "CT203": "moved to another user",
}
"""What changed since the baseline, by the rule that says so."""

_ADVICE: Mapping[str, str] = {
    "breaker": "the audit stopped after too many refusals in a row; see why, and audit them again",
    "changed": "one answer said dead and the next did not; audit it again",
    "changed_midway": "refused in the middle of its own listing; audit it again",
    "foreign_answer": "something other than Cobalt refused; check the proxy, the portal and the base URL",
    "no_answer": "no whole answer came; check the network and audit them again",
    "no_dead_control": "a made-up token was not refused, so no answer counts; check the proxy and the base URL",
    "no_live_control": "401, but no token was seen to work: add one that is alive, or set $COBALT_API_TOKEN",
    "not_sent": "no connection came about; check the network, the proxy and the base URL",
    "pagination": "the listing could not be followed to its end; audit them again",
    "rate_limited": "the user's rate limit is used up; wait a minute and audit them again",
    "server_error": "Cobalt, or what stands before it, failed; audit them again later",
    "stopped": "the audit ended before their turn; go on with --resume, or audit them again",
    "unreadable": "an answer that Cobalt does not document; check the proxy, the portal and the base URL",
    "void": "nothing was asked after it was clear that no answer counts",
}
_OTHERWISE = "a refusal that Cobalt does not document for a listing; check the base URL"


def advice(reason: str) -> str:
    """What a reason means, and what to do now."""
    return _ADVICE.get(reason, _OTHERWISE)
