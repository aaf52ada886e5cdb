"""A page of a listing as pydantic reads it, strictly."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from . import Listed


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Token(_Strict):
    id: str
    name: str
    last_characters: str | None = None
    expire_at: datetime | None = None


class _Row(_Strict):
    resource: _Token


class _Links(_Strict):
    next_page: str | None
    prev_page: str | None = None


class _Listing(_Strict):
    data: list[_Row]
    pagination: _Links


def read(body: bytes) -> list[Listed]:
    return [row.resource for row in _Listing.model_validate_json(body).data]
