"""SIGINT and SIGTERM while an audit runs: the first ends it cleanly, the second at once."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import NoReturn, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """`with` it on a running loop: the first signal calls `on_first`, the next raises KeyboardInterrupt wherever it is.

    The second does not go through the loop, so that it also ends what keeps the loop busy.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.came: bool = False
        self._on_first = on_first
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        # Windows cannot, and only the main thread may: there, Ctrl-C is a KeyboardInterrupt from the start.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in _SIGNALS:
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
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, _at_once)
        if not self.came:  # both may have come in one turn of the loop
            self.came = True
            self._on_first()


def _at_once(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
