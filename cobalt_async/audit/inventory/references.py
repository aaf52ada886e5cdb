"""A reference -> the secret that it refers to."""

import os
import re
from collections.abc import Callable

from ..credential import UNSHOWABLE
from .commands import Commands
from .flaw import Flaw
from .found import Found, read_secret
from .keyrings import read_keyring
from .secret_files import read_secret_file

_LONGEST = 4096  # characters
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_FORMS = "env:NAME, file:PATH, keyring:SERVICE/NAME or command:PROGRAM ARGUMENTS"


class References:
    """Follows references; a relative path in one starts at `folder`."""

    def __init__(self, folder: str, commands: Commands) -> None:
        self._folder = folder
        self._ways: dict[str, Callable[[str], Found | Flaw]] = {
            "command": commands.run,
            "env": _read_environment,
            "file": self._read_file,
            "keyring": read_keyring,
        }

    def follow(self, reference: str) -> Found | Flaw:
        """The secret, or why there is none; it may take as long as a command may."""
        if len(reference) > _LONGEST:
            return Flaw(f"secret_ref: at most {_LONGEST} characters, this one has {len(reference)}")
        if UNSHOWABLE.search(reference):
            return Flaw("secret_ref: it holds a control character or a line end")
        kind, _, rest = reference.partition(":")
        way, rest = self._ways.get(kind), rest.strip()
        if way is None or not rest:
            return Flaw(f"secret_ref: it is none of {_FORMS}")
        followed = way(rest)
        return Flaw(f"secret_ref: {followed.text}") if isinstance(followed, Flaw) else followed

    def _read_file(self, path: str) -> Found | Flaw:
        return read_secret_file(os.path.join(self._folder, path))


def _read_environment(name: str) -> Found | Flaw:
    if not _NAME.fullmatch(name):
        return Flaw("env:NAME takes the name of an environment variable: letters, digits and _, at most 64")
    if not os.environ.get(name):
        state = "empty" if name in os.environ else "not set"
        return Flaw(f"the environment variable {name} is {state}")
    return read_secret(os.environ[name], f"environment variable {name}")
