"""Standard output: written to its end, or known to have failed; and let go where nobody takes it any more."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Taken(io.FileIO):
    """Standard output as the system has it; `failure` is what kept it from taking something."""

    failure: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """As many bytes as it takes; whoever buffers above it writes the others."""
        try:
            written = super().write(data)
            if written is None:  # it does not block, and there is no room
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        except OSError as error:
            self.failure = error
            raise
        return written


@contextlib.contextmanager
def watched_output() -> Iterator[Taken | None]:
    """`sys.stdout` under watch while the block lasts; None where that is no file of the system's, as in a notebook.

    Python's own, where PYTHONUNBUFFERED is set, drops what the system did not take at once: no full disk is seen.
    What its encoding does not have, as a label may, is written out.
    """
    before = sys.stdout
    taken = _taken(before)
    if taken is None:
        if isinstance(before, io.TextIOWrapper):
            before.reconfigure(errors="backslashreplace")
        yield None
        return
    with contextlib.suppress(OSError):  # what is written next fails likewise, and is told
        before.flush()
    is_unbuffered = isinstance(getattr(before, "buffer", None), io.RawIOBase)
    text = io.TextIOWrapper(
        io.BufferedWriter(taken),
        encoding=before.encoding,
        errors="backslashreplace",
        line_buffering=is_unbuffered or getattr(before, "line_buffering", False),
    )
    sys.stdout = text
    try:
        yield taken
    finally:
        try:
            text.flush()  # after a failure of another kind, what had been said before it
        except (OSError, ValueError):
            drop_output()
        sys.stdout = before


def _taken(stream: object) -> Taken | None:
    try:
        number = stream.fileno() if isinstance(stream, io.TextIOWrapper) else None
        return None if number is None else Taken(number, "wb", closefd=False)
    except (OSError, ValueError):  # a test's; or closed, which is told where it is written to
        return None


def drop_output() -> None:
    """Standard output takes nothing any more."""
    let_go(sys.stdout)


def let_go(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that Python's own flush at the end does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
