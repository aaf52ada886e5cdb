import csv
import io
import json
import tracemalloc
from collections.abc import Callable

import pytest

from cobalt_async import Token
from cobalt_async.audit import (
    AuditResult,
    CsvWriter,
    Format,
    HtmlWriter,
    JsonlWriter,
    JsonWriter,
    SarifWriter,
    TableWriter,
    Verdict,
    Writer,
    writer,
)
from tests.audit.asking import ALIVE, DEAD, INDETERMINATE
from tests.audit.reporting import NASTY, RESULTS, SHOWN, TOKEN, Terminal, alert, outcome

OBJECT = {
    "label": "é\u2028",
    "verdict": "ALIVE",
    "reason": None,
    "user": "user-1",
    "region": "eu",
    "tokens": [
        {"id": "api_a", "name": TOKEN.name, "last_characters": "abcd", "expire_at": "2030-01-02T00:00:00+00:00"},
        {"id": "api_b", "name": "b", "last_characters": None, "expire_at": None},
    ],
}


def _rows(*labels: str, file: io.StringIO | None = None) -> list[list[str]]:
    file = file or io.StringIO()
    rows = CsvWriter(file)
    for label in labels:
        rows.add(AuditResult(label, DEAD))
    rows.end(outcome())
    return list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:]


def test_jsonl_is_one_ascii_object_a_line() -> None:
    """All fields are there, in ASCII, on one line that is flushed at once."""
    flushed = []

    class File(io.StringIO):
        def flush(self) -> None:
            flushed.append(self.getvalue())

    file = File()
    lines = JsonlWriter(file)
    lines.add(RESULTS[0])
    text = file.getvalue()
    assert text.isascii()
    assert text.splitlines(keepends=True) == [text]
    assert flushed[-1] == text
    assert json.loads(text) == OBJECT
    lines.end(outcome())
    assert file.getvalue() == text


@pytest.mark.parametrize("form", [Format.JSON, Format.JSONL])
@pytest.mark.parametrize("name", ["ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2, "too long " * 200])
def test_a_name_that_looks_like_a_secret_is_left_out(form: Format, name: str) -> None:
    """Its id is there; one that is too long to tell is left out too."""
    report = writer(form, file := io.StringIO())
    report.add(AuditResult("a", ALIVE, None, (Token("api_a", name), Token("api_b", "b"))))
    report.end(outcome())
    assert name not in file.getvalue()
    assert '"id": "api_a", "name": "[a name that is not repeated here]"' in file.getvalue()
    assert '"id": "api_b", "name": "b"' in file.getvalue()


@pytest.mark.parametrize("form", list(Format))
def test_last_characters_that_may_be_all_of_a_secret_are_left_out(form: Format) -> None:
    """A server that sends more than an end of it; what Cobalt documents, four or a word, is told."""
    report = writer(form, file := io.StringIO())
    tokens = (Token("api_a", "a", "a-secret1"), Token("api_b", "b", "redacted"), Token("api_c", "c", "wxyz"))
    report.add(AuditResult("a", ALIVE, None, tokens))
    report.end(outcome({ALIVE: 1}))
    assert "a-secret1" not in file.getvalue()
    if form in {Format.JSON, Format.JSONL}:
        told = [token["last_characters"] for token in json.loads(_first(file.getvalue()))["tokens"]]
        assert told == ["[not repeated here]", "redacted", "wxyz"]


def _first(text: str) -> str:
    """The line of the first credential."""
    return next(line for line in text.splitlines() if line.startswith('{"label"')).rstrip(",")


def test_json_is_one_whole_document() -> None:
    """It has the schema's version, every credential as in JSONL, every alert, the sums, notes and what is not known."""
    file = io.StringIO()
    document = JsonWriter(file)
    for result in RESULTS:
        document.add(result)
    document.end(
        outcome(
            {ALIVE: 1, DEAD: 1, INDETERMINATE: 1},
            reasons={"no_answer": 1},
            alerts=[alert("CT301"), alert("CT102", "critical", suppressed="known")],
            users=1,
            tokens_listed=2,
            notes=("a note",),
            cannot_know=("who holds it",),
            stopped="stopped",
        )
    )
    assert file.getvalue().isascii()
    found = json.loads(file.getvalue())
    assert list(found) == ["schema_version", "credentials", "alerts", "notes", "cannot_know", "summary"]
    assert found["schema_version"] == 1
    assert found["credentials"][0] == OBJECT
    assert [one["label"] for one in found["credentials"]] == ["é\u2028", "gone", "lost"]
    assert found["alerts"][0] == {
        "rule": "CT301",
        "severity": "high",
        "subject": "subject of CT301",
        "message": "message of CT301",
        "fix": "fix of CT301",
        "fingerprint": "print of CT301",
        "suppressed": None,
    }
    assert found["alerts"][1]["suppressed"] == "known"
    assert (found["notes"], found["cannot_know"]) == (["a note"], ["who holds it"])
    assert found["summary"] == {
        "started_at": "2026-01-02T03:04:05+00:00",
        "ended_at": "2026-01-02T04:04:05+00:00",
        "complete": False,
        "void": None,
        "stopped": "stopped",
        "credentials": 3,
        "bad_rows": 0,
        "counts": {"ALIVE": 1, "DEAD": 1, "FORBIDDEN": 0, "INDETERMINATE": 1, "NOT_TRIED": 0},
        "reasons": {"no_answer": 1},
        "users": 1,
        "tokens_listed": 2,
        "alerts": {"critical": 0, "high": 1, "medium": 0, "low": 0, "note": 0},
    }


def test_json_of_nothing() -> None:
    """Without a result it is a whole document too, and before its end nothing was written."""
    file = io.StringIO()
    document = JsonWriter(file)
    assert file.getvalue() == ""
    document.end(outcome(bad_rows=2))
    found = json.loads(file.getvalue())
    assert (found["credentials"], found["alerts"]) == ([], [])
    assert (found["summary"]["bad_rows"], found["summary"]["complete"]) == (2, False)


def test_csv_is_a_row_a_credential() -> None:
    """A header, then label, verdict, reason, user, region and the number of tokens; CRLF, as RFC 4180 has it."""
    file = io.StringIO()
    rows = CsvWriter(file)
    for result in (*RESULTS, AuditResult('with "quotes", and\r\na line end', DEAD)):
        rows.add(result)
    rows.end(outcome())
    assert file.getvalue().startswith("label,verdict,reason,user,region,tokens\r\n")
    assert list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1:] == [
        ["é\u2028", "ALIVE", "", "user-1", "eu", "2"],
        ["gone", "DEAD", "", "", "", "0"],
        ["lost", "INDETERMINATE", "no_answer", "", "", "0"],
        ['with "quotes", and\r\na line end', "DEAD", "", "", "", "0"],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "\ufeff="], ids=ascii)  # noqa: RUF001
