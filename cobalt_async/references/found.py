"""Found: what a reference led to."""

from attrs import frozen

from ..secret import Secret
from .flaw import Flaw


@frozen
class Found:
    """A secret that stood elsewhere; `exposed` is the file it came from, where others can read or write that."""

    secret: Secret
    exposed: str | None = None


def read_secret(text: str, place: str, *, exposed: str | None = None) -> Found | Flaw:
    """The text as a secret, or why it is none; `place` is where it stood."""
    try:
        return Found(Secret(text), exposed)
    except ValueError as error:
        return Flaw(f"{place}: {error}")


def without_line_end(text: bytes) -> str:
    """The text without one line end after it; what is not ASCII stays, and makes it no secret."""
    return text.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1")
