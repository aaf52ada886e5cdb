from collections.abc import Sequence

import pytest

from cobalt_async.audit import Alert, Outcome, printable, summarize
from tests.audit.asking import ALIVE, DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED
from tests.audit.reporting import NASTY, SHOWN, alert, outcome

REASONS = (
    "changed",
    "changed_midway",
    "foreign_answer",
    "no_answer",
    "no_dead_control",
    "no_live_control",
    "not_sent",
    "pagination",
    "rate_limited",
    "refused_404",
    "server_error",
    "unreadable",
)


def _lines(end: Outcome) -> list[str]:
    return summarize(end).splitlines()


def _alert_lines(alerts: Sequence[Alert]) -> list[str]:
    return _lines(outcome({ALIVE: 1}, alerts=alerts))[2:-1]


def test_the_summary_of_a_clean_run() -> None:
    """Counts first, then what each verdict means that there is any of, whose they are, and that it is complete."""
    lines = _lines(outcome({ALIVE: 3, DEAD: 1}, users=2, tokens_listed=5))
    assert lines[0] == "4 credentials: 3 alive, 1 dead, 0 forbidden, 0 unknown"
    assert [line.split()[0] for line in lines[1:-2]] == ["alive", "dead"]
    assert lines[-2] == "2 users with 5 tokens between them"
    assert lines[-1] == "Complete: every credential has a verdict."
    assert summarize(outcome({FORBIDDEN: 1})).startswith("1 credential: ")


def test_the_summary_says_what_unknown_means_and_what_to_do() -> None:
    """Each reason is counted, the most frequent first, with what to do next; it is not called complete."""
    reasons = {**dict.fromkeys(REASONS, 1), "rate_limited": 5}
    text = summarize(outcome({INDETERMINATE: 16}, reasons=reasons))
    assert "not the same as dead" in text
    lines = text.splitlines()
    assert lines[2].split()[:2] == ["5", "rate_limited:"]
    advice = set()
    for reason in reasons:
        [line] = [line for line in lines if f" {reason}: " in line]
        advice.add(line.partition(": ")[2])
    assert len(advice) == len(reasons)
    assert lines[-1] == "NOT complete."


def test_unknown_and_not_tried_have_their_own_reasons() -> None:
    """Each reason stands once, below what it is the reason of."""
    end = outcome({INDETERMINATE: 1, NOT_TRIED: 2}, reasons={"no_answer": 1, "stopped": 2}, stopped="stopped")
    assert [line.split(":")[0].split()[:2] for line in _lines(end)[1:5]] == [
        ["unknown", "no"],
        ["1", "no_answer"],
        ["not", "tried"],
        ["2", "stopped"],
    ]


@pytest.mark.parametrize("reason", ["stopped", "breaker", "void"])
def test_the_summary_says_what_was_not_tried(reason: str) -> None:
    """It is counted apart from what is unknown, with why and what to do, and why the audit ended early."""
    end = outcome({NOT_TRIED: 3}, reasons={reason: 3}, complete=False, stopped=reason)
    lines = _lines(end)
    assert "0 unknown" in lines[0]
    assert lines[1].startswith("  not tried  3")
    assert lines[2].strip().startswith(f"3 {reason}: ")
    assert not any("not the same as dead" in line for line in lines)
    assert lines[-1].startswith("NOT complete")


def test_the_summary_of_a_void_run() -> None:
    """It says so, and why, where the eye falls: before the last line."""
    lines = _lines(
        outcome({NOT_TRIED: 1}, reasons={"void": 1}, void="a made-up token was answered 200", stopped="void")
    )
    assert lines[-2].startswith("VOID")
    assert "a made-up token was answered 200" in lines[-2]
    assert lines[-1] == "NOT complete."


def test_the_summary_counts_bad_rows() -> None:
    """Rows that were not asked about make it incomplete."""
    lines = _lines(outcome(bad_rows=2))
    assert "2 bad rows" in lines[-2]
    assert lines[-1] == "NOT complete."


def test_the_worst_alerts_come_first_with_their_fix() -> None:
    """Alerts are counted by severity; each rule shows its first alert, how many more there are, and what to do."""
    alerts = [
        alert("CT403", "low"),
        alert("CT301", subject="user-10"),
        alert("CT301", subject="user-2"),
        alert("CT301", subject="user-10", message="another"),
        alert("CT102", "critical", subject="api_a", message="api_a is alive"),
        alert("CT101", suppressed="known"),
    ]
    assert _alert_lines(alerts) == [
        "Alerts: 1 critical, 3 high, 1 low; 1 more that the policy suppresses",
        "  critical CT102  api_a is alive",
        "      fix of CT102",
        "  high CT301  user-2: message of CT301 (and 2 more)",
        "      fix of CT301",
        "  low CT403  subject of CT403: message of CT403",
        "      fix of CT403",
    ]


def test_the_list_of_alerts_is_bounded() -> None:
    """Ten rules are shown; the alerts of the others are counted."""
    alerts = [alert(f"CT{number}", "low") for number in range(100, 112) for _ in range(3)]
    lines = _alert_lines([*alerts, alert("CT999", "critical")])
    assert lines[1].startswith("  critical CT999")
    assert lines[-1] == "  … and 9 more"
    assert len(lines) == 1 + 2 * 10 + 1


def test_nothing_but_suppressed_alerts() -> None:
    """They are counted, and none is shown."""
    assert _alert_lines([alert("CT101", suppressed="known")]) == ["Alerts: none; 1 more that the policy suppresses"]
    assert _alert_lines([]) == []


def test_drift_in_one_line() -> None:
    """What changed since the baseline is summed up."""
    alerts = [alert("CT701", "medium"), alert("CT701", "medium"), alert("CT703", "low"), alert("CT702", suppressed="x")]
    assert _alert_lines(alerts)[-1] == "Since the baseline: 2 new, 1 renamed"


def test_notes_and_what_nobody_can_know() -> None:
    """Both stand in the summary, under a heading each, before its last line."""
    lines = _lines(outcome(notes=("a note",), cannot_know=("who holds it", "who used it")))
    assert lines[-6:-1] == ["Notes:", "  a note", "What no audit can know:", "  who holds it", "  who used it"]


def test_lines_that_are_too_long() -> None:
    """With a width they are broken between words, the later parts a bit further in; without one they are not."""
    end = outcome(notes=("word " * 40,))
    wide = max(_lines(end), key=len)
    narrow = summarize(end, width=60).splitlines()
    assert len(wide) > 200
    assert max(map(len, narrow)) <= 60
    place = next(number for number, line in enumerate(narrow) if line.startswith("  word"))
    assert narrow[place + 1].startswith("    word")
    assert " ".join(" ".join(narrow).split()) == " ".join(summarize(end).split())


def test_nothing_of_a_name_reaches_the_terminal_raw() -> None:
    """Whatever a line takes from elsewhere, control characters are written out."""
    end = outcome(
        {INDETERMINATE: 1},
        reasons={NASTY: 1},
        alerts=[alert("CT301", subject=NASTY, message=NASTY, fix=NASTY)],
        notes=(NASTY,),
        cannot_know=(NASTY,),
        void=NASTY,
    )
    text = summarize(end)
    assert text.count(SHOWN) == 6
    assert text.replace("\n", "").isprintable()


def test_printable_leaves_readable_text_alone() -> None:
    """Letters of all scripts and blanks stay; the rest is spelled."""
    assert printable("Ж 日本 é [b]") == "Ж 日本 é [b]"
    assert printable("a\tb\nc\u202ed\ud800") == r"a\tb\nc\u202ed\ud800"
