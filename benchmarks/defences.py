"""What does each defence cost that every `tokens.list` goes through?

Each is taken out by itself, in a client of its own that has all others, and that client is compared with one that
has all. Only what can be taken out whole and alone stands here; the others (a body's bound, a token that stands in no
request, exceptions without secrets) are part of how the code is built, and have no price of their own.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any

from attrs import evolve

from cobalt_async import AsyncCobalt, Page, Token
from cobalt_async.protocol import answers, wire
from cobalt_async.transport import attempt, pooled
from cobalt_async.turnstile import NOBODY

from .costs import Cost, Side, cpus, interleaved
from .figures import Bar, Row, differences
from .listing import REQUESTS, flood
from .replacing import core, replaced
from .rivals import TOKEN, Ask, Listed
from .rivals.crowd import crowd
from .web import server

ROUNDS = 21  # small differences: more of them than usual
IN_FLIGHT = 64
ALL, NONE = "all defences", "nothing, which tells how exact these are"

Without = Callable[[], AbstractContextManager[None]]


@contextmanager
def _unguarded() -> Iterator[None]:
    """Take every connection as it comes."""
    with replaced(attempt.Attempt, "is_alone", True), replaced(pooled, "_is_silent", lambda _: True):
        yield


def _nothing(*_: object) -> None:
    """Set no time limit, and look at no page."""


def _trusting(body: bytes) -> Page:
    value: dict[str, Any] = json.loads(body)
    items = tuple(Token(**row["resource"]) for row in value["data"])
    return Page(items, value["pagination"]["next_page"], value["pagination"]["prev_page"])


DEFENCES: Mapping[str, Without] = {
    ALL: nullcontext,
    NONE: nullcontext,
    "what a server pushed into a pooled connection is seen": _unguarded,
    "time limits for connecting, head and body": lambda: replaced(attempt.Attempt, "_until", _nothing),
    "every value of a page is of its documented type": lambda: replaced(wire, "read_page", _trusting),
    "next_page is safe to follow": lambda: replaced(answers, "check_next", _nothing),
}
WINDOWS = "the user's rate window is kept"


def measure(rounds: int | None = None, *, requests: int = REQUESTS) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    with server() as web, core():
        return rows(compare(web.url, rounds=rounds or ROUNDS, requests=requests))


def compare(url: str, *, rounds: int, requests: int) -> dict[str, list[Cost]]:
    """A client with all defences and one without each, in turn."""
    with asyncio.Runner() as runner, ExitStack() as clients:

        def side(without: Without, *, minding: bool = True) -> Side:
            def opens(url: str, *, in_flight: int) -> AbstractAsyncContextManager[Ask]:
                return opened(url, in_flight=in_flight, minding=minding)

            ask = clients.enter_context(flood(runner, opens, url, in_flight=IN_FLIGHT, requests=requests))

            def asked() -> None:
                with without():
                    ask()

            return asked

        sides = {name: side(without) for name, without in DEFENCES.items()}
        sides[WINDOWS] = side(nullcontext, minding=False)
        return interleaved(sides, rounds=rounds, count=requests)


@asynccontextmanager
async def opened(url: str, *, in_flight: int, minding: bool) -> AsyncGenerator[Ask]:
    """A client; `minding`: it keeps to its user's rate window."""
    async with AsyncCobalt(TOKEN, base_url=url, max_connections=in_flight) as cobalt:
        assert cobalt._call is not None
        if not minding:
            cobalt._call = evolve(cobalt._call, user=NOBODY)

        async def call() -> tuple[Listed, ...]:
            page = await cobalt.tokens.list()
            return page.items

        yield crowd(call, in_flight)


def rows(costs: Mapping[str, list[Cost]]) -> list[Row]:
    """What a request takes with all, and how much less of it there is without each."""
    whole = cpus(costs[ALL])
    prices = {name: differences(whole, cpus(cost)) for name, cost in costs.items() if name != ALL}
    return [
        Row("CPU per request, all defences on", whole, "us"),
        *(
            Row(f"    of it: {name}", price, "us", bar=Bar("CPU per request", name, "price"))
            for name, price in prices.items()
        ),
    ]
