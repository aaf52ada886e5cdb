"""The walk through a listing: `next_page` -> what to ask next, or an error. Never silently short (F10)."""

import re

from ..errors import PaginationError
from ..models import Page
from .requests import Request, Version, check_cursor, reading

_USUAL = re.compile(r"/tokens\?(cursor=[A-Za-z0-9._~-]{1,2048})", re.ASCII)  # most of what is safe, at one look
_SAFE = re.compile(r"/tokens\?[!-~]{1,4096}", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z0-9_.~-]+=(?:[A-Za-z0-9._~!$'()*+,;:@/?=-]|%[2-7][0-9A-Fa-f])*", re.ASCII)
UNSAFE = "its next_page is not a path /tokens?cursor=… that is safe to follow"
_EMPTY_PAGES = 3  # in a row; a listing that goes on without items goes nowhere


def next_query(next_page: str, limit: int | None) -> str | None:
    """The query to ask with for the page after this one, or None where `next_page` is not safe to follow.

    Safe is a path `/tokens?…` whose parameters are plain URL text and hold one cursor: it is appended to the
    base URL, never joined, so that no host, path or scheme of the server's choosing is ever asked.
    What the caller asked for as `limit` is asked for again.
    """
    if usual := _USUAL.fullmatch(next_page):
        return usual[1] if limit is None else f"{usual[1]}&limit={limit:d}"
    if not _SAFE.fullmatch(next_page):
        return None
    parameters = next_page.partition("?")[2].split("&")
    if not all(_PARAMETER.fullmatch(parameter) for parameter in parameters):
        return None
    cursors = [parameter.removeprefix("cursor=") for parameter in parameters if parameter.startswith("cursor=")]
    if len(cursors) != 1 or not _is_cursor(cursors[0]):
        return None
    if limit is not None:
        parameters = [parameter for parameter in parameters if not parameter.startswith("limit=")]
        parameters.append(f"limit={limit:d}")
    return "&".join(parameters)


def _is_cursor(value: str) -> bool:
    try:
        check_cursor(value)
    except ValueError:
        return False
    return True


class Walk:
    """Where a listing stands: what was read, what `request` asks for next, and why it cannot go on."""

    def __init__(
        self,
        request: Request,
        *,
        limit: int | None,
        cursor: str | None,
        max_pages: int,
        max_items: int,
        version: Version,
    ) -> None:
        self.request: Request = request
        self.items: int = 0
        self._limit = limit
        self._cursor = cursor
        self._max_pages = max_pages
        self._max_items = max_items
        self._version: Version = version
        self._pages = 0
        self._empty = 0
        self._seen = {hash(request.target)}

    @property
    def room(self) -> int:
        """How many more items may be delivered."""
        return max(0, self._max_items - self.items)

    def turn(self, page: Page, *, delivered: int, withheld: bool = False) -> Request | None:
        """Count a page that was read and `delivered`; the request for the next one, or None at the end.

        PaginationError where the listing cannot be followed: an unsafe or repeated `next_page`, or a cap;
        `withheld` says that the cap kept items of this page from being delivered.
        """
        self._pages += 1
        self.items += delivered
        self._empty = 0 if page.items else self._empty + 1
        if withheld:
            raise self._stuck(f"it goes on after max_items={self._max_items} items")
        if page.next_page is None:
            return None
        query = next_query(page.next_page, self._limit)
        if query is None:
            raise self._stuck(UNSAFE)
        request = reading(query, version=self._version)
        place = hash(request.target)
        if place in self._seen:
            raise self._stuck("its next_page leads back to a page that was read before")
        if self._empty >= _EMPTY_PAGES:
            raise self._stuck(f"{self._empty} pages in a row hold nothing and promise more")
        if self._pages >= self._max_pages:
            raise self._stuck(f"it goes on after max_pages={self._max_pages} pages")
        if self.items >= self._max_items:
            raise self._stuck(f"it goes on after max_items={self._max_items} items")
        self._seen.add(place)
        self._cursor = page.next_cursor
        self.request = request
        return request

    def _stuck(self, flaw: str) -> PaginationError:
        return PaginationError("GET /tokens", flaw, self._cursor, self.items)
