import hashlib
import io
import json
import re
import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import (
    RULES,
    Alert,
    AuditResult,
    Format,
    Outcome,
    Policy,
    ReportFiles,
    Severity,
    Suppression,
    audit,
    writer,
)
from cobalt_async.audit.alerts import fingerprint_of
from cobalt_async.audit.engine import agenda
from cobalt_async.audit.report import sarif
from cobalt_async.audit.report.sarif import ARTIFACT, SarifWriter
from cobalt_async.cli.people import declared
from cobalt_async.testing import CobaltSandbox, populate
from tests.audit.asking import ALIVE, INDETERMINATE, NOT_TRIED
from tests.audit.reporting import NASTY, RESULTS, SHOWN, alert, outcome

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = Path(__file__).with_name("sarif-2.1.0.schema.json")
"""The schema of the standard with its errata, as its editors ship it: assets/sarif-2.1.0.schema.json of the npm package
@microsoft/sarif-multitool-ts 5.7.0 (MIT), byte by byte. It is OASIS's own in JSON Schema's draft of 2020.
"""
DIGEST = "1c49a0f2b60444c71bb14878e21e0d882198eff4c539861b133093ad89ed798c"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))

EXAMPLE = Path(__file__).parents[2] / ".github" / "code-scanning.yml"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "note": "note"}


def _text(end: Outcome) -> str:
    file = io.StringIO()
    report = SarifWriter(file)
    for result in RESULTS:
        report.add(result)
    report.end(end)
    return file.getvalue()


def _run(end: Outcome) -> dict[str, Any]:
    """The only run of a valid document."""
    document = json.loads(_text(end))
    VALIDATOR.validate(document)
    [run] = document["runs"]
    return dict(run)


def _results(*alerts: Alert) -> list[dict[str, Any]]:
    return list(_run(outcome(alerts=alerts))["results"])


def _rule(run: dict[str, Any], rule_id: str) -> dict[str, Any]:
    [rule] = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == rule_id]
    return dict(rule)


def _band(score: str) -> str | None:
    """What GitHub's documentation calls a security-severity."""
    number = float(score)
    if number > 9.0:
        return "critical"
    return next((name for name, least in (("high", 7.0), ("medium", 4.0), ("low", 0.1)) if number >= least), None)


def _notices(end: Outcome, level: str) -> list[tuple[str, str]]:
    """The notifications of a level, by the descriptor that they name and what they say."""
    run = _run(end)
    known = [notice["id"] for notice in run["tool"]["driver"]["notifications"]]
    found = [one for one in run["invocations"][0]["toolExecutionNotifications"] if one["level"] == level]
    assert all(known[one["descriptor"]["index"]] == one["descriptor"]["id"] for one in found)
    return [(one["descriptor"]["id"], one["message"]["text"]) for one in found]


def test_the_schema_is_the_one_that_was_vendored() -> None:
    """Nobody bent it until a report fitted; and it does refuse what is no SARIF."""
    assert hashlib.sha256(SCHEMA.read_bytes()).hexdigest() == DIGEST
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    document = json.loads(_text(outcome(alerts=[alert("CT101")])))
    assert VALIDATOR.is_valid(document)
    del document["runs"][0]["results"][0]["message"]
    assert not VALIDATOR.is_valid(document)
    assert not VALIDATOR.is_valid({"version": "2.1.0", "runs": [{"results": []}]})


def test_the_document() -> None:
    """One run of SARIF 2.1.0 in ASCII, by a tool that says its name, version and home; a result stands on one line."""
    text = _text(outcome(alerts=[alert("CT102", "critical"), alert("CT301")]))
    assert text.isascii()
    document = json.loads(text)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    assert document["$schema"].endswith("/sarif-2.1.0.json")
    driver = document["runs"][0]["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"].count(".")) == ("cobalt-async", 2)
    assert driver["informationUri"].startswith("https://")
    lines = [line.removesuffix(",") for line in text.splitlines() if line.startswith('{"ruleId"')]
    assert list(map(json.loads, lines)) == document["runs"][0]["results"]


def test_the_report_without_alerts() -> None:
    """It is whole and valid, with every rule and no result: on GitHub, that closes what was open."""
    run = _run(outcome())
    assert run["results"] == []
    assert len(run["tool"]["driver"]["rules"]) == len(RULES)


