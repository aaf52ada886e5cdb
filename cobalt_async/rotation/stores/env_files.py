"""EnvFileStore: a secret in one line of a .env file."""

import os
import re

from ...errors import ConfigurationError
from ...references import Flaw, read_secret, shown
from ...secret import Secret
from .env_lines import EXPANDED, find, put
from .in_files import StoreInFile

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


class EnvFileStore(StoreInFile):
    """The secret is the value of `name` in the .env file at `path`, as python-dotenv reads it.

    The last line of that name is rewritten, or one is added at the end; every other byte stays: comments, `export`,
    line ends, a byte order mark, and earlier lines of the same name, which no reader heeds. The value keeps its
    quotes where they can hold the new one. An empty value, and no line at all, is nothing. A line that cannot be
    read, a value that is no secret, or one that refers to another (`${…}`), is refused, and what FileStore refuses;
    so is a secret that no quotes hold both for python-dotenv and for a shell (`'` or a backslash beside `$` or a
    backtick), which is known only once it is there.
    A change of other lines is no conflict.
    """

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        super().__init__(path)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            del name
            raise ConfigurationError("name: of an environment variable: letters, digits and _, at most 64")
        self._variable = name

    @property
    def variable(self) -> str:
        """The name of the line."""
        return self._variable

    @property
    def reference(self) -> str:
        """`env:FILE#NAME`."""
        return f"env:{self.path}#{self._variable}"

    @property
    def name(self) -> str:
        """`NAME in FILE`."""
        return f"{self._variable} in {self.path}"

    def _find(self, content: bytes | None) -> Secret | Flaw | None:
        line = find(_text_of(content), self._variable)
        if line is None or isinstance(line, Flaw):
            return line
        if not line.value:
            return None
        if EXPANDED in line.value:
            return Flaw("its value refers to another variable (${…}); name the one that holds the secret itself")
        found = read_secret(line.value, f"what {shown(self._variable)} holds is no secret and would be lost")
        return found if isinstance(found, Flaw) else found.secret

    def _put(self, content: bytes | None, secret: Secret) -> bytes | Flaw:
        changed = put(_text_of(content), self._variable, secret.reveal())
        return changed if isinstance(changed, Flaw) else changed.encode("utf-8", "surrogateescape")


def _text_of(content: bytes | None) -> str:
    """The text of a file; what is not UTF-8 in there comes out as it went in."""
    return (content or b"").decode("utf-8", "surrogateescape")
