"""The file of a checkpoint, before anything stands in it, or another takes its place."""

import os
from pathlib import Path

from ..errors import ConfigurationError


def made_new(path: Path) -> bool:
    """Whether a new, empty file for its owner alone was made at `path`; False where a file is there already.

    ConfigurationError for what is no file, and where none can be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        why = None if path.is_file() else "it is no regular file"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    else:
        return True
    if why is not None:
        raise ConfigurationError(f"checkpoint {path}: it cannot be used ({why}); name another file")
    return False


def check_no_journal(path: Path) -> None:
    """SQLite would play the journal of a killed run back into whatever is put in that run's place."""
    journal = path.with_name(path.name + "-journal")
    if journal.exists():
        raise ConfigurationError(f"{journal}: it is of a run that was killed; resume that one, or name another file")
