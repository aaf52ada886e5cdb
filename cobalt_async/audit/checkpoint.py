"""The file of a checkpoint: how it begins, whether a run can go on with it, and whether another may take its place."""

import os
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConfigurationError
from . import tables
from .store import Store

_DAMAGED = "it is damaged; start anew, with another file"


def made_new(path: Path) -> bool:
    """Whether a new, empty file for its owner alone was made at `path`; False where something stands in it already.

    One that is empty counts as new: whoever made it was killed before anything stood there. ConfigurationError for
    what is no file, and where none can be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_file():
            return path.stat().st_size == 0
        why = "it is no regular file"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    else:
        return True
    raise ConfigurationError(f"checkpoint {path}: it cannot be used ({why}); name another file")


def check_no_journal(path: Path) -> None:
    """SQLite would play the journal of a killed run back into whatever is put in that run's place."""
    journal = path.with_name(path.name + "-journal")
    if journal.exists():
        raise ConfigurationError(f"{journal}: it is of a run that was killed; resume that one, or name another file")


def begin(store: Store, salt: bytes, asked: str) -> None:
    """Make the tables of a new one, and say in it under which salt it is and which URLs its run asks."""
    store.run(tables.TABLES)
    now = datetime.now(UTC).isoformat()
    store.write(tables.TELL, [("salt", salt), ("asked", asked), ("began", now)])
    store.commit()


def go_on(store: Store, salt: bytes | None, asked: str) -> bytes:
    """The salt of one that is there, once it is known to be whole, ours, and of the same run: its baseline and URLs.

    ConfigurationError for any other. A checkpoint so old that it does not say whom it asked is let pass.
    """
    flaw = _flaw(store)
    if flaw is None:
        said = dict(store.query("SELECT name, value FROM about"))
        own, earlier = said.get("salt"), said.get("asked")
        if not isinstance(own, bytes):
            flaw = _DAMAGED
        elif salt not in (None, own):
            flaw = "it was begun with another baseline, or with none; give that one, or start anew with another file"
        elif earlier not in (None, asked):
            flaw = f"it holds what {earlier} answered, and this run asks {asked}; ask there, or name another file"
        else:
            return own
    raise store.refuse(flaw)


def _flaw(store: Store) -> str | None:
    if store.row("PRAGMA application_id") != (tables.OURS,):
        return "it is no checkpoint; name one that an audit made"
    if store.row("PRAGMA user_version") != (tables.SCHEMA,):
        return "a newer version of cobalt_async made it; upgrade, or start anew with another file"
    if store.row("PRAGMA quick_check(1)") != ("ok",) or store.row(tables.COUNT) != (tables.NUMBER,):
        return _DAMAGED
    return None
