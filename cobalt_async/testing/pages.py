"""One page of a user's tokens, and the cursors between pages. Pure."""

import random
import string
from typing import Final
from urllib.parse import parse_qs

import attrs

from .world import SandboxToken, SandboxUser

_CURSOR_ALPHABET: Final = string.ascii_lowercase + string.digits
_CURSOR_LETTERS: Final = 16
_LONGEST_LIMIT: Final = 18


@attrs.frozen
class Place:
    """A place between two tokens of one user: the page that follows it, or the page that ends there.

    It counts every token the user ever had, dead ones too, and so stays where it is while the list changes: a
    token that goes is missing from the page and shifts no other, a new one appears at the end.
    """

    user: SandboxUser
    boundary: int
    forward: bool


class Cursors:
    """Opaque names for places. A cursor works for its user alone, and as long as the sandbox."""

    def __init__(self, *, source: random.Random) -> None:
        self._source = source
        self._places: dict[str, Place] = {}
        self._names: dict[Place, str] = {}

    def name(self, place: Place) -> str:
        """Name the place; the same place always has the same name."""
        name = self._names.get(place)
        if name is None:
            name = "".join(self._source.choices(_CURSOR_ALPHABET, k=_CURSOR_LETTERS))
            self._names[place] = name
            self._places[name] = place
        return name

    def place(self, user: SandboxUser, name: str) -> Place | None:
        """Find this user's place of that name."""
        place = self._places.get(name)
        return place if place is not None and place.user is user else None


@attrs.frozen
class Slice:
    """The tokens of one page, and the places before and after it, where anything lies there."""

    tokens: tuple[SandboxToken, ...]
    before: Place | None
    after: Place | None


def cut_page(place: Place, limit: int) -> Slice:
    """Take at most `limit` living tokens from this place on, or up to it."""
    user = place.user
    living = [(number, token) for number, token in enumerate(user.tokens) if token.alive]
    earlier = [item for item in living if item[0] < place.boundary]
    later = living[len(earlier) :]
    if place.forward:
        page, later = later[:limit], later[limit:]
    else:
        page, earlier = earlier[-limit:], earlier[:-limit]
    start = page[0][0] if page else place.boundary
    end = page[-1][0] + 1 if page else place.boundary
    return Slice(
        tokens=tuple(token for _, token in page),
        before=Place(user, start, forward=False) if earlier else None,
        after=Place(user, end, forward=True) if later else None,
    )


@attrs.frozen(kw_only=True)
class PageRequest:
    """The URL parameters of a listing."""

    limit: int | None
    cursor: str | None


@attrs.frozen
class BadParameter:
    """A URL parameter that is refused: with 400 where it cannot be read, else with 422."""

    status: int
    message: str


def read_query(query: str) -> PageRequest | BadParameter:
    """Read `limit` and `cursor` (F9); parameters that nobody documents are ignored."""
    given = parse_qs(query, keep_blank_values=True)
    limits, cursors = given.get("limit", []), given.get("cursor", [])
    if len(limits) > 1 or len(cursors) > 1:
        return BadParameter(400, "limit and cursor may be given once")
    limit: int | None = None
    if limits:
        digits = limits[0].removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_LIMIT:
            return BadParameter(400, "limit must be a whole number")
        limit = int(limits[0])
        if limit < 1:
            return BadParameter(422, "limit must be 1 or more")
    return PageRequest(limit=limit, cursor=cursors[0] if cursors else None)
