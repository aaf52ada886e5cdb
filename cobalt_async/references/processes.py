"""A program that runs without a shell and without a terminal, for a limited time, and nothing of its errors shown."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import IO, cast

from ..secret import Secret
from .flaw import Flaw, why

_KEPT_BACK = "COBALT_API_TOKEN"  # this process's own token is none of a program's business
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05  # seconds
_HELD_OPEN = (
    "it ended, but what it left running held its output open, and was ended; let that write elsewhere (>/dev/null 2>&1)"
)
_REAPED_WITHIN = 1.0  # seconds; only what belongs to somebody else outlives SIGKILL


class Processes:
    """Runs one program at a time; `stop`, from any thread, ends the one that runs, and none runs after it.

    A program is ended with its process group, so with all that it started, after `seconds`, counted from its
    start to its exit. A Flaw names neither the program nor its arguments: they may hold secrets.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()  # held where a process starts, is ended or is reaped: so its id is its own
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def read(self, words: Sequence[str], longest: int) -> bytes | Flaw:
        """What a program writes to its standard output, at most `longest` bytes; it has no standard input."""
        process = self._start(words, subprocess.DEVNULL, subprocess.PIPE)
        if isinstance(process, Flaw):
            return process
        ends = time.monotonic() + self._seconds
        stream = cast("IO[bytes]", process.stdout)  # a pipe, as it was asked for
        try:
            output = _read(stream, ends, longest)
            if output is not None and len(output) > longest:
                return Flaw(f"it writes more than {longest} bytes; the secret alone is expected")
            code = None if output is None else self._exit_code(process, ends)
        finally:
            self._finish(process)
            stream.close()
        if output is None and process.returncode not in {None, -signal.SIGKILL}:  # the command ended by itself
            return self._flaw(process.returncode) or Flaw(_HELD_OPEN)
        return self._flaw(code) or output or b""

    def feed(self, words: Sequence[str], secret: Secret) -> Flaw | None:
        """Run a program that reads the secret, to the end of its standard input; what it writes goes nowhere."""
        try:
            theirs, ours = os.pipe()
        except OSError as error:
            return Flaw(f"it cannot be started ({why(error)})")
        try:
            with open(ours, "wb", buffering=0) as stream:  # a pipe holds as much as a secret may have: nobody waits
                stream.write(secret.reveal().encode())
            process = self._start(words, theirs, subprocess.DEVNULL)
            if isinstance(process, Flaw):
                return process
            try:
                code = self._exit_code(process, time.monotonic() + self._seconds)
            finally:
                self._finish(process)
            unread = _holds_more(theirs)
        finally:
            os.close(theirs)
        return self._flaw(code) or (Flaw("it did not read the secret from its standard input") if unread else None)

    def run(self, words: Sequence[str], more: Mapping[str, str]) -> Flaw | None:
        """Run a program to its end, with `more` in its environment and no input; what it writes goes nowhere."""
        process = self._start(words, subprocess.DEVNULL, subprocess.DEVNULL, more)
        if isinstance(process, Flaw):
            return process
        try:
            return self._flaw(self._exit_code(process, time.monotonic() + self._seconds))
        finally:
            self._finish(process)

    def stop(self) -> None:
        """End the program that runs, if one does; a later one is not started."""
        with self._lock:
            self._stopped = True
            self._kill()

    def _flaw(self, code: int | None) -> Flaw | None:
        if code is None:
            return Flaw(f"it did not end within {self._seconds:g} s, and was ended")
        if code:
            ended = f"signal {-code} ended it" if code < 0 else f"its exit code is {code}"
            return Flaw(f"{ended}; run it by hand to see why")
        return None

    def _start(
        self, words: Sequence[str], stdin: int, stdout: int, more: Mapping[str, str] = _NOTHING_MORE
    ) -> subprocess.Popen[bytes] | Flaw:
        environment = {name: value for name, value in os.environ.items() if name != _KEPT_BACK} | dict(more)
        with self._lock:
            if self._stopped:
                return Flaw("it was not started, for the reading was stopped")
            try:
                self._running = subprocess.Popen(  # noqa: S603 - who wrote the reference chose the command
                    words,
                    bufsize=0,
                    stdin=stdin,
                    stdout=stdout,
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


def _read(stream: IO[bytes], ends: float, longest: int) -> bytes | None:
    """All that comes before the end of the stream, or a byte too much; None where neither comes in time."""
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while len(output) <= longest:
            if not selector.select(max(0.0, ends - time.monotonic())):
                return None
            piece = os.read(stream.fileno(), longest + 1 - len(output))
            if not piece:
                break
            output += piece
    return output


def _holds_more(pipe: int) -> bool:
    """Whether something is left in a pipe; it does not wait, though a child of a fork may hold the other end."""
    os.set_blocking(pipe, False)
    try:
        return bool(os.read(pipe, 1))
    except BlockingIOError:
        return False
