"""httpx in the package in which it is maintained: httpx2."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx2

from . import ACCEPT, TOKEN, Ask, Listed
from .bare import tokens
from .crowd import crowd


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    async with httpx2.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {TOKEN}", "Accept": ACCEPT},
        limits=httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight),
    ) as client:

        async def call() -> Sequence[Listed]:
            response = await client.get("/tokens")
            response.raise_for_status()
            return tokens(response.json())

        yield crowd(call, in_flight)
