import io
import os
import selectors
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cobalt_async.audit import Credential, read_inventory
from cobalt_async.references import Flaw, Processes
from tests.audit.inventories import CANARY, flaw_of, only_row, rows_of
from tests.canary import TOKEN, hunting

PATIENCE = 60.0


def _python(program: str) -> str:
    """A reference to a Python program."""
    return f"command:{shlex.join((sys.executable, '-c', program))}"


def _shell(program: str) -> str:
    return f"command:{shlex.join(('sh', '-c', program))}"


def _state(process: int) -> tuple[str, int]:
    """The state of a process, and its group; Z is one that its parent has not reaped yet."""
    try:
        words = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone", 0
    return words[0], int(words[2])


def _lives(process: int) -> bool:
    return _state(process)[0] not in {"gone", "Z", "X"}


def _members(group: int) -> list[int]:
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [number for number in numbers if _state(number)[1] == group]


def _wait_until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.005)


def _wait_for(path: Path) -> int:
    """The number that somebody writes into a file."""
    _wait_until(lambda: path.exists() and path.read_text(encoding="ascii").endswith("\n"))
    return int(path.read_text(encoding="ascii"))


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No test leaves a child, an open file or a thread."""
    files = set(os.listdir("/dev/fd"))
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(set(os.listdir("/dev/fd")) - files) <= 1  # the one that lists them


@pytest.mark.parametrize(
    ("reference", "secret"),
    [
        ("command:echo one", "one"),
        ("command:printf one", "one"),
        ("command: printf  'one\\r\\n' ", "one"),
        ("command:printf %s-%s 'o\"n' \"e'x\"", "o\"n-e'x"),
        ("command:printf %s\\ y one", None),
        ("command:echo $HOME", "$HOME"),
        ("command:echo `id`;id|id>x&", "`id`;id|id>x&"),
        ("command:echo ~", "~"),
        ("command:echo *", "*"),
    ],
)
def test_a_command_without_a_shell(reference: str, secret: str | None) -> None:
    """Its words are split as a shell does and meant as they stand; what it writes is the secret, but one line end."""
    if secret is None:
        assert "printable ASCII" in flaw_of(only_row(reference))
    else:
        assert only_row(reference) == Credential("ci", secret)


@pytest.mark.parametrize(
    ("reference", "flaw"),
    [
        (f"command:echo '{CANARY}", "command: a quote is not closed, or a backslash stands last"),
        (f"command:echo {CANARY}\\", "command: a quote is not closed, or a backslash stands last"),
        (f"command:'' {CANARY}", "command: it names no program"),
        (f"command:TOKEN={CANARY} echo", "command: it begins with an assignment, which only a shell knows"),
        (f"command:no-such-program-x {CANARY}", "command no-such-program-x: it cannot be started (No such file"),
        (f"command:/etc/passwd {CANARY}", "command /etc/passwd: it cannot be started (Permission denied); it runs"),
        (f"command:/tmp {CANARY}", "command /tmp: it cannot be started (Permission denied)"),
        ("command:" + "x" * 300, f"command {'x' * 80}…{'x' * 80}: it cannot be started"),
        (f"command:true {CANARY}", "command true: it wrote nothing to its standard output"),
        (f"command:printf '\\n\\n' {CANARY}", "command printf: it wrote nothing"),
        (f"command:echo {CANARY} {CANARY}", "command echo: a token is printable ASCII"),
        (f"command:printf '{CANARY}\\n\\n'", "command printf: a token is printable ASCII"),
        (f"command:printf '{CANARY}\\377'", "command printf: a token is printable ASCII"),
        (f"command:false {CANARY}", "command false: its exit code is 1; run it by hand to see why"),
        (_shell(f"echo {CANARY}; exit 7"), "command sh: its exit code is 7; run it by hand"),
        (_shell(f"echo {CANARY}; kill -9 $$"), "command sh: signal 9 ended it; run it by hand"),
    ],
)
def test_a_command_that_gives_no_secret(reference: str, flaw: str) -> None:
    """It is a bad row that names the program and what became of it, and never an argument or an output."""
    assert flaw_of(only_row(reference)).startswith(f"secret_ref: {flaw}")


def test_what_it_complains_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error goes nowhere, be it a failure or not: it may hold the secret."""
    with hunting(TOKEN, CANARY) as hunter:
        failed = only_row(_shell(f"echo {CANARY} >&2; echo {TOKEN} >&2; exit 3"))
        assert "its exit code is 3" in flaw_of(failed)
        hunter.look("bad row", failed)
        assert only_row(_shell(f"echo {CANARY} >&2; echo one")) == Credential("ci", "one")
    assert hunter.found == []
    assert capfd.readouterr() == ("", "")


