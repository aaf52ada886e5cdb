import csv
import json
import shlex
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.cli.calling import COMMAND, PATIENCE, Run, run_process
from tests.processes import ending


@pytest.fixture
def serving() -> Iterator["subprocess.Popen[str]"]:
    """`cobalt-async sandbox --users 5` as a process."""
    arguments = (*COMMAND, "sandbox", "--users", "5")
    pipe = subprocess.PIPE
    with ending(subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True)) as process:
        yield process


def _said(process: "subprocess.Popen[str]") -> tuple[str, list[str]]:
    """The first line, and the lines to type; the last is `cobalt-async tokens list`."""
    out: IO[str] | None = process.stdout
    assert out is not None
    first = out.readline()
    commands: list[str] = []
    while not commands or "cobalt-async" not in commands[-1]:
        line = out.readline()
        assert line
        if line.startswith("  "):
            commands.append(line.strip())
    return first, commands


def _curl(command: str) -> tuple[int, bytes]:
    """What curl does with a line like these."""
    name, *words = shlex.split(command)
    assert name == "curl"
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    request = urllib.request.Request(words[-1], headers=headers, method=method)  # noqa: S310 - on this machine
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - (as above)
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_lines_that_it_prints_work(serving: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing, a refresh, a 401, and the same listing with this command, each as it stands."""
    first, (listing, refresh, refusal, own) = _said(serving)
    assert "with 5 users is at http://localhost:" in first
    status, body = _curl(listing)
    assert (status, len(json.loads(body)["data"])) == (200, 3)
    status, body = _curl(refresh)
    assert (status, "secret" in json.loads(body)) == (200, True)
    assert _curl(refusal)[0] == 401
    *settings, name, tokens, command = shlex.split(own)
    for setting in settings:
        monkeypatch.setenv(*setting.split("=", 1))
    assert name == "cobalt-async"
    assert run_process(tokens, command).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_it_is_told(serving: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """SIGINT and SIGTERM are a clean end, exit code 0, with nothing on standard error."""
    _said(serving)
    serving.send_signal(number)
    assert serving.wait(PATIENCE) == 0
    assert serving.stdout is not None
    assert serving.stderr is not None
    assert serving.stdout.read() == "stopped\n"
    assert serving.stderr.read() == ""


def test_a_port_that_is_taken(run: Run) -> None:
    """One line names it and says what to do, exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("sandbox", "--port", str(port))
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert f"port {port} " in ended.err
    assert "--port" in ended.err


def test_the_port_that_was_asked_for(unused_tcp_port: int) -> None:
    """`--port` serves there."""
    arguments = (*COMMAND, "sandbox", "--port", str(unused_tcp_port))
    with ending(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)) as process:
        first, _ = _said(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert f"http://localhost:{unused_tcp_port} " in first


def test_the_documented_limits_are_on(serving: "subprocess.Popen[str]") -> None:
    """Answers tell what remains of the window, as Cobalt's do."""
    _, (listing, *_) = _said(serving)
    words = shlex.split(listing)
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    request = urllib.request.Request(words[-1], headers=headers)  # noqa: S310 - on this machine
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - (as above)
        assert answer.headers["X-Rate-Limit-Get-Limit"] == "100"


def test_its_inventory_in_a_file(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--inventory` writes what a security team would know of, for its owner alone, and shows the audit of it.

    After the refresh that is shown too, a second audit shows the drift.
    """
    path = tmp_path / "people's.csv"
    arguments = (*COMMAND, "sandbox", "--users", "30", "--inventory", str(path))
    with ending(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)) as process:
        _, (_, refresh, *_) = _said(process)
        assert process.stdout is not None
        assert f"An audit of {path}" in process.stdout.readline()
        setting, name, *words = shlex.split(process.stdout.readline())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        monkeypatch.setenv(*setting.split("=", 1))
        first = run(*words, "--format", "json", "--quiet", "--save-baseline", "baseline")
        assert _curl(refresh)[0] == 200
        second = run(*words, "--fail-on", "never", "--baseline", "baseline")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert name == "cobalt-async"
    assert len({row["label"] for row in rows}) == len(rows) > 20
    assert all(row["label"].startswith(row["owner"]) and row["secret"] for row in rows)
    found = json.loads(first.out)
    assert (first.code, first.err) == (1, "")
    assert found["summary"]["complete"] is True
    assert found["summary"]["credentials"] == len(rows)
    assert found["summary"]["counts"]["DEAD"] > 0
    assert "CT301" in {alert["rule"] for alert in found["alerts"]}
    assert "Since the baseline: " in second.out
    [line] = [line for line in second.out.splitlines() if "CT704" in line and "high" in line and "Ada 2" in line][:1]
    assert "dead" in line


@pytest.mark.parametrize("place", ["there.csv", "none/there.csv"])
def test_an_inventory_that_cannot_be_written(tmp_path: Path, run: Run, place: str) -> None:
    """A file that is there already is not touched: one line, exit code 2, and nothing is served."""
    (tmp_path / "there.csv").write_text("mine")
    ended = run("sandbox", "--inventory", place)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert ended.err.startswith(f"cobalt-async: --inventory {place}: it cannot be written (")
    assert (tmp_path / "there.csv").read_text() == "mine"
