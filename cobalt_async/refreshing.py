"""One refresh, from its first byte to its secret in safe hands: the request whose answer must not be lost."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from .errors import (
    CobaltError,
    ConfigurationError,
    NoAnswerError,
    NotSentError,
    RefreshError,
    RefreshInDoubtError,
    SecretLostError,
    UnreadableError,
)
from .exchange import Exchange
from .models import RefreshedToken
from .must_finish import Dropped, Finishers
from .protocol import answers
from .protocol.answers import DOUBTFUL, Response
from .protocol.requests import Request
from .secret import Secret
from .successors import Successors
from .transport import OnAnswer
from .turnstile import CLOSED, Call

T = TypeVar("T")
Save = Callable[[RefreshedToken], Awaitable[object]]

_log = logging.getLogger("cobalt_async")
_MOST_DOUBTS = 10_000


class Refreshes:
    """What the refreshes of one client share: those under way, ids in doubt, secrets that nobody has taken."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.successors: Successors = Successors(exchange.user_of)
        self.unclaimed: list[RefreshedToken] = []
        self._finishers = Finishers()
        self._doubts: OrderedDict[str, bytes] = OrderedDict()  # by id, who asked
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, token_id: str, request: Request, call: Call, *, save: Save | None) -> RefreshedToken:
        """Refresh, save, and hand over; a cancellation waits for it once the request may have left."""
        self._check()
        refresh = _Refresh(self, token_id, request, call, save)
        try:
            refreshed = await self._sent(request, refresh.run, committed=lambda: refresh.left)
        except RefreshError as error:
            self.claim(error.refreshed)
            raise
        except asyncio.CancelledError:
            refresh.report()
            raise
        self.claim(refreshed)
        return refreshed

    async def change(
        self, request: Request, call: Call, *, on_answer: OnAnswer, on_leave: Callable[[], None]
    ) -> Response:
        """The answer to a refresh that is a part of greater work; once the client closes it goes now or not at all."""
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            on_leave()

        if self._finishers.closing:
            call = call.without_waiting()
        post = partial(self.exchange.post, request, call, on_answer=on_answer, on_leave=leave)
        return await self._sent(request, post, committed=lambda: left)

    async def finish(self, work: Callable[[], Coroutine[Any, Any, T]], *, committed: Callable[[], bool]) -> T:
        """Await work that a cancellation may not tear apart once it is `committed`; Dropped where it is not, and the
        client closes.
        """
        self._check()
        return await self._finishers.run(work, committed=committed)

    async def _sent(
        self, request: Request, work: Callable[[], Coroutine[Any, Any, T]], *, committed: Callable[[], bool]
    ) -> T:
        """The same for the work of one request."""
        try:
            return await self._finishers.run(work, committed=committed)
        except Dropped:
            pass
        raise NotSentError(str(request), CLOSED)

    def _check(self) -> None:
        """ConfigurationError where the client is being closed: what must finish is not begun any more."""
        if self._finishers.closing:
            raise ConfigurationError("this client is closed; make a new one")

    async def close(self) -> None:
        """Drop what has not left, and wait for all that may have."""
        await self._finishers.close()

    def claim(self, refreshed: RefreshedToken | None) -> None:
        """The secret is in somebody's hands."""
        self.unclaimed[:] = [kept for kept in self.unclaimed if kept is not refreshed]

    def lock(self, token_id: str) -> asyncio.Lock:
        """Two refreshes of one token run one after the other."""
        return self._locks.setdefault(token_id, asyncio.Lock())

    def explains(self, token_id: str, secret: Secret, status: int) -> bool:
        """Whether an earlier refresh of this id in doubt is why this one, with this secret, is answered so.

        A 401 is about the secret that asks, and explained only where the same one asked before.
        """
        asked = self._doubts.get(token_id)
        if asked is None or status not in (401, 404, 409):
            return False
        return status != 401 or asked == self.exchange.user_of(secret)

    def doubt(self, token_id: str, secret: Secret) -> None:
        """A refresh of this id that left with this secret ended in doubt; the newest 10,000 doubts are kept."""
        self.settle(token_id)
        self._doubts[token_id] = self.exchange.user_of(secret)
        if len(self._doubts) > _MOST_DOUBTS:
            self._doubts.popitem(last=False)

    def settle(self, token_id: str) -> None:
        """What became of this id is known."""
        self._doubts.pop(token_id, None)