def test_it_asks_nobody() -> None:
    """Standard input is at its end at once, whatever ours is, and there is no terminal to ask on."""
    ours, (theirs, writer) = os.dup(0), os.pipe()
    os.write(writer, b"ours")
    try:
        os.dup2(theirs, 0)
        assert only_row("command:sh -c 'wc -c | tr -d \" \"'") == Credential("ci", "0")
    finally:
        os.dup2(ours, 0)
        for descriptor in (ours, theirs, writer):
            os.close(descriptor)
    assert only_row(_shell("exec 2>/dev/null; (: </dev/tty) || echo none")) == Credential("ci", "none")


def test_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ours as it is now, except for the token that the audit itself goes by."""
    monkeypatch.setenv("COBALT_API_TOKEN", CANARY)
    monkeypatch.setenv("VAULT_ADDR", "here")
    assert only_row(_shell("echo $VAULT_ADDR-${COBALT_API_TOKEN-unset}")) == Credential("ci", "here-unset")


def test_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working directory, wherever the inventory is."""
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "i.csv").write_text("label,secret_ref\nci,command:pwd\n")
    monkeypatch.chdir(tmp_path)
    assert list(read_inventory("away/i.csv")) == [Credential("ci", str(tmp_path))]


@pytest.mark.parametrize("size", [4096, 4097, 100_000])
def test_how_much_it_may_write(size: int) -> None:
    """4 KiB, the line end included; a byte more, and it is ended."""
    flaw = flaw_of(only_row(_python(f"import sys; sys.stdout.write('canary'.ljust({size}, 'x'))")))
    said = "a token has 1 to 512 characters" if size == 4096 else "it writes more than 4096 bytes; the secret alone"
    assert said in flaw


def test_a_command_that_never_stops_writing() -> None:
    """It is ended as soon as it wrote too much, long before its time is up."""
    assert flaw_of(only_row("command:yes canary", command_timeout=3600)) == (
        "secret_ref: command yes: it writes more than 4096 bytes; the secret alone is expected"
    )


HANGING = {
    "says nothing": "exec sleep 3600",
    "said it": f"echo {CANARY}; exec sleep 3600",
    "closed its output": f"echo {CANARY}; exec >&-; exec sleep 3600",
    "drips": "while :; do printf .; sleep 0.01; done",
    "hears no signal": "trap '' TERM INT HUP; while :; do sleep 0.01; done",
    "has a child": "sleep 3600 & sleep 3600",
    "left a child": f"echo {CANARY}; sleep 3600 &",
}


@pytest.mark.parametrize("name", HANGING)
def test_a_command_that_hangs(name: str, tmp_path: Path) -> None:
    """It is ended when its time is up, with all that it started."""
    program = f"trap 'sleep 3600' EXIT; echo $$ >{tmp_path}/pid; {HANGING[name]}"
    flaw = flaw_of(only_row(_shell(program), command_timeout=0.3))
    assert flaw == "secret_ref: command sh: it did not end within 0.3 s, and was ended"
    group = _wait_for(tmp_path / "pid")
    _wait_until(lambda: not any(_lives(process) for process in _members(group)))


