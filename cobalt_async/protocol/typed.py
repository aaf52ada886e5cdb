"""Pages by msgspec, where the extra `speed` has installed it: for nothing but what is documented, to the letter.

It is stricter than the converter, never laxer: whatever it does not take is read again by the converter, which lets it
pass or names the flaw. So the extra changes no page and no error.
"""

import functools
from collections.abc import Callable
from importlib import import_module
from types import GenericAlias, NoneType
from typing import Any

from ..models import Page, listed_token


def read_usual_page(body: bytes) -> Page | None:
    """The page where it is just as documented (F6, F7); None where it is not, or msgspec is not there."""
    decode = _decoder()
    if decode is None:
        return None
    try:
        listing = decode(body)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors, and so is one of UTF-8
        return None
    tokens = [row.resource for row in listing.data]
    items = tuple([listed_token(token.id, token.name, token.last_characters) for token in tokens])
    return Page(items, listing.pagination.next_page, listing.pagination.prev_page)


@functools.cache
def _decoder() -> Callable[[bytes], Any] | None:
    """What reads a listing, made when the first page is here; None without msgspec."""
    try:
        msgspec = import_module("msgspec")
    except ImportError:
        return None
    # A field that is not documented is not looked into by msgspec, and might hide bytes that are no JSON.
    make = functools.partial(msgspec.defstruct, forbid_unknown_fields=True, gc=False)
    text = str | None
    token = make("Token", [("id", str), ("name", str), ("last_characters", text, None), ("expire_at", NoneType, None)])
    row = make("Row", [("resource", token)])
    links = make("Links", [("next_page", text), ("prev_page", text, None)])
    listing = make("Listing", [("data", GenericAlias(list, (row,))), ("pagination", links)])
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(listing).decode
    return decode
