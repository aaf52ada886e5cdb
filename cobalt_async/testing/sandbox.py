"""CobaltSandbox: a real HTTP server that behaves as Cobalt documents, and misbehaves on demand."""

import random
from types import TracebackType
from typing import Final, Literal, Self

from . import arguments
from .clock import Clock
from .endpoints import Endpoints
from .faults import Faults
from .limits import RateLimit
from .messages import SeenRequest
from .serving import Serving
from .switches import Switches, rate_limit_of
from .thread import ServingThread
from .world import SandboxUser, World

_REQUESTS_KEPT: Final = 10_000
_LAST_PORT: Final = 65_535


class CobaltSandbox:
    """Cobalt's token endpoints over real HTTP, on a free port of `localhost`.

    `async with` serves on the running loop; plain `with` on a thread of its own, for notebooks, unittest and
    blocking clients. Users and tokens may be added before and while it is open; everything may be called from
    any thread. It opens once: RuntimeError for a second time. ValueError names an argument that is wrong.

    Documented (numbers of api/facts.md):

    * `api_version`: "v2" answers in v2 whatever was asked, as "v1" does for whoever asks for v2 (F2, F13).
    * `page_size`: tokens on a page where no `limit` is given (F9).
    * `rate_limit`: None for none, True for the documented one (F22), or a `RateLimit`.
    * `last_characters`: the last four "shown", "redacted", or the field "absent" (F8).

    Nobody has observed yet, so there is a switch for each:

    * `refreshed_id`: a refresh leaves the token's id the "same", or gives it a "new" one (F14).
    * `idempotency`: keys on the refresh endpoint are "honoured" (409 on repeat), or "ignored" (F17 to F19).
    * `replayed_key_first`: a dead secret with a used key gets 409; False: 401.
    * `next_page_keeps_limit`: next_page and prev_page carry the `limit` that was asked for (F10).
    * `old_secret_lives`: seconds on the sandbox's clock for which an old secret still works (F12 says 0).
    * `self_refresh`: a token may refresh itself; False: 403.
    * `limit_status`: over the limit, 509 or 429 (F25), and `retry_after` adds the seconds left of the window
      (F24).
    * `max_limit`: the largest `limit`; one above is "capped" or "refused" with 422, as `over_max_limit` says
      (F9).
    * `unauthorized_limit`: so many 401s in a window, from anywhere; what would be a 401 then gets
      `limit_status`.

    `port`: 0 takes a free one. `seed`: makes ids, secrets and cursors the same each time; None: unguessable.
    """

    def __init__(
        self,
        api_version: Literal["v1", "v2"] = "v1",
        page_size: int = 10,
        rate_limit: RateLimit | Literal[True] | None = None,
        *,
        port: int = 0,
        seed: int | None = None,
        refreshed_id: Literal["same", "new"] = "same",
        idempotency: Literal["honoured", "ignored"] = "honoured",
        replayed_key_first: bool = False,
        next_page_keeps_limit: bool = False,
        old_secret_lives: float = 0.0,
        self_refresh: bool = True,
        limit_status: Literal[509, 429] = 509,
        retry_after: bool = False,
        max_limit: int | None = None,
        over_max_limit: Literal["capped", "refused"] = "capped",
        unauthorized_limit: int | None = None,
        last_characters: Literal["shown", "redacted", "absent"] = "shown",
    ) -> None:
        switches = Switches(
            api_version=api_version,
            page_size=page_size,
            rate_limit=rate_limit_of(rate_limit),
            refreshed_id=refreshed_id,
            idempotency=idempotency,
            replayed_key_first=replayed_key_first,
            next_page_keeps_limit=next_page_keeps_limit,
            old_secret_lives=old_secret_lives,
            self_refresh=self_refresh,
            limit_status=limit_status,
            retry_after=retry_after,
            max_limit=max_limit,
            over_max_limit=over_max_limit,
            unauthorized_limit=unauthorized_limit,
            last_characters=last_characters,
        )
        self._port = arguments.whole("port", port, at_least=0, at_most=_LAST_PORT)
        sources = _sources(seed)
        self._clock = Clock()
        self._faults = Faults()
        self._requests: list[SeenRequest] = []
        self._world = World(
            now=self._clock.now,
            source=sources[0],
            old_secret_lives=switches.old_secret_lives,
            new_ids=switches.refreshed_id == "new",
        )
        self._endpoints = Endpoints(self._world, switches=switches, cursor_source=sources[1])
        self._state: Literal["new", "open", "closed"] = "new"
        self._url: str | None = None
        self._serving: Serving | None = None
        self._thread: ServingThread | None = None

    def __repr__(self) -> str:
        """Show where it is, or that it is not."""
        return f"<CobaltSandbox {self._state}{'' if self._url is None else ' at ' + self._url}>"

    @property
    def url(self) -> str:
        """`http://localhost:PORT`; RuntimeError before it was opened."""
        if self._url is None:
            message = "CobaltSandbox has no url before it is opened with `with` or `async with`"
            raise RuntimeError(message)
        return self._url

    @property
    def users(self) -> tuple[SandboxUser, ...]:
        """Everybody, in the order in which they were added."""
        return self._world.users

    @property
    def requests(self) -> list[SeenRequest]:
        """What arrived, oldest first, the newest 10,000; the list itself, so that a test can clear it."""
        return self._requests

    @property
    def faults(self) -> Faults:
        """What goes wrong with the next answers."""
        return self._faults

    @property
    def clock(self) -> Clock:
        """The clock by which windows, keys and old secrets live."""
        return self._clock

    def add_user(self, name: str, *, tokens: int = 1) -> SandboxUser:
        """Add a person with this many tokens; names need not be unique."""
        return self._world.add_user(name, tokens=tokens)

    def alive(self, secret: str) -> bool:
        """Whether this secret would be recognised now, be it answered 403; False where it would get 401."""
        return self._world.holder(secret) is not None

    async def __aenter__(self) -> Self:
        """Serve on the running loop."""
        serving = self._begin()
        self._opened(serving.start(self._port))
        self._serving = serving
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection and the port."""
        if self._serving is not None:
            self._state = "closed"
            await self._serving.stop()

    def __enter__(self) -> Self:
        """Serve on a thread of its own."""
        thread = ServingThread(self._begin(), port=self._port)
        self._opened(thread.open())
        self._thread = thread
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection and the port, and wait for the thread to end."""
        if self._thread is not None:
            self._state = "closed"
            self._thread.close()

    def _begin(self) -> Serving:
        if self._state != "new":
            message = f"CobaltSandbox is {self._state}: it opens once, so make another"
            raise RuntimeError(message)
        return Serving(self._endpoints.answer, faults=self._faults, seen=self._remember)

    def _opened(self, port: int) -> None:
        self._state = "open"
        self._url = f"http://localhost:{port}"

    def _remember(self, seen: SeenRequest) -> None:
        self._requests.append(seen)
        if len(self._requests) > _REQUESTS_KEPT:
            del self._requests[0]


def _sources(seed: int | None) -> tuple[random.Random, random.Random]:
    """Give a source for ids and secrets, and one for cursors, so that reading changes no secret to come."""
    if seed is None:
        return random.SystemRandom(), random.SystemRandom()
    arguments.whole("seed", seed, at_least=0)
    return random.Random(f"tokens {seed}"), random.Random(f"cursors {seed}")
