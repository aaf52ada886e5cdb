"""The few lines at the end of an audit that a person reads."""

from collections.abc import Iterator, Mapping

from ..tally import Report
from ..verdicts import Verdict

_ADVICE: Mapping[str, str] = {
    "changed_midway": "refused in the middle of its own listing; audit it again",
    "foreign_answer": "something other than Cobalt refused; check the proxy, the portal and the base URL",
    "no_answer": "no whole answer came; check the network and audit them again",
    "no_live_control": "401, but no token was seen to work: add one that is alive, or set $COBALT_API_TOKEN",
    "not_sent": "no connection came about; check the network, the proxy and the base URL",
    "pagination": "the listing could not be followed to its end; audit them again",
    "rate_limited": "the user's rate limit is used up; wait a minute and audit them again",
    "server_error": "Cobalt, or what stands before it, failed; audit them again later",
    "unreadable": "an answer that Cobalt does not document; check the proxy, the portal and the base URL",
}
_OTHERWISE = "a refusal that Cobalt does not document for a listing; check the base URL"


def summarize(report: Report, *, bad_rows: int = 0) -> str:
    """The result in a few lines: how many, what each verdict means, what is not known and what to do next.

    `bad_rows`: rows of the inventory that were no credentials, and so were not asked about.
    """
    return "\n".join(_lines(report, bad_rows))


def _lines(report: Report, bad_rows: int) -> Iterator[str]:
    counts = report.counts
    yield (
        f"{_number(report.total, 'credential')}: {counts[Verdict.ALIVE]} alive, {counts[Verdict.DEAD]} dead, "
        f"{counts[Verdict.FORBIDDEN]} forbidden, {counts[Verdict.INDETERMINATE]} unknown"
    )
    if counts[Verdict.ALIVE]:
        yield "  alive      whoever holds the secret can act as its user: retire what nobody needs"
    if counts[Verdict.DEAD]:
        yield "  dead       refused (401) while other tokens were answered: revoked, or refreshed elsewhere"
    if counts[Verdict.FORBIDDEN]:
        yield "  forbidden  known to Cobalt, and not allowed to list tokens (403): ask an administrator"
    if counts[Verdict.INDETERMINATE]:
        yield "  unknown    no verdict, which is not the same as dead:"
        for reason, count in sorted(report.reasons.items(), key=lambda item: (-item[1], item[0])):
            yield f"               {count} {reason}: {_ADVICE.get(reason, _OTHERWISE)}"
    if bad_rows:
        yield f"  not asked  {_number(bad_rows, 'bad row')} of the inventory: mend and audit again"
    yield "Complete: every credential has a verdict." if report.complete and not bad_rows else "NOT complete."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
