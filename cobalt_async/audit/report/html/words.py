"""What verdicts and numbers are called on the page."""

from collections.abc import Mapping

from ...verdicts import Verdict

CALLED: Mapping[str, str] = {
    Verdict.INDETERMINATE: "unknown",
    Verdict.FORBIDDEN: "forbidden",
    Verdict.DEAD: "dead",
    Verdict.NOT_TRIED: "not tried",
    Verdict.ALIVE: "alive",
}


def number(count: int, noun: str) -> str:
    """A count with its noun, as in `1,200 alerts`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(part: int, whole: int) -> str:
    """A share with one digit, cut and not rounded; 100 % is all of it."""
    if part == whole:
        return "100 %"
    thousandths = part * 1000 // whole if whole else 0
    return f"{thousandths // 10}.{thousandths % 10} %"
