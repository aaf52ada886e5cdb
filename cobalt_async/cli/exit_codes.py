"""The exit codes of all commands: the one table."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended, for a script; 10 to 15 are how a rotation did."""

    DONE = 0
    ALERTS = CHANGED = 1
    USAGE = 2
    INCOMPLETE = 3
    INCOMPLETE_WITH_ALERTS = 4
    VOID = 5
    FAILED = 6
    HELD = 10
    UNCERTAIN = 11
    LOST = 12
    MISMATCH = CONFLICT = 13
    REFUSED = 14
    NOT_ROTATED = 15
    INTERRUPTED = 130
