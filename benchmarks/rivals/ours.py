"""This client, with all that it does for its user."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from cobalt_async import AsyncCobalt

from . import TOKEN, Ask, Listed
from .crowd import crowd


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    async with AsyncCobalt(TOKEN, base_url=url, max_connections=in_flight) as cobalt:

        async def call() -> Sequence[Listed]:
            page = await cobalt.tokens.list()
            return page.items

        yield crowd(call, in_flight)
