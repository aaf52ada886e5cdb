"""Bytes <-> models: the only file that knows cattrs, and with typed.py the only place where types are trusted.

cattrs by default turns null into "None" and 5 into "5"; a strict hook for each primitive ends that. It is imported by
`prepare`, or by the first answer that needs it: `import cobalt_async` does without.
"""

import codecs
import functools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..models import Page, RefreshedToken, listed_token
from ..secret import Secret
from . import typed

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

_TEXT = frozenset({str, type(None)})


class Flaw(Exception):
    """Why bytes are not what the documents describe, in words that name places and types and never a value."""


def prepare() -> None:
    """Import what an answer may need: with no file descriptors left, a new secret would be lost for want of it."""
    _converter()


def read_page(body: bytes) -> Page:
    """A page of `GET /tokens` (F6), or Flaw."""
    return typed.read_usual_page(body) or _page(load(body), body)


def read_page_unless(body: bytes, is_known: Callable[[str], bool]) -> tuple[Page, dict[str, Any]] | tuple[str, None]:
    """A page as `read_page` reads it, and its JSON; or its first token's id, and no more, if that is known."""
    value = load(body)
    try:
        first = value["data"][0]["resource"]["id"]
    except (KeyError, TypeError, IndexError):
        first = None
    if isinstance(first, str) and is_known(first):
        return first, None
    return _page(value, body), value


def _page(value: dict[str, Any], body: bytes) -> Page:
    # Only an escape can hide half a character. Most bodies hold no backslash, which is found out in no time.
    page = _usual_page(value) if b"\\" not in body or b"\\u" not in body else None
    if page is not None:
        return page
    from .shapes import Listing

    listing = _structure(value, Listing)
    items = tuple(row.resource for row in listing.data)
    return Page(items, listing.pagination.next_page, listing.pagination.prev_page)


def read_refreshed(body: bytes) -> RefreshedToken:
    """The answer to a refresh in either shape, bare (v1) or wrapped in `resource` (v2, F13), or Flaw."""
    from .shapes import Wrapped

    value = load(body)
    if "resource" in value and "secret" not in value:
        return _structure(value, Wrapped).resource
    return _structure(value, RefreshedToken)


def load(body: bytes) -> dict[str, Any]:
    """A JSON object from strict UTF-8 (a byte order mark is let pass), or Flaw; NaN and Infinity are no JSON."""
    try:
        value = _parse(body.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError:
        flaw = "a body that is not UTF-8"
    except RecursionError:
        flaw = "JSON nested too deep"
    except ValueError:
        flaw = "a body that is not JSON" if body.strip() else "an empty body where a JSON object is expected"
    else:
        if isinstance(value, dict):
            return value
        flaw = f"{_kind(value)} where a JSON object is expected"
    raise Flaw(flaw)


def _parse(text: str) -> object:
    """What `JSONDecoder.decode` gives, without the two regular expressions that it looks for white space with."""
    text = text.strip(" \t\n\r")  # all that JSON calls white space; where there is none, nothing is copied
    value, end = _JSON.raw_decode(text)
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_no_constant)
_SECRET_STRING = re.compile(r'"secret"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.)*")')


def salvage(body: bytes, token_id: str) -> RefreshedToken | None:
    """The new secret out of an answer that does not fit, as far as it came; None unless one whole secret is there.

    A string that is cut is never used, and neither are two secrets that differ. A name that is missing or no
    string reads as "", an id as the one that was asked for.
    """
    text = body.decode("utf-8", "replace")
    found = set()
    for literal in _SECRET_STRING.findall(text):
        try:
            found.add(Secret(json.loads(literal)))
        except ValueError:
            continue
    if len(found) != 1:
        return None
    try:
        value = load(body)
    except Flaw:
        value = {}
    inner = value.get("resource", value)
    fields = inner if isinstance(inner, dict) else {}
    name, new_id = fields.get("name"), fields.get("id")
    return RefreshedToken(
        id=new_id if isinstance(new_id, str) else token_id,
        name=name if isinstance(name, str) else "",
        secret=found.pop(),
    )


def _usual_page(value: dict[str, Any]) -> Page | None:
    """The page where every value is of the very type that is documented: what nearly all answers are, for a third
    of the time. None where one is not; then the converter says whether that can be let pass, and if not, where.
    """
    try:
        rows, links = value["data"], value["pagination"]
        next_page, prev_page = links["next_page"], links.get("prev_page")
        if type(rows) is not list or type(next_page) not in _TEXT or type(prev_page) not in _TEXT:
            return None
        items = []
        for row in rows:
            fields = row["resource"]
            token_id, name, ending = fields["id"], fields["name"], fields.get("last_characters")
            if type(token_id) is not str or type(name) is not str or fields.get("expire_at") is not None:
                return None
            if type(ending) is not str and ending is not None:
                return None
            items.append(listed_token(token_id, name, ending))
    except (KeyError, TypeError, AttributeError):
        return None
    return Page(tuple(items), next_page, prev_page)


def _structure(value: dict[str, Any], shape: type[T]) -> T:
    """`value` as `shape`; Flaw naming the path of the first thing that does not fit."""
    from cattrs import transform_error

    try:
        return _converter().structure(value, shape)
    except Exception as error:  # noqa: BLE001 - a group of whatever the hooks raise, each with its path
        flaws = transform_error(error, path="", format_exception=_say)
    what, _, where = flaws[0].partition(" @ .")
    raise Flaw(f"{where}: {what}" if where else what)


def _say(error: BaseException, expected: type | None) -> str:
    """One flaw in words: types only, since the text of an exception may quote a value."""
    del expected
    if isinstance(error, KeyError):
        return "missing"
    return error.args[0] if isinstance(error, _Mismatch) else "not an object"


class _Mismatch(ValueError):
    """A value of another type than the documents say; its text names types only."""


def _string(value: object, _: object) -> str:
    if type(value) is not str:
        raise _Mismatch(f"{_kind(value)} where a string is expected")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise _Mismatch("a string with half a character (a lone surrogate)")
    return value


def _moment(value: object, _: object) -> datetime:
    """An ISO 8601 time as aware UTC; one that names no zone is taken as UTC, which is what web APIs mean by it."""
    try:
        moment = datetime.fromisoformat(_string(value, str))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except _Mismatch:
        raise
    except (ValueError, OverflowError):
        pass
    raise _Mismatch("a string that is no ISO 8601 time")


def _secret(value: object, _: object) -> Secret:
    text = _string(value, str)
    try:
        return Secret(text)
    except ValueError:
        del text, value
    raise _Mismatch("a string that cannot be a token")


def _kind(value: object) -> str:
    """A JSON value's type in JSON's words."""
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "something else")


@functools.cache
def _converter() -> "Converter":
    """The one converter."""
    from cattrs import Converter

    from .shapes import Row

    converter = Converter()
    converter.register_structure_hook(str, _string)
    converter.register_structure_hook(datetime, _moment)
    converter.register_structure_hook(Secret, _secret)
    listed = converter.get_structure_hook(list[Row])

    def rows(value: object, kind: type[list[Row]]) -> list[Row]:
        if type(value) is not list:
            raise _Mismatch(f"{_kind(value)} where a list is expected")
        return listed(value, kind)  # type: ignore[no-any-return]

    converter.register_structure_hook_func(lambda kind: kind == list[Row], rows)
    return converter
