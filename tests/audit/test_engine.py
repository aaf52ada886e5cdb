"""Bounded, lazily, and leaving nothing behind however the caller leaves."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Credential, audit
from cobalt_async.audit import verdicts as verdicts_of_answers
from cobalt_async.audit.engine import living, refused
from cobalt_async.errors import ConfigurationError
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import ALIVE, DEAD, UNKNOWN, asked, unknown, until, verdicts


class Counted:
    """An endless iterable that knows how many were pulled from it, and whether it was closed."""

    def __init__(self, secret: str = UNKNOWN, *, most: int = 100_000) -> None:
        self.pulled = 0
        self.closed = False
        self._secret = secret
        self._most = most

    def plain(self) -> Iterator[Credential]:
        try:
            while self.pulled < self._most:
                self.pulled += 1
                yield Credential(f"row {self.pulled}", self._secret)
        finally:
            self.closed = True

    async def awaited(self) -> AsyncIterator[Credential]:
        try:
            for credential in self.plain():
                await asyncio.sleep(0)
                yield credential
        finally:
            self.closed = True


@pytest.fixture(params=["plain", "awaited"])
def kind(request: pytest.FixtureRequest) -> str:
    """The name of Counted's generator."""
    return str(request.param)


@pytest.fixture
async def alone() -> AsyncIterator[None]:
    """After the test no task runs that did not run before it."""
    before = asyncio.all_tasks()
    yield
    assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} <= before


@pytest.fixture
def live(sandbox: CobaltSandbox) -> str:
    """The secret of a live token."""
    return sandbox.add_user("ada").tokens[0].secret


