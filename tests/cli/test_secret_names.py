"""A token's name that holds a secret stands in nothing that an audit, or a comparison, writes."""

import json
from pathlib import Path

import pytest

from cobalt_async.audit import Format
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import Run

PLAIN, OTHER = "a-secret-of-words-alone", "one-more-secret-of-words"  # of the inventory; they look like nothing
LIKELY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
HIDDEN = "[a name that is not repeated here]"


@pytest.fixture
def named(sandbox: CobaltSandbox, tmp_path: Path) -> Path:
    """Two secrets of bob's are names of ada's tokens, and so is text that looks like one, and her own secret."""
    ada, bob = sandbox.add_user("ada", tokens=4), sandbox.add_user("bob", tokens=2)
    for token, secret in zip(bob.tokens, (PLAIN, OTHER), strict=True):
        token.refresh(secret=secret)
    for token, name in zip(ada.tokens, (PLAIN, f"of bob: {OTHER}", LIKELY, ada.tokens[0].secret), strict=True):
        token.rename(name)
    lines = ["label,secret,owner", f"bob 0,{PLAIN},{OTHER}", f"bob 1,{OTHER},bob"]
    lines += [f"ada {n},{token.secret},ada" for n, token in enumerate(ada.tokens)]
    path = tmp_path / "inventory.csv"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def secrets(named: Path, sandbox: CobaltSandbox) -> tuple[str, ...]:
    """All that nothing may hold."""
    return (LIKELY, *(token.secret for user in sandbox.users for token in user.tokens))


def test_no_name_that_holds_a_secret_is_written(
    named: Path, sandbox: CobaltSandbox, secrets: tuple[str, ...], tmp_path: Path, run: Run
) -> None:
    """In no format, baseline or comparison, on standard output or in a file; a new name is a change all the same."""
    formats = [word for form in Format for word in ("--format", form.value)]
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    ended = [run("audit", str(named), "--out", str(tmp_path / "out 1"), *formats, "--save-baseline", first)]
    sandbox.users[0].tokens[0].rename(f"{LIKELY}-again")
    more = ("--baseline", first, "--save-baseline", second)
    ended.append(run("audit", str(named), "--out", str(tmp_path / "out 2"), *formats, *more))
    ended.extend(run("audit", str(named), "--format", form.value, "--baseline", first) for form in Format)
    compared = run("diff", first, second)
    ended.extend((compared, run("diff", "--json", first, second)))

    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != named]
    assert len(written) == 2 * len(Format) + 2
    texts = [*(path.read_text() for path in written), *(text for one in ended for text in (one.out, one.err))]
    assert [secret for secret in secrets for text in texts if secret in text] == []

    for report in ("out 1/report.json", "out 2/report.json"):
        found = json.loads((tmp_path / report).read_text())
        names = [token["name"] for one in found["credentials"] if one["label"] == "ada 0" for token in one["tokens"]]
        assert names == [HIDDEN] * 4
    renamed = [alert["subject"] for alert in found["alerts"] if alert["rule"] == "CT703"]
    assert renamed == [sandbox.users[0].tokens[0].id]
    [title, change, count] = compared.out.splitlines()
    assert (title, count[:8]) == ("Renamed:", "1 change")
    assert change.count("a name that is not repeated here: ") == 2


def test_nothing_changed_is_nothing(named: Path, tmp_path: Path, run: Run) -> None:
    """What stands in for a name is the same each time, and no drift."""
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    run("audit", str(named), "--save-baseline", first)
    ended = run("audit", str(named), "--baseline", first, "--save-baseline", second, "--format", "json")
    assert [alert["rule"] for alert in json.loads(ended.out)["alerts"] if alert["rule"].startswith("CT7")] == []
    assert run("diff", first, second).code == 0


@pytest.mark.parametrize("row", [f"{PLAIN},{PLAIN},bob", f"bob/{PLAIN},{PLAIN},bob", f"bob,{PLAIN},{PLAIN}"])
def test_a_secret_in_the_wrong_column_is_a_bad_row(row: str, inventory: Path, run: Run) -> None:
    """It is named by file and line and not repeated; --skip-bad-rows counts it, and no report has it."""
    inventory.write_text(inventory.read_text() + f"{row},\n")
    ended = run("audit", str(inventory), "--quiet", "--format", "csv")
    line = f"cobalt-async: {inventory}, line 6: "
    assert (ended.code, ended.err[: len(line)], ended.err.count("\n")) == (2, line, 1)
    assert "it holds the secret itself" in ended.err
    skipped = run("audit", str(inventory), "--skip-bad-rows", "--format", "json")
    assert json.loads(skipped.out)["summary"]["bad_rows"] == 1
    assert PLAIN not in "".join((ended.out, ended.err, skipped.out, skipped.err))
