import ast
import base64
import errno
import gc
import hashlib
import io
import os
import random
import re
import resource
import tempfile
import tracemalloc
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Alert, AuditResult, Credential, Format, Outcome, ReportFiles, Severity, Verdict, audit
from cobalt_async.audit.report import html
from cobalt_async.audit.report.html import HtmlWriter, shelf
from cobalt_async.audit.report.html.shelf import ORDER, Row, Shelf
from cobalt_async.audit.report.html.words import percent
from cobalt_async.errors import ConfigurationError
from cobalt_async.testing import CobaltSandbox, populate
from tests.audit.asking import ALIVE, DEAD, INDETERMINATE
from tests.audit.pages import Element, read
from tests.audit.reporting import NASTY, RESULTS, SHOWN, TOKEN, alert, outcome

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></script></title></textarea><svg onload=alert(1)>",
    "<!--",
    "]]>",
    "{{7*7}}${7*7}",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;",
    NASTY,
    "\x00\x08\x7f\u2066\ufeff",
)
AS_SHOWN = (*HOSTILE[:9], SHOWN, r"\x00\x08\x7f\u2066\ufeff")


def _page(results: Iterable[AuditResult] = RESULTS, ended: Outcome | None = None) -> str:
    file = io.StringIO()
    report = HtmlWriter(file)
    for result in results:
        report.add(result)
    assert file.getvalue() == ""
    report.end(ended or outcome())
    return file.getvalue()


def _read(results: Iterable[AuditResult] = RESULTS, **changed: Any) -> Element:
    return read(_page(results, outcome(**changed)))


def _bodies(table: Element) -> list[list[str]]:
    """The texts of a table's rows."""
    return [
        [cell.text for cell in row.walk() if cell.name in {"td", "th"}]
        for body in table.all("tbody")
        for row in body.all("tr")
    ]


def test_a_page_has_all_its_parts_in_order() -> None:
    """State, sums, what to do first, charts, what is unknown, drift, alerts, credentials, notes, limits."""
    page = _read(alerts=[alert("CT101")], notes=["a note"], cannot_know=["who holds it"])
    assert [(found.name, found.text) for found in page.walk() if found.name in {"h1", "h2"}] == [
        ("h1", "Cobalt token audit"),
        ("h2", "What to do first"),
        ("h2", "Verdicts"),
        ("h2", "Alerts by severity"),
        ("h2", "What is unknown"),
        ("h2", "Since the baseline"),
        ("h2", "Alerts"),
        ("h2", "Credentials"),
        ("h2", "Notes"),
        ("h2", "What this audit cannot know"),
    ]
    assert page.one("title").text == "Cobalt token audit 2026-01-02"
    assert page.one("p", class_="complete").text == "Complete: every credential has a verdict."
    assert page.one("time").text == "2026-01-02 03:04 UTC"
    assert "took 1 h 0 min" in page.one("header").text
    assert [item.text for item in page.section("notes").all("li")] == ["a note"]
    assert [item.text for item in page.section("limits").all("li")] == ["who holds it"]
    assert page.one("a", class_="skip").attributes["href"] == "#first"


def test_every_link_leads_somewhere_in_the_page() -> None:
    """Ids are there once, and each link, label and heading that is named exists."""
    alerts = [alert("CT704", "critical"), alert("CT704", "high"), alert("CT301"), alert("CT101", suppressed="known")]
    page = _read(alerts=alerts, counts={INDETERMINATE: 1}, reasons={"no_answer": 1}, notes=["n"], cannot_know=["c"])
    ids = [found.attributes["id"] for found in page.walk() if "id" in found.attributes]
    assert len(ids) == len(set(ids))
    targets = {str(found.attributes["href"]) for found in page.all("a")}
    labelled = {found.attributes.get("for") for found in page.all("label")}
    assert labelled == {found.attributes["id"] for name in ("input", "select") for found in page.all(name)}
    targets |= {f"#{name}" for found in page.walk() if (name := found.attributes.get("aria-labelledby"))}
    assert targets <= {f"#{name}" for name in ids}
    assert {"#CT704-critical", "#CT704-high", "#alerts", "#credentials"} <= targets


