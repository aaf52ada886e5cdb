"""`cobalt-async rotations`: what the journal knows."""

from datetime import UTC, datetime, timedelta

from cobalt_async.audit import printable
from cobalt_async.rotation import Journal, State

from .outcomes import resume_command, show, show_json
from .strays import tell_strays

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
_HEADINGS = ("ROTATION", "TOKEN", "STATE", "AGE", "NEXT", "NAME")


def list_rotations(journal: str | None, *, as_json: bool) -> int:
    """Print each rotation on a line, the oldest first; 11 where the spool holds what belongs to none of them.

    ConfigurationError where the journal cannot be read.
    """
    kept, now = Journal(journal), datetime.now(UTC)
    found = [
        {
            "rotation_id": rotation_id,
            "token_id": entry.token_id,
            "name": entry.intent.name,
            "state": entry.state,
            "finished": entry.finished,
            "started_at": entry.started_at.isoformat(),
            "updated_at": entry.updated_at.isoformat(),
            "age": _age(now - entry.started_at),
            "next": _next(rotation_id, entry.state, journal, finished=entry.finished),
        }
        for rotation_id, entry in kept.entries().items()
    ]
    if as_json:
        show_json({"journal": str(kept.path), "rotations": found})
    elif not found:
        show([f"No rotations: the journal {kept.path} knows of none."])
    else:
        keys = ("rotation_id", "token_id", "state", "age", "next", "name")
        show(_table([tuple(printable(str(rotation[key])) for key in keys) for rotation in found]))
    return tell_strays(kept, journal)


def _next(rotation_id: str, state: str, journal: str | None, *, finished: bool) -> str:
    if not finished:
        return resume_command(rotation_id, journal)
    if state == State.MISMATCH:
        return f"{resume_command(rotation_id, journal)} --reveal"
    return "make a new token in Cobalt's web app" if state == State.LOST else "nothing"


def _age(passed: timedelta) -> str:
    """In the largest unit that is full."""
    seconds = max(0, int(passed.total_seconds()))
    return next((f"{seconds // size} {unit}" for unit, size in _UNITS if seconds >= size), f"{seconds} s")


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they need to be; the name stands last, for its width is anybody's guess."""
    cells = [_HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
    padded = ((*(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True)), line[-1]) for line in cells)
    return ["  ".join(line).rstrip() for line in padded]
