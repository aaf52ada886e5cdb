"""One line of JSONL -> the fields of a row."""

import json
from typing import Any, NoReturn

from ...references import Flaw
from .fields import NAMES, text_of, unknown

_HINT = f"the keys are {', '.join(NAMES)}"


def read_json(line: bytes) -> dict[str, str] | Flaw:
    """The strings of an object; null is as good as absent, and blanks around a string do not count."""
    text = text_of(line)
    if isinstance(text, Flaw):
        return text
    try:
        pairs = _JSON.decode(text)
    except RecursionError:
        return Flaw("it is nested too deep; an object of strings is expected")
    except ValueError:
        return Flaw("it is no JSON object that begins and ends on this line")
    if not isinstance(pairs, tuple):
        return Flaw(f"it is {_kind(pairs)}; a JSON object is expected")
    return _fields(pairs)


def _fields(pairs: tuple[tuple[str, Any], ...]) -> dict[str, str] | Flaw:
    fields: dict[str, str] = {}
    for number, (key, value) in enumerate(pairs, 1):
        if key not in NAMES:
            return unknown(f"key {number}", key, _HINT)
        if key in fields:
            return Flaw(f"key {number}: there is a second {key}; take one out")
        if value is None:
            fields[key] = ""
        elif isinstance(value, str):
            fields[key] = value.strip(" \t")
        else:
            return Flaw(f"{key}: a string or null, not {_kind(value)}")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        bool: "true or false",
        float: "a number",
        list: "an array",
        str: "a string",
        tuple: "an object",
    }
    return kinds.get(type(value), "null")


# An object is a tuple of its pairs, for only so a second key of one name is seen. No number is wanted: a float is
# read in linear time, which an int of a million digits is not.
_JSON = json.JSONDecoder(object_pairs_hook=tuple, parse_constant=_no_constant, parse_int=float)
