import json
from pathlib import Path

import pytest

from cobalt_async.protocol import hosts
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import CANARY, PATIENCE, Run, run_process, started


@pytest.fixture
def alarming(inventory: Path, sandbox: CobaltSandbox) -> Path:
    """An inventory that does not know one of eve's tokens."""
    eve = sandbox.add_user("eve", tokens=2)
    with inventory.open("a") as file:
        file.write(f"eve,{eve.tokens[0].secret},eve,\n")
    return inventory


def test_a_table_and_a_summary(inventory: Path, run: Run) -> None:
    """Each credential with its verdict, then the counts in words; dead and forbidden are exit code 0."""
    ended = run("audit", str(inventory))
    assert (ended.code, ended.err) == (0, "")
    table = ended.out.partition("\n\n")[0]
    assert [line.split() for line in table.splitlines()] == [
        ["VERDICT", "LABEL", "USER", "TOKENS"],
        ["FORBIDDEN", "bob"],
        ["DEAD", "gone"],
        ["ALIVE", "ada", "0", "user-1", "2"],
        ["ALIVE", "ada", "1", "user-1", "2"],
    ]
    assert "\n\n4 credentials: 2 alive, 1 dead, 1 forbidden, 0 unknown\n" in ended.out
    assert ended.out.endswith("Complete: every credential has a verdict.\n")
    assert CANARY not in ended.out


