"""A page of a listing as msgspec reads it."""

from datetime import datetime

import msgspec

from . import Listed


class _Token(msgspec.Struct, frozen=True):
    id: str
    name: str
    last_characters: str | None = None
    expire_at: datetime | None = None


class _Row(msgspec.Struct, frozen=True):
    resource: _Token


class _Links(msgspec.Struct, frozen=True):
    next_page: str | None
    prev_page: str | None = None


class _Listing(msgspec.Struct, frozen=True):
    data: list[_Row]
    pagination: _Links


_DECODER = msgspec.json.Decoder(_Listing)


def read(body: bytes) -> list[Listed]:
    return [row.resource for row in _DECODER.decode(body).data]
