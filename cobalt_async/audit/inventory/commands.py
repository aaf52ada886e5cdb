"""A secret that a command writes: no shell, no terminal, a time limit, and nothing of its errors shown."""

import contextlib
import os
import re
import selectors
import shlex
import signal
import subprocess
import threading
import time
from typing import IO, cast

from .flaw import Flaw, shown, why
from .found import Found, read_secret, without_line_end

LONGEST = 4096  # bytes of output, the line's end included

_KEPT_BACK = "COBALT_API_TOKEN"  # this process's own token is none of a command's business
_ASSIGNMENT = re.compile(r"\w+=")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05  # seconds
_REAPED_WITHIN = 1.0  # seconds; only what belongs to somebody else outlives SIGKILL


class Commands:
    """Runs one command at a time; `stop`, from any thread, ends the one that runs, and none runs after it.

    A command is ended with its process group, so with all that it started, after `seconds`, counted from its
    start to its exit. Messages name the program alone: its arguments may hold secrets.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()  # held where a process starts, is ended or is reaped: so its id is its own
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def run(self, line: str) -> Found | Flaw:
        """What the command writes, without one line end after it."""
        try:
            words = shlex.split(line)
        except ValueError:
            return Flaw("command: a quote is not closed, or a backslash stands last")
        if not words or not words[0]:
            return Flaw("command: it names no program")
        if _ASSIGNMENT.match(words[0]):
            return Flaw(
                "command: it begins with an assignment, which only a shell knows; `env NAME=value program` does it"
            )
        place = f"command {shown(words[0])}"
        output = self._run(words)
        if isinstance(output, Flaw):
            return Flaw(f"{place}: {output.text}")
        if not output.strip():
            return Flaw(f"{place}: it wrote nothing to its standard output")
        return read_secret(without_line_end(output), place)

    def stop(self) -> None:
        """End the command that runs, if one does; a later one is not started."""
        with self._lock:
            self._stopped = True
            self._kill()

    def _run(self, words: list[str]) -> bytes | Flaw:
        process = self._start(words)
        if isinstance(process, Flaw):
            return process
        ends = time.monotonic() + self._seconds
        stream = cast("IO[bytes]", process.stdout)  # a pipe, as it was asked for
        try:
            output = _read(stream, ends)
            if output is not None and len(output) > LONGEST:
                return Flaw(f"it writes more than {LONGEST} bytes; the secret alone is expected")
            code = None if output is None else self._exit_code(process, ends)
        finally:
            self._finish(process)
            stream.close()
        if output is None or code is None:
            return Flaw(f"it did not end within {self._seconds:g} s, and was ended")
        if code:
            ended = f"signal {-code} ended it" if code < 0 else f"its exit code is {code}"
            return Flaw(f"{ended}; run it by hand to see why")
        return output

    def _start(self, words: list[str]) -> subprocess.Popen[bytes] | Flaw:
        environment = {name: value for name, value in os.environ.items() if name != _KEPT_BACK}
        with self._lock:
            if self._stopped:
                return Flaw("it was not started, for the reading was stopped")
            try:
                self._running = subprocess.Popen(  # noqa: S603 - the inventory's owner chose the command
                    words,
                    bufsize=0,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,  # a group to end as one, and no terminal to ask on
                )
            except (OSError, ValueError) as error:
                return Flaw(f"it cannot be started ({why(error)}); it runs without a shell, by its path or $PATH")
            return self._running

    def _exit_code(self, process: subprocess.Popen[bytes], ends: float) -> int | None:
        """How it ended, None if it did not; `wait` would reap it outside of the lock."""
        pause = _FIRST_PAUSE
        while True:
            with self._lock:
                code = process.poll()
            left = ends - time.monotonic()
            if code is not None or left <= 0:
                return code
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        """Leave nothing behind, however it went."""
        with self._lock:
            self._kill()
            self._running = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAPED_WITHIN)

    def _kill(self) -> None:
        """End the group of what runs; until it is reaped, its id is nobody else's."""
        if self._running is not None and self._running.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(self._running.pid, signal.SIGKILL)


def _read(stream: IO[bytes], ends: float) -> bytes | None:
    """All that comes before the end of the stream, or a byte too much; None where neither comes in time."""
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(output) <= LONGEST:
            if not selector.select(max(0.0, ends - time.monotonic())):
                return None
            piece = os.read(stream.fileno(), LONGEST + 1 - len(output))
            if not piece:
                break
            output += piece
    return output
