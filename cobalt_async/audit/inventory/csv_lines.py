"""One line of CSV -> the names of the columns, or the fields of a row."""

import csv
from collections.abc import Sequence

from ...references import Flaw
from .fields import NAMES, text_of, unknown

_HINT = (
    "the first line names the columns, comma-separated: label, secret or secret_ref or both, and as you like "
    "owner, system, token_id, region, status, rotate_by"
)
_UNREADABLE = "it is no CSV: a quote is not closed on its line, or stands inside a field that is not quoted"

_BARE_CR = "it is no CSV: a CR stands in it alone; lines end with LF or CRLF (`tr '\\r' '\\n'` makes them so)"


def read_header(line: bytes) -> tuple[str, ...] | Flaw:
    """The names of the columns, in order; blanks around them and capitals make no difference."""
    fields = _split(line)
    if isinstance(fields, Flaw):
        return fields
    names = tuple(field.strip().lower() for field in fields)
    for number, name in enumerate(names, 1):
        if name not in NAMES:
            return unknown(f"column {number}", name, _HINT)
        if name in names[: number - 1]:
            return Flaw(f"column {number}: there is a second {name}; take one out")
    if "label" not in names:
        return Flaw(f"there is no column label; {_HINT}")
    if "secret" not in names and "secret_ref" not in names:
        return Flaw(f"there is neither a column secret nor secret_ref; {_HINT}")
    return names


def read_csv(columns: Sequence[str], line: bytes) -> dict[str, str] | Flaw:
    """The fields of a row by their columns; blanks around one do not count, for a token has none."""
    fields = _split(line)
    if isinstance(fields, Flaw):
        return fields
    if len(fields) != len(columns):
        return Flaw(f"its number of fields is {len(fields)}, the header has {len(columns)}")
    return {name: field.strip(" \t") for name, field in zip(columns, fields, strict=True)}


def _split(line: bytes) -> list[str] | Flaw:
    """The fields of one physical line: a quoted field ends on it."""
    text = text_of(line)
    if isinstance(text, Flaw):
        return text
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        if "new-line" in str(error):
            return Flaw(_BARE_CR)
        return Flaw("a field is longer than 128 KiB" if "limit" in str(error) else _UNREADABLE)
