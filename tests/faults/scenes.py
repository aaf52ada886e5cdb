"""A call to be cancelled at each of its suspensions: what the server says, what came before, and how it ends."""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Literal

import trustme
from attrs import field, frozen

from cobalt_async import AsyncCobalt, RefreshedToken, RetryPolicy
from tests.faults.raw import NEW_SECRET, TOKEN, Exchange, Server, answer, ok, raw, refreshed, tunnel

Way = Literal["plain", "tls", "proxy"]
Reply = Callable[[str], bytes]  # a new secret -> the answer to the refresh that issued it


def promise(secret: str) -> bytes:
    """The documented answer to a refresh."""
    return answer(200, refreshed(secret))


async def ticks(number: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


class Scene:
    """One server, one client, and what happens to secrets between them."""

    def __init__(self, case: "Case") -> None:
        self.server: Server
        self.cobalt: AsyncCobalt
        self.executed: list[str] = []  # the secrets of the refreshes that the server ran
        self.saved: list[str] = []
        self.others: list[asyncio.Task[object]] = []  # calls beside the one that is cancelled; each must end well
        self.sockets: list[socket.socket] = []  # the server's ends, as requests came in on them
        self.go = asyncio.Event()  # until then the server holds the answers to those
        self._arrived = asyncio.Event()
        self._case = case
        self._readings = 0
        self._failing_lookups = case.failing_lookups

    async def save(self, fresh: RefreshedToken) -> None:
        """Keep a secret, a few ticks later."""
        await ticks(3)
        self.saved.append(fresh.secret.reveal())

    async def beside(self, call: Coroutine[Any, Any, object]) -> None:
        """Start another call, which the server holds until `go`, and wait until it has got there."""
        self._arrived.clear()
        self.others.append(asyncio.ensure_future(call))
        await self._arrived.wait()

    async def let_go(self) -> None:
        """Let the server answer; on a clock that moves only when everybody waits, a second is when that is so."""
        await asyncio.sleep(1)
        self.go.set()

    async def serve(self, exchange: Exchange) -> None:
        """Answer in pieces, each of which is read before the next is there."""
        self._arrived.set()
        self.sockets.append(exchange.writer.get_extra_info("socket"))
        if exchange.request.startswith(b"POST"):
            self.executed.append(f"{NEW_SECRET}{len(self.executed)}")
            reply = self._case.posts[min(len(self.executed), len(self._case.posts)) - 1](self.executed[-1])
        elif not any(b"Bearer " + name in exchange.request for name in (TOKEN.encode(), b"live")):
            reply = answer(401, {})
        elif b"cursor=" in exchange.request:
            page = int(exchange.request.partition(b"cursor=")[2][:1])
            reply = self._case.pages[page]
        else:
            self._readings += 1
            reply = self._case.gets[min(self._readings, len(self._case.gets)) - 1]
        if self.others and not self.go.is_set():
            await self.go.wait()
        body = reply.index(b"\r\n\r\n") + 4
        for piece in (reply[: body // 2], reply[body // 2 : body], reply[body : body + 20], reply[body + 20 :]):
            await exchange.say(piece)
            await ticks(2)

    async def look_up(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        """`localhost`, found without a thread."""
        await ticks(1)
        if self._failing_lookups:
            self._failing_lookups -= 1
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    def lost(self) -> list[str]:
        """New secrets that the server issued and that nobody has."""
        held = {*self.saved, *(fresh.secret.reveal() for fresh in self.cobalt.unclaimed)}
        for task in self.others:
            if task.exception() is None and isinstance(fresh := task.result(), RefreshedToken):
                held.add(fresh.secret.reveal())
        return [secret for secret in self.executed if secret not in held]


async def nothing(scene: Scene) -> None:
    """Nothing has happened before the call."""
    del scene


@frozen(kw_only=True, eq=False)
class Case:
    """A call, by the public coroutine that it is about; what it comes to if nobody cancels it; what surrounds it."""

    name: str
    covers: Callable[..., object]
    call: Callable[[Scene], Coroutine[Any, Any, object]]
    ends: type
    floor: int  # fewer suspensions than that, and the hunt does not hunt
    before: Callable[[Scene], Awaitable[None]] = nothing
    gets: tuple[bytes, ...] = (ok(),)
    pages: tuple[bytes, ...] = ()  # by the digit that is their cursor
    posts: tuple[Reply, ...] = (promise,)
    way: Way = "plain"
    failing_lookups: int = 0
    is_open: bool = True  # the client is open before the call
    closes: bool = False  # the client is closed after it
    arguments: dict[str, Any] = field(factory=dict)

    def __str__(self) -> str:
        return self.name

    @contextlib.asynccontextmanager
    async def scene(self) -> AsyncIterator[Scene]:
        """The server and the client of one run."""
        scene = Scene(self)
        loop: Any = asyncio.get_running_loop()
        loop.getaddrinfo = scene.look_up
        serving, asking = (None, None) if self.way == "plain" else certificates()
        async with raw(scene.serve, tls=serving) as server, raw(tunnel) as proxy:
            given = {"ssl": asking, "proxy": proxy.url if self.way == "proxy" else None, **self.arguments}
            scene.server, scene.cobalt = server, AsyncCobalt(TOKEN, base_url=server.url, **{"retry": PATIENT, **given})
            if self.is_open:
                await scene.cobalt.__aenter__()
            try:
                yield scene
            finally:
                await scene.cobalt.aclose()


PATIENT = RetryPolicy(base=10)


@functools.cache
def certificates() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server and of a client that trusts it."""
    authority = trustme.CA()
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(asking)
    return serving, asking