async def test_the_inventory_is_pulled_no_further_than_the_window(
    cobalt: AsyncCobalt, live: str, kind: str, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the consumer, at most `concurrency` credentials are pulled beyond those handed out.

    And one that is being read, and those that wait for a made-up token's answer.
    """
    monkeypatch.setattr(living, "TOGETHER", 3)
    monkeypatch.setattr(living, "MOST", 6)
    source = Counted(live, most=100)
    taken = 0
    async with audit(cobalt, getattr(source, kind)(), concurrency=5) as run:
        async for _ in run:
            taken += 1
            for _ in range(20):
                await asyncio.sleep(0)
            assert source.pulled <= taken + 5 + 1 + 6
    assert taken == 100


async def test_refusals_that_are_held_do_not_stop_the_run(cobalt: AsyncCobalt, monkeypatch: pytest.MonkeyPatch) -> None:
    """401s that wait for a sign of life are outside of the window, up to their own bound and no further."""
    monkeypatch.setattr(refused, "MOST_HELD", 20)
    source = Counted()
    async with audit(cobalt, source.plain(), concurrency=5) as run:
        await anext(run)
        assert 20 <= source.pulled <= 20 + 1 + 5


async def test_there_are_never_more_jobs_than_credentials(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, live: str
) -> None:
    """Two credentials make two jobs beside the one that conducts, whatever `concurrency` allows."""
    before = asyncio.all_tasks()
    people = [Credential(label, live) for label in ("first", "a", "b")]

    async def slowly() -> AsyncIterator[Credential]:
        yield people[0]
        await go.wait()
        for person in people[1:]:
            yield person

    go = asyncio.Event()
    async with audit(cobalt, slowly(), concurrency=64) as run:
        await anext(run)
        sandbox.faults.delay(3600, times=None)
        go.set()
        waiting = asyncio.ensure_future(anext(run))
        await until(lambda: len(asked(sandbox, *people)) == 3)
        assert len(asyncio.all_tasks() - before) <= 2 + 1 + 1
        waiting.cancel()


async def test_results_come_as_they_land(sandbox: CobaltSandbox, cobalt: AsyncCobalt, live: str) -> None:
    """A credential whose answer does not come holds up no other."""
    people = [Credential(f"{number}", live) for number in range(22)]
    async with audit(cobalt, people, concurrency=2) as run:
        await anext(run)
        sandbox.faults.delay(3600)
        labels = {(await anext(run)).label for _ in range(20)}
    assert len(labels) == 20


async def test_leaving_by_break(cobalt: AsyncCobalt, live: str, kind: str, alone: None) -> None:
    """Nothing runs on, and the generator is closed."""
    source = Counted(live)
    async with audit(cobalt, getattr(source, kind)()) as run:
        async for _ in run:
            break
    assert source.closed
    assert run.report().total == 1
    assert not run.report().complete


async def test_leaving_by_an_exception(cobalt: AsyncCobalt, live: str, kind: str, alone: None) -> None:
    """The caller's own exception comes out as it is."""
    source = Counted(live)

    async def ask() -> None:
        async with audit(cobalt, getattr(source, kind)()) as run:
            async for _ in run:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await ask()
    assert source.closed


async def test_leaving_by_cancellation(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, live: str, kind: str, alone: None
) -> None:
    """A cancelled caller is cancelled at once, with requests under way and results on hold."""
    source = Counted(live)
    waiting = asyncio.Event()

    async def ask() -> None:
        async with audit(cobalt, getattr(source, kind)(), concurrency=7) as run:
            async for _ in run:
                sandbox.faults.delay(3600, times=None)
                waiting.set()

    asking = asyncio.ensure_future(ask())
    await waiting.wait()
    await until(lambda: source.pulled >= 7)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert source.closed


async def test_a_second_cancellation_while_leaving(cobalt: AsyncCobalt, live: str, alone: None) -> None:
    """Cancelled again while the iterable takes its time to close, the audit still leaves no task."""
    closing = asyncio.Event()

    async def stubborn() -> AsyncIterator[Credential]:
        try:
            yield Credential("a", live)
            await asyncio.Event().wait()
        finally:
            closing.set()
            await asyncio.Event().wait()

    async def ask() -> None:
        async with audit(cobalt, stubborn()) as run:
            async for _ in run:
                asyncio.current_task().cancel()  # type: ignore[union-attr]

    asking = asyncio.ensure_future(ask())
    await closing.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_never_iterating(sandbox: CobaltSandbox, cobalt: AsyncCobalt, kind: str, alone: None) -> None:
    """Entered and left: nothing is pulled, nothing is asked."""
    source = Counted()
    async with audit(cobalt, getattr(source, kind)()):
        await asyncio.sleep(0)
    assert source.pulled == 0
    assert sandbox.requests == []


async def test_an_iterable_that_raises(cobalt: AsyncCobalt, live: str, kind: str, alone: None) -> None:
    """What landed is handed out first, then its exception comes, once."""

    def plain() -> Iterator[Credential]:
        yield Credential("a", live)
        yield Credential("b", live)
        raise OSError("the vault is shut")

    async def awaited() -> AsyncIterator[Credential]:
        for credential in plain():
            yield credential

    async with audit(cobalt, plain() if kind == "plain" else awaited()) as run:
        assert {(await anext(run)).label for _ in range(2)} == {"a", "b"}
        with pytest.raises(OSError, match="the vault is shut"):
            await anext(run)
        assert [result async for result in run] == []
    assert not run.report().complete


async def test_an_iterable_that_raises_after_a_break(cobalt: AsyncCobalt, live: str, alone: None) -> None:
    """Where the caller did not iterate to it, the exception comes on leaving."""
    raised = asyncio.Event()

    def plain() -> Iterator[Credential]:
        yield Credential("a", live)
        raised.set()
        raise OSError("the vault is shut")

    async def ask() -> None:
        async with audit(cobalt, plain()) as run:
            await anext(run)
            await raised.wait()

    with pytest.raises(OSError, match="the vault is shut"):
        await ask()


async def test_the_callers_exception_goes_before_the_iterables(cobalt: AsyncCobalt, live: str) -> None:
    """Where both raise, the caller's own comes out."""

    def plain() -> Iterator[Credential]:
        yield Credential("a", live)
        raise OSError("the vault is shut")

    async def ask() -> None:
        async with audit(cobalt, plain()) as run:
            await anext(run)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await ask()


async def test_an_iterable_that_cancels_itself_is_no_end(cobalt: AsyncCobalt, alone: None) -> None:
    """A CancelledError out of the iterable does not pass for the end of the inventory."""

    async def torn() -> AsyncIterator[Credential]:
        yield Credential("a", UNKNOWN)
        raise asyncio.CancelledError

    async with audit(cobalt, torn()) as run:
        with pytest.raises(asyncio.CancelledError):
            async for _ in run:
                pass
    assert not run.report().complete


@pytest.mark.parametrize("item", ["secret", None, ("label", "secret")])
async def test_an_item_that_is_no_credential(cobalt: AsyncCobalt, item: object, alone: None) -> None:
    """A TypeError that names its type and does not repeat it."""
    items = [Credential("a", UNKNOWN), item]
    with pytest.raises(TypeError, match=f"not {type(item).__name__}$"):
        await verdicts(cobalt, items)  # type: ignore[arg-type]


async def test_a_bug_is_no_verdict(
    cobalt: AsyncCobalt, live: str, monkeypatch: pytest.MonkeyPatch, alone: None
) -> None:
    """An exception that is none of ours ends the run and comes out as it is."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(verdicts_of_answers, "alive", broken)
    source = Counted(live)
    with pytest.raises(RuntimeError, match="a bug"):
        await verdicts(cobalt, source.plain())
    assert source.closed


async def test_iterating_twice_at_once(sandbox: CobaltSandbox, cobalt: AsyncCobalt, live: str, alone: None) -> None:
    """While one waits for a result, another's wait is a ConfigurationError; the first gets its result."""
    sandbox.faults.delay(3600, times=None)
    async with audit(cobalt, [Credential("slow", live)]) as run:
        first = asyncio.ensure_future(anext(run))
        await until(lambda: sandbox.requests)
        with pytest.raises(ConfigurationError, match="already"):
            await anext(run)
        first.cancel()


async def test_a_wait_that_is_given_up_loses_nothing(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, live: str, alone: None
) -> None:
    """After a break, or a wait that was cancelled, the iteration goes on where it was."""
    source = Counted(live, most=20)
    labels = set()
    async with audit(cobalt, source.plain(), concurrency=3) as run:
        waiting = asyncio.ensure_future(anext(run))
        await until(lambda: sandbox.requests)
        if waiting.cancel():
            await asyncio.wait([waiting])
        async for result in run:
            labels.add(result.label)
            break
        async for result in run:
            labels.add(result.label)
    assert labels == {f"row {number}" for number in range(1, 21)}


async def test_the_report_adds_up(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """It counts what was handed out, at any time; at the end it is complete if nothing is unknown."""
    user = sandbox.add_user("ada", tokens=3)
    people = [Credential("a", user.tokens[0].secret), Credential("b", user.tokens[1].secret), *unknown(2)]
    async with audit(cobalt, people, concurrency=1) as run:
        assert run.report().total == 0
        await anext(run)
        early = run.report()
        async for _ in run:
            pass
    assert (early.total, early.complete) == (1, False)
    report = run.report()
    assert report.counts == {"ALIVE": 2, "DEAD": 2, "FORBIDDEN": 0, "INDETERMINATE": 0, "NOT_TRIED": 0}
    assert (report.total, report.users, report.tokens_listed, report.complete) == (4, 1, 3, True)
    assert report.reasons == {}


async def test_a_report_with_an_unknown_is_not_complete(cobalt: AsyncCobalt) -> None:
    """Incomplete is never passed for done, and the reasons are counted."""
    async with audit(cobalt, unknown(3)) as run:
        async for _ in run:
            pass
    assert not run.report().complete
    assert run.report().reasons == {"no_live_control": 3}


async def test_hundreds_at_once_are_all_right(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """Every credential comes back once with its own verdict."""
    users = [sandbox.add_user(f"user {number}") for number in range(150)]
    people = [Credential(f"live {n}", user.tokens[0].secret) for n, user in enumerate(users)]
    mixed = [one for pair in zip(people, unknown(150), strict=True) for one in pair]
    found = await verdicts(cobalt, mixed, concurrency=64)
    assert {label for label, result in found.items() if result.verdict is ALIVE} == {c.label for c in people}
    assert sum(result.verdict is DEAD for result in found.values()) == 150
    assert [found[f"live {n}"].tokens[0].id for n in range(150)] == [user.tokens[0].id for user in users]
