"""The token endpoints as coroutines, and pagination as async generators."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable

from .errors import ConfigurationError
from .models import Page, RefreshedToken, Token
from .protocol import answers, requests
from .protocol.cursor import Walk
from .protocol.requests import Request, Version
from .refreshing import Refreshes, Save
from .turnstile import Call


class Tokens:
    """`GET /tokens` and `POST /tokens/{id}/refresh`, for the token of the client that this belongs to."""

    def __init__(self, *, calling: Callable[[float | None], Call], refreshes: Refreshes, version: Version) -> None:
        self._calling = calling  # deadline on the loop's clock -> who calls; checks that the client may be used now
        self._refreshes = refreshes
        self._version: Version = version

    async def list(self, *, limit: int | None = None, cursor: str | None = None, deadline: float | None = None) -> Page:
        """One page of the tokens of the calling user (F5, F9).

        `limit`: at least 1, None for the server's default of 10. `cursor`: a page's `next_cursor`.
        `deadline`: seconds for the whole call. PaginationError where the page's `next_page` is unsafe to follow.
        """
        request = requests.list_tokens(limit=limit, cursor=cursor, version=self._version)
        page = await self._read(request, _ends(deadline))
        answers.check_next(page, cursor)
        return page

    def iter(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        max_pages: int = 10_000,
        max_items: int = 1_000_000,
        deadline: float | None = None,
    ) -> AsyncGenerator[Token]:
        """All tokens of the calling user, page by page to the end, or an error: never silently short.

        `limit` is asked for on every page (F10). `deadline` counts the consumer's own time too. A token that
        stands on two pages, because the listing changed meanwhile, comes once.
        PaginationError where the listing cannot be followed; what was read before has been delivered.
        """
        walk = self._walk(limit, cursor, max_pages, max_items)
        return self._iter(walk, requests.check_deadline(deadline))

    def pages(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        max_pages: int = 10_000,
        max_items: int = 1_000_000,
        deadline: float | None = None,
    ) -> AsyncGenerator[Page]:
        """The pages that `iter` reads, as they come; the same arguments and errors."""
        walk = self._walk(limit, cursor, max_pages, max_items)
        return self._pages(walk, requests.check_deadline(deadline))

    async def refresh(
        self, token_id: str, *, save: Save | None = None, deadline: float | None = None
    ) -> RefreshedToken:
        """Revoke a token and issue its successor, whose secret stands in this one answer (F12 to F15).

        `save(refreshed)` is awaited before anything else happens, for at most `Timeouts.refresh` seconds; where
        it fails, RefreshError has the secret in `.refreshed`. Once the request may have left, a cancellation
        waits for answer and save; a secret without a save is then kept in the client's `unclaimed`.
        `deadline` counts until the request leaves.

        RefreshInDoubtError: it may have run. SecretLostError: an earlier one in doubt did. RateLimitedError and
        other RefusedErrors: it did not run. NotSentError: it never left.
        """
        request = requests.refresh_token(token_id, key=str(uuid.uuid4()), version=self._version)
        if save is not None and not callable(save):
            raise ConfigurationError("save: a function that takes the refreshed token and is awaited")
        call = self._calling(_ends(deadline))
        return await self._refreshes.run(token_id, request, call, save=save)

    async def _read(self, request: Request, ends: float | None) -> Page:
        call = self._calling(ends)
        response = await self._refreshes.exchange.fetch(request, call)
        if response.status == 401:
            successor = await self._refreshes.successors.of(call.route.secret, call.waits_until())
            if successor is not None:
                call = call.with_secret(successor, self._refreshes.exchange.user_of(successor))
                response = await self._refreshes.exchange.fetch(request, call)
        return answers.read_page(request, response, call.route.secret)

    def _walk(self, limit: int | None, cursor: str | None, max_pages: int, max_items: int) -> Walk:
        return Walk(
            requests.list_tokens(limit=limit, cursor=cursor, version=self._version),
            limit=limit,
            cursor=cursor,
            max_pages=requests.check_count(max_pages, "max_pages"),
            max_items=requests.check_count(max_items, "max_items"),
            version=self._version,
        )

    async def _iter(self, walk: Walk, deadline: float | None) -> AsyncGenerator[Token]:
        ends = _ends(deadline)
        request: Request | None = walk.request
        seen: set[str] = set()
        while request is not None:
            page = await self._read(request, ends)
            new = [token for token in page.items if token.id not in seen]
            delivered = new[: walk.room]
            for token in delivered:
                seen.add(token.id)
                yield token
            request = walk.turn(page, delivered=len(delivered), withheld=len(delivered) < len(new))

    async def _pages(self, walk: Walk, deadline: float | None) -> AsyncGenerator[Page]:
        ends = _ends(deadline)
        request: Request | None = walk.request
        while request is not None:
            page = await self._read(request, ends)
            yield page
            request = walk.turn(page, delivered=len(page.items))


def _ends(deadline: float | None) -> float | None:
    """The deadline as a moment on the running loop's clock."""
    seconds = requests.check_deadline(deadline)
    return None if seconds is None else asyncio.get_running_loop().time() + seconds
