"""Flaw: what is wrong with a line or a reference, and how the things in it are named."""

import re

from attrs import frozen

UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # in no label, name or reference

_LONGEST_NAME = 160  # characters


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
    """A name for a message: its middle is left out where it is long."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