class _Refresh:
    """One refresh. `left` is True while the request may have reached Cobalt and its end is not known."""

    def __init__(self, shared: Refreshes, token_id: str, request: Request, call: Call, save: Save | None) -> None:
        self.left = False
        self._failure: CobaltError | None = None
        self._new: RefreshedToken | None = None
        self._shared = shared
        self._token_id = token_id
        self._request = request
        self._call = call
        self._save = save

    async def run(self) -> RefreshedToken:
        lock = self._shared.lock(self._token_id)
        try:
            async with asyncio.timeout_at(self._call.route.deadline):
                await lock.acquire()
        except TimeoutError:
            lock_taken = False
        else:
            lock_taken = True
        if not lock_taken:
            raise NotSentError(str(self._request), "the deadline passed behind another refresh of this token")
        try:
            return await self._run()
        except CobaltError as error:
            self._failure = error
            raise
        finally:
            lock.release()

    def report(self) -> None:
        """Log how it ended, for a caller who was cancelled and will not learn it otherwise."""
        if self._new is not None and self._new in self._shared.unclaimed:
            text = (
                "refresh of %s: its caller was cancelled; the new secret is in AsyncCobalt.unclaimed and nowhere else"
            )
            _log.warning(text, self._token_id)
        elif self._failure is not None:
            _log.warning("after its caller was cancelled: %s", self._failure)

    async def _run(self) -> RefreshedToken:
        try:
            response = await self._shared.exchange.post(self._request, self._call, on_answer=None, on_leave=self._leave)
        except (NoAnswerError, UnreadableError) as error:
            doubt = error.why if isinstance(error, NoAnswerError) else error.flaw
        except BaseException:
            if self.left:  # the loop is going down: nobody will learn how this ended
                self._doubt()
            raise
        else:
            return await self._read(response)
        self._doubt()
        raise RefreshInDoubtError(self._token_id, doubt)

    def _leave(self) -> None:
        self.left = True

    def _doubt(self) -> None:
        self._shared.doubt(self._token_id, self._call.route.secret)

    async def _read(self, response: Response) -> RefreshedToken:
        """The answer by its status, as design and documents have it."""
        status = response.status
        if status == 509 or (400 <= status < 500 and status not in DOUBTFUL):
            raise self._refused(response)
        if not 200 <= status < 300:
            return await self._salvage(response, f"it was answered {status}" if status else f"{response.flaw}")
        refreshed = answers.read_refreshed(response)
        if isinstance(refreshed, str):
            return await self._salvage(response, f"its answer does not fit ({refreshed})")
        flaw = await self._keep(refreshed)
        if flaw is not None:
            raise RefreshError(self._token_id, f"it ran, but its {flaw}", refreshed=refreshed)
        return refreshed

    def _refused(self, response: Response) -> CobaltError:
        """What a no means: after an earlier refresh in doubt, that by all appearances it ran and its secret is gone."""
        secret, status = self._call.route.secret, response.status
        if self._shared.explains(self._token_id, secret, status):
            why = f"by all appearances an earlier one ran whose answer was lost (now it is answered {status})"
            return SecretLostError(self._token_id, why)
        return answers.refusal(self._request, response, secret)

    async def _salvage(self, response: Response, why: str) -> RefreshedToken:
        """An answer that does not fit: a whole secret in it is kept, and raised; without one there is doubt."""
        refreshed = answers.salvage(response, self._token_id)
        if refreshed is not None:
            flaw = await self._keep(refreshed)
            if flaw is not None:
                why = f"{why}, and its {flaw}"
            kind = RefreshError if response.is_success else RefreshInDoubtError
            raise kind(self._token_id, why, refreshed=refreshed, saved=self._save is not None and flaw is None)
        self._doubt()
        raise RefreshInDoubtError(self._token_id, why)

    async def _keep(self, refreshed: RefreshedToken) -> str | None:
        """The secret is here: from now on it stands where it can be found, until it is saved or handed over.

        What kept `save` from taking it, None where it did or there is none.
        """
        self._new = refreshed
        self._shared.settle(self._token_id)
        self._shared.unclaimed.append(refreshed)
        exchange = self._shared.exchange
        exchange.same_user(self._call.user, exchange.user_of(refreshed.secret))
        if self._save is None:
            return None
        seconds = self._call.route.timeouts.refresh
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                await self._save(refreshed)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return "save was cancelled"
        except Exception as error:  # noqa: BLE001 - the caller's code may raise anything; the secret comes first
            return f"save did not end within {seconds:g} s" if scope.expired() else f"save failed ({_name(error)})"
        self._shared.claim(refreshed)
        return None


def _name(error: Exception) -> str:
    """An exception of the caller's without its text, which may hold the secret."""
    number = error.errno if isinstance(error, OSError) else None
    return type(error).__name__ if number is None else f"{type(error).__name__}: {os.strerror(number)}"
