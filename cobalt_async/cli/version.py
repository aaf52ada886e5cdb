"""`cobalt-async --version`: nothing but the package, and so neither typer nor rich."""

from cobalt_async import __version__

from .exit_codes import ExitCode


def show_version() -> int:
    """Print name and version."""
    print(f"cobalt-async {__version__}", flush=True)
    return ExitCode.DONE
