"""Ctrl-C before a command runs: while it is imported, chosen, or only its version is told."""

import subprocess
import sys
import threading

import pytest

from cobalt_async import cli
from tests.cli.calling import PATIENCE, Ended, Run

WHILE_IMPORTING = """
import os, signal, sys
from cobalt_async.cli import main
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
if {name!r} in sys.modules:
    sys.exit("it is imported before main is called: nothing is tried")
sys.meta_path.insert(0, Interrupting())
sys.exit(main({arguments!r}))
"""
INTERRUPTED = Ended(130, "", "cobalt-async: interrupted\n")


def interrupted_while_importing(name: str, *arguments: str, before: str = "") -> Ended:
    """How a process ends that gets SIGINT when it looks for this module."""
    script = before + WHILE_IMPORTING.format(name=name, arguments=list(arguments))
    words = (sys.executable, "-c", script)
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rich", ("rules",)),
        ("typer", ("rules",)),
        ("cobalt_async.cli.app", ("rules",)),
        ("cobalt_async.cli.running", ("rules",)),
        ("cobalt_async.cli.speaking", ("rules",)),
        ("cobalt_async.cli.rules", ("rules",)),
        ("cobalt_async.cli.audit", ("audit", "--sandbox")),
        ("cobalt_async.testing", ("audit", "--sandbox")),
        ("typer", ("--help",)),
    ],
)
def test_while_a_command_is_imported(name: str, arguments: tuple[str, ...]) -> None:
    """Whatever is being imported, it is one line and exit code 130, and the command is not begun."""
    assert interrupted_while_importing(name, *arguments) == INTERRUPTED


def test_it_beats_what_is_missing() -> None:
    """Whoever interrupts is told that, and not what to install."""
    assert interrupted_while_importing("typer", "rules", before="import sys; sys.modules['rich'] = None\n") == Ended(
        2, "", "cobalt-async: the command line needs rich: pip install 'cobalt-async[cli]'\n"
    )
    missing = "import sys; sys.modules['typer'] = None\n"
    assert interrupted_while_importing("rich", "rules", before=missing) == INTERRUPTED


def test_while_the_version_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that needs no command line ends the same."""

    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "show_version", interrupted)
    assert run("--version") == INTERRUPTED


def test_where_it_is_ignored() -> None:
    """What a shell starts in the background, where Ctrl-C is for others, goes on."""
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ended = interrupted_while_importing("typer", "explain", "CT301", before=ignored)
    assert (ended.code, ended.err) == (0, "")


def test_on_another_thread() -> None:
    """No signal arrives there, and the command runs."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["explain", "CT301"])))
    thread.start()
    thread.join()
    assert codes == [0]
