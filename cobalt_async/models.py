"""Cobalt's nouns, as frozen values (the vendor's page "Tokens"; api/facts.md, F6 to F15)."""

from collections.abc import Callable, Iterable
from datetime import datetime

from attrs import field, frozen

from .secret import Secret


class _Referable:
    """What a weak reference stands on: in a base of its own, so that a draft is laid out in memory as a Token is."""

    __slots__ = ("__weakref__",)


@frozen
class Token(_Referable):
    """A personal API token as `GET /tokens` lists it: everything but its secret (F7).

    `id` starts with `api_`; `name` is not unique and can change (F11).
    `last_characters` is deprecated and may read `"redacted"`: never match on it (F8); None where it is missing.
    `expire_at` is an aware UTC datetime, or None: Cobalt has not implemented it (F7).
    """

    id: str
    name: str
    last_characters: str | None = None
    expire_at: datetime | None = None


class _Draft(_Referable):
    """A Token while it is written: its slots take plain assignments; then it is a Token, and frozen."""

    __slots__ = ("expire_at", "id", "last_characters", "name")

    def __init__(self, token_id: str, name: str, last_characters: str | None) -> None:
        self.id = token_id
        self.name = name
        self.last_characters = last_characters
        self.expire_at = None
        self.__class__ = Token  # type: ignore[assignment]


# A listing makes many: for less than half of the time that a frozen class takes to set its own fields.
listed_token: Callable[[str, str, str | None], Token] = _Draft  # type: ignore[assignment]


@frozen
class RefreshedToken:
    """The answer to a refresh: the only place where the new secret ever stands (F15).

    `id` is the new token's; it may equal the old one (F14). `name` is the old token's (F12).
    """

    id: str
    name: str
    secret: Secret
    expire_at: datetime | None = None


def _tokens(items: Iterable[Token]) -> tuple[Token, ...]:
    return tuple(items)


@frozen
class Page:
    """One page of a listing, with the paths to its neighbours as Cobalt gave them (F6, F10)."""

    items: tuple[Token, ...] = field(converter=_tokens)
    next_page: str | None = None
    prev_page: str | None = None

    @property
    def next_cursor(self) -> str | None:
        """What `cursor=` takes for the page after this one; None on the last page."""
        return _cursor(self.next_page)

    @property
    def prev_cursor(self) -> str | None:
        """What `cursor=` takes for the page before this one; None on the first page."""
        return _cursor(self.prev_page)


def _cursor(path: str | None) -> str | None:
    """The `cursor` of a page's path as it stands there, percent-escapes included; None if it has none."""
    if path is None:
        return None
    for parameter in path.partition("?")[2].partition("#")[0].split("&"):
        name, _, value = parameter.partition("=")
        if name == "cursor":
            return value or None
    return None
