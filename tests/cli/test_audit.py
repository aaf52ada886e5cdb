import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cobalt_async.protocol import hosts
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import COMMAND, PATIENCE, Run, run_process, wait_until

CANARY = "canary-secret-0123456789"


@pytest.fixture
def inventory(sandbox: CobaltSandbox, tmp_path: Path) -> Path:
    """Two alive, one dead, one forbidden."""
    ada, bob = sandbox.add_user("ada", tokens=2), sandbox.add_user("bob")
    bob.forbid()
    lines = ["label,secret", *(f"ada {n},{token.secret}" for n, token in enumerate(ada.tokens))]
    lines += [f"bob,{bob.tokens[0].secret}", f"gone,{CANARY}"]
    path = tmp_path / "inventory.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_and_a_summary(inventory: Path, run: Run) -> None:
    """Each credential with its verdict, then the counts in words; dead and forbidden are exit code 0."""
    ended = run("audit", str(inventory))
    assert (ended.code, ended.err) == (0, "")
    table, _, summary = ended.out.partition("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["VERDICT", "LABEL", "TOKENS"],
        ["FORBIDDEN", "bob"],
        ["DEAD", "gone"],
        ["ALIVE", "ada", "0", "2"],
        ["ALIVE", "ada", "1", "2"],
    ]
    assert summary.startswith("4 credentials: 2 alive, 1 dead, 1 forbidden, 0 unknown\n")
    assert summary.endswith("Complete: every credential has a verdict.\n")
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
    assert found["gone"] == {"label": "gone", "verdict": "DEAD", "reason": None, "region": None, "tokens": []}
    assert "4 credentials" in ended.err
    assert not any(user.tokens[0].secret in ended.out + ended.err for user in sandbox.users)


def test_quiet(inventory: Path, run: Run) -> None:
    """`--quiet` leaves the results and nothing else."""
    assert "credentials" not in run("audit", str(inventory), "--quiet").out
    ended = run("audit", str(inventory), "--quiet", "--format", "jsonl")
    assert (len(ended.out.splitlines()), ended.err) == (4, "")


def test_bad_rows_are_named_and_the_rest_is_audited(inventory: Path, run: Run) -> None:
    """Each is a line on standard error with file, line and flaw, and no secret; the exit code is 3."""
    with inventory.open("ab") as file:
        file.write(f'gone,{CANARY}\nno token,{CANARY} x\nopen,"{CANARY}\nlast,{CANARY}-2\n'.encode())
    ended = run("audit", str(inventory))
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
    """Nothing is asked, and that is not done."""
    path = tmp_path / "bad.csv"
    path.write_text("label,secret\na,\n")
    ended = run("audit", str(path))
    assert ended.code == 3
    assert sandbox.requests == []


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
    """One line names file, line and remedy, exit code 2, and nothing was sent."""
    path = tmp_path / "inventory.csv"
    if text is not None:
        path.write_bytes(text)
    ended = run("audit", str(path))
    assert (ended.code, ended.out) == (2, "")
    [line] = ended.err.splitlines()
    assert line.startswith(f"cobalt-async: {path}")
    assert flaw in line
    assert CANARY not in line
    assert sandbox.requests == []


def test_what_is_unknown_is_incomplete(sandbox: CobaltSandbox, tmp_path: Path, run: Run) -> None:
    """A 401 that nothing vouches for is INDETERMINATE, and the exit code is 3."""
    path = tmp_path / "inventory.csv"
    path.write_text(f"label,secret\ngone,{CANARY}\n")
    ended = run("audit", str(path))
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
    assert run("audit", str(path)).code == 0
    monkeypatch.setenv("COBALT_API_TOKEN", f"{CANARY} with blanks")
    ended = run("audit", str(path))
    assert ended.code == 2
    assert "$COBALT_API_TOKEN" in ended.err
    assert CANARY not in ended.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--concurrency", "0"), "concurrency"),
        (("--rate", "-1"), "rate"),
        (("--rate", "nan"), "rate"),
        (("--region", "us", "--region", "us"), "regions"),
    ],
)
def test_a_number_out_of_range(
    inventory: Path, sandbox: CobaltSandbox, run: Run, arguments: tuple[str, ...], named: str
) -> None:
    """One line names it, exit code 2, and nothing was sent."""
    ended = run("audit", str(inventory), *arguments)
    assert ended.code == 2
    assert ended.err.startswith(f"cobalt-async: {named}: ")
    assert len(ended.err.splitlines()) == 1
    assert sandbox.requests == []


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
            file.write(f"eve,{eu.add_user('eve').tokens[0].secret}\n")
        ended = run("audit", str(inventory), "--region", "us", "--region", "eu")
    assert ended.code == 0
    words = [line.split() for line in ended.out.splitlines()]
    assert words[0] == ["VERDICT", "LABEL", "REGION", "TOKENS"]
    assert ["ALIVE", "eve", "eu", "1"] in words
    assert ["FORBIDDEN", "bob", "us"] in words


