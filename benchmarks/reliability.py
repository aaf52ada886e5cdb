"""What was tried against the client, and what came of it: the rows of tests/faults, counted as they happen.

A round is one Python, with both of aiohttp's parsers; it takes minutes. The first is the one that runs this; the
others are every CPython >= 3.11 on PATH and under pyenv, each version once, just as they are or, where they lack what
the tests need, with an environment that is made for the run and gone after it. `--rounds 1` is this Python alone, and
makes nothing; without it all that are found are asked. One that cannot be used is named on stderr and not counted.
A row of tests/faults that fails is a failure of the question, not a figure.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from .children import ROOT, cores
from .figures import Goal, Row

_PARSERS: Mapping[str, Mapping[str, str]] = {"C": {}, "Python": {"AIOHTTP_NO_EXTENSIONS": "1"}}
_NEVER = ("secrets lost", "canary hits", "foreign exceptions")
_TOOLS = ("hypothesis", "pytest", "pytest-asyncio", "trustme")  # what tests/faults needs of the extra `dev`
_NEEDED = "import cobalt_async, aiohttp, attrs, cattrs, hypothesis, pytest, pytest_asyncio, trustme"
_WHICH = """
import platform, sys
if platform.python_implementation() == "CPython" and sys.version_info >= (3, 11):
    print(platform.python_version())
"""


def measure(rounds: int | None = None, *, select: str = "") -> list[Row]:
    """The rows of this question on that many Pythons, None for all; `select`: only tests whose names hold it."""
    tallies: dict[str, Counter[str]] = {}
    for version, python in pythons():
        if rounds is not None and len(tallies) == rounds:
            break
        try:
            with equipped(python) as ready:
                tallies[version] = _tried(ready, select)
        except Unusable as flaw:
            print(f"reliability: CPython {version} is not covered: {flaw}", file=sys.stderr)
    if not tallies:
        raise RuntimeError("there is no Python that tests/faults could run on")
    return rows(tallies)


def rows(tallies: Mapping[str, Counter[str]]) -> list[Row]:
    """All tallies, by version, added up; what must never happen has 0 for a goal."""
    total = sum(tallies.values(), Counter[str]())
    names = [*dict.fromkeys(name for tally in tallies.values() for name in tally if name not in _NEVER), *_NEVER]
    where = f"{len(_PARSERS)} parsers x {len(tallies)} Python{'' if len(tallies) == 1 else 's'}"
    return [
        Row(f"CPython versions covered ({', '.join(tallies)})", (float(len(tallies)),), ""),
        *(
            Row(f"{name} ({where})", (float(total[name]),), "", Goal("<=", 0) if name in _NEVER else None)
            for name in names
        ),
    ]


class Unusable(Exception):
    """A Python on which the tests cannot run, with the reason; there is no figure of it."""


def pythons() -> Iterator[tuple[str, str]]:
    """Version and path of each CPython >= 3.11 that runs here, each version once, this one first."""
    seen = {platform.python_version()}
    yield platform.python_version(), sys.executable
    for path in _candidates():
        done = subprocess.run([path, "-I", "-c", _WHICH], capture_output=True, text=True, check=False)
        version = done.stdout.strip()  # a pyenv shim of a version that is not active says nothing
        if done.returncode == 0 and version and version not in seen:
            seen.add(version)
            yield version, path


def _candidates() -> Iterator[str]:
    for folder in os.get_exec_path():
        for name in ("python3", *(f"python3.{minor}" for minor in range(11, 17))):
            if path := shutil.which(name, path=folder):
                yield path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/*/bin/python")))


@contextmanager
def equipped(python: str) -> Iterator[str]:
    """This Python if it has what the tests need, else one that is given it, until the block ends; or Unusable."""
    check = ["-c", _NEEDED]
    if _succeeds([python, *check]):
        yield python
        return
    with tempfile.TemporaryDirectory() as folder:
        ready = str(Path(folder) / "bin" / "python")
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements()]
        if not _succeeds([python, "-m", "venv", folder]):
            raise Unusable("it cannot make an environment")
        if not (_succeeds([ready, *install]) and _succeeds([ready, *check])):
            raise Unusable("what the tests need cannot be had for it")
        yield ready


def requirements() -> Sequence[str]:
    """What the package and tests/faults need, as pyproject.toml has it; the package itself is here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tools = project["optional-dependencies"]["dev"]
    return [*project["dependencies"], *(tool for tool in tools if re.split(r"[^A-Za-z0-9-]", tool)[0] in _TOOLS)]


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def _tried(python: str, select: str) -> Counter[str]:
    """What a Python's runs add up to, with each parser: as many at once as there are cores, for nothing is timed."""
    with ThreadPoolExecutor(cores()) as pool:
        return sum(pool.map(lambda parser: _run(python, parser, select), _PARSERS.values()), Counter[str]())


def _run(python: str, parser: Mapping[str, str], select: str) -> Counter[str]:
    """One run of tests/faults; its tally."""
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally.json"
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/faults", "-k"]
        command.append(f"{select or 'test'} and not other_parser")
        given = {**os.environ, **parser, "COBALT_ASYNC_TALLY": str(tally)}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"tests/faults failed on {python}:\n{done.stdout[-4000:]}{done.stderr[-1000:]}")
        return Counter(json.loads(tally.read_text("utf-8")))
