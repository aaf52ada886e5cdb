"""A pretended Cobalt under a client, in virtual time: users by secret, the documented window, and a log of requests."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditResult, AuditRun, Credential, audit
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.transport import Route
from tests.virtual_time import now

LATENCY = 0.01
_JSON = {"Content-Type": "application/json"}


class Pretended:
    """Stands in for the transport: `instead` replaces answers for one secret, or for all with None.

    `eaten`: requests that another client makes as soon as a window opens.
    """

    def __init__(self, *, limit: int = 100, window: float = 60.0, page: int = 100, eaten: int = 0) -> None:
        self.asked: list[tuple[float, str, str]] = []  # when, with which secret, for which target
        self.statuses: Counter[int] = Counter()
        self.instead: dict[str | None, Callable[[float], Response | None]] = {}
        self.strangers: Callable[[float], Response] = lambda _: refusal()  # what a secret gets that nobody has
        self._limit, self._window, self._most, self._eaten = limit, window, page, eaten
        self._owner: dict[str, str] = {}
        self._size: dict[str, int] = {}
        self._opened: dict[str, float] = {}
        self._used: Counter[str] = Counter()

    def user(self, name: str, *, secrets: int = 1, tokens: int | None = None) -> list[Credential]:
        """A user with so many secrets in the inventory, of so many tokens."""
        self._size[name] = secrets if tokens is None else tokens
        people = [Credential(f"{name} {number}", f"secret-of-{name}-{number}") for number in range(secrets)]
        self._owner.update({person.secret.reveal(): name for person in people})
        return people

    def times(self, person: Credential) -> list[float]:
        """When a credential was asked about."""
        return [at for at, secret, _ in self.asked if secret == person.secret.reveal()]

    def targets(self, person: Credential) -> list[str]:
        """What was asked for with a credential's secret."""
        return [target for _, secret, target in self.asked if secret == person.secret.reveal()]

    async def send(self, request: Request, route: Route, **_: object) -> Response:
        secret = route.secret.reveal()
        self.asked.append((now(), secret, request.target))
        await asyncio.sleep(LATENCY)
        response = None
        for key in (secret, None):
            if response is None and key in self.instead:
                response = self.instead[key](now())
        response = response or self._answer(secret, request.target)
        self.statuses[response.status] += 1
        return response

    def _answer(self, secret: str, target: str) -> Response:
        owner = self._owner.get(secret)
        if owner is None:
            return self.strangers(now())
        if now() >= self._opened.get(owner, -1e9) + self._window:
            self._opened[owner], self._used[owner] = now(), self._eaten
        if self._used[owner] >= self._limit:
            return Response(509, {**_JSON, "X-Rate-Limit-Remaining": "0"}, b"{}")
        self._used[owner] += 1
        headers = {
            **_JSON,
            "X-Rate-Limit-Get-Limit": str(self._limit),
            "X-Rate-Limit-Remaining": str(self._limit - self._used[owner]),
        }
        parameters = dict(part.split("=") for part in target.partition("?")[2].split("&"))
        start, size = int(parameters.get("cursor", 0)), min(int(parameters.get("limit", 10)), self._most)
        return Response(200, headers, self._page(owner, start, size))

    def _page(self, owner: str, start: int, size: int) -> bytes:
        end = min(start + size, self._size[owner])
        rows = [f'{{"resource":{{"id":"api_{owner}{number}","name":"n{number}"}}}}' for number in range(start, end)]
        after = f'"/tokens?cursor={end}"' if end < self._size[owner] else "null"
        return f'{{"data":[{",".join(rows)}],"pagination":{{"next_page":{after}}}}}'.encode()


def refusal(status: int = 401) -> Response:
    """Cobalt's own no."""
    return Response(status, _JSON, b'{"message":"no"}')


def dead(count: int) -> list[Credential]:
    """Credentials that nobody has."""
    return [Credential(f"dead {number}", f"nobody-{number}") for number in range(count)]


def after(calls: int, response: Response) -> Callable[[float], Response | None]:
    """This response from then on, when so many requests have been answered as usual."""
    counter = itertools.count()
    return lambda _: response if next(counter) >= calls else None


@asynccontextmanager
async def audited(
    world: Pretended,
    people: Iterable[Credential] | AsyncIterable[Credential],
    *,
    token: str | None = None,
    base_url: str | None = "http://127.0.0.1:9",
    **more: Any,
) -> AsyncIterator[AuditRun]:
    """An audit of this world that was entered."""
    async with AsyncCobalt(token, base_url=base_url) as cobalt:
        cobalt._root.refreshes.exchange._transport = cast(Any, world)
        async with audit(cobalt, people, **more) as run:
            yield run


async def run_audit(
    world: Pretended,
    people: Iterable[Credential] | AsyncIterable[Credential],
    *,
    concurrency: int = 8,
    **more: Any,
) -> tuple[dict[str, AuditResult], AuditRun, float]:
    """The results by label, the run, and when on the loop's clock it ended."""
    found: dict[str, AuditResult] = {}
    async with audited(world, people, concurrency=concurrency, **more) as run:
        async for result in run:
            assert result.label not in found
            found[result.label] = result
        ended = now()
    return found, run, ended