def test_the_own_token_counts_in_a_region(
    inventory: Path, sandbox: CobaltSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--region`, COBALT_API_TOKEN is asked there, and its live answer makes a 401 DEAD."""
    monkeypatch.setitem(hosts.REGIONS, "eu", sandbox.url)
    monkeypatch.setenv("COBALT_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("COBALT_API_TOKEN", sandbox.users[0].tokens[0].secret)
    inventory.write_text(f"label,secret\ngone,{CANARY}\n")
    assert run("audit", str(inventory), "--region", "eu").code == 0


def test_a_file_name_cannot_play_with_the_terminal(run: Run) -> None:
    """Control characters in what is named on standard error are written out."""
    ended = run("audit", "no\x1b[2J\nfile")
    assert ended.err.startswith(r"cobalt-async: no\x1b[2J\nfile: it cannot be read")
    assert len(ended.err.splitlines()) == 1


def test_the_sandbox_needs_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit --sandbox` audits its own people: no file, no environment, a summary, exit code 0."""
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


def test_the_inventory_on_standard_input(inventory: Path) -> None:
    """`-` reads it, and a bad row there is named so."""
    ended = run_process("audit", "-", stdin=inventory.read_bytes() + b"oops\n")
    assert ended.code == 3
    assert "2 alive, 1 dead, 1 forbidden, 0 unknown" in ended.out
    assert ended.err == ("cobalt-async: standard input, line 6: its number of fields is 1, the header has 2\n")


def test_results_come_while_the_inventory_is_still_written(inventory: Path) -> None:
    """A pipe that is slow holds up no answer: results of its first rows come before its last."""
    with _process("audit", "-", "--format", "jsonl", "--quiet") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(inventory.read_bytes())
        process.stdin.flush()
        labels = {json.loads(process.stdout.readline())["label"] for _ in range(4)}
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(PATIENCE) == 0
    assert labels == {"ada 0", "ada 1", "bob", "gone"}


@pytest.mark.parametrize("source", ["under way", "waiting for rows"])
def test_an_interrupt(sandbox: CobaltSandbox, inventory: Path, source: str) -> None:
    """SIGINT ends it with one line and exit code 130, be it in a request or in a pipe without rows."""
    if source == "under way":
        sandbox.faults.delay(3600, times=None)
    with _process("audit", "-") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(inventory.read_bytes())
        process.stdin.flush()
        wait_until(lambda: len(sandbox.requests) >= 4)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b"cobalt-async: interrupted\n"


def test_a_reader_that_has_enough() -> None:
    """As in `| head -1`: nothing is said, and the exit code is not that of a whole run."""
    with _process("audit", "--sandbox", "--format", "jsonl", "--quiet") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(PATIENCE) == 130
        assert process.stderr.read() == b""


def test_progress_on_a_terminal(inventory: Path) -> None:
    """Where standard error is a terminal it shows how far it is; standard output is the same as ever."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (*COMMAND, "audit", str(inventory), "--format", "jsonl"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := _read(ours):
            shown += piece
        out, _ = process.communicate(timeout=PATIENCE)
    finally:
        os.close(ours)
    assert process.returncode == 0
    assert len(out.splitlines()) == 4
    assert all(json.loads(line) for line in out.splitlines())
    assert b"2 alive" in shown
    assert b"/s" in shown


def test_bad_rows_beside_progress(inventory: Path) -> None:
    """A line about a bad row stands above the progress, its control characters written out."""
    path = inventory.with_name("in\x1b[2Jventory.csv")
    path.write_bytes(inventory.read_bytes() + b"bad\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (*COMMAND, "audit", str(path)),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := _read(ours):
            shown += piece
        assert process.wait(PATIENCE) == 3
    finally:
        os.close(ours)
    assert rb"in\x1b[2Jventory.csv, line 6: " in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


@contextmanager
def _process(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    pipe = subprocess.PIPE
    with subprocess.Popen((*COMMAND, *arguments), stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()
