"""The command line: argv -> one call -> text and an exit code."""

import contextlib
import sys
from collections.abc import Sequence

from .exit_codes import ExitCode
from .interrupts import sigint_waits
from .version import show_version

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run `cobalt-async` with these arguments, by default those of the process, and return its exit code.

    0 done · 1 alerts · 2 usage or configuration · 3 audit incomplete · 4 incomplete, with alerts · 5 audit void ·
    6 a request or the system failed · of a rotation 10 HELD, 11 UNCERTAIN, 12 LOST, 13 MISMATCH or CONFLICT,
    14 REFUSED, 15 NOT_ROTATED · 130 interrupted. Without the extra `cli`: one line that says what to install, and 2;
    `--version` alone is told all the same.
    """
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return _interrupted()


def _main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"]:
        return _version()
    try:
        with sigint_waits():
            import rich  # noqa: F401 - only whether it is there

            from .app import choose
            from .running import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        missing = error.name
    else:
        return run(choose, arguments)
    line = f"cobalt-async: the command line needs {missing}: pip install 'cobalt-async[cli]'"
    print(line, file=sys.stderr)
    return ExitCode.USAGE


def _interrupted() -> int:
    """Said without what says everything else, which may not be imported yet."""
    if sys.stderr is not None:  # print would take None for standard output
        with contextlib.suppress(OSError, ValueError):
            print("cobalt-async: interrupted", file=sys.stderr, flush=True)
    return ExitCode.INTERRUPTED


def _version() -> int:
    """The version, at once; where it cannot be written, that is told as of any command."""
    try:
        if sys.stdout is not None:
            return show_version()
    except OSError:
        pass
    from .running import run

    return run(lambda _: show_version, ())
