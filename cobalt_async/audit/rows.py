"""One line of an inventory's CSV -> its columns, or a Credential; else what is wrong, never what it holds."""

import csv
import re
from collections.abc import Mapping, Sequence

from attrs import frozen

from .credential import Credential

_COLUMNS = ("label", "secret", "secret_ref")
_LATER = ("owner", "region", "rotate_by", "status", "system", "token_id")  # known, and not read yet
_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,63})", re.ASCII)
_HINT = "the first line names the columns, comma-separated: label, and secret or secret_ref or both"


@frozen
class Flaw:
    """What is wrong with a line, in words that repeat nothing of it."""

    text: str


def read_header(line: bytes) -> tuple[str, ...] | Flaw:
    """The names of the columns, in order."""
    fields = _fields(line)
    if isinstance(fields, Flaw):
        return fields
    names = tuple(field.strip().lower() for field in fields)
    for number, name in enumerate(names, 1):
        if name in _LATER:
            return Flaw(f"column {number}: this version does not read {name} yet; take the column out")
        if name not in _COLUMNS:
            return Flaw(f"column {number} is unknown; {_HINT}")
        if name in names[: number - 1]:
            return Flaw(f"column {number}: there is a second {name}; take one out")
    if "label" not in names:
        return Flaw(f"there is no column label; {_HINT}")
    if "secret" not in names and "secret_ref" not in names:
        return Flaw(f"there is neither a column secret nor secret_ref; {_HINT}")
    return names


def read_row(line: bytes, columns: Sequence[str], environ: Mapping[str, str]) -> Credential | Flaw:
    """The credential on a line; blanks around a field do not count, for a token has none."""
    fields = _fields(line)
    if isinstance(fields, Flaw):
        return fields
    if len(fields) != len(columns):
        return Flaw(f"its number of fields is {len(fields)}, the header has {len(columns)}")
    row = dict(zip(columns, (field.strip(" \t") for field in fields), strict=True))
    secret, reference = row.get("secret", ""), row.get("secret_ref", "")
    if bool(secret) == bool(reference):
        return Flaw("it has both secret and secret_ref" if secret else "it has neither secret nor secret_ref")
    if secret:
        return _credential(row["label"], secret, "")
    return _referenced(row["label"], reference, environ)


def _referenced(label: str, reference: str, environ: Mapping[str, str]) -> Credential | Flaw:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return Flaw("secret_ref: only env:NAME is known, with the name of an environment variable")
    name = found[1]
    if not environ.get(name):
        state = "empty" if name in environ else "not set"
        return Flaw(f"secret_ref: the environment variable {name} is {state}")
    return _credential(label, environ[name], f"environment variable {name}: ")


def _credential(label: str, secret: str, source: str) -> Credential | Flaw:
    try:
        return Credential(label, secret)
    except ValueError as error:
        return Flaw(f"{source}{error}")


def _fields(line: bytes) -> list[str] | Flaw:
    """The fields of one physical line: a quoted field ends on it."""
    if b"\0" in line:
        return Flaw("it holds a NUL byte; the inventory is UTF-8 text")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Flaw("it is not UTF-8")
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        return Flaw("a field is longer than 128 KiB" if "limit" in str(error) else _UNREADABLE)


_UNREADABLE = "it is no CSV: a quote is not closed on its line, or stands inside a field that is not quoted"
