"""SIGINT and SIGTERM while a command runs: the first ends it cleanly, the second as the command says, or at once."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import NoReturn, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """`with` it on a running loop: the first signal calls `on_first`, each later one `on_more`.

    Without `on_more` the next raises KeyboardInterrupt wherever it is: it does not go through the loop, so that it
    also ends what keeps the loop busy. With `on_more`, a terminal that closes (SIGHUP) is a signal as well, unless
    it is ignored, as `nohup` has it.
    """

    def __init__(self, on_first: Callable[[], None], on_more: Callable[[], None] | None = None) -> None:
        self.came: bool = False
        self._on_first = on_first
        self._on_more = on_more
        hangs_up = on_more is not None and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        self._signals = (*_SIGNALS, signal.SIGHUP) if hangs_up else _SIGNALS
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        # Windows cannot, and only the main thread may: there, Ctrl-C is a KeyboardInterrupt from the start.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in self._signals:
                before = signal.getsignal(number)
                loop.add_signal_handler(number, self._first)
                self._stack.callback(signal.signal, number, before)
                self._stack.callback(loop.remove_signal_handler, number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _first(self) -> None:
        if self._on_more is None:
            loop = asyncio.get_running_loop()
            for number in _SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, _at_once)
        if not self.came:  # both may have come in one turn of the loop
            self.came = True
            self._on_first()
        elif self._on_more is not None:
            self._on_more()


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt too, for a command that is at work before its loop runs."""
    before = signal.getsignal(signal.SIGTERM)
    with contextlib.suppress(ValueError):  # not the main thread: there, no signal arrives
        signal.signal(signal.SIGTERM, _at_once)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def sigint_waits() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt at the end of the block and not within, for a block that imports.

    In the middle of an import it may come where Python only prints what is raised, or where click says "Aborted!".
    Where SIGINT is ignored, or the caller's, and outside of the main thread, nothing changes.
    """
    came = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    try:
        signal.signal(signal.SIGINT, remember)
    except ValueError:  # not the main thread: there, no signal arrives
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if came:
            raise KeyboardInterrupt


def _at_once(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
