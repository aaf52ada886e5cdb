"""Every public coroutine of the client, in every way that it may have to wait: what test_every_await.py cancels."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from cobalt_async import AsyncCobalt, Page, RefreshedToken, errors
from cobalt_async.tokens import Tokens
from tests.faults.raw import TOKEN_ID, answer, ok, refreshed
from tests.faults.scenes import Case, Scene, promise, ticks

THROTTLED = answer(509, {}, Retry_After="30")
FULL = {"X_Rate_Limit_Remaining": "0"}
WALK = (ok("api_a", next_page="/tokens?cursor=0"),)
PAGES = (ok("api_b", next_page="/tokens?cursor=1"), ok("api_c"))
ONE = {"max_connections": 1}


async def warm(scene: Scene) -> None:
    """A connection lies in the pool."""
    await scene.cobalt.tokens.list()


async def stale(scene: Scene) -> None:
    """On the connection in the pool lies what nobody asked for, and nobody has read it yet."""
    await scene.cobalt.tokens.list()
    os.write(scene.sockets[-1].fileno(), b"junk")  # past the loop


async def a_list_beside(scene: Scene) -> None:
    """Another call of the same user is under way."""
    await scene.beside(scene.cobalt.tokens.list())


async def a_refresh_beside(scene: Scene) -> None:
    """Another refresh of the same token is under way."""
    await scene.beside(scene.cobalt.tokens.refresh(TOKEN_ID, save=scene.save))


async def a_crowd_beside(scene: Scene) -> None:
    """As many calls as may be under way while nothing is known of a window."""
    for _ in range(10):
        await scene.beside(scene.cobalt.tokens.list())


async def refreshed_before(scene: Scene) -> None:
    """A refresh of another token has used up the window."""
    await scene.cobalt.tokens.refresh("api_other", save=scene.save)


async def tokens_of(scene: Scene) -> list[str]:
    """Walk through a listing, with something else to wait for at each token."""
    got = []
    async for token in scene.cobalt.tokens.iter(limit=5):
        await ticks(1)
        got.append(token.id)
    return got


async def pages_of(scene: Scene) -> list[str]:
    """The same, page by page."""
    got = []
    async for page in scene.cobalt.tokens.pages():
        await ticks(1)
        got += [token.id for token in page.items]
    return got


async def fails(fresh: RefreshedToken) -> None:
    """A disk that is full."""
    await ticks(2)
    raise OSError(28, "no space left")


async def hangs(fresh: RefreshedToken) -> None:
    """A sink that never takes it."""
    await asyncio.Event().wait()


async def opened_and_closed(scene: Scene) -> None:
    """The whole life of a client."""
    async with scene.cobalt as cobalt:
        await cobalt.tokens.list()


async def left_early(scene: Scene) -> None:
    """An `async with` that ends while a refresh goes on."""
    async with scene.cobalt as cobalt:
        scene.others.append(asyncio.ensure_future(scene.let_go()))
        await scene.beside(cobalt.tokens.refresh(TOKEN_ID, save=scene.save))


def refresh(**arguments: Any) -> Callable[[Scene], Any]:
    """A refresh that saves, unless told otherwise."""
    return lambda scene: scene.cobalt.tokens.refresh(TOKEN_ID, **{"save": scene.save, **arguments})


def reading(**arguments: Any) -> Callable[[Scene], Any]:
    """A reading of one page."""
    return lambda scene: scene.cobalt.tokens.list(**arguments)


LIST: dict[str, Any] = {"covers": Tokens.list, "call": reading(), "ends": Page}
REFRESH: dict[str, Any] = {"covers": Tokens.refresh, "call": refresh(), "ends": RefreshedToken}
CASES = [
    Case(name="list", floor=6, **LIST),
    Case(name="list, on a pooled connection", floor=3, before=warm, **LIST),
    Case(name="list, on a stale connection", floor=6, before=stale, **LIST),
    Case(name="list, behind TLS", floor=6, way="tls", **LIST),
    Case(name="list, behind a proxy", floor=8, way="proxy", **LIST),
    Case(name="list, behind a proxy, in company", floor=8, way="proxy", before=a_list_beside, **LIST),
    Case(name="list, waiting for a slot", floor=4, before=a_list_beside, arguments=ONE, **LIST),
    Case(name="list, waiting for a slot with a deadline", floor=4, before=a_list_beside, arguments=ONE,
         **{**LIST, "call": reading(deadline=1000)}),
    Case(name="list, waiting for a rate window", floor=9, gets=(THROTTLED, ok()), **LIST),
    Case(name="list, waiting in a crowd", floor=4, before=a_crowd_beside, **LIST),
    Case(name="list, behind another that waits for its window", floor=10, before=a_list_beside,
         gets=(THROTTLED, THROTTLED, ok()), **{**LIST, "call": reading(deadline=1000)}),
    Case(name="list, in a backoff", floor=9, gets=(answer(503, {}), ok()), **LIST),
    Case(name="iter", covers=Tokens.iter, call=tokens_of, ends=list, floor=15, gets=WALK, pages=PAGES),
    Case(name="pages", covers=Tokens.pages, call=pages_of, ends=list, floor=15, gets=WALK, pages=PAGES),
    Case(name="refresh", floor=9, **REFRESH),
    Case(name="refresh, without save", floor=6, **{**REFRESH, "call": refresh(save=None)}),
    Case(name="refresh, with a save that fails", floor=8,
         **{**REFRESH, "call": refresh(save=fails), "ends": errors.RefreshError}),
    Case(name="refresh, with a save that hangs", floor=7,
         **{**REFRESH, "call": refresh(save=hangs), "ends": errors.RefreshError}),
    Case(name="refresh, with an answer that does not fit", floor=9,
         posts=(lambda secret: answer(200, refreshed(secret, name=5)),), **{**REFRESH, "ends": errors.RefreshError}),
    Case(name="refresh, with a secret in a 502", floor=9,
         posts=(lambda secret: answer(502, refreshed(secret)),), **{**REFRESH, "ends": errors.RefreshInDoubtError}),
    Case(name="refresh, after one try that never left", floor=11, failing_lookups=1, **REFRESH),
    Case(name="refresh, behind another of the same token", floor=9, before=a_refresh_beside, **REFRESH),
    Case(name="refresh, waiting for a slot", floor=9, before=a_list_beside, arguments=ONE, **REFRESH),
    Case(name="refresh, waiting for a rate window", floor=9, before=refreshed_before,
         posts=(lambda secret: answer(200, refreshed(secret), **FULL), promise), **REFRESH),
    Case(name="refresh, behind a proxy", floor=11, way="proxy", **REFRESH),
    Case(name="enter and leave", covers=AsyncCobalt.__aenter__, call=opened_and_closed, ends=type(None), floor=7,
         is_open=False, closes=True),
    Case(name="leave, while a refresh goes on", covers=AsyncCobalt.__aexit__, call=left_early, ends=type(None),
         floor=13, is_open=False, closes=True),
    Case(name="aclose", covers=AsyncCobalt.aclose, call=lambda scene: scene.cobalt.aclose(), ends=type(None), floor=1,
         before=warm, closes=True),
    Case(name="aclose, behind TLS", covers=AsyncCobalt.aclose, call=lambda scene: scene.cobalt.aclose(),
         ends=type(None), floor=1, before=warm, closes=True, way="tls"),
    Case(name="aclose, while a refresh goes on", covers=AsyncCobalt.aclose, call=lambda scene: scene.cobalt.aclose(),
         ends=type(None), floor=1, before=a_refresh_beside, closes=True),
]  # fmt: skip
