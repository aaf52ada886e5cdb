"""What a row may say, whatever the form: the names of its fields, and the text of its line."""

import difflib
import re

from ...references import Flaw

NAMES = ("label", "secret", "secret_ref", "owner", "system", "token_id", "region", "status", "rotate_by")
_NAME = re.compile(r"[A-Za-z _-]{1,20}")  # others are no slip of a finger: a line with other separators, a secret


def text_of(line: bytes) -> str | Flaw:
    """The text of a line, which is strict UTF-8 without a NUL."""
    if b"\0" in line:
        return Flaw("it holds a NUL byte; the inventory is UTF-8 text")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return Flaw("it is not UTF-8")


def unknown(place: str, name: str, hint: str) -> Flaw:
    """A name that is none of ours, without repeating it: without a header, it may be a secret."""
    near = difflib.get_close_matches(name.lower(), NAMES, 1) if _NAME.fullmatch(name) else ()
    return Flaw(f"{place} is unknown; {f'is it meant to be {near[0]}?' if near else hint}")
