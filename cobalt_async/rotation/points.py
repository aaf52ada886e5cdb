"""The named points between two steps at which a rotation may die; nothing happens there, tests make it."""

from enum import StrEnum


class Point(StrEnum):
    """Where a rotation stands, in the order of events."""

    CHECKED = "CHECKED"
    INTENT = "INTENT"
    RESERVED = "RESERVED"
    SENT = "SENT"
    RECEIVED = "RECEIVED"
    KEPT = "KEPT"
    ANSWERED = "ANSWERED"
    SPOOLED = "SPOOLED"
    PROVEN = "PROVEN"
    OLD_DEAD = "OLD_DEAD"
    STORING = "STORING"
    STORED = "STORED"
    READ_BACK = "READ_BACK"
    HOOKED = "HOOKED"
    COMMITTED = "COMMITTED"
    REMOVED = "REMOVED"


def reached(point: Point) -> None:
    """A rotation is there now."""
