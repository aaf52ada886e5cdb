"""The processes that a benchmark starts: the plain server, and this Python with arguments; and the cores for them."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]  # where `benchmarks` is found, and `cobalt_async` too unless it is installed
_PATIENCE = 10.0  # seconds that a child gets to end by itself

_SERVER = Path(__file__).with_name("server.py")


@contextmanager
def plain_server() -> Generator[str]:
    """The base URL of a plain server in a process of its own that is gone afterwards, after an error too."""
    command = [sys.executable, "-I", str(_SERVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child, ended(child):
        assert child.stdout is not None
        port = child.stdout.readline().strip()
        if not port:
            raise RuntimeError("the plain server did not start")
        yield f"http://localhost:{port}"


@contextmanager
def ended(child: subprocess.Popen[str]) -> Generator[None]:
    """Ends a child with the block, and kills it where it does not hear."""
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()


def python(*arguments: str) -> str:
    """What this Python prints when it runs with these arguments; a CalledProcessError where it fails."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, check=True, text=True).stdout


def cores() -> int:
    """Those that this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _environment() -> Mapping[str, str]:
    """Ours, without what keeps a child from leaving compiled files, or makes it check more than usual."""
    hindering = ("PYTHONDONTWRITEBYTECODE", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC")
    return {name: value for name, value in os.environ.items() if name not in hindering}