@pytest.mark.parametrize(
    ("ending", "flaw"),
    [
        ("", "it ended, but what it left running held its output open, and was ended; let that write elsewhere"),
        ("; exit 3", "its exit code is 3; run it by hand to see why"),
    ],
)
def test_a_child_that_holds_the_output(ending: str, flaw: str, tmp_path: Path) -> None:
    """It is not said of the command, which ended, that it did not; and the child is ended when time is up."""
    program = f"echo $$ >{tmp_path}/pid; echo {CANARY}; sleep 3600 &{ending.removeprefix(';')}"
    assert flaw_of(only_row(_shell(program), command_timeout=1.0)).startswith(f"secret_ref: command sh: {flaw}")
    group = _wait_for(tmp_path / "pid")
    _wait_until(lambda: not any(_lives(process) for process in _members(group)))


def test_what_it_leaves_behind_on_purpose_lives(tmp_path: Path) -> None:
    """An agent that a command starts, and that lets go of its output, is none of ours: it still answers."""
    os.mkfifo(tmp_path / "ask")
    agent = f"(read word <{tmp_path}/ask; echo $word >{tmp_path}/answer) >/dev/null 2>&1 &"
    assert only_row(_shell(f"{agent} echo one")) == Credential("ci", "one")
    asking = threading.Thread(target=(tmp_path / "ask").write_text, args=("7\n",), daemon=True)
    asking.start()
    assert _wait_for(tmp_path / "answer") == 7
    asking.join()


def test_stop_ends_the_command_that_runs(tmp_path: Path) -> None:
    """From another thread: the command is killed, its row is none, nothing runs after it, the file is closed."""
    path = tmp_path / "i.csv"
    hanging = _shell(f"echo $$ >{tmp_path}/pid; sleep 3600").replace('"', '""')
    path.write_text(f'label,secret_ref\nci,"{hanging}"\ncd,command:touch {tmp_path}/started\n')
    inventory = read_inventory(path, command_timeout=3600)
    thread = threading.Thread(target=lambda: rows.extend(inventory))
    rows: list[object] = []
    thread.start()
    process = _wait_for(tmp_path / "pid")
    inventory.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert rows == []
    assert list(inventory) == []
    assert not (tmp_path / "started").exists()
    _wait_until(lambda: not _lives(process))


def test_stop_before_the_first_row(tmp_path: Path) -> None:
    """No row comes and no command starts."""
    inventory = read_inventory(io.BytesIO(f"label,secret_ref\nci,command:touch {tmp_path}/started\n".encode()))
    inventory.stop()
    inventory.stop()
    assert list(inventory) == []
    stopped = Processes(10.0)
    stopped.stop()
    assert isinstance(stopped.read(["touch", f"{tmp_path}/started"], 1), Flaw)
    assert not (tmp_path / "started").exists()


def test_an_interrupt_ends_the_command_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows are read in the main thread, a KeyboardInterrupt leaves no process behind."""

    class Interrupted(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            _wait_for(tmp_path / "pid")
            raise KeyboardInterrupt

    monkeypatch.setattr(selectors, "DefaultSelector", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        only_row(_shell(f"echo $$ >{tmp_path}/pid; exec sleep 3600"), command_timeout=3600)
    assert not _lives(_wait_for(tmp_path / "pid"))


def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    """A row's command starts when the row is asked for, and ends before the next."""
    with read_inventory(
        io.BytesIO(f"label,secret_ref\nci,command:echo one\ncd,command:cat {tmp_path}/two\n".encode())
    ) as inventory:
        assert next(inventory) == Credential("ci", "one")
        (tmp_path / "two").write_text("two\n")
        assert next(inventory) == Credential("cd", "two")


def test_no_command_runs_for_a_row_that_is_bad_anyway(tmp_path: Path) -> None:
    """A second row of one label, or one with a wrong field, costs nothing and does nothing."""
    touch = f"command:touch {tmp_path}/started"
    rows = rows_of(f"label,secret_ref,region\nci,command:echo x,\nci,{touch},\ncd,{touch},de\n,{touch},\n")
    assert [type(row) for row in rows[:1]] == [Credential]
    assert [flaw_of(row).partition(":")[0] for row in rows[1:]] == [
        "its label stands on line 2 already",
        "region",
        "label",
    ]
    assert not (tmp_path / "started").exists()
