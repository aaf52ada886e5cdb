"""C rows: each public coroutine is cancelled at every one of its suspensions, in every way it may have to wait."""

import ast
import asyncio
import functools
import inspect
import typing
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import cobalt_async
from cobalt_async import AsyncCobalt, errors
from cobalt_async.must_finish import Finishers
from cobalt_async.turnstile import Turnstile
from tests.faults.calls import CASES
from tests.faults.hunting import Hunt, hunt
from tests.faults.raw import TALLY, TOKEN
from tests.faults.scenes import Case
from tests.faults.stepping import PACKAGE, How
from tests.virtual_time import VirtualLoop

pytestmark = pytest.mark.filterwarnings("ignore:closed with new secrets:RuntimeWarning")


@functools.cache
def hunted(case: Case) -> tuple[Hunt, ...]:
    """Each way of cancelling a call, on a clock that leaps over backoffs and rate windows."""
    ways: tuple[How, ...] = ("asleep", "waking", "thrice")
    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        return tuple(runner.run(hunt(case, how)) for how in ways)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_c01_a_call_is_cancelled_at_every_suspension(case: Case) -> None:
    """C01, C02: cancelled once or three times wherever it waits: CancelledError, no secret lost, nothing left."""
    for one in hunted(case):
        assert one.suspensions >= case.floor
        assert one.cancelled >= case.floor


def awaits() -> Iterator[tuple[str, range, str]]:
    """Every `await`, `async for` and `async with` of the client: in which file, on which lines, in words.

    The lines of an `async with` are those of its block too: it is left by what happens there.
    """
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name.partition("/")[0] in ("audit", "cli", "rotation", "testing"):
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                yield name, lines, ast.unparse(node).partition("\n")[0]


NEVER = {
    "await self._slots.acquire()": "of the two lines that say so, one is for a slot that is free; the other is found",
    "await send(conn)": "so few bytes go into the socket's buffer at once",
}
ELSEWHERE = {  # what the audit and the rotation alone wait for is cancelled in their own tests
    "await self._root.refreshes.exchange.fetch(request, Call(route, NOBODY, self._retry))": "test_audit_cancelled",
    "await self._carry(request, call, on_answer, on_leave)": "test_audit_cancelled",
    "await refreshes.change(request, call, on_answer=on_answer, on_leave=on_leave)": "rotation/test_cancelled",
    "await self._sent(request, post, committed=lambda: left)": "rotation/test_cancelled",
    "await self._root.refreshes.finish(work, committed=committed)": "rotation/test_cancelled",
    "await self._refreshes.successors.of(call.route.secret, call.waits_until())": "test_successors",
    "async with asyncio.timeout_at(until):": "test_successors",
    "await replacement.ended.wait()": "test_successors",
}


def test_c01_no_await_of_the_client_was_left_out() -> None:
    """C01: every line of the client that waits was suspended at one cancellation at least; the rest never suspends."""
    cancelled_at = {place for case in CASES for one in hunted(case) for place in one.places}
    found = {(file, text) for file, lines, text in awaits() if any((file, line) in cancelled_at for line in lines)}
    missed = {(file, text) for file, _, text in awaits()} - found
    assert {what for what in missed if what[1] not in NEVER.keys() | ELSEWHERE.keys()} == set()
    assert len(found) >= 35


def coroutines(*kinds: type) -> set[str]:
    """The public methods of classes that one awaits, enters or iterates, by their qualified names."""
    found = set()
    for kind in kinds:
        for name, member in inspect.getmembers(kind, inspect.isfunction):
            is_public = not name.startswith("_") or (name.startswith("__") and name.endswith("__"))
            promised = typing.get_origin(typing.get_type_hints(member).get("return")) if is_public else None
            waits = isinstance(promised, type) and issubclass(promised, Awaitable | AsyncIterable)
            if is_public and (waits or inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)):
                found.add(member.__qualname__)
    return found


def test_c01_no_public_coroutine_is_left_out() -> None:
    """C01: a public coroutine or async generator that nobody has written a case for is noticed."""
    doors = [getattr(cobalt_async, name) for name in cobalt_async.__all__]
    kinds = {door for door in doors if inspect.isclass(door)} | {type(AsyncCobalt(TOKEN).tokens)}
    assert coroutines(*kinds) == {case.covers.__qualname__ for case in CASES}
    assert not [door for door in doors if inspect.iscoroutinefunction(door) or inspect.isasyncgenfunction(door)]


def test_c01_the_search_for_coroutines_finds_each_kind() -> None:
    """C01: a coroutine, an async generator, and what only promises one: all are found; what is private is not."""

    class Strange:
        async def coroutine(self) -> None: ...

        async def generator(self) -> AsyncIterator[int]:
            yield 1

        def promises(self) -> AsyncIterator[int]:
            return self.generator()

        def plain(self) -> int:
            return 1

        async def _private(self) -> None: ...

    found = {name.rpartition(".")[2] for name in coroutines(Strange)}
    assert found == {"coroutine", "generator", "promises"}


async def unprotected(self: Finishers, work: Any, *, committed: Callable[[], bool]) -> Any:
    """Must-finish work that need not."""
    return await work()


async def impatient(self: Finishers) -> None:
    """A wait for must-finish work that a cancellation ends."""
    await asyncio.wait(self._tasks)


def forgetful(self: Turnstile, caller: Any) -> None:
    """A caller who gives up and keeps the turn."""
    caller.turn.cancel()


LOSES, HOLDS = "a secret was lost", "it never came true"
MUTANTS = [
    (Finishers, "run", unprotected, "refresh", LOSES),
    (Finishers, "run", unprotected, "refresh, without save", LOSES),
    (Finishers, "run", unprotected, "refresh, with a save that hangs", LOSES),
    (Finishers, "close", impatient, "aclose, while a refresh goes on", "the client was closed; it may have run"),
    (Turnstile, "_abandon", forgetful, "list, behind another that waits for its window", HOLDS),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant[3])
def test_c01_the_hunt_finds_what_is_not_protected(mutant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """C01: without what protects it, the same hunt of the same call fails: it can fail."""
    kind, name, instead, hunts, says = mutant
    monkeypatch.setattr(kind, name, instead)
    before = dict(TALLY)
    try:
        with pytest.raises((AssertionError, errors.RefreshInDoubtError), match=says):
            hunted.__wrapped__(next(case for case in CASES if case.name == hunts))
    finally:
        TALLY.update(before)  # what a mutant loses is not ours
