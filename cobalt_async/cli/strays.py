"""Answers in the spool whose rotation the journal does not know: a secret may stand there and nowhere else."""

from cobalt_async.rotation import Journal, State

from .outcomes import CODES, resume_command
from .speaking import complain


def tell_strays(kept: Journal, journal: str | None) -> int:
    """A line for each, and the exit code that stands for them; 0 where there are none."""
    strays = kept.strays()
    for path in strays:
        command = resume_command(path.name.partition(".")[0], journal)
        complain(
            f"{path}: the journal does not know its rotation, and a living secret may stand there and nowhere else; "
            f"see it with {command} --reveal, put it where it belongs, then remove the file"
        )
    return CODES[State.UNCERTAIN] if strays else 0
