"""The loop that one would write by hand on aiohttp, and no line more."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from . import ACCEPT, TOKEN, Ask, Listed
from .crowd import crowd


@dataclass(slots=True)
class Token:
    id: str
    name: str
    last_characters: str | None = None
    expire_at: datetime | None = None


def session(in_flight: int, token: str = TOKEN) -> aiohttp.ClientSession:
    """A session that keeps so many connections."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=in_flight),
        headers={"Authorization": f"Bearer {token}", "Accept": ACCEPT},
    )


def tokens(page: Mapping[str, Any]) -> list[Token]:
    """A page's tokens as objects."""
    return [Token(**row["resource"]) for row in page["data"]]


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    async with session(in_flight) as http:

        async def call() -> Sequence[Listed]:
            async with http.get(f"{url}/tokens") as response:
                response.raise_for_status()
                return tokens(await response.json())

        yield crowd(call, in_flight)
