"""The plain server's answers, spoilt: here and there, or from some moment on for everybody."""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from attrs import field, frozen

from .server import choose
from .spoilt import Answer, Fault

_BEARER = re.compile(rb"\r\nAuthorization: Bearer ([!-~]+)")


@frozen
class Plan:
    """When something is wrong: at random in a `share` of answers, with the faults in turn; or from one on in all.

    `once`: no secret meets it twice.
    """

    faults: Sequence[Fault]
    share: float = 0.0
    from_request: int | None = None
    once: bool = False
    seed: int = 0
    met: set[bytes] = field(factory=set, init=False)


class Misbehaving:
    """The server: `requests` that came, `spoilt` answers."""

    def __init__(self, plan: Plan) -> None:
        self.requests = 0
        self.spoilt = 0
        self._plan = plan
        self._dice = random.Random(plan.seed)  # noqa: S311 - chance that can be had again
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            is_open = True
            while is_open:
                head = await reader.readuntil(b"\r\n\r\n")
                is_open = await self._say(self._answer(head), writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _answer(self, request: bytes) -> Answer:
        plan = self._plan
        head, _, body = choose(request[:-4]).partition(b"\r\n\r\n")
        right = Answer(int(head[9:12]), body)
        self.requests += 1
        is_wrong = self._dice.random() < plan.share
        if plan.from_request is not None:
            is_wrong = self.requests > plan.from_request
        if is_wrong and plan.once:
            bearer = _BEARER.search(request)
            name = bearer[1] if bearer else b""
            is_wrong = name not in plan.met
            plan.met.add(name)
        if not is_wrong:
            return right
        self.spoilt += 1
        return plan.faults[self.spoilt % len(plan.faults)](right)

    async def _say(self, answer: Answer, writer: asyncio.StreamWriter) -> bool:
        """Write it; whether the connection goes on."""
        writer.write(answer.bytes)
        await writer.drain()
        if answer.then == "hang":
            await asyncio.Event().wait()
        if answer.then == "reset":
            writer.transport.abort()
        return answer.then == "stay"


@asynccontextmanager
async def misbehaving(plan: Plan) -> AsyncGenerator[tuple[str, Misbehaving]]:
    """Serve on this loop: the base URL, and the server."""
    server = Misbehaving(plan)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", server
    finally:
        listener.close()
        await server.stop()
