"""The audit that one would write by hand on aiohttp, and no line more."""

import asyncio
from collections.abc import Iterable

import aiohttp

from .rivals import ACCEPT
from .rivals.bare import Token, tokens


async def audited(url: str, secrets: Iterable[tuple[str, str]], *, in_flight: int) -> dict[str, list[Token] | None]:
    """The tokens of each secret's user, by label; None for a secret that is refused. Any other answer is the end."""
    turns = asyncio.Semaphore(in_flight)
    found: dict[str, list[Token] | None] = {}
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers={"Accept": ACCEPT}) as session:

        async def ask(label: str, secret: str) -> None:
            listed: list[Token] = []
            target = "/tokens?limit=100"
            async with turns:
                while target:
                    headers = {"Authorization": f"Bearer {secret}"}
                    async with session.get(url + target, headers=headers) as response:
                        if response.status == 401:
                            found[label] = None
                            return
                        response.raise_for_status()
                        page = await response.json()
                    listed += tokens(page)
                    target = page["pagination"]["next_page"]
            found[label] = listed

        await asyncio.gather(*(ask(label, secret) for label, secret in secrets))
    return found
