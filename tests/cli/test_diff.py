import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cobalt_async import Token
from cobalt_async.audit import AuditResult, Credential, Verdict
from cobalt_async.audit.baseline import write_baseline
from cobalt_async.audit.facts import Facts
from tests.cli.calling import Run

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SALT = b"s" * 32


@contextmanager
def saving(path: str, *, salt: bytes = SALT) -> Iterator[Facts]:
    """Facts that are saved as a baseline when the block ends."""
    with closing(Facts(salt=salt)) as facts:
        yield facts
        facts.settle()
        write_baseline(facts, Path(path), now=NOW)


def tell(facts: Facts, label: str, verdict: Verdict, user: int | None = None, secret: str = "secret") -> None:
    """One result."""
    facts.add(Credential(label, f"{secret}-{label}"), AuditResult(label, verdict), user)


@pytest.fixture
def files() -> tuple[str, str]:
    """Two baselines, with one change of nearly every kind between them."""
    with saving("A") as facts:
        for user, label in enumerate(("ada", "bob", "cyd"), 1):
            tell(facts, label, Verdict.ALIVE, user)
        facts.list(1, [Token("api_1", "CI"), Token("api_2", "deploy"), Token("api_3", "old")])
        facts.list(2, [Token("api_4", "x")])
        facts.list(3, [Token("api_5", "y")])
        tell(facts, "dead", Verdict.DEAD)
    with saving("B") as facts:
        tell(facts, "ada", Verdict.ALIVE, 1, secret="new")
        facts.list(1, [Token("api_1", "CI\x1b[2J"), Token("api_6", "deploy"), Token("api_4", "x"), Token("api_7", "n")])
        tell(facts, "dead", Verdict.FORBIDDEN)
        tell(facts, "new", Verdict.DEAD)
    return "A", "B"


def label(name: str) -> str:
    """What stands in a baseline for a label."""
    with closing(Facts(salt=SALT)) as facts:
        return facts.label_mark(name).hex()


def test_lines_for_a_person(run: Run, files: tuple[str, str]) -> None:
    """One line each, in groups, and how many there are; 1 as diff has it; no name moves the cursor."""
    ended = run("diff", *files)
    gone = "".join(f"  credential {short}: ALIVE\n" for short in sorted((label("bob")[:8], label("cyd")[:8])))
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == (
        "Refreshed, or made again under the same name:\n  api_6 for api_2: deploy\n"
        "New ids:\n  api_7: n\n"
        "Ids that are no longer seen:\n  api_3: old\n  api_5: y\n"
        "Renamed:\n  api_1: CI -> CI\\x1b[2J\n"
        "Two users who are one:\n  the user of api_4 is the one of api_1\n"
        "Users that are no longer seen:\n  the user of api_5\n"
        f"Other verdicts:\n  credential {label('dead')[:8]}: DEAD -> FORBIDDEN\n"
        f"Other secrets under the same label:\n  credential {label('ada')[:8]}\n"
        f"New credentials:\n  credential {label('new')[:8]}: DEAD\n"
        f"Credentials that are gone:\n{gone}"
        "12 changes from A (2026-11-23 12:00 UTC) to B (2026-11-23 12:00 UTC).\n"
    )


def test_json_for_a_program(run: Run, files: tuple[str, str]) -> None:
    """One object: the schema's version, both files, and all changes, with the whole fingerprints of labels."""
    ended = run("diff", "--json", *files)
    assert (ended.code, ended.err) == (1, "")
    said = json.loads(ended.out)
    assert list(said) == ["schema_version", "first", "second", "changes"]
    assert said["schema_version"] == 1
    assert said["first"] == {"path": "A", "made_at": "2026-11-23T12:00:00+00:00"}
    assert len(said["changes"]) == 12
    assert said["changes"][0] == {"change": "refreshed", "subject": "api_6", "was": "api_2", "now": "deploy"}
    assert {"change": "verdict", "subject": label("dead"), "was": "DEAD", "now": "FORBIDDEN"} in said["changes"]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_drift(run: Run, files: tuple[str, str], form: tuple[str, ...]) -> None:
    """0, and it says so."""
    ended = run("diff", *form, files[0], files[0])
    assert (ended.code, ended.err) == (0, "")
    if form:
        assert json.loads(ended.out)["changes"] == []
    else:
        assert ended.out == "Nothing changed from A (2026-11-23 12:00 UTC) to A (2026-11-23 12:00 UTC).\n"


def test_one_change_is_one(run: Run, files: tuple[str, str]) -> None:
    """It is counted as a person would."""
    with saving("C") as facts:
        tell(facts, "dead", Verdict.DEAD)
    with saving("D"):
        pass
    assert run("diff", "C", "D").out.endswith("\n1 change from C (2026-11-23 12:00 UTC) to D (2026-11-23 12:00 UTC).\n")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_bad_input(run: Run, files: tuple[str, str], form: tuple[str, ...]) -> None:
    """2 and one line: a file that is none, one that is torn, two that have salts of their own; and nothing else."""
    with saving("other", salt=b"t" * 32):
        pass
    Path("torn").write_bytes(Path("A").read_bytes()[:-1])
    cases = {
        "no": "no: it cannot be read",
        "torn": "torn, line ",
        "other": "A and other cannot be compared: each has a",
    }
    for name, why in cases.items():
        ended = run("diff", *form, files[0], name)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"cobalt-async: {why}")
        assert ended.err.count("\n") == 1
