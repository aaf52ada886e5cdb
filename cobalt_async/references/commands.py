"""A secret that a command writes."""

import re
import shlex
from collections.abc import Sequence

from .flaw import Flaw, shown
from .found import Found, read_secret, without_line_end
from .processes import Processes

LONGEST = 4096  # bytes of output, the line's end included

_ASSIGNMENT = re.compile(r"\w+=")


def split_command(line: str) -> list[str] | Flaw:
    """The words of a command, as a shell splits them; the first is a program, for no shell runs them."""
    try:
        words = shlex.split(line)
    except ValueError:
        return Flaw("command: a quote is not closed, or a backslash stands last")
    if not words or not words[0]:
        return Flaw("command: it names no program")
    if _ASSIGNMENT.match(words[0]):
        return Flaw("command: it begins with an assignment, which only a shell knows; `env NAME=value program` does it")
    return words


def read_command(words: Sequence[str], processes: Processes) -> Found | Flaw | None:
    """What the command writes, without one line end after it, None for nothing; messages name its program alone."""
    place = f"command {shown(words[0])}"
    output = processes.read(words, LONGEST)
    if isinstance(output, Flaw):
        return Flaw(f"{place}: {output.text}")
    return read_secret(without_line_end(output), place) if output.strip() else None