def test_the_sums() -> None:
    """A tile for each verdict, for alerts, users and coverage, which is cut, never rounded up."""
    page = _read(
        counts={ALIVE: 1234, DEAD: 2, INDETERMINATE: 1, Verdict.NOT_TRIED: 1},
        alerts=[alert("CT101"), alert("CT102", "critical"), alert("CT301"), alert("CT302", suppressed="known")],
        users=7,
        tokens_listed=1,
        bad_rows=1,
    )
    assert [item.text for item in page.one("ul", class_="tiles").all("li")] == [
        "2 dead refused, and looked at twice",
        "1 unknown not the same as dead",
        "0 forbidden known to Cobalt, no access",
        "1,234 alive can act as their users",
        "1 not tried nothing is known",
        "3 alerts 1 critical, 2 high",
        "7 users with 1 token",
        "99.7 % coverage 1,236 of 1,239 have a verdict",
    ]
    assert (percent(99_999, 100_000), percent(7, 7), percent(0, 9)) == ("99.9 %", "100 %", "0.0 %")


def test_charts_say_what_they_show() -> None:
    """Each is one image with a text that has all its numbers, and a bar wherever there is one of a kind."""
    page = _read(counts={ALIVE: 1000, DEAD: 1}, alerts=[alert("CT301"), alert("CT102", "critical")])
    verdicts, severities = page.all("svg")
    assert verdicts.attributes["aria-label"] == ("Verdicts: 0 unknown, 0 forbidden, 1 dead, 0 not tried, 1,000 alive")
    assert severities.attributes["aria-label"] == ("Alerts by severity: 1 critical, 1 high, 0 medium, 0 low, 0 note")
    assert [int(bar.attributes["width"] or "") for bar in verdicts.all("rect")] == [0, 0, 2, 0, 150]
    assert {chart.attributes["role"] for chart in (verdicts, severities)} == {"img"}


@pytest.mark.parametrize(
    ("changed", "heading", "said"),
    [
        ({"void": "a portal answers", "complete": False}, "VOID", "a portal answers"),
        ({"counts": {INDETERMINATE: 2}}, "INCOMPLETE", "2 credentials asked about without an answer"),
        ({"counts": {ALIVE: 1, Verdict.NOT_TRIED: 1}}, "INCOMPLETE", "1 credential not tried"),
        ({"stopped": "breaker", "complete": False}, "INCOMPLETE", "It stopped itself"),
        ({"stopped": "odd", "complete": False}, "INCOMPLETE", "It ended early: odd"),
        ({"bad_rows": 3}, "INCOMPLETE", "3 bad rows of the inventory"),
        ({"complete": False}, "INCOMPLETE", "had not come to its end"),
    ],
)
def test_what_does_not_count_is_said_on_top(changed: dict[str, Any], heading: str, said: str) -> None:
    """Void and incomplete stand before all numbers, with why; nothing calls such an audit complete."""
    page = _read(**changed)
    [main] = page.all("main")
    banner = next(child for child in main.children if isinstance(child, Element))
    assert banner.one("h2").text.startswith(heading)
    assert said in banner.text
    assert page.all("p", class_="complete") == []
    if heading == "VOID":
        assert "Find out what answers" in page.section("first").text
        assert "none coverage" in page.one("ul", class_="tiles").text


def test_what_to_do_first_is_the_worst_with_its_fix() -> None:
    """Each rule and severity once, the worst first, with title, fix, three examples, and the way to all of them."""
    alerts = [
        alert("CT305", "low"),
        *(alert("CT101", subject=f"label {n}", message=f"label {n} died") for n in range(9)),
    ]
    alerts += [alert("CT102", "critical"), alert("CT999", "note")]
    first = _read(alerts=alerts).section("first")
    assert [item.attributes["id"] for item in first.all("li", tabindex="-1")] == [
        "CT102-critical",
        "CT101-high",
        "CT305-low",
        "CT999-note",
    ]
    dead = first.one("li", id="CT101-high")
    assert dead.one("h3").text == "high CT101 Dead, though the inventory has it in use"
    assert dead.all("p")[0].text == "Do: fix of CT101"
    assert [item.text for item in dead.all("li")[1:]] == ["label 0 died", "label 1 died", "label 2 died"]
    link = dead.one("a")
    assert (link.text, link.attributes["data-find"]) == ("All 9 alerts of CT101", "CT101")
    assert first.one("li", id="CT999-note").one("h3").text == "note CT999 "
    calm, doubtful = _read(), _read(counts={INDETERMINATE: 1})
    assert calm.section("first").one("p").text == "Nothing: no rule found anything."
    assert doubtful.section("first").one("p").text == "Nothing: no rule found anything, among what could be seen."


