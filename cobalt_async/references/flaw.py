"""Flaw: what is wrong with a line or a reference, and how the things in it are named."""

import os
import re

from attrs import frozen

from ..likeness import looks_like_secret

UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # in no label, name or reference

_LONGEST_NAME = 160  # characters
_NOT_REPEATED = "[not repeated here: it looks like a secret]"


@frozen
class Flaw:
    """What is wrong, in words that repeat nothing of a line except the name of a place where a secret should be."""

    text: str


def why(error: OSError | ValueError) -> str:
    """An error of the system's in a few words, without a path."""
    if isinstance(error, UnicodeError):
        return "a character that this system's encoding does not have"
    return getattr(error, "strerror", None) or str(error)


def shown(name: str) -> str:
    """A name for a message; where it is long, its middle is left out.

    What looks like a secret, and is no file that is there, is not repeated: of a path, the folders that are.
    """
    if any(map(looks_like_secret, (name, *name.split("/")))) and not os.path.lexists(name):
        name = os.path.join(_folder(name), _NOT_REPEATED)
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def _folder(path: str) -> str:
    """The longest part of a path that is a folder; empty where there is none."""
    while path and not os.path.isdir(path):
        path = os.path.dirname(path) if path != os.path.dirname(path) else ""
    return path
