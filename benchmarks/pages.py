"""What does it cost to follow 1,000 pages, beside a loop on bare aiohttp that does the same?"""

import asyncio
from collections.abc import Sequence

import aiohttp

from cobalt_async import AsyncCobalt

from .costs import Cost, cpus, interleaved, rates
from .figures import Goal, Row, ratios
from .replacing import core
from .rivals import bare
from .server import TOKENS
from .web import PAGES, READER, server

ROUNDS = 11
GOAL = Goal("<=", 1.0)


def measure(rounds: int | None = None, *, pages: int = PAGES) -> list[Row]:
    """The rows of this question; `rounds` counted walks after one that is not counted; the last `pages` pages."""
    with server() as web, core():
        return rows(*compare(web.url, rounds=rounds or ROUNDS, pages=pages), pages)


def rows(mine: Sequence[Cost], others: Sequence[Cost], pages: int = PAGES) -> list[Row]:
    name = f"following {pages:,} pages"
    return [
        Row(f"{name}: CPU, bare loop = 1", ratios(cpus(mine), cpus(others)), "x", GOAL),
        Row(f"{name}: rate, bare loop = 1", ratios(rates(mine), rates(others)), "x"),
        Row("    CPU per page", cpus(mine), "us"),
        Row("    CPU per page, bare loop", cpus(others), "us"),
    ]


def compare(url: str, *, rounds: int, pages: int) -> tuple[list[Cost], list[Cost]]:
    """Both walks in turn."""
    first = str((PAGES - pages) * TOKENS)
    with asyncio.Runner() as runner:
        cobalt = AsyncCobalt(READER, base_url=url)
        runner.run(cobalt.__aenter__())
        session = runner.run(_opened())

        async def mine() -> int:
            return sum([len(page.items) async for page in cobalt.tokens.pages(cursor=first)])

        async def other() -> int:
            count, target = 0, f"/tokens?cursor={first}"
            while target:
                async with session.get(url + target) as response:
                    response.raise_for_status()
                    page = await response.json()
                count += len(bare.tokens(page))
                target = page["pagination"]["next_page"]
            return count

        def check(count: int) -> None:
            assert count == pages * TOKENS

        try:
            sides = {"mine": lambda: check(runner.run(mine())), "other": lambda: check(runner.run(other()))}
            costs = interleaved(sides, rounds=rounds, count=pages)
        finally:
            runner.run(cobalt.aclose())
            runner.run(session.close())
    return costs["mine"], costs["other"]


async def _opened() -> aiohttp.ClientSession:
    return bare.session(1, READER)  # a session is made on the loop that it is for