def test_a_cell_of_csv_is_never_a_formula(start: str) -> None:
    """What a spreadsheet would reckon with gets an apostrophe in front, and stays as it is behind that."""
    label = f"{start}cmd|' /C calc'!A0"
    assert _rows(label)[0][0] == "'" + label
    assert _rows(f"a{label}")[0][0] == f"a{label}"


def test_csv_on_a_terminal_is_harmless() -> None:
    """There, control characters are written out; in a file, a label is what the inventory says."""
    label = NASTY.replace("\ud800", "")
    assert _rows(label, file=Terminal())[0][0] == SHOWN.replace(r"\ud800", "")
    assert _rows(label)[0][0] == label


def test_csv_of_nothing() -> None:
    """Without a result there is the header."""
    file = io.StringIO()
    CsvWriter(file).end(outcome())
    assert file.getvalue() == "label,verdict,reason,user,region,tokens\r\n"


@pytest.mark.parametrize("form", Format)
def test_every_format_has_a_writer(form: Format) -> None:
    """Each is built alike and fed alike, so that several run at once."""
    kinds = {
        Format.TABLE: TableWriter,
        Format.JSON: JsonWriter,
        Format.JSONL: JsonlWriter,
        Format.CSV: CsvWriter,
        Format.HTML: HtmlWriter,
        Format.SARIF: SarifWriter,
    }
    file = io.StringIO()
    report: Writer = writer(form, file)
    assert type(report) is kinds[form]
    for result in RESULTS:
        report.add(result)
    report.end(outcome())
    assert all(verdict in file.getvalue() for verdict in ("ALIVE", "DEAD", "INDETERMINATE"))


class Nowhere(io.StringIO):
    def write(self, text: str, /) -> int:
        return len(text)


@pytest.mark.parametrize("made", [JsonWriter, JsonlWriter, CsvWriter, TableWriter])
def test_memory_is_flat(made: Callable[[Nowhere], Writer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand results more cost no memory more."""
    monkeypatch.setattr("cobalt_async.audit.report.table._MOST", 100)
    report = made(Nowhere())

    def feed(count: int) -> None:
        for number in range(count):
            report.add(AuditResult(f"label {number}", tuple(Verdict)[number % 5], None, (TOKEN,)))

    feed(1000)
    tracemalloc.start()
    try:
        feed(2000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000