def test_the_sums_are_those_of_the_json_report() -> None:
    """Credentials are no results; how many there were of each verdict stands among the properties of the run."""
    properties = _run(outcome({ALIVE: 3, INDETERMINATE: 1}, bad_rows=2))["properties"]
    assert (properties["counts"]["ALIVE"], properties["credentials"], properties["bad_rows"]) == (3, 4, 2)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_each_rule_of_the_catalogue(rule: Any) -> None:
    """Id, name, what it means, what to do, level and score, within GitHub's limits, even where it found nothing."""
    found = _rule(_run(outcome()), rule.id)
    assert re.fullmatch("([A-Z][A-Za-z0-9]*)+", found["name"])
    assert len(found["name"]) <= 255
    assert (found["shortDescription"]["text"], found["fullDescription"]["text"]) == (rule.title, rule.help)
    assert max(len(rule.title), len(rule.help)) <= 1024
    assert rule.help in found["help"]["text"]
    assert rule.fix in found["help"]["text"]
    assert f"**What to do:** {rule.fix}" in found["help"]["markdown"]
    assert not set("{}<>[]") & set(found["help"]["markdown"])
    assert found["defaultConfiguration"]["level"] == LEVELS[rule.severity]
    assert _band(found["properties"]["security-severity"]) == rule.severity
    assert "security" in found["properties"]["tags"]
    assert 2 <= len(set(found["properties"]["tags"])) <= 10


def test_the_rules_have_names_of_their_own() -> None:
    """No two rules are called the same."""
    names = [rule["name"] for rule in _run(outcome())["tool"]["driver"]["rules"]]
    assert len(set(names)) == len(RULES)


@pytest.mark.parametrize("severity", Severity)
def test_a_severity_is_a_level_and_a_score(severity: Severity) -> None:
    """The worst two are errors; GitHub calls each score what we call the severity, and a note has none."""
    [result] = _results(alert("CT401", severity))
    assert result["level"] == LEVELS[severity]
    assert result["properties"]["severity"] == severity
    expected = None if severity is Severity.NOTE else severity
    assert _band(result["properties"]["security-severity"]) == expected


def test_the_score_of_a_rule_is_that_of_its_worst_alert() -> None:
    """GitHub reads the rule's score alone: a policy's severity counts, and so does it where a rule has several."""
    run = _run(
        outcome(alerts=[alert("CT401", "critical"), alert("CT403", "low"), alert("CT502"), alert("CT502", "medium")])
    )
    bands = {rule: _band(_rule(run, rule)["properties"]["security-severity"]) for rule in ("CT401", "CT403", "CT502")}
    assert bands == {"CT401": "critical", "CT403": "low", "CT502": "high"}
    assert _rule(run, "CT401")["defaultConfiguration"] == {"level": "note"}


def test_a_result_says_what_was_found() -> None:
    """Its rule by id and place, and the sentence with what it is about; results are in the report's order."""
    run = _run(outcome(alerts=[alert("CT704", "critical"), alert("CT101", message="subject of CT101 is dead")]))
    first, second = run["results"]
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "CT704"
    assert first["message"] == {"text": "subject of CT704: message of CT704"}
    assert second["message"] == {"text": "subject of CT101 is dead"}


def test_every_result_has_a_path_though_there_is_no_file() -> None:
    """GitHub refuses the upload for one result without path and region: the path is the same in every run, relative,
    names nothing in this repository, and the artifact says that it is no file.
    """
    run = _run(outcome(alerts=[alert("CT101"), alert("CT301", suppressed="known")]))
    for result in run["results"]:
        [location] = result["locations"]
        assert location["physicalLocation"]["artifactLocation"] == {"uri": ARTIFACT, "index": 0}
        assert location["physicalLocation"]["region"]["startLine"] == 1
    [artifact] = run["artifacts"]
    assert artifact["location"] == {"uri": ARTIFACT}
    assert "This is no file." in artifact["description"]["text"]
    assert re.fullmatch("[a-z-]+", ARTIFACT)
    assert not EXAMPLE.parents[1].joinpath(ARTIFACT).exists()


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("label", "deploy", "label"),
        ("label", "user-1", "label"),
        ("label", "api_1", "label"),
        ("token", "api_1", "token"),
        ("path", "/etc/secrets.csv", "path"),
        ("user", "user-1", "user"),
    ],
    ids=lambda value: value,
)
def test_the_logical_location_is_the_subject(kind: str, subject: str, expected: str) -> None:
    """A label, token, user or path, told apart by the fingerprint: a label may look like anything else."""
    key = "api_smallest" if kind == "user" else subject
    [result] = _results(alert("CT101", subject=subject, fingerprint=fingerprint_of("CT101", kind, key)))
    [logical] = result["locations"][0]["logicalLocations"]
    assert logical == {"name": subject, "fullyQualifiedName": subject, "kind": expected}