def test_jsonl(inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """One object for each credential on standard output, and nothing else there; the summary is beside it."""
    ended = run("audit", str(inventory), "--format", "jsonl")
    assert ended.code == 0
    found = {line["label"]: line for line in map(json.loads, ended.out.splitlines())}
    assert {label: line["verdict"] for label, line in found.items()} == {
        "ada 0": "ALIVE",
        "ada 1": "ALIVE",
        "bob": "FORBIDDEN",
        "gone": "DEAD",
    }
    ada = sandbox.users[0]
    assert [token["id"] for token in found["ada 0"]["tokens"]] == [token.id for token in ada.tokens]
    assert list(found["gone"].values()) == ["gone", "DEAD", None, None, None, []]
    assert "4 credentials" in ended.err
    assert not any(user.tokens[0].secret in ended.out + ended.err for user in sandbox.users)


def test_json(alarming: Path, run: Run) -> None:
    """One document on standard output: every credential, every alert, the sums, and what cannot be known."""
    ended = run("audit", str(alarming), "--format", "json")
    found = json.loads(ended.out)
    assert sorted(one["label"] for one in found["credentials"]) == ["ada 0", "ada 1", "bob", "eve", "gone"]
    assert "CT301" in {alert["rule"] for alert in found["alerts"]}
    assert found["summary"]["complete"] is True
    assert found["summary"]["started_at"] < found["summary"]["ended_at"]
    assert found["cannot_know"]
    assert "5 credentials" in ended.err


def test_csv(inventory: Path, run: Run) -> None:
    """A header and a row for each credential; the same format twice is one."""
    rows = run("audit", str(inventory), "--format", "csv", "--format", "csv").out.splitlines()
    assert rows[0] == "label,verdict,reason,user,region,tokens"
    assert sorted(rows[1:]) == [
        "ada 0,ALIVE,,user-1,,2",
        "ada 1,ALIVE,,user-1,,2",
        "bob,FORBIDDEN,,,,0",
        "gone,DEAD,,,,0",
    ]


def test_several_reports_at_once(inventory: Path, tmp_path: Path, run: Run) -> None:
    """`--out` writes a file for each format, each once, and standard output says what there is, and where."""
    folder = tmp_path / "out"
    formats = ("table", "json", "jsonl", "csv", "json")
    arguments = [word for form in formats for word in ("--format", form)]
    ended = run("audit", str(inventory), "--out", str(folder), *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["report.csv", "report.json", "report.jsonl", "report.txt"]
    assert len(json.loads((folder / "report.json").read_text())["credentials"]) == 4
    assert len((folder / "report.jsonl").read_text().splitlines()) == 4
    assert (folder / "report.csv").read_text().startswith("label,")
    assert "Complete" in (folder / "report.txt").read_text()
    lines = ended.out.splitlines()
    assert lines[0].startswith("4 credentials: ")
    assert lines[-4:] == [f"Written: {folder}/report.{ending}" for ending in ("txt", "json", "jsonl", "csv")]


def test_quiet(inventory: Path, tmp_path: Path, run: Run) -> None:
    """`--quiet` leaves the results and nothing else; a report in a file is as it always is."""
    assert "credentials" not in run("audit", str(inventory), "--quiet").out
    ended = run("audit", str(inventory), "--quiet", "--format", "jsonl")
    assert (len(ended.out.splitlines()), ended.err) == (4, "")
    ended = run("audit", str(inventory), "--quiet", "--out", str(tmp_path / "out"))
    assert (ended.out, ended.err) == ("", "")
    assert "4 credentials" in (tmp_path / "out" / "report.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 1), (("--fail-on", "high"), 1), (("--fail-on", "critical"), 0), (("--fail-on", "never"), 0)],
)
def test_alerts_have_an_exit_code(alarming: Path, run: Run, arguments: tuple[str, ...], code: int) -> None:
    """1 where an alert is as bad as `--fail-on` says, high unless it is given; the alert is in the table."""
    ended = run("audit", str(alarming), *arguments)
    assert ended.code == code
    assert any(line.split()[:2] == ["high", "CT301"] for line in ended.out.splitlines())


def test_a_policy_has_a_say(alarming: Path, tmp_path: Path, run: Run) -> None:
    """What `--policy` suppresses is no reason to fail, and is still in the report with its reason."""
    (tmp_path / "policy.toml").write_text('[[suppress]]\nrule = "CT301"\nreason = "on its way"\nuntil = 2999-12-31\n')
    ended = run("audit", str(alarming), "--policy", "policy.toml", "--format", "json")
    assert ended.code == 0
    assert [alert["suppressed"] for alert in json.loads(ended.out)["alerts"] if alert["rule"] == "CT301"] == [
        "on its way"
    ]


@pytest.mark.parametrize(("arguments", "code"), [((), 4), (("--fail-on", "never"), 3)])
def test_incomplete_with_and_without_alerts(alarming: Path, run: Run, arguments: tuple[str, ...], code: int) -> None:
    """Incomplete is never 0, nor 1."""
    with alarming.open("a") as file:
        file.write("bad\n")
    assert run("audit", str(alarming), "--skip-bad-rows", *arguments).code == code


def test_a_void_audit(inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """Where a made-up token is answered, too, nothing can be believed: exit code 5, and no verdict."""
    sandbox.faults.answer(200, {"data": [], "pagination": {"next_page": None, "prev_page": None}}, times=None)
    ended = run("audit", str(inventory), "--format", "json")
    assert ended.code == 5
    found = json.loads(ended.out)
    assert {one["verdict"] for one in found["credentials"]} <= {"NOT_TRIED", "INDETERMINATE"}
    assert found["summary"]["void"]
    assert "VOID" in ended.err


def test_a_bad_row_ends_it(inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """One line names file, line, flaw and remedy, exit code 2; nothing more is sent, and what landed is reported."""
    text = inventory.read_text()
    inventory.write_text(text + f"no token,{CANARY} x,,\n" + "".join(f"more {n},{CANARY}-{n},,\n" for n in range(300)))
    ended = run("audit", str(inventory), "--format", "json", "--concurrency", "1")
    assert ended.code == 2
    [line] = [line for line in ended.err.splitlines() if "line 6" in line]
    assert line.startswith(f"cobalt-async: {inventory}, line 6: secret: a token is printable ASCII")
    assert "mend it" in line
    assert "--skip-bad-rows" in line
    assert len(sandbox.requests) < 20
    found = json.loads(ended.out)
    assert {"ada 0", "ada 1"} <= {one["label"] for one in found["credentials"]} <= {"ada 0", "ada 1", "bob", "gone"}
    assert found["summary"]["complete"] is False
    assert found["summary"]["bad_rows"] == 1
    assert found["cannot_know"]
    assert CANARY not in ended.out + ended.err


def test_a_bad_row_before_all_others(inventory: Path, sandbox: CobaltSandbox, tmp_path: Path, run: Run) -> None:
    """Where nothing landed there is no report, on standard output or in a folder."""
    inventory.write_text("label,secret\nbad\n")
    for arguments in (("--format", "json"), ("--out", str(tmp_path / "out"))):
        ended = run("audit", str(inventory), *arguments)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
        assert "line 2: " in ended.err
    assert not (tmp_path / "out").exists()


def test_bad_rows_can_be_skipped(inventory: Path, run: Run) -> None:
    """Each is a line on standard error, counted, and the others are audited; no secret; the exit code is 3."""
    with inventory.open("ab") as file:
        file.write(f'gone,{CANARY},,\nno token,{CANARY} x,,\nopen,"{CANARY}\nlast,{CANARY}-2,,retired\n'.encode())
    ended = run("audit", str(inventory), "--skip-bad-rows")
    assert ended.code == 3
    flaws = ("its label stands on line 5 already", "secret: a token is printable ASCII", "it is no CSV")
    lines = ended.err.splitlines()
    assert len(lines) == 3
    for number, (line, flaw) in enumerate(zip(lines, flaws, strict=True), 6):
        assert line.startswith(f"cobalt-async: {inventory}, line {number}: {flaw}")
    assert ["DEAD", "last"] in [line.split() for line in ended.out.splitlines()]
    assert "3 bad rows" in ended.out
    assert "NOT complete." in ended.out
    assert CANARY not in ended.out + ended.err


def test_nothing_but_bad_rows(sandbox: CobaltSandbox, tmp_path: Path, run: Run) -> None:
    """Nothing of the inventory is asked, and that is not done."""
    path = tmp_path / "bad.csv"
    path.write_text("label,secret\na,\n")
    assert run("audit", str(path), "--skip-bad-rows").code == 3


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (None, "it cannot be read (No such file or directory)"),
        (b"", "it is empty"),
        (b"label,secret\n", "there are no rows under the header"),
        (f"ci,{CANARY}\n".encode(), "line 1: column 1 is unknown"),
        (b"label,secret,colour\nci,x,red\n", "line 1: column 3 is unknown"),
        (b"label,label,secret\nci,x,y\n", "line 1: column 2: there is a second label"),
        (f'label,"secret\nci,{CANARY}\n'.encode(), "line 1: it is no CSV"),
    ],
)
def test_an_inventory_that_is_none(
    sandbox: CobaltSandbox, tmp_path: Path, run: Run, text: bytes | None, flaw: str
) -> None:
    """One line names file, line and remedy, exit code 2; nothing was sent, and no folder was made."""
    path = tmp_path / "inventory.csv"
    if text is not None:
        path.write_bytes(text)
    ended = run("audit", str(path), "--out", str(tmp_path / "out"))
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith(f"cobalt-async: {path}")
    assert flaw in line
    assert CANARY not in line
    assert sandbox.requests == []
    assert not (tmp_path / "out").exists()


def test_what_is_unknown_is_incomplete(sandbox: CobaltSandbox, tmp_path: Path, run: Run) -> None:
    """A 401 that nothing vouches for is INDETERMINATE, and the exit code is 3."""
    path = tmp_path / "inventory.csv"
    path.write_text(f"label,secret\ngone,{CANARY}\n")
    ended = run("audit", str(path), "--fail-on", "never")
    assert ended.code == 3
    assert "no_live_control" in ended.out
    assert "not the same as dead" in ended.out


def test_the_token_of_the_environment_is_the_control(
    sandbox: CobaltSandbox, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a live COBALT_API_TOKEN the same 401 is DEAD; one that is no token is an error by its name."""
    path = tmp_path / "inventory.csv"
    path.write_text(f"label,secret\ngone,{CANARY}\n")
    monkeypatch.setenv("COBALT_API_TOKEN", sandbox.add_user("ada").tokens[0].secret)
    assert run("audit", str(path), "--fail-on", "never").code == 0
    monkeypatch.setenv("COBALT_API_TOKEN", f"{CANARY} with blanks")
    ended = run("audit", str(path))
    assert ended.code == 2
    assert "$COBALT_API_TOKEN" in ended.err
    assert CANARY not in ended.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--concurrency", "0"), "concurrency: "),
        (("--rate", "-1"), "rate: "),
        (("--rate", "nan"), "rate: "),
        (("--share", "0"), "share: "),
        (("--share", "1.5"), "share: "),
        (("--region", "us", "--region", "us"), "regions: "),
        (("--policy", "none.toml"), "none.toml: "),
        (("--baseline", "none.json"), "none.json: "),
        (("--save-baseline", "none/new.json"), "--save-baseline none/new.json: "),
        (("--save-baseline", "."), "--save-baseline .: "),
        (("--save-baseline", "/dev/null"), "--save-baseline /dev/null: it cannot be written; "),
        (("--checkpoint", "/dev/null"), "--checkpoint /dev/null: it is there already; "),
        (("--checkpoint", "none/new"), "--checkpoint none/new: there is no folder none; "),
        (("--resume", "none"), "--resume none: there is no such file; "),
        (("--out", "inventory.csv"), "inventory.csv: it cannot be written (it is no folder)"),
        (("--out", "/proc/none"), "/proc/none: it cannot be written (No such file or directory)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be(
    inventory: Path, sandbox: CobaltSandbox, run: Run, arguments: tuple[str, ...], named: str
) -> None:
    """One line names it, exit code 2, nothing was sent, and nothing is left behind."""
    before = sorted(inventory.parent.iterdir())
    ended = run("audit", "inventory.csv", *arguments)
    assert ended.code == 2
    assert ended.err.startswith(f"cobalt-async: {named}")
    assert len(ended.err.splitlines()) == 1
    assert sandbox.requests == []
    assert sorted(inventory.parent.iterdir()) == before


def test_a_baseline_for_the_next_time(inventory: Path, tmp_path: Path, run: Run) -> None:
    """`--save-baseline` writes what `--baseline` reads, the same file too, and no secret."""
    path = tmp_path / "baseline"
    assert run("audit", str(inventory), "--save-baseline", str(path)).code == 0
    assert CANARY.encode() not in path.read_bytes()
    arguments = ("--baseline", str(path), "--save-baseline", str(path))
    ended = run("audit", str(inventory), *arguments, "--fail-on", "never")
    assert ended.code == 0
    assert "Since the baseline" not in ended.out


def test_no_baseline_of_half_an_audit(inventory: Path, tmp_path: Path, run: Run) -> None:
    """Where a bad row ended it nothing is saved, a line says so, and an older baseline stays."""
    path = tmp_path / "baseline"
    path.write_text("old")
    with inventory.open("a") as file:
        file.write("bad\n")
    ended = run("audit", str(inventory), "--save-baseline", str(path))
    assert ended.code == 2
    assert f"cobalt-async: {path}: not saved" in ended.err
    assert path.read_text() == "old"


def test_more_at_once_than_a_client_holds_by_default(inventory: Path, run: Run) -> None:
    """`--concurrency` above 100 makes the client as large."""
    assert run("audit", str(inventory), "--concurrency", "300").code == 0


def test_regions(inventory: Path, sandbox: CobaltSandbox, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--region`, given twice, asks in both, whatever COBALT_BASE_URL says; the table tells which."""
    with CobaltSandbox() as eu:
        monkeypatch.setitem(hosts.REGIONS, "us", sandbox.url)
        monkeypatch.setitem(hosts.REGIONS, "eu", eu.url)
        monkeypatch.setenv("COBALT_BASE_URL", "http://localhost:1")
        with inventory.open("a") as file:
            file.write(f"eve,{eu.add_user('eve').tokens[0].secret},eve,\n")
        ended = run("audit", str(inventory), "--region", "us", "--region", "eu")
    assert ended.code == 0
    words = [line.split() for line in ended.out.splitlines()]
    assert words[0] == ["VERDICT", "LABEL", "USER", "REGION", "TOKENS"]
    assert any(line[:2] == ["ALIVE", "eve"] and line[-2:] == ["eu", "1"] for line in words)
    assert ["FORBIDDEN", "bob", "us"] in words


def test_the_own_token_counts_in_a_region(
    inventory: Path, sandbox: CobaltSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--region`, COBALT_API_TOKEN is asked there, and its live answer makes a 401 DEAD."""
    monkeypatch.setitem(hosts.REGIONS, "eu", sandbox.url)
    monkeypatch.setenv("COBALT_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("COBALT_API_TOKEN", sandbox.users[0].tokens[0].secret)
    inventory.write_text(f"label,secret,status\ngone,{CANARY},retired\n")
    assert run("audit", str(inventory), "--region", "eu").code == 0


def test_a_file_name_cannot_play_with_the_terminal(run: Run) -> None:
    """Control characters in what is named on standard error are written out."""
    ended = run("audit", "no\x1b[2J\nfile")
    assert ended.err.startswith(r"cobalt-async: no\x1b[2J\nfile: it cannot be read")
    assert len(ended.err.splitlines()) == 1


def test_the_sandbox_needs_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit --sandbox` audits its own people: no file, no environment, alerts, a summary, exit code 0."""
    monkeypatch.setenv("COBALT_API_TOKEN", "not a token")
    monkeypatch.setenv("COBALT_BASE_URL", "nonsense")
    monkeypatch.setenv("COBALT_REGION", "mars")
    ended = run("audit", "--sandbox")
    assert (ended.code, ended.err) == (0, "")
    assert "FORBIDDEN" in ended.out
    assert "DEAD" in ended.out
    [counts] = [line for line in ended.out.splitlines() if " credentials: " in line]
    numbers = [int(word) for word in counts.replace(":", "").split() if word.isdecimal()]
    assert numbers[0] == sum(numbers[1:])
    assert min(numbers[:4]) > 0
    assert numbers[4] == 0


def test_the_tokens_that_nobody_declared_in_the_sandbox(run: Run) -> None:
    """They raise CT301, which `--fail-on` makes exit code 1 there too."""
    ended = run("audit", "--sandbox", "--fail-on", "high", "--format", "json")
    assert ended.code == 1
    assert "CT301" in {alert["rule"] for alert in json.loads(ended.out)["alerts"]}


def test_the_inventory_on_standard_input(inventory: Path) -> None:
    """`-` reads it, and a bad row there is named so."""
    ended = run_process("audit", "-", "--skip-bad-rows", stdin=inventory.read_bytes() + b"oops\n")
    assert ended.code == 3
    assert "2 alive, 1 dead, 1 forbidden, 0 unknown" in ended.out
    assert ended.err == "cobalt-async: standard input, line 6: its number of fields is 1, the header has 4\n"


def test_results_come_while_the_inventory_is_still_written(inventory: Path) -> None:
    """A pipe that is slow holds up no answer: results of its first rows come before its last."""
    with started("audit", "-", "--format", "jsonl", "--quiet") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(inventory.read_bytes())
        process.stdin.flush()
        labels = {json.loads(process.stdout.readline())["label"] for _ in range(2)}
        process.stdin.close()
        assert len(process.stdout.read().splitlines()) == 2
        assert process.wait(PATIENCE) == 0
    assert labels == {"ada 0", "ada 1"}


def test_a_reader_that_has_enough() -> None:
    """As in `| head -1`: nothing is said, and the exit code is not that of a whole run."""
    with started("audit", "--sandbox", "--format", "jsonl", "--quiet") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b""