def test_what_is_unknown_comes_with_what_to_do() -> None:
    """Reasons stand with their number and advice, the most frequent first; without any, it says so."""
    page = _read(counts={INDETERMINATE: 5}, reasons={"no_answer": 1, "rate_limited": 3, "refused_404": 1})
    assert [item.text.partition(":")[0] for item in page.section("unknown").all("li")] == [
        "3 rate_limited",
        "1 no_answer",
        "1 refused_404",
    ]
    assert "wait a minute" in page.section("unknown").text
    assert "does not document" in page.section("unknown").text
    assert page.one("div", class_="aside").all("h2")[0].text == "What is unknown"
    assert _read().section("unknown").one("p").text.startswith("Nothing:")


def test_drift_and_what_is_suppressed() -> None:
    """Changes since the baseline are counted by kind; what the policy suppresses is there apart, with its reason."""
    alerts = [alert("CT701", "medium"), alert("CT701", "medium", subject="b"), alert("CT704"), alert("CT302")]
    page = _read(alerts=[*alerts, alert("CT702", suppressed="we know"), *([alert("CT703", suppressed="s")] * 1000)])
    assert [item.text for item in page.section("drift").all("li")] == ["2 new (CT701)", "1 died or came back (CT704)"]
    suppressed = page.section("suppressed")
    assert suppressed.one("summary").text == "1,001 alerts"
    assert len(suppressed.all("li")) == 1000
    assert "high CT702 subject of CT702: message of CT702 Suppressed: we know" in suppressed.text
    assert "1 more are not listed" in suppressed.text
    assert "--save-baseline" in _read().section("drift").text


def test_tables_have_a_row_for_each() -> None:
    """Alerts stand the worst first and lead to their fix, credentials by verdict and label."""
    page = _read(alerts=[alert("CT305", "low"), alert("CT101")])
    assert _bodies(page.section("alerts")) == [
        ["high", "CT101", "subject of CT101: message of CT101"],
        ["low", "CT305", "subject of CT305: message of CT305"],
    ]
    credentials = page.section("credentials")
    assert [heading.text for heading in credentials.one("thead").all("th")] == [
        *("Verdict", "Label", "Reason", "User", "Tokens", "Region")
    ]
    assert _bodies(credentials) == [
        ["unknown", "lost", "no_answer", "", "", ""],
        ["dead", "gone", "", "", "", ""],
        ["alive", r"é\u2028", "", "user-1", "2", "eu"],
    ]
    assert [row.attributes["data-kind"] for row in credentials.one("tbody").all("tr")] == [INDETERMINATE, DEAD, ALIVE]
    labels = [f"job {n}" for n in (10, 2, 1)]
    plain = _read([AuditResult(label, DEAD) for label in labels]).section("credentials")
    assert [row[1] for row in _bodies(plain)] == ["job 1", "job 2", "job 10"]
    assert "Region" not in plain.one("thead").text
    assert _read([]).section("credentials").one("p").text == "None."


def test_hostile_texts_are_texts() -> None:
    """Whatever a label, name, reason or sentence holds is shown, what is invisible written out; never markup."""
    plain = _everywhere("Plain")
    names = [found.name for found in plain.walk()]
    for text, shown in zip(HOSTILE, AS_SHOWN, strict=True):
        page = _everywhere(text)
        assert [found.name for found in page.walk()] == names
        assert page.text.count(shown) == plain.text.count("Plain"), shown