def test_a_subject_of_no_known_kind_has_none() -> None:
    """Nothing is guessed."""
    [result] = _results(alert("CT101"))
    assert "kind" not in result["locations"][0]["logicalLocations"][0]


def test_a_result_is_known_again_by_its_fingerprint() -> None:
    """Under a name with a version, and under the only one that GitHub reads."""
    [result] = _results(alert("CT101", fingerprint="0123abcd"))
    assert result["partialFingerprints"] == {"cobaltAlert/v1": "0123abcd", "primaryLocationLineHash": "0123abcd"}


def test_what_the_policy_suppresses_is_a_suppressed_result() -> None:
    """It is there with the policy's reason; every other result says that it is not suppressed."""
    known, other = _results(alert("CT101", suppressed="Ada knows {x}\n"), alert("CT102"))
    assert known["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": r"Ada knows {x}\n"},
    ]
    assert other["suppressions"] == []


def test_odd_names_are_harmless() -> None:
    r"""Control characters, bidi and lone surrogates are written out; nothing is a placeholder or becomes a link."""
    name = f"{NASTY} {{0}} [click](https://evil.example)"
    [result] = _results(alert("CT101", subject=name, suppressed=name))
    shown = f"{SHOWN} {{0}} [click](https://evil.example)"
    assert result["locations"][0]["logicalLocations"][0]["name"] == shown
    assert result["message"]["text"].startswith(f"{SHOWN} {{{{0}}}} [click] (https://evil.example)")
    assert result["suppressions"][0]["justification"] == shown
    text = _text(outcome(alerts=[alert("CT101", subject=NASTY, message=NASTY)], notes=[NASTY]))
    assert not re.search(r"\\u(d8|202e|2028|001b)", text.replace(r"\\", ""))


def test_a_whole_audit_was_successful() -> None:
    """Nothing is an error; notes and what cannot be known are notifications of level note."""
    end = outcome(notes=["a note"], cannot_know=["who holds it"])
    assert _run(end)["invocations"][0]["executionSuccessful"] is True
    assert _notices(end, "error") == _notices(end, "warning") == []
    assert _notices(end, "note") == [("note", "a note"), ("cannot-know", "who holds it")]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (outcome(void="a portal", stopped="void", complete=False), [("void", "a portal")]),
        (outcome(stopped="stopped", complete=False), [("stopped", "stopped before its end")]),
        (outcome(stopped="breaker", complete=False), [("stopped", "It stopped itself")]),
        (
            outcome({INDETERMINATE: 3, NOT_TRIED: 1}, reasons={"stopped": 1, "no_answer": 2, "refused_404": 1}),
            [("unknown", "2 without a verdict, no_answer"), ("unknown", "refused_404"), ("unknown", "stopped")],
        ),
        (outcome(bad_rows=7), [("bad-rows", "7; mend")]),
        (outcome(complete=False), [("unfinished", "had not come to its end")]),
    ],
    ids=["void", "stopped", "breaker", "unknown", "bad rows", "unfinished"],
)
def test_an_audit_that_is_not_whole_says_so(end: Outcome, expected: list[tuple[str, str]]) -> None:
    """It was not successful, and errors say what is missing: a reader shall not take the results for all there are."""
    invocation = _run(end)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert "exitCode" not in invocation
    found = _notices(end, "error")
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert all(part in text for (_, text), (_, part) in zip(found, expected, strict=True))


def test_times_are_in_utc() -> None:
    """To the second, with a Z, whatever zone they were given in; one that is not known is not there."""
    moment = datetime(2026, 3, 4, 1, 2, 3, 999_999, tzinfo=timezone(timedelta(hours=2)))
    invocation = _run(attrs.evolve(outcome(), started_at=moment, ended_at=None))["invocations"][0]
    assert invocation["startTimeUtc"] == "2026-03-03T23:02:03Z"
    assert "endTimeUtc" not in invocation


