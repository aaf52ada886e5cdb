"""FileStore: a secret that stands alone in a file."""

from ...references import Flaw, read_secret, without_line_end
from ...secret import Secret
from .in_files import StoreInFile


class FileStore(StoreInFile):
    """The secret is all that stands in the file at `path`, with or without one line end after it.

    A new file is its owner's alone (0600) and has no line end; one that is there keeps its owner, its mode and its
    line end, and is replaced in one step: a reader sees the old secret or the new one. What others could write to,
    a symbolic link, a file of more names than one, of an access control list, mounted by itself, or with anything
    in it that is no secret, is refused. Writes through such a store compare and swap, between
    processes too.
    """

    @property
    def reference(self) -> str:
        """`file:PATH`."""
        return f"file:{self.path}"

    @property
    def name(self) -> str:
        """`file PATH`."""
        return f"file {self.path}"

    def _find(self, content: bytes | None) -> Secret | Flaw | None:
        text = without_line_end(content or b"")
        if not text:
            return None
        found = read_secret(text, "what it holds is no secret and would be lost")
        return found if isinstance(found, Flaw) else found.secret

    def _put(self, content: bytes | None, secret: Secret) -> bytes:
        before = content or b""
        line_end = before[len(without_line_end(before)) :]
        return secret.reveal().encode() + line_end
