"""What was tried against the client, and what came of it: the rows of tests/faults, counted as they happen.

Both of aiohttp's parsers, on the Python that runs this; another Python is another run. A row that fails is a
failure of the question, not a figure.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from .children import ROOT
from .figures import Goal, Row

_PARSERS = {"C": {}, "Python": {"AIOHTTP_NO_EXTENSIONS": "1"}}
_NEVER = ("secrets lost", "canary hits", "foreign exceptions")


def measure(rounds: int | None = None, *, select: str = "") -> list[Row]:
    """The rows of this question; `select` takes only tests whose names hold it. There is one round."""
    del rounds
    return rows([_run(environment, select) for environment in _PARSERS.values()])


def rows(tallies: list[Counter[str]]) -> list[Row]:
    """All tallies added up; what must never happen has 0 for a goal."""
    total = sum(tallies, Counter[str]())
    names = [*dict.fromkeys(name for tally in tallies for name in tally if name not in _NEVER), *_NEVER]
    where = f"{len(tallies)} parsers, CPython {platform.python_version()}"
    return [
        Row(f"{name} ({where})", (float(total[name]),), "", Goal("<=", 0) if name in _NEVER else None) for name in names
    ]


def _run(environment: dict[str, str], select: str) -> Counter[str]:
    """One run of tests/faults; its tally."""
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally.json"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/faults", "-k"]
        command.append(f"{select or 'test'} and not other_parser")
        given = os.environ | environment | {"COBALT_ASYNC_TALLY": str(tally)}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"tests/faults failed:\n{done.stdout[-4000:]}{done.stderr[-1000:]}")
        return Counter(json.loads(tally.read_text("utf-8")))
