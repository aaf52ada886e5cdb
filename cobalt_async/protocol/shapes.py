"""How the answers nest around the models, as the converter reads it (F6, F13)."""

from attrs import frozen

from ..models import RefreshedToken, Token


@frozen
class Row:
    """One of a listing's `data`."""

    resource: Token


@frozen
class Links:
    """A listing's `pagination`; `next_page` is required: a listing without it could be silently short."""

    next_page: str | None
    prev_page: str | None = None


@frozen
class Listing:
    """The answer to `GET /tokens`."""

    data: list[Row]
    pagination: Links


@frozen
class Wrapped:
    """The answer to a refresh in v2."""

    resource: RefreshedToken