def _everywhere(text: str) -> Element:
    """A page with a text wherever others choose one."""
    fields = {"subject": text, "message": text, "fix": text, "fingerprint": text}
    alerts = [
        Alert(rule=text, severity=Severity.HIGH, **fields),
        Alert(rule="CT101", severity=Severity.LOW, suppressed=text, **fields),
    ]
    results = [AuditResult(text, verdict, text, (), text, text) for verdict in Verdict]
    made = _page(
        results,
        outcome(
            {INDETERMINATE: 1},
            alerts=alerts,
            reasons={text: 1},
            notes=[text],
            cannot_know=[text],
            stopped=text,
        ),
    )
    assert made.isascii()
    void = read(_page(results, outcome(void=text, complete=False))).section("state")
    assert void.all("li")[0].text in {text, *AS_SHOWN}
    tree = read(made)
    for asset in (*tree.all("style"), *tree.all("script")):
        asset.children.clear()
    return tree


def test_markup_is_made_in_one_file() -> None:
    """No other file of the room calls `Html`, or has a text in which a tag could begin."""
    for path in sorted(Path(html.__path__[0]).glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        is_markup = path.name == "markup.py"
        assert ("Html" in calls) is is_markup, path
        assert any("<" in text for text in texts) is is_markup, path


def test_the_policy_allows_this_style_and_this_script_alone() -> None:
    """The hashes of the policy are those of the text that stands inlined; nothing else is inline or has a source."""
    page = _read()
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"] or ""
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def digest(name: str) -> str:
        digested = hashlib.sha256(page.one(name).text.encode()).digest()
        return f"'sha256-{base64.b64encode(digested).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "style-src": digest("style"),
        "script-src": digest("script"),
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    head = [child.name for child in page.one("head").children if isinstance(child, Element)]
    assert head.index("meta") < head.index("style"), "the policy stands before what it is about"
    assert head[:2] == ["meta", "meta"]
    names = {name for found in page.walk() for name in found.attributes}
    assert not [name for name in names if name.startswith("on") or name in {"style", "src", "srcdoc", "action"}]


def test_nothing_is_loaded_from_anywhere() -> None:
    """There is no address in the page: links stay within it, the style imports nothing, the script asks for nothing."""
    made = _page(RESULTS, outcome(alerts=[alert("CT101")]))
    assert (
        re.findall(r"https?:|//[a-z]|url\(|@import|fetch\(|XMLHttp|WebSocket|sendBeacon|innerHTML|eval\(", made) == []
    )
    assert {str(link.attributes["href"])[0] for link in read(made).all("a")} == {"#"}


async def test_no_secret_is_in_it(tmp_path: Path) -> None:
    """The page of a real audit holds no secret of those that were audited, and no last characters."""
    async with CobaltSandbox() as sandbox:
        population = populate(sandbox, users=12)
        async with AsyncCobalt(sandbox.add_user("auditor").tokens[0].secret, base_url=sandbox.url) as cobalt:
            credentials = [Credential(label, secret) for label, secret in population.inventory]
            file = io.StringIO()
            report = HtmlWriter(file)
            async with audit(cobalt, credentials, rate=0) as run:
                async for result in run:
                    report.add(result)
                report.end(Outcome(report=run.report()))
    made = file.getvalue()
    assert len(_bodies(read(made).section("credentials"))) == len(credentials) > 20
    assert [one.label for one in credentials if one.secret.reveal() in made] == []
    assert "abcd" not in _page([AuditResult("a", ALIVE, None, (TOKEN,))])


def test_the_same_results_make_the_same_page() -> None:
    """In whatever order they land: the page is a function of what was found."""
    results = [AuditResult(f"job {n}", tuple(Verdict)[n % 5], None, (), "eu", f"user-{n}") for n in range(300)]
    made = _page(results)
    random.Random(7).shuffle(results)
    assert _page(results) == made


def test_a_shelf_keeps_the_first_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """However its rows are spread over memory and files, they come by verdict and label, and no more than asked for."""
    monkeypatch.setattr(shelf, "_IN_MEMORY", 7)
    monkeypatch.setattr(shelf, "_MOST_FILES", 3)
    chance = random.Random(3)
    rows = [Row(chance.choice(ORDER).value, f"{NASTY} {n}", None, f"user-{n}", n, None) for n in range(200)]
    expected = [row for verdict in ORDER for row in rows if row.verdict == verdict]
    chance.shuffle(rows)
    for most, added in ((1000, 200), (50, 200), (50, 5), (1, 200)):
        kept = Shelf(most)
        for row in rows[:added]:
            kept.add(row)
        here = [row for row in expected if row in rows[:added]]
        assert list(kept) == list(kept) == here[:most]
        assert (kept.count, kept.kept) == (added, min(added, most))
        assert len(kept._files) <= 3


def test_what_is_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows are cut, the page says how many, and where to find them."""
    monkeypatch.setattr(html, "_MOST", 2)
    monkeypatch.setattr("cobalt_async.audit.report.html.tables._MOST_ALERTS", 1)
    page = _read(alerts=[alert("CT101"), alert("CT305", "low")])
    for place, said in (("alerts", "1 least severe alerts are not listed"), ("credentials", "1 more, the last in")):
        assert said in page.section(place).one("p", class_="cut").text
    assert [row[0] for row in _bodies(page.section("credentials"))] == ["unknown", "dead"]
    assert [row[0] for row in _bodies(page.section("alerts"))] == ["high"]


def test_memory_is_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand results more cost no memory more, on the way and at the end, which is written in small pieces."""
    monkeypatch.setattr(shelf, "_IN_MEMORY", 50)
    monkeypatch.setattr(shelf, "_MOST_FILES", 4)
    sizes: list[int] = []

    class Nowhere(io.StringIO):
        def write(self, text: str, /) -> int:
            sizes.append(len(text))
            return len(text)

    def peak(count: int) -> int:
        report = HtmlWriter(Nowhere())
        tracemalloc.start()
        try:
            for number in range(count):
                report.add(AuditResult(f"label {number}", tuple(Verdict)[number % 5], None, (TOKEN,)))
            report.end(outcome())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(2000) < peak(600) + 100_000
    rows = sorted(sizes)[:-30]
    assert len(sizes) > 2600
    assert rows[-1] < 5000


def test_an_abandoned_report_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch, recwarn: Any) -> None:
    """An audit that fails leaves no temporary file behind, and no warning of one."""
    monkeypatch.setattr(shelf, "_IN_MEMORY", 2)
    report = HtmlWriter(io.StringIO())
    for result in RESULTS * 3:
        report.add(result)
    handles = list(report._shelf._files)
    assert handles
    del report
    gc.collect()
    assert all(handle.closed for handle in handles)
    assert not recwarn.list


