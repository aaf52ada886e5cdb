import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cobalt_async import rotation
from cobalt_async.cli import resume
from cobalt_async.cli.under_way import WatchedJournal
from tests.cli.calling import PATIENCE, Run, started, wait_until
from tests.cli.rotating import ONE_SHOT, QUICK, SIBLING, Rotating
from tests.processes import ending

FINISHING = "cobalt-async: interrupted; what is under way is finished first\n"


def _said(process: "subprocess.Popen[bytes]") -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()


def _quick(refresh: float, *words: str) -> "subprocess.Popen[bytes]":
    """The command as a process, with this time limit of a refresh."""
    script = QUICK.format(refresh=refresh)
    return subprocess.Popen((sys.executable, "-c", script, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_anything_was_sent(ada: Rotating, number: int) -> None:
    """It ends at once: exit code 130, nothing sent, nothing in the journal, the store untouched."""
    ada.sandbox.faults.delay(3600, method="GET", times=None)
    with started("rotate", ada.token.id, "--store", "file:tok", *SIBLING) as process:
        wait_until(lambda: ada.sandbox.requests)
        process.send_signal(number)
        assert process.wait(PATIENCE / 4) == 130
        assert _said(process) == "cobalt-async: interrupted; nothing was sent\n"
    assert (ada.posts, ada.states) == (0, [])
    assert not Path("tok").exists()


def test_before_the_secret_is_read(ada: Rotating) -> None:
    """A reference that takes its time is ended as well."""
    words = ("--secret-ref", "command:sh -c 'touch begun; sleep 3600'")
    with started("rotate", ada.token.id, "--store", "file:tok", *words, *SIBLING) as process:
        wait_until(Path("begun").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE / 4) == 130
        assert _said(process) == "cobalt-async: interrupted\n"
    assert ada.sandbox.requests == []


@pytest.fixture(autouse=True)
def _heeding_hangups() -> Iterator[None]:
    """Processes begin with the SIGHUP that a terminal gives, whether or not the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_once_it_has_begun(ada: Rotating, number: int) -> None:
    """The rotation is brought to its end, and its outcome is told with its own exit code."""
    ada.sandbox.faults.delay(1, method="POST")
    with started("rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING) as process:
        wait_until(lambda: ada.posts)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert _said(process) == FINISHING
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"SUCCESS  rot-")
    assert ada.is_done(Path("tok").read_text())
    assert ada.posts == 1


def test_the_second_tells_and_waits(ada: Rotating) -> None:
    """What is in flight is said, and still waited for."""
    ada.sandbox.faults.delay(2, method="POST")
    with started("rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING) as process:
        wait_until(lambda: ada.posts)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().decode() == FINISHING
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        where = "the refresh was sent, and its answer is not here yet; it is waited for up to 90 s more"
        assert _said(process) == f"cobalt-async: {ada.rotation_id}: {where}\n"
    assert ada.is_done(Path("tok").read_text())


def test_after_the_second_the_waiting_has_an_end(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the time of a refresh has passed too, the process ends with 11, and the line that it leaves finishes it."""
    ada.sandbox.faults.delay(3600, method="POST")
    words = ("rotate", ada.token.id, "--store", "file:tok", "--quiet", "--settle", "3600", *SIBLING)
    with ending(_quick(1.5, *words)) as process:
        wait_until(lambda: ada.posts)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().decode() == FINISHING
        process.send_signal(signal.SIGINT)
        process.stderr.readline()
        assert process.wait(PATIENCE) == 11
        rotation_id = ada.rotation_id
        assert _said(process).endswith(f"to finish it: cobalt-async resume {rotation_id}\n")
    ada.sandbox.faults.clear()
    monkeypatch.setattr(resume, "resume", partial(rotation.resume, prove_within=1))
    assert run("resume", rotation_id, "--settle", "0").code == 0
    assert ada.is_done(Path("tok").read_text())


def test_the_second_before_it_has_begun(ada: Rotating) -> None:
    """It ends at once, also where a store is in the middle of its check."""
    slow = "command:true >>> sh -c 'touch begun; sleep 3600'"
    with started("rotate", ada.token.id, "--store", slow, *SIBLING) as process:
        wait_until(Path("begun").exists)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE / 4) == 130
        assert _said(process) == "cobalt-async: interrupted; nothing was sent\n"
    assert ada.posts == 0


def test_nohup_is_heeded(ada: Rotating) -> None:
    """Where SIGHUP is ignored, it stays so."""
    ada.sandbox.faults.delay(1, method="GET")
    words = ("-m", "cobalt_async", "rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING)
    shell = ("/bin/sh", "-c", 'trap "" HUP; exec "$0" "$@"', sys.executable, *words)
    with ending(subprocess.Popen(shell, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)) as process:
        wait_until(lambda: ada.sandbox.requests)
        process.send_signal(signal.SIGHUP)
        assert process.wait(PATIENCE) == 0
        assert _said(process) == ""


def test_between_two_that_are_resumed(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one under way is finished, the next is not begun, and the line says how to go on."""
    Path("tok").write_text(ada.old)
    assert run("rotate", ada.token.id, "--store", "command:true >>> cat tok", *ONE_SHOT).code == 10
    bob = ada.sandbox.add_user("bob").tokens[0]
    Path("bobs").write_text(bob.secret)
    monkeypatch.setenv("COBALT_API_TOKEN", bob.secret)
    assert run("rotate", bob.id, "--store", "command:true >>> cat bobs", *ONE_SHOT).code == 10
    first, second = ada.journal.entries()
    Path("tok").write_text(ada.token.secret)
    ada.sandbox.requests.clear()
    ada.sandbox.faults.delay(1, method="GET")
    with started("resume", "--quiet") as process:
        wait_until(lambda: ada.sandbox.requests)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert _said(process) == (
            f"{FINISHING}cobalt-async: interrupted before {second}: cobalt-async resume {second}\n"
        )
        assert process.stdout is not None
        assert process.stdout.read().decode().startswith(f"SUCCESS  {first}\n")
    assert ada.states == ["SUCCESS", "HELD"]


def test_nothing_begins_once_the_journal_is_shut(tmp_path: Path) -> None:
    """A rotation that would be written down in the very turn of a signal is not; one that has begun goes on."""
    journal = WatchedJournal(str(tmp_path / "own"))
    journal.prepare()
    journal.append("rot-0a", "INTENT")
    assert (journal.under_way, journal.stands) == ("rot-0a", "the refresh is about to be sent")
    journal.is_shut = True
    journal.append("rot-0a", "SENT")
    assert "its answer is not here yet" in journal.stands
    with pytest.raises(asyncio.CancelledError):
        journal.append("rot-0b", "INTENT")
    assert journal.under_way == "rot-0a"
    assert "rot-0b" not in (tmp_path / "own" / "journal.jsonl").read_text()
