"""One command from start to exit code: here and nowhere else, failures become a line and a number."""

import io
import sys
from collections.abc import Callable, Sequence

from cobalt_async import errors

from .arguments import without_secrets
from .interrupts import sigint_waits
from .speaking import complain, drop_output

_USAGE, _FAILED, _INTERRUPTED = 2, 6, 130


def run(choose: Callable[[Sequence[str]], Callable[[], int]], argv: Sequence[str]) -> int:
    """The exit code of what the arguments ask for; what stopped it is one line on standard error."""
    if sys.stdout is None:
        complain("standard output is closed; there is nowhere to write to")
        return _USAGE
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a label may hold what the terminal's encoding does not
            sys.stdout.reconfigure(errors="backslashreplace")  # writes what was held back before
        with sigint_waits():
            job = choose(argv)  # parses and imports
        code = job()
        sys.stdout.flush()
    except errors.CobaltError as error:
        complain(without_secrets(str(error), argv))
        code = _USAGE if isinstance(error, errors.ConfigurationError) else _FAILED
    except KeyboardInterrupt:
        complain("interrupted")
        code = _INTERRUPTED
    except BrokenPipeError:  # whoever read us has enough: nothing to say, and nobody to say it to
        drop_output()
        code = _INTERRUPTED
    except OSError as error:
        drop_output()
        complain(f"cannot write to standard output: {error.strerror or type(error).__name__}")
        code = _USAGE
    return code
