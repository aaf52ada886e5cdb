import io
import re
import sys

import pytest

from cobalt_async.audit import AuditResult, Outcome, TableWriter, Verdict
from cobalt_async.audit.report import table as table_module
from cobalt_async.errors import ConfigurationError
from tests.audit.asking import ALIVE, DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED
from tests.audit.reporting import NASTY, SHOWN, TOKEN, Terminal, alert, outcome


def _written(
    *results: AuditResult, file: io.StringIO | None = None, end: Outcome | None = None, summary: bool = False
) -> str:
    file = file or io.StringIO()
    table = TableWriter(file, summary=summary)
    for result in results:
        table.add(result)
    table.end(end or outcome())
    return file.getvalue()


def test_the_table_shows_what_needs_a_person_first() -> None:
    """Unknown, forbidden, dead, not tried, alive, each by label; a column under which nothing stands is left out."""
    text = _written(
        AuditResult("z", ALIVE, None, (TOKEN,) * 12, None, "user-1"),
        AuditResult("n", NOT_TRIED, "stopped"),
        AuditResult("d", DEAD),
        AuditResult("c", DEAD),
        AuditResult("f", FORBIDDEN),
        AuditResult("i", INDETERMINATE, "no_answer"),
    )
    assert [line.split() for line in text.splitlines()] == [
        ["VERDICT", "LABEL", "REASON", "USER", "TOKENS"],
        ["INDETERMINATE", "i", "no_answer"],
        ["FORBIDDEN", "f"],
        ["DEAD", "c"],
        ["DEAD", "d"],
        ["NOT_TRIED", "n", "stopped"],
        ["ALIVE", "z", "user-1", "12"],
    ]
    assert "REGION" in _written(AuditResult("z", ALIVE, None, (), "eu"))
    assert _written() == ""


def test_the_alerts_stand_below_the_results() -> None:
    """The worst first, each with its rule and message, and what that is about; without those that are suppressed."""
    alerts = [
        alert("CT403", "low", subject="api_a", message="api_a has a name"),
        alert("CT301"),
        alert("CT103", "critical"),
        alert("CT101", suppressed="known"),
    ]
    results, _, text = _written(AuditResult("d", DEAD), end=outcome(alerts=alerts)).partition("\n\n")
    assert "DEAD" in results
    assert [re.split("  +", line.strip()) for line in text.splitlines()] == [
        ["SEVERITY", "RULE", "ALERT"],
        ["critical", "CT103", "subject of CT103: message of CT103"],
        ["high", "CT301", "subject of CT301: message of CT301"],
        ["low", "CT403", "api_a has a name"],
    ]


def test_the_summary_stands_last() -> None:
    """Results, alerts and summary are parted by an empty line; without results there are only the others."""
    text = _written(AuditResult("d", DEAD), end=outcome(alerts=[alert("CT301")]), summary=True)
    parts = text.split("\n\n")
    assert [part.split()[0] for part in parts] == ["VERDICT", "SEVERITY", "1"]
    assert text.endswith("Complete: every credential has a verdict.\n")
    assert _written(summary=True).startswith("1 credential: ")


@pytest.mark.parametrize("file", [io.StringIO, Terminal])
def test_nothing_of_a_name_reaches_the_terminal_raw(file: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    """In labels, subjects, messages and fixes, control characters are written out; markup stays text."""
    monkeypatch.setenv("COLUMNS", "500")
    named = alert("CT301", subject=f"subject {NASTY}", message=f"message {NASTY}", fix=f"fix {NASTY}")
    text = _written(AuditResult(NASTY, DEAD), file=file(), end=outcome(alerts=[named]), summary=True)
    assert text.count(SHOWN) == 6
    assert "\x07" not in text
    assert "\u202e" not in text


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours; a file gets none, nor does a terminal where NO_COLOR is set."""
    monkeypatch.setenv("TERM", "xterm")
    red = "\x1b[31mDEAD"
    assert red in _written(AuditResult("d", DEAD), file=Terminal())
    assert "\x1b" not in _written(AuditResult("d", DEAD))
    monkeypatch.setenv("NO_COLOR", "1")
    assert red not in _written(AuditResult("d", DEAD), file=Terminal())


def test_a_label_is_not_cut_where_there_is_no_terminal() -> None:
    """Each credential is one line, however long its label, and no line ends with blanks."""
    lines = _written(AuditResult(label := "x" * 1000, DEAD), AuditResult("short", DEAD)).splitlines()
    assert len([line for line in lines if label in line]) == 1
    assert [line.rstrip() for line in lines] == lines


def test_lines_fit_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than it, of the table or the summary, and nothing of a label is lost."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    text = _written(AuditResult("x" * 100, DEAD), file=Terminal(), end=outcome({DEAD: 1}), summary=True)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, text.splitlines())) <= 40
    assert text.partition("1 credential:")[0].count("x") == 100


@pytest.mark.parametrize("columns", ["8", "20", "40"])
def test_a_verdict_is_whole_on_a_narrow_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other columns are folded for it, and on less than 40 the terminal breaks the lines; nothing is lost."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    alive = AuditResult("z", ALIVE, None, (TOKEN,), "eu", "user-1")
    end = outcome(alerts=[alert("CT103", "critical")])
    results, _, alerts = _written(
        AuditResult("x" * 30, INDETERMINATE, "no_answer"), alive, file=Terminal(), end=end
    ).partition("\n\n")
    for word in ("INDETERMINATE", "ALIVE", "critical"):
        assert re.search(rf"^{word} ", re.sub(r"\x1b\[[0-9;]*m", "", f"{results}\n{alerts}"), re.MULTILINE)
    assert results.count("x") == 30


@pytest.mark.parametrize("verdict", [ALIVE, NOT_TRIED])
def test_a_big_table_counts_what_needs_nobody(verdict: Verdict) -> None:
    """Up to 200 that are alive, or not tried, are listed; above, they are counted, and the rest is still listed."""
    many = [AuditResult(f"many {n}", verdict) for n in range(201)]
    assert _written(*many[:200]).count("many ") == 200
    text = _written(*many, AuditResult("gone", DEAD))
    assert "many " not in text
    assert "gone" in text
    assert text.splitlines()[-1] == f"201 {verdict} are not listed; --format jsonl has them all"


def test_a_table_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the others are counted too, and alerts, of which the worst are listed."""
    monkeypatch.setattr(table_module, "_MOST", 3)
    alerts = [alert("CT301", subject=f"subject {n}") for n in range(9)]
    text = _written(
        *(AuditResult(f"gone {n}", DEAD) for n in range(10)), end=outcome(alerts=[*alerts, alert("CT102", "critical")])
    )
    assert text.count("gone ") == 3
    assert "7 DEAD are not listed" in text
    assert "CT102" in text
    assert text.count("CT301  ") == 2
    assert text.endswith("\n7 more alerts are not listed; --format json has them all\n")


def test_a_rule_that_is_not_urgent_is_brief() -> None:
    """Of a rule below high 20 alerts are listed, of a worse one all; the others are counted."""
    rules = {"CT101": "high", "CT402": "medium", "CT305": "low"}
    alerts = [alert(rule, severity) for rule, severity in rules.items() for _ in range(25)]
    text = _written(end=outcome(alerts=alerts))
    assert [text.count(f"{rule}  ") for rule in rules] == [25, 20, 20]
    assert text.endswith("\n10 more alerts are not listed; --format json has them all\n")


def test_a_table_without_rich_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit itself needs no extra; the table names the one it needs, before anything is asked."""
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cobalt-async\[cli\]'"):
        TableWriter(io.StringIO())
