"""Bare aiohttp that stops at dictionaries: what `json.loads` gave is what its user gets.

It does less than all others, and is no rival but a mark: objects are made once more for the comparison of what was
listed, of the very last page and no other.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from . import Ask, Listed
from .bare import session, tokens
from .crowd import crowd


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    async with session(in_flight) as http:
        page: Mapping[str, Any] = {"data": []}

        async def call() -> Sequence[Listed]:
            nonlocal page
            async with http.get(f"{url}/tokens") as response:
                response.raise_for_status()
                page = await response.json()
            return ()

        many = crowd(call, in_flight)

        async def ask(count: int) -> Sequence[Listed]:
            await many(count)
            return tokens(page)

        yield ask