def test_no_room_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A full temporary folder is one line that names it, and no report."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shelf, "_IN_MEMORY", 2)
    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with pytest.raises(ConfigurationError, match=r"temporary files: No space left on device; .*\$TMPDIR") as raised:
        _write(tmp_path / "out")
    assert raised.value.__context__ is None
    assert list(tmp_path.iterdir()) == []


def _write(folder: Path) -> None:
    with ReportFiles(folder, (Format.HTML,)) as reports:
        for result in RESULTS:
            reports.add(result)
        reports.end(outcome())


def test_a_file_or_nothing(tmp_path: Path) -> None:
    """report.html is there whole, for its owner alone; where the disk is full, an older one stays as it was."""
    _write(tmp_path)
    page = tmp_path / "report.html"
    assert page.read_text("ascii") == _page()
    assert page.stat().st_mode & 0o777 == 0o600
    page.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 10_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(ConfigurationError, match=r"report\.html: it cannot be written \(File too large\)"):
                _write(tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", "old")]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in the folder's place is one line, before anything is collected."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="it is no folder") as raised:
        _write(tmp_path / "file")
    assert len(str(raised.value).splitlines()) == 1


def test_a_broken_installation_is_found_before_the_audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Style and script are read when the writer is made; without them that is one line."""
    folder = files("cobalt_async.audit.report.html")
    assert all(folder.joinpath(name).is_file() for name in ("page.css", "page.js"))
    monkeypatch.setattr("cobalt_async.audit.report.html.page.files", lambda _: tmp_path)
    with pytest.raises(ConfigurationError, match="No such file or directory; install cobalt-async again"):
        HtmlWriter(io.StringIO())
