"""What goes to standard error: one line at a time, safe for a terminal, and never a reason to fail."""

import io
import sys

from cobalt_async.audit import printable

from .standard_output import let_go


def complain(text: str) -> None:
    """One line `cobalt-async: …` on standard error."""
    tell(f"cobalt-async: {text}")


def tell(text: str) -> None:
    """One line on standard error; where there is none, or nobody reads it, it is lost."""
    _say(f"{printable(text)}\n")


class Told(io.TextIOBase):
    """Stands for a standard output that takes nothing any more: what is still to come is told on standard error."""

    def write(self, text: str, /) -> int:
        """All of it, or nothing; that is no reason to fail."""
        _say(text)
        return len(text)


def _say(text: str) -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            let_go(sys.stderr)  # at the end Python would try once more, and make an exit code of its own of that
