"""Where the journal is by default: the same place, whatever folder a program is started in."""

import contextlib
import os
from pathlib import Path

from ..errors import ConfigurationError

_APPLICATION = "cobalt_async"


def default_folder() -> Path:
    """The platform's place for what a program must not forget."""
    state, home = Path(os.environ.get("XDG_STATE_HOME", "")), None
    if state.is_absolute():  # one that is relative is to be ignored, says the XDG specification
        return state / _APPLICATION
    with contextlib.suppress(RuntimeError):
        home = Path(os.environ["HOME"]) if "HOME" in os.environ else Path.home()
    if home is None or not home.is_absolute():
        raise ConfigurationError(
            "journal: this user has no home folder that begins with /; set $HOME or $XDG_STATE_HOME to one that does, "
            "or name a folder by --journal"
        )
    if os.uname().sysname == "Darwin":
        return home / "Library" / "Application Support" / _APPLICATION
    return home / ".local" / "state" / _APPLICATION
