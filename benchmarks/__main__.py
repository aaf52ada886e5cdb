"""`python -m benchmarks [NAME …] [--rounds N] [--quick] [--markdown]`: asks, prints a table, keeps figures.

Exit code 0 when everything ran, whatever the figures say; 1 when a question could not be asked; 2 for
wrong use. What is skipped is named, and so is what is not installed; neither is a failure.
"""

import argparse
import platform
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

from . import (
    audit,
    audit_by_hand,
    audit_faults,
    audit_memory,
    decode,
    defences,
    importing,
    latency,
    listing,
    makespan,
    on_uvloop,
    pages,
    pictures,
    reliability,
    rotation,
    saving,
)
from . import version as version_question
from .children import cores
from .costs import QUOTED
from .figures import Row
from .table import head, markdown, table

Question = Callable[[int | None], Sequence[Row]]

QUESTIONS: Mapping[str, Question] = {
    "listing": listing.measure,
    "on_uvloop": on_uvloop.measure,
    "latency": latency.measure,
    "decode": decode.measure,
    "pages": pages.measure,
    "defences": defences.measure,
    "importing": importing.measure,
    "version": version_question.measure,
    "audit": audit.measure,
    "audit_by_hand": audit_by_hand.measure,
    "audit_memory": audit_memory.measure,
    "audit_faults": audit_faults.measure,
    "makespan": makespan.measure,
    "reliability": reliability.measure,
    "rotation": rotation.measure,
}
# a minute each, or many
LONG = frozenset({"audit", "audit_by_hand", "audit_memory", "audit_faults", "makespan", "reliability", "rotation"})
_QUICK = 3  # rounds

_NAMED = ("aiohttp", "attrs", "cattrs")
_NAMED_IF_THERE = ("uvloop", "httpx2", "httpx", "requests", "openapi-python-client", "pydantic", "msgspec")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, exit code 2."""
        self.exit(2, f"benchmarks: {message}\n")


def main(arguments: Sequence[str], questions: Mapping[str, Question] = QUESTIONS) -> int:
    """Ask what was asked for; the exit code."""
    parser = _Parser(prog="python -m benchmarks", description="Speed, cost and scale, measured side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(questions)}; all without one")
    parser.add_argument("--rounds", type=_count, metavar="N", help="counted rounds; each question has its default")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK} rounds, and not the questions that take long")
    parser.add_argument("--goals", action="store_true", help="print only the rows that have a goal")
    parser.add_argument("--markdown", action="store_true", help="the rows that have a goal, as a table for a README")
    parser.add_argument("--results", type=Path, default=saving.FOLDER, metavar="FOLDER", help="where figures are kept")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in questions:
            parser.error(f"no question is called {name!r}; there are {', '.join(questions)}")
    asked = chosen.names or [name for name in questions if not (chosen.quick and name in LONG)]
    rounds = chosen.rounds or (_QUICK if chosen.quick else None)
    found, failed = _ask({name: questions[name] for name in asked}, rounds)
    measured_on = head(cores=cores(), machine=f"{platform.system()} {platform.machine()}", versions=_versions())
    print(measured_on)
    rows = [row for of_question in found.values() for row in of_question]
    print(markdown(rows) if chosen.markdown else table([row for row in rows if row.goal or not chosen.goals]))
    _keep(found, measured_on, chosen.results)
    if skipped := [name for name in questions if name not in asked]:
        print(f"skipped: {', '.join(skipped)}")
    if rounds is not None and rounds < QUOTED:
        print(f"fewer than {QUOTED} rounds: to see that it works, not to be quoted")
    if failed:
        print(f"could not be asked: {', '.join(failed)} (see above)")
    return 1 if failed else 0


def _ask(questions: Mapping[str, Question], rounds: int | None) -> tuple[dict[str, Sequence[Row]], list[str]]:
    """The rows of each question, and the names of those that failed; one that fails does not end the rest."""
    found: dict[str, Sequence[Row]] = {}
    failed = []
    for name, question in questions.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found[name] = question(rounds)
        except Exception:  # noqa: BLE001  # whatever it is, it is shown in full, and the exit code says it
            traceback.print_exc()
            failed.append(name)
    return found, failed


def _keep(found: Mapping[str, Sequence[Row]], measured_on: str, folder: Path) -> None:
    """Write figures and pictures, and say where; pictures need matplotlib."""
    pictured = ""
    for name, rows in found.items():
        saving.save(name, rows, measured_on=measured_on, folder=folder)
        try:
            pictures.draw(name, rows, folder)
        except ImportError:
            pictured = f"; no pictures: {pictures.MISSING}"
    if found:
        print(f"kept in {folder}{pictured}")


def _versions() -> list[tuple[str, str]]:
    named = [(platform.python_implementation(), platform.python_version())]
    named += [(name, version(name)) for name in _NAMED]
    for name in _NAMED_IF_THERE:
        try:
            named.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return named


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
