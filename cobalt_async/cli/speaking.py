"""What goes to standard error: one line at a time, safe for a terminal, and never a reason to fail."""

import contextlib
import sys

from cobalt_async.audit import printable


def complain(text: str) -> None:
    """One line `cobalt-async: …` on standard error."""
    tell(f"cobalt-async: {text}")


def tell(text: str) -> None:
    """One line on standard error; where there is none, or nobody reads it, it is lost."""
    if sys.stderr is not None:  # print would take None for standard output
        with contextlib.suppress(OSError, ValueError):
            print(printable(text), file=sys.stderr, flush=True)
