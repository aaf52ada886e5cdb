"""The real rotate() and resume() in the model's world: its network, disk and store in place of real ones."""

import contextlib
import errno
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from cobalt_async import AsyncCobalt, RetryPolicy, Secret
from cobalt_async.errors import CobaltError, NoAnswerError, NotSentError, StoreConflictError, StoreError
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.rotation import Journal, Rotation, State, account, driver, refreshes, resume, rotate, spooled_secret
from cobalt_async.rotation.points import Point
from cobalt_async.rotation.spool import Spool
from cobalt_async.transport import OnAnswer, Route
from tests.rotation.choices import Oracle
from tests.rotation.judging import Judge
from tests.rotation.world import Death, Reply, Setting, World

ROTATE = sys.modules["cobalt_async.rotation.rotate"]  # the function of that name stands before the module
_WAITS: dict[str, Any] = {"prove_within": 0.0, "old_dead_within": 0.0}


@frozen
class Done:
    """What the real code did with one list of choices."""

    reports: tuple[State, ...]
    objections: tuple[str, ...]
    sent: int
    store: str
    spooled: str | None
    trace: tuple[tuple[int, int], ...]


class _Network:
    """A transport that carries every request into the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Nothing is to be closed."""

    async def send(
        self,
        request: Request,
        route: Route,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        secret = route.secret.reveal()
        if request.method == "POST":
            outcome = self._post(request, secret, on_leave)
        elif "limit=1&" in request.target + "&":
            outcome = _ASKED[self._world.ask(secret)]()
        else:
            listed = self._world.listed(secret)
            outcome = _page(listed) if isinstance(listed, list) else _ASKED[listed]()
        if isinstance(outcome, CobaltError):
            raise outcome
        if on_answer is not None:
            on_answer(outcome.status, outcome.body, not outcome.cut)
        return outcome

    def _post(self, request: Request, secret: str, on_leave: Callable[[], None] | None) -> Response | CobaltError:
        key = request.headers["Idempotency-Key"]
        token_id = request.target.split("/")[2]
        reply = self._world.post(secret, token_id, key)
        if reply.kind == "not left":
            return NotSentError("POST", "no way there")
        if on_leave is not None:
            on_leave()
        return NoAnswerError("POST", "it is lost") if reply.kind == "silence" else _answer(reply)


def _page(listed: list[tuple[str, str]]) -> Response:
    rows = ",".join(f'{{"resource":{{"id":"{token_id}","name":"{name}"}}}}' for token_id, name in listed)
    body = f'{{"data":[{rows}],"pagination":{{"next_page":null,"prev_page":null}}}}'
    return Response(200, {}, body.encode())


_ASKED: Mapping[str, Callable[[], Response | CobaltError]] = {
    "alive": lambda: _page([]),
    "dead": lambda: Response(401, {}, b""),
    "unclear": lambda: NoAnswerError("GET /tokens", "it is lost"),
}


def _answer(reply: Reply) -> Response:
    if reply.kind == "cut":
        return Response(reply.status, {}, b'{"id":"api_t","secret":"T', flaw="it ended early", cut=True)
    if reply.secret is None:
        return Response(reply.status, {}, b"")
    body = f'{{"id":"{reply.token_id}","secret":"{reply.secret}","name":"ci","expire_at":null}}'
    return Response(reply.status, {}, body.encode())


class _Store:
    """The world's store."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def check(self) -> str:
        return str(self._world.version)

    async def read(self) -> Secret:
        return Secret(self._world.store)

    async def write(self, secret: Secret, expected_version: str | None) -> None:
        if self._world.store == secret.reveal():
            return
        written = self._world.write(secret.reveal(), None if expected_version is None else int(expected_version))
        if written == "taken":
            raise StoreConflictError("the store", "somebody else wrote to it")
        if written == "failed":
            raise StoreError("the store", "it failed")

    async def describe(self) -> str:
        return "the store"


@contextlib.contextmanager
def _in_this_world(world: World) -> Iterator[None]:
    """Nothing goes wrong before the intent is written down; from then on everything may."""
    keep, reserve, watch = Spool.keep, Spool.reserve, driver.Driver._watch

    def reached(point: Point) -> None:
        if point is Point.INTENT:
            world.left, world.sent = world.setting.faults, 0
        if point is not Point.CHECKED:
            world.point(point.value)

    def reserving(spool: Spool, rotation_id: str, number: int) -> None:
        if world.fault("room", "ok", "full") == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(spool, rotation_id, number)

    def keeping(spool: Spool, rotation_id: str, number: int, answer: bytes) -> None:
        written = world.disk("spool")
        if written == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        keep(spool, rotation_id, number, answer if written == "ok" else answer[: answer.find(b'"secret"') + 11])
        if written == "torn":
            raise Death("in the middle of the spool's write")

    async def watching(running: driver.Driver) -> Any:
        world.pass_time()
        return await watch(running)

    world.left = 0
    with pytest.MonkeyPatch.context() as patch:
        for module in (account, driver, refreshes, ROTATE):
            patch.setattr(module, "reached", reached)
        patch.setattr(Spool, "reserve", reserving)
        patch.setattr(Spool, "keep", keeping)
        patch.setattr(driver.Driver, "_watch", watching)
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


Act = Callable[[AsyncCobalt, dict[str, Any]], Awaitable[Rotation | tuple[Rotation, ...]]]


async def _run(world: World, journal: Journal, act: Act) -> Rotation | tuple[Rotation, ...]:
    """One process: a client that holds the old secret, until it ends or dies."""
    retry = RetryPolicy(tries=1)
    async with AsyncCobalt(world.old, base_url="http://127.0.0.1:9", retry=retry) as cobalt:
        network: Any = _Network(world)
        cobalt._root._transport, kept = network, cobalt._root._transport
        cobalt._root.refreshes.exchange._transport = network

        def tell(line: str) -> None:
            if line.startswith("a request is in doubt"):
                world.wait()

        sibling = None if world.setting.sibling == "none" else "S"
        given = {"store": _Store(world), "journal": journal, "sibling": sibling, "tell": tell, **_WAITS}
        try:
            return await act(cobalt, given)
        finally:
            await kept.close()


async def _begin(cobalt: AsyncCobalt, given: dict[str, Any]) -> Rotation:
    token_id = _first_id(given)
    return await rotate(cobalt, token_id, accept_one_shot=True, **given)


def _first_id(given: dict[str, Any]) -> str:
    return str(given["store"]._world.token_id)


async def play(setting: Setting, oracle: Oracle, folder: Path) -> Done:
    """The real code, with this list of choices: rotate, resume after each death, and then on a healthy network."""
    world, journal = World(oracle, setting), Journal(folder)
    judge, healthy = Judge(world), 0
    act: Act = _begin
    with _in_this_world(world):
        while True:
            try:
                told = await _run(world, journal, act)
            except Death as death:
                judge.died(str(death), [], _spooled(journal))
                act = _again
                continue
            [entry] = journal.entries().values()
            state = State(entry.state) if not told else told.state if isinstance(told, Rotation) else told[0].state
            in_memory = isinstance(told, Rotation) and told.refreshed is not None
            judge.reported(state, _spooled(journal), in_memory=in_memory, healthy=bool(healthy))
            if not journal.waiting() or healthy == 2:
                break
            healthy += 1
            world.heal(told=state is State.MISMATCH)
            act = _again
        judge.at_last(_spooled(journal))
    return Done(
        reports=tuple(judge.reports),
        objections=tuple(judge.objections),
        sent=world.sent,
        store=world.store,
        spooled=_spooled(journal),
        trace=tuple(oracle.trace),
    )


async def _again(cobalt: AsyncCobalt, given: dict[str, Any]) -> tuple[Rotation, ...]:
    journal = given.pop("journal")
    return await resume(journal, cobalt=cobalt, secret=given["store"]._world.old, **given)


def _spooled(journal: Journal) -> str | None:
    [name] = journal.entries()
    found = spooled_secret(journal, name)
    return None if found is None else found.reveal()