def test_more_results_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are there, and a warning says that GitHub refuses the file; the run was successful all the same."""
    assert sarif._MOST_RESULTS == 25_000
    monkeypatch.setattr(sarif, "_MOST_RESULTS", 3)
    alerts = [alert("CT401", "low", subject=str(number)) for number in range(4)]
    assert _notices(outcome(alerts=alerts[1:]), "warning") == []
    end = outcome(alerts=alerts)
    run = _run(end)
    assert (len(run["results"]), run["invocations"][0]["executionSuccessful"]) == (4, True)
    [(name, text)] = _notices(end, "warning")
    assert name == "too-many"
    assert text.startswith("4 results: GitHub code scanning refuses a run of more than 3;")


def test_the_same_outcome_gives_the_same_bytes() -> None:
    """No clock, no chance, no name of a machine, folder or account."""
    end = outcome({INDETERMINATE: 2}, reasons={"b": 1, "a": 1}, alerts=[alert("CT101")])
    again = outcome({INDETERMINATE: 2}, reasons={"a": 1, "b": 1}, alerts=[alert("CT101")])
    assert _text(end) == _text(end)
    assert json.loads(_text(end)) == json.loads(_text(again))
    assert not {"machine", "account", "commandLine", "workingDirectory", "arguments"} & _keys(json.loads(_text(end)))


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return {*value, *(key for inner in value.values() for key in _keys(inner))}
    return {key for inner in value for key in _keys(inner)} if isinstance(value, list) else set()


class Nowhere(io.StringIO):
    def write(self, text: str, /) -> int:
        return len(text)


def test_memory_is_flat() -> None:
    """Neither results nor the writing of three thousand alerts hold anything: each is written and forgotten."""
    end = outcome(alerts=[alert("CT401", subject=str(number)) for number in range(3000)])
    report = SarifWriter(Nowhere())
    report.end(outcome())
    tracemalloc.start()
    try:
        for number in range(2000):
            report.add(AuditResult(f"label {number}", ALIVE))
        held, _ = tracemalloc.get_traced_memory()
        report.end(end)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 20_000
    assert peak < 300_000


def test_the_file_in_its_folder(tmp_path: Path) -> None:
    """The format is called sarif, and its file report.sarif."""
    with ReportFiles(tmp_path, [Format.SARIF]) as reports:
        reports.end(outcome(alerts=[alert("CT101", subject=NASTY)]))
    VALIDATOR.validate(json.loads((tmp_path / "report.sarif").read_bytes()))
    assert isinstance(writer(Format.SARIF, io.StringIO()), SarifWriter)


async def test_an_audit_of_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real alerts of all kinds make a valid report: each has a kind and a place, and no secret stands in it."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.0)
    policy = Policy(
        name_pattern="[a-z]{3}",
        suppress=(Suppression(rule="CT305", reason="one is enough", until=date.max),),
    )
    async with CobaltSandbox() as sandbox:
        people = populate(sandbox, users=12)
        auditor = sandbox.add_user("auditor").tokens[0].secret
        async with AsyncCobalt(auditor, base_url=sandbox.url) as cobalt:
            async with audit(cobalt, declared(people.inventory), policy=policy, rate=0) as run:
                _ = [result async for result in run]
        secrets = [token.secret for user in sandbox.users for token in user.tokens]
    end = Outcome(report=run.report(), ended_at=datetime.now(UTC))
    text = _text(end)
    results = _run(end)["results"]
    assert len(results) == len(end.report.alerts) > 20
    assert {one["locations"][0]["logicalLocations"][0]["kind"] for one in results} == {"label", "token", "user"}
    assert all(bool(one["suppressions"]) == (one["ruleId"] == "CT305") for one in results)
    assert len(secrets) > 20
    assert not [secret for secret in secrets if secret in text]


def test_the_example_of_a_workflow() -> None:
    """It uploads what this writes: the command's formats are ours, and a job ends before it uploads half an audit."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    [command] = [line.split() for line in lines if line.strip().startswith("cobalt-async audit ")]
    assert command[command.index("--format") + 1] == Format.SARIF
    assert command[-5:] == ["||", "test", "$?", "-eq", "1"]
    folder = command[command.index("--out") + 1]
    [prepared] = [line.split() for line in lines if line.strip().startswith("jq ")]
    assert prepared[-3] == f"{folder}/{Format.SARIF.file_name}"
    assert f"sarif_file: {prepared[-1]}" in map(str.strip, lines)
    assert "      security-events: write" in lines
