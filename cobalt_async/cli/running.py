"""One command from start to exit code: here and nowhere else, failures become a line and a number."""

import errno
import sys
from collections.abc import Callable, Sequence

from cobalt_async import errors

from .arguments import without_secrets
from .exit_codes import ExitCode
from .interrupts import sigint_waits
from .speaking import complain
from .standard_output import drop_output, watched_output

_TOO_MANY = (errno.EMFILE, errno.ENFILE)


def run(choose: Callable[[Sequence[str]], Callable[[], int]], argv: Sequence[str]) -> int:
    """The exit code of what the arguments ask for; what stopped it is one line on standard error."""
    if sys.stdout is None:
        complain("standard output is closed; there is nowhere to write to")
        return ExitCode.USAGE
    with watched_output() as output:
        try:
            with sigint_waits():
                job = choose(argv)  # parses and imports
            code = job()
            sys.stdout.flush()
        except errors.CobaltError as error:
            complain(without_secrets(str(error), argv))
            code = ExitCode.USAGE if isinstance(error, errors.ConfigurationError) else ExitCode.FAILED
        except KeyboardInterrupt:
            complain("interrupted")
            code = ExitCode.INTERRUPTED
        except OSError as error:
            if output is None or error is not output.failure:
                complain(without_secrets(_refused(error), argv))
                return ExitCode.FAILED
            drop_output()
            if isinstance(error, BrokenPipeError):  # whoever read us has enough, and nobody is there to be told
                return ExitCode.INTERRUPTED
            complain(f"cannot write to standard output: {_why(error)}")
            code = ExitCode.USAGE
    return code


def _refused(error: OSError) -> str:
    """What the system did not do, and what to do about it."""
    if error.errno in _TOO_MANY:
        return f"no more files can be open at once ({_why(error)}); allow more, as `ulimit -n 1024` does, and try again"
    what = f"{error.filename}: " if isinstance(error.filename, str) else ""
    return f"the system refused what this needs ({what}{_why(error)}); see to that, and try again"


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
