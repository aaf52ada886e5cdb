"""References to secrets: where a secret stands, in words, and how it is read from there."""

from .commands import read_command, split_command
from .flaw import UNSHOWABLE, Flaw, shown, why
from .found import Found, read_secret, without_line_end
from .processes import Processes
from .references import References, read_reference
from .secret_files import exposes

__all__ = [
    "UNSHOWABLE",
    "Flaw",
    "Found",
    "Processes",
    "References",
    "exposes",
    "read_command",
    "read_reference",
    "read_secret",
    "shown",
    "split_command",
    "why",
    "without_line_end",
]
