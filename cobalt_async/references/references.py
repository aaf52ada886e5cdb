"""A reference -> the secret that it refers to."""

import math
import os
import re
from collections.abc import Callable

from ..errors import ConfigurationError
from ..secret import Secret
from .commands import read_command, split_command
from .flaw import UNSHOWABLE, Flaw, shown
from .found import Found, read_secret
from .keyrings import read_keyring
from .processes import Processes
from .secret_files import read_secret_file

_LONGEST = 4096  # characters
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_FORMS = "env:NAME, file:PATH, keyring:SERVICE/NAME or command:PROGRAM ARGUMENTS"


class References:
    """Follows references: a relative path in one starts at `folder`, a command in one may take `seconds`."""

    def __init__(self, folder: str, seconds: float) -> None:
        self._folder = folder
        self._processes = Processes(seconds)
        self._ways: dict[str, Callable[[str], Found | Flaw]] = {
            "command": self._run_command,
            "env": _read_environment,
            "file": self._read_file,
            "keyring": read_keyring,
        }

    def follow(self, reference: str) -> Found | Flaw:
        """The secret, or why there is none; it may take as long as a command may."""
        if len(reference) > _LONGEST:
            return Flaw(f"at most {_LONGEST} characters, this one has {len(reference)}")
        if UNSHOWABLE.search(reference):
            return Flaw("it holds a control character or a line end")
        kind, _, rest = reference.partition(":")
        way, rest = self._ways.get(kind), rest.strip()
        return way(rest) if way is not None and rest else Flaw(f"it is none of {_FORMS}")

    def stop(self) -> None:
        """End the command that runs, from any thread, if one does; a later one is not started."""
        self._processes.stop()

    def _read_file(self, path: str) -> Found | Flaw:
        return read_secret_file(os.path.join(self._folder, path))

    def _run_command(self, line: str) -> Found | Flaw:
        words = split_command(line)
        if isinstance(words, Flaw):
            return words
        return read_command(words, self._processes) or Flaw(
            f"command {shown(words[0])}: it wrote nothing to its standard output"
        )


def read_reference(reference: str, *, folder: str = ".", seconds: float = 10.0, argument: str = "secret_ref") -> Secret:
    """The secret that a reference leads to; it blocks until it is read.

    `reference`: `env:NAME`, `file:PATH` (a relative one starts at `folder`), `keyring:SERVICE/NAME`, or
    `command:PROGRAM ARGUMENTS`, which may take `seconds`. ConfigurationError, whose message begins with
    `argument`, the name under which the reference was given, and says why there is none.
    """
    if not isinstance(reference, str):
        kind = type(reference).__name__
        del reference  # a secret in the wrong place, perhaps: this frame travels with the traceback
        raise ConfigurationError(f"{argument}: a str, not {kind}")
    if type(seconds) not in {int, float} or not 0 < seconds < math.inf:
        raise ConfigurationError("seconds: more than 0 and finite")
    found = References(folder, seconds).follow(reference)
    if isinstance(found, Flaw):
        del reference
        raise ConfigurationError(f"{argument}: {found.text}")
    return found.secret


def _read_environment(name: str) -> Found | Flaw:
    if not _NAME.fullmatch(name):
        return Flaw("env:NAME takes the name of an environment variable: letters, digits and _, at most 64")
    if not os.environ.get(name):
        if name in os.environ:
            return Flaw(f"the environment variable {name} is empty")
        return Flaw(f"the environment variable {shown(name)} is not set")
    return read_secret(os.environ[name], f"environment variable {name}")
