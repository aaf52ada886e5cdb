"""`python -m benchmarks [NAME …] [--rounds N]`: asks, and prints one table.

Exit code 0 when everything ran, whatever the figures say; 1 when a question could not be asked; 2 for
wrong use.
"""

import argparse
import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import NoReturn

from . import audit, audit_faults, audit_memory, importing, listing, makespan, reliability
from .figures import Row
from .table import head, table

Question = Callable[[int | None], Sequence[Row]]

QUESTIONS: Mapping[str, Question] = {
    "listing": listing.measure,
    "importing": importing.measure,
    "audit": audit.measure,
    "audit_memory": audit_memory.measure,
    "audit_faults": audit_faults.measure,
    "makespan": makespan.measure,
    "reliability": reliability.measure,
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, exit code 2."""
        self.exit(2, f"benchmarks: {message}\n")


def main(arguments: Sequence[str], questions: Mapping[str, Question] = QUESTIONS) -> int:
    """Ask what was asked for; the exit code."""
    parser = _Parser(prog="python -m benchmarks", description="Speed and memory, measured side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(questions)}; all without one")
    parser.add_argument("--rounds", type=_count, metavar="N", help="counted rounds; each question has its default")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in questions:
            parser.error(f"no question is called {name!r}; there are {', '.join(questions)}")
    rows, failed = _ask({name: questions[name] for name in chosen.names or questions}, chosen.rounds)
    print(head(cores=_cores(), machine=f"{platform.system()} {platform.machine()}", versions=_versions()))
    print(table(rows))
    if failed:
        print(f"could not be asked: {', '.join(failed)} (see above)")
    return 1 if failed else 0


def _ask(questions: Mapping[str, Question], rounds: int | None) -> tuple[list[Row], list[str]]:
    """The rows of all questions, and the names of those that failed; one that fails does not end the rest."""
    rows: list[Row] = []
    failed = []
    for name, question in questions.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows.extend(question(rounds))
        except Exception:  # noqa: BLE001  # whatever it is, it is shown in full, and the exit code says it
            traceback.print_exc()
            failed.append(name)
    return rows, failed


def _versions() -> list[tuple[str, str]]:
    packages = [(name, version(name)) for name in ("aiohttp", "attrs", "cattrs")]
    return [(platform.python_implementation(), platform.python_version()), *packages]


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _cores() -> int:
    """Those that this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
