import io
import json
import re
import sys
from datetime import UTC, datetime

import pytest

from cobalt_async import Token
from cobalt_async.audit import (
    AuditResult,
    Report,
    ResultTable,
    Verdict,
    printable,
    summarize,
    write_jsonl,
)
from cobalt_async.audit.report import table as table_module
from cobalt_async.errors import ConfigurationError
from tests.audit.asking import ALIVE, DEAD, FORBIDDEN, INDETERMINATE

TOKEN = Token("api_a", "naïve \x1b[31m\u202e", "abcd", datetime(2030, 1, 2, tzinfo=UTC))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _printed(*results: AuditResult, file: io.StringIO | None = None) -> str:
    table = ResultTable()
    for result in results:
        table.add(result)
    file = file or io.StringIO()
    table.print(file=file)
    return file.getvalue()


def _report(*, complete: bool = True, reasons: dict[str, int] | None = None, **counts: int) -> Report:
    unknown = sum((reasons or {}).values())
    by_verdict = {verdict: counts.get(verdict.lower(), 0) for verdict in Verdict} | {INDETERMINATE: unknown}
    return Report(counts=by_verdict, reasons=reasons or {}, tokens_listed=0, complete=complete)


def test_jsonl_is_one_ascii_object_a_line() -> None:
    """All fields are there, in ASCII, on one line that is flushed."""
    flushed = 0

    class File(io.StringIO):
        def flush(self) -> None:
            nonlocal flushed
            flushed += 1

    file = File()
    write_jsonl(AuditResult("é\u2028", ALIVE, None, (TOKEN, Token("api_b", "b")), "eu"), file=file)
    text = file.getvalue()
    assert text.isascii()
    assert text.splitlines(keepends=True) == [text]
    assert flushed
    assert json.loads(text) == {
        "label": "é\u2028",
        "verdict": "ALIVE",
        "reason": None,
        "region": "eu",
        "tokens": [
            {
                "id": "api_a",
                "name": TOKEN.name,
                "last_characters": "abcd",
                "expire_at": "2030-01-02T00:00:00+00:00",
            },
            {"id": "api_b", "name": "b", "last_characters": None, "expire_at": None},
        ],
    }


def test_the_table_shows_what_needs_a_person_first() -> None:
    """Unknown, forbidden, dead, alive, each by label; a column under which nothing stands is left out."""
    text = _printed(
        AuditResult("z", ALIVE, None, (TOKEN,) * 12),
        AuditResult("d", DEAD),
        AuditResult("c", DEAD),
        AuditResult("f", FORBIDDEN),
        AuditResult("i", INDETERMINATE, "no_answer"),
    )
    assert [line.split() for line in text.splitlines()] == [
        ["VERDICT", "LABEL", "REASON", "TOKENS"],
        ["INDETERMINATE", "i", "no_answer"],
        ["FORBIDDEN", "f"],
        ["DEAD", "c"],
        ["DEAD", "d"],
        ["ALIVE", "z", "12"],
    ]
    assert "REGION" in _printed(AuditResult("z", ALIVE, None, (), "eu"))
    assert _printed() == ""


def test_nothing_of_a_label_reaches_the_terminal_raw() -> None:
    """Control characters, bidi overrides and lone surrogates are written out; markup stays text."""
    text = _printed(AuditResult("a\x1b]0;x\x07\u202e\ud800[red]b[/red]\u2028", DEAD))
    assert r"a\x1b]0;x\x07\u202e\ud800[red]b[/red]\u2028" in text
    text = _printed(AuditResult("a\x1b]0;x\x07", DEAD), file=Terminal())
    assert r"a\x1b]0;x\x07" in text


def test_a_label_is_not_cut_where_there_is_no_terminal() -> None:
    """Each credential is one line, however long its label."""
    label = "x" * 1000
    assert len([line for line in _printed(AuditResult(label, DEAD)).splitlines() if label in line]) == 1


def test_a_label_is_folded_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, and nothing of the label is lost."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    text = _printed(AuditResult("x" * 100, DEAD), file=Terminal())
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("x") == 100


def test_a_big_table_counts_those_alive_and_keeps_the_rest() -> None:
    """Up to 200 that are alive are listed; above, they are counted, and what is not alive is still listed."""
    alive = [AuditResult(f"alive {n}", ALIVE) for n in range(201)]
    assert _printed(*alive[:200]).count("alive ") == 200
    text = _printed(*alive, AuditResult("gone", DEAD))
    assert "alive " not in text
    assert "gone" in text
    assert text.splitlines()[-1] == "201 ALIVE are not listed; --format jsonl has them all"


def test_a_table_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the others are counted too."""
    monkeypatch.setattr(table_module, "_MOST", 3)
    text = _printed(*(AuditResult(f"gone {n}", DEAD) for n in range(10)))
    assert text.count("gone ") == 3
    assert "7 DEAD are not listed" in text


def test_a_table_without_rich_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit itself needs no extra; the table names the one it needs."""
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cobalt-async\[cli\]'"):
        _printed(AuditResult("z", DEAD))


def test_the_summary_of_a_clean_run() -> None:
    """Counts first, then what each verdict means that there is any of, and that it is complete."""
    lines = summarize(_report(alive=3, dead=1)).splitlines()
    assert lines[0] == "4 credentials: 3 alive, 1 dead, 0 forbidden, 0 unknown"
    assert [line.split()[0] for line in lines[1:-1]] == ["alive", "dead"]
    assert lines[-1] == "Complete: every credential has a verdict."
    assert summarize(_report(alive=1)).startswith("1 credential: ")


def test_the_summary_says_what_unknown_means_and_what_to_do() -> None:
    """Each reason is counted, the most frequent first, with what to do next; it is not called complete."""
    reasons = {
        "no_live_control": 1,
        "rate_limited": 5,
        "server_error": 1,
        "no_answer": 1,
        "not_sent": 1,
        "unreadable": 1,
        "pagination": 1,
        "foreign_answer": 1,
        "changed_midway": 1,
        "refused_404": 1,
    }
    text = summarize(_report(reasons=reasons, complete=False))
    assert "not the same as dead" in text
    lines = text.splitlines()
    assert lines[2].split()[:2] == ["5", "rate_limited:"]
    for reason in reasons:
        [line] = [line for line in lines if f" {reason}: " in line]
        assert len(line.partition(": ")[2]) > 20
    assert lines[-1] == "NOT complete."


def test_the_summary_counts_bad_rows() -> None:
    """Rows that were not asked about make it incomplete."""
    lines = summarize(_report(alive=1), bad_rows=2).splitlines()
    assert "2 bad rows" in lines[-2]
    assert lines[-1] == "NOT complete."


def test_printable_leaves_readable_text_alone() -> None:
    """Letters of all scripts and blanks stay; the rest is spelled."""
    assert printable("Ж 日本 é [b]") == "Ж 日本 é [b]"
    assert printable("a\tb\nc\u202ed\ud800") == r"a\tb\nc\u202ed\ud800"
