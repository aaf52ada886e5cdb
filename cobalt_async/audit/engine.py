"""audit(): many credentials, a bounded window, one AuditResult each, as they land."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Iterable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self

from ..client import AsyncCobalt
from ..errors import CobaltError, ConfigurationError
from ..models import Token
from ..protocol.hosts import Region
from ..protocol.requests import check_count
from . import verdicts
from .credential import Credential
from .places import Place, places
from .source import Source
from .tally import Report, Tally
from .verdicts import AuditResult, Verdict

_MOST_HELD = 10_000  # 401s that wait for a live answer
_PAGE = 100  # tokens (F10)


def audit(
    cobalt: AsyncCobalt,
    credentials: Iterable[Credential] | AsyncIterable[Credential],
    *,
    concurrency: int = 64,
    rate: float = 20.0,
    regions: Sequence[Region] = (),
    policy: object = None,
    baseline: object = None,
    ledger: Iterable[object] = (),
) -> "AuditRun":
    """Ask for each credential whether it is alive, and which tokens its user has.

    `cobalt` is open while the audit is iterated; it needs no token of its own, and where it has one, that is
    asked once as a control. `credentials` are read as they are needed; a plain iterable on the event loop, so
    what blocks belongs into an async one.
    `concurrency`: how many are under way or wait to be taken, 1 to the client's `max_connections`.
    `rate`: page requests a second for each host, 0 for no limit; loopback is never limited, and what the
    client sends again after a failure comes on top.
    `regions`: "us", "eu" or both: each credential is asked there in this order until one answers 200; DEAD is
    one that is refused in all of them.
    `policy`, `baseline` and `ledger` are there for the next version: this one does not read them.

    A wrong argument is a ConfigurationError, before anything is sent.
    """
    if not isinstance(cobalt, AsyncCobalt):
        raise ConfigurationError(f"cobalt: an AsyncCobalt, not {type(cobalt).__name__}")
    if check_count(concurrency, "concurrency") > cobalt.max_connections:
        most = cobalt.max_connections
        raise ConfigurationError(f"concurrency: at most the client's max_connections, which is {most}")
    unread = {"policy": policy is not None, "baseline": baseline is not None, "ledger": ledger != ()}
    for name, given in unread.items():
        if given:
            raise ConfigurationError(f"{name}: this version does not read it yet; leave it out")
    return AuditRun(cobalt, Source(credentials), places(cobalt, regions, rate=rate), concurrency=concurrency)


class AuditRun:
    """One audit under way, made by `audit()`: `async with` it, iterate it, read its report.

    Results come as they land, in no order; nothing is asked before the first is waited for. However the
    caller leaves, no task and no open generator stays behind. An exception of the credentials' iterable is
    raised once: where the iteration ends, or else on leaving.
    """

    def __init__(self, cobalt: AsyncCobalt, source: Source, where: tuple[Place, ...], *, concurrency: int) -> None:
        self._cobalt = cobalt
        self._source = source
        self._places = where
        self._window = asyncio.Semaphore(concurrency)  # one each, from pulled to handed out or held
        self._landed: deque[AuditResult] = deque()
        self._held: list[AuditResult] = []  # DEAD, if a live answer comes
        self._released: deque[AuditResult] = deque()  # held once; outside of the window
        self._stirred = asyncio.Event()
        self._owner = asyncio.TaskGroup()
        self._conductor: asyncio.Task[None] | None = None
        self._tally = Tally()
        self._failure: BaseException | None = None
        self._whole = False  # the inventory was read to its end, and every credential judged
        self._entered = self._left = self._waited_for = self._ended = False

    def report(self) -> Report:
        """What the results handed out so far add up to; at any time, after leaving too."""
        return self._tally.report()

    async def __aenter__(self) -> Self:
        if self._entered:
            raise ConfigurationError("this audit was entered before; make another with audit()")
        self._entered = True
        await self._owner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left = True
        try:
            if self._conductor is not None:
                self._conductor.cancel()
            await self._owner.__aexit__(None, None, None)
        finally:
            await self._source.close()
        if error is None:
            self._raise_failure()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AuditResult:
        if not self._entered or self._left:
            raise ConfigurationError("an audit is iterated inside its `async with audit(…) as run`")
        if self._waited_for:
            raise ConfigurationError("this audit is being iterated already; its results come once")
        if self._conductor is None:
            self._conductor = self._owner.create_task(self._conduct())
        self._waited_for = True
        try:
            while not (self._released or self._landed or self._ended):
                self._stirred.clear()
                await self._stirred.wait()
        finally:
            self._waited_for = False
        return self._take()

    def _take(self) -> AuditResult:
        """Hand out a result that is there, else end."""
        if self._released:
            result = self._released.popleft()
        elif self._landed:
            result = self._landed.popleft()
            self._window.release()
        else:
            self._raise_failure()
            self._tally.ended = self._whole
            raise StopAsyncIteration
        self._tally.add(result)
        return result

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # the frame is in the traceback

    async def _conduct(self) -> None:
        """Run the audit to its end: the one task of which all others are parts."""
        try:
            async with asyncio.TaskGroup() as jobs:
                jobs.create_task(self._ask_control())
                self._failure = await self._feed(jobs)
        except ExceptionGroup as group:
            self._failure = group.exceptions[0]
        except asyncio.CancelledError as error:
            if not self._left:
                self._failure = error  # the iterable raised it: no end that may pass for one
            raise
        finally:
            self._released.extend(map(verdicts.unconfirmed, self._held))
            self._held.clear()
            self._whole = self._failure is None and not self._left
            self._ended = True
            self._stirred.set()

    async def _feed(self, jobs: asyncio.TaskGroup) -> Exception | None:
        """A job for each credential, as the window allows; what the iterable raised ends it, not the jobs."""
        while True:
            await self._window.acquire()
            try:
                credential = await self._source.next()
            except Exception as error:  # noqa: BLE001 - the caller's own, raised again to the caller
                return error
            if credential is None:
                return None
            jobs.create_task(self._examine(credential))

    async def _examine(self, credential: Credential) -> None:
        """One credential, in every place until one says ALIVE."""
        by_region: list[AuditResult] = []
        for place in self._places:
            by_region.append(await self._look(credential, place))
            if by_region[-1].verdict is Verdict.ALIVE:
                break
        result = verdicts.conclude(by_region)
        if result.verdict is Verdict.DEAD and not self._has_seen_life():
            if len(self._held) < _MOST_HELD:
                self._held.append(result)
                self._window.release()
                return
            result = verdicts.unconfirmed(result)
        self._landed.append(result)
        self._stirred.set()

    async def _look(self, credential: Credential, place: Place) -> AuditResult:
        """One credential in one place: all pages of its listing, or what stopped it."""
        label, region = credential.label, place.region
        tokens: dict[str, Token] = {}
        pages = 0
        try:
            view = self._cobalt.with_token(credential.secret, region=region)
            async with aclosing(view.tokens.pages(limit=_PAGE)) as listing:
                is_last = False
                while not is_last:
                    await place.turn()
                    page = await anext(listing)
                    pages += 1
                    self._see_life(place)
                    tokens |= {token.id: token for token in page.items}
                    is_last = page.next_page is None
        except ConfigurationError:
            raise  # a bug or a misuse, and so of every credential
        except CobaltError as error:
            return verdicts.failed(label, error, region=region, pages=pages)
        return verdicts.alive(label, tuple(tokens.values()), region=region)

    async def _ask_control(self) -> None:
        """Ask the client's own token, if it has one, for a sign of life; its failure means nothing."""
        here = next((place for place in self._places if place.url == self._cobalt.base_url), None)
        if here is None or not self._cobalt.has_token:
            return
        await here.turn()
        try:
            await self._cobalt.tokens.list(limit=1)
        except ConfigurationError:
            raise  # a misuse, and so of every credential
        except CobaltError:
            pass
        else:
            self._see_life(here)

    def _has_seen_life(self) -> bool:
        return all(place.live for place in self._places)

    def _see_life(self, place: Place) -> None:
        """A readable 200 came from here; where it was the last that was missing, those held are DEAD."""
        if place.live:
            return
        place.live = True
        if self._has_seen_life():
            self._released.extend(self._held)
            self._held.clear()
            self._stirred.set()
