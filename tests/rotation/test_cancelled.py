"""rotate() and resume(), cancelled at each of their suspensions."""

import ast
import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.errors import ConfigurationError, RefreshError
from cobalt_async.rotation import Rotation, State, resume
from cobalt_async.rotation.journal import lock_name
from cobalt_async.rotation.points import Point
from cobalt_async.testing import CobaltSandbox
from cobalt_async.transport import Transport
from tests.faults.hunting import leftovers
from tests.faults.stepping import PACKAGE, How, Place, Stepper
from tests.rotation.staging import TALLY, WAITS, MemoryStore, Stage, at_points, beside, falling, folder, leaping
from tests.virtual_time import now

Before = Callable[[Stage], Awaitable[None]]
CANCELLED_AT: set[Place] = set()
WAYS: tuple[How, ...] = ("asleep", "waking", "thrice")


class SlowStore(MemoryStore):
    """One whose every act has to wait for something."""

    async def _act(self, name: str) -> object:
        for _ in range(2):
            await asyncio.sleep(0)
        return await super()._act(name)


async def nothing(on: Stage) -> None:
    """The answer comes at once."""
    del on


async def an_answer_is_lost(on: Stage) -> None:
    """The refresh runs and its answer does not come; the sibling that recovers it is refused at first."""
    on.sandbox.faults.hang_up_after(method="POST")
    looks = 0

    async def read() -> object:
        nonlocal looks
        looks += on.posts
        if looks == 2:  # after the old secret was seen dead; the next reading is the sibling's list
            on.sandbox.faults.answer(401, {}, method="GET")
        return None

    on.memory.instead["read"] = read


async def a_request_is_lost(on: Stage) -> None:
    """The refresh does not run, and nothing says so."""
    on.sandbox.faults.hang_up_before(method="POST")


async def a_window_is_closed(on: Stage) -> None:
    """The refresh is told to come again."""
    on.sandbox.faults.answer(509, {}, {"Retry-After": "2"}, method="POST")


async def a_rival_was_faster(on: Stage) -> None:
    """The refresh is refused: somebody's else ran, and what it brought reaches the store a moment later."""
    on.sandbox.faults.answer(401, {}, method="POST")

    async def read() -> object:
        if on.posts and on.memory.text == on.old:
            on.memory.set(on.token.refresh())
        return None

    on.memory.instead["read"] = read


async def both_secrets_are_slow(on: Stage) -> None:
    """The new secret is refused at first."""

    async def read() -> object:
        if not on.posts:
            on.sandbox.faults.answer(401, {}, method="GET")  # the next reading is the one with the new secret
        return None

    on.memory.instead["read"] = read


async def hunt(place: Path, before: Before, how: How, call: Any, *, fall: Point | None = None) -> int:
    """Cancel at each suspension in turn, and judge each time; how many there were."""
    async with CobaltSandbox() as sandbox:
        for moment in itertools.count(1):
            (place / f"{how}{moment}").mkdir()
            on = Stage(sandbox, place / f"{how}{moment}", in_memory=True)
            on.store = on.memory = SlowStore(on.old)
            sandbox.requests.clear()
            async with on.client() as cobalt:
                await before(on)
                if fall is not None:
                    with falling(fall):
                        await on.rotate(cobalt)
                stepper = Stepper(moment, how)
                outcome = await stepper.outcome(call(on, cobalt))
                sandbox.faults.clear()
                await judge(on, cobalt, stepper, outcome, is_resumed=fall is not None)
            CANCELLED_AT.update(stepper.places)
            TALLY["awaits cancelled"] += stepper.was_cancelled
            if not stepper.reached:
                return moment - 1
    raise AssertionError("endless")


async def judge(on: Stage, cobalt: AsyncCobalt, stepper: Stepper, outcome: object, *, is_resumed: bool) -> None:
    """Past INTENT it went on to its end; before that, nothing was sent and nothing is left."""
    where = sorted(stepper.places)
    if stepper.was_cancelled:
        assert isinstance(outcome, asyncio.CancelledError), (outcome, where)
    state = next((entry.state for entry in on.journal.entries().values()), None)
    if state is None:
        assert on.posts == 0
    if state is not None and not (is_resumed and stepper.was_cancelled and state in ("SENT", "SPOOLED")):
        assert state in ("SUCCESS", "ADOPTED"), (state, where)
        assert on.lives(), where
        assert list(on.journal.spool.folder.iterdir()) == []
        assert (await cobalt.with_token(on.stored).tokens.list()).items
    else:
        again = await on.resume(cobalt)
        assert again is None or again.state == "SUCCESS"
        assert again is not None or on.memory.writes == 0
    if on.journal.path.exists() and (on.journal.path / "locks").exists():
        for name in (lock_name(on.url, on.token.id), "journal"):
            with on.journal.lock(name):
                pass  # it is free
    assert leftovers(cobalt) == [], where
    assert cobalt.unclaimed == ()


async def hook(rotation: Rotation) -> None:
    """A caller's, which has to wait for something."""
    assert rotation.state in ("SUCCESS", "ADOPTED")
    await asyncio.sleep(0)


def rotating(on: Stage, cobalt: AsyncCobalt) -> Coroutine[Any, Any, object]:
    """A rotation."""
    return on.rotate(cobalt, hook=hook)


def resuming(on: Stage, cobalt: AsyncCobalt) -> Coroutine[Any, Any, object]:
    """The resumption of one that fell."""
    return on.resume(cobalt)


def resuming_without_means(on: Stage, cobalt: AsyncCobalt) -> Coroutine[Any, Any, object]:
    """The same with what the journal and the store know."""
    del cobalt
    return resume(on.journal, store=on.store, settle=0.05, prove_within=0.3, old_dead_within=0.3)


def resuming_over_a_dead_one(on: Stage, cobalt: AsyncCobalt) -> Coroutine[Any, Any, object]:
    """The same, and somebody has put a secret into the store that is dead."""
    on.memory.set("what-somebody-put-there")
    return on.resume(cobalt)


@pytest.mark.parametrize(
    ("before", "floor"),
    [
        (nothing, 23),
        (an_answer_is_lost, 37),
        (a_request_is_lost, 31),
        (a_window_is_closed, 27),
        (a_rival_was_faster, 22),
        (both_secrets_are_slow, 25),
    ],
)
@leaping
async def test_rotate_is_cancelled_at_every_suspension(before: Before, floor: int) -> None:
    """Once it is written down, it finishes however often it is cancelled; before that nothing was sent or is held."""
    for how in WAYS if before is nothing else WAYS[::2]:
        with folder() as place:
            assert await hunt(place, before, how, rotating) >= floor


@pytest.mark.parametrize(
    ("call", "point", "floor"),
    [
        (resuming, Point.SENT, 17),
        (resuming, Point.RECEIVED, 20),
        (resuming, Point.SPOOLED, 9),
        (resuming_without_means, Point.SPOOLED, 12),
        (resuming_over_a_dead_one, Point.SPOOLED, 15),
    ],
)
@leaping
async def test_resume_is_cancelled_at_every_suspension(call: Any, point: Point, floor: int) -> None:
    """It finishes too, once it has begun; and before that it can be had again."""
    for how in WAYS if call is resuming else WAYS[:1]:
        with folder() as place:
            assert await hunt(place, nothing, how, call, fall=point) >= floor


def awaits() -> Iterator[tuple[str, range, str]]:
    """Every `await` and `async with` of this room: in which file, on which lines, in words."""
    for file in sorted((PACKAGE / "rotation").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                yield f"rotation/{file.name}", lines, ast.unparse(node).partition("\n")[0]


ELSEWHERE = {
    "await _followed(entry.intent.secret_ref)": "references are read in a thread, which this clock does not know",
    "await _followed(intent.sibling_ref)": "(the same)",
    "await asyncio.to_thread(read_reference, reference)": "(the same)",
    "await preflight.check(wish, salt=bytes(32))": "of plan(), which changes nothing",
    "await asyncio.sleep(_PAUSE)": "two rotations of one user: test_two_at_once.py",
    "await self._run(first, Replacement())": "as the line below it, without an old secret",
    "await asyncio.sleep(min(1.0, self._hands.patience.prove))": "a full disk: below",
    "await self._keep_spool()": "(the same)",
    "await self._end(step)": "(the same)",
}


def test_no_await_was_left_out() -> None:
    """Every line that waits was suspended at one cancellation at least."""
    if not CANCELLED_AT:
        pytest.skip("it judges the tests above, and they did not run")
    found = {what for file, lines, what in awaits() if any((file, line) in CANCELLED_AT for line in lines)}
    assert {what for _, _, what in awaits()} - found <= ELSEWHERE.keys()
    assert len(found) >= 45


@leaping
async def test_a_secret_that_no_disk_takes_outlives_a_cancellation() -> None:
    """Where neither store nor disk takes it and the caller was cancelled, it stands in the client's `unclaimed`."""
    with folder() as place:
        async with CobaltSandbox() as sandbox:
            on = Stage(sandbox, place, in_memory=True)
            began = asyncio.Event()

            async def fails() -> object:
                began.set()
                raise OSError(28, "full")

            on.memory.instead["write"] = fails
            on.no_spool()
            async with on.client() as cobalt:
                call = asyncio.ensure_future(on.rotate(cobalt))
                await began.wait()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert [kept.secret.reveal() for kept in cobalt.unclaimed] == [on.token.secret]
                cobalt.use_token(cobalt.unclaimed[0].secret)
                assert cobalt.unclaimed == ()


@leaping
async def test_a_secret_that_no_disk_takes_is_handed_over() -> None:
    """Who was not cancelled has it in `.refreshed`, and nothing is left unclaimed."""
    with folder() as place:
        async with CobaltSandbox() as sandbox:
            on = Stage(sandbox, place, in_memory=True)

            async def fails() -> object:
                raise OSError(28, "full")

            on.memory.instead["write"] = fails
            on.no_spool()
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt)
                assert rotation.state == "LOST"
                assert rotation.refreshed is not None
                assert rotation.refreshed.secret.reveal() == on.token.secret
                assert "refreshed" in rotation.advice
                assert cobalt.unclaimed == ()


@leaping
async def test_closing_ends_a_rotation_that_has_not_begun() -> None:
    """While it looks at things, closing the client makes it REFUSED, at once: nothing was sent or written down."""
    async with beside() as on:
        cobalt = await on.client().__aenter__()
        looking, go = asyncio.Event(), asyncio.Event()

        async def check() -> object:
            looking.set()
            await go.wait()
            return None

        on.memory.instead["check"] = check
        call = asyncio.ensure_future(on.rotate(cobalt))
        await looking.wait()
        await cobalt.aclose()
        rotation = await call
        assert (rotation.state, rotation.why) == (State.REFUSED, "the client was closed")
        assert (on.posts, on.journal.entries()) == (0, {})


@pytest.mark.parametrize("moment", [Point.RECEIVED, Point.ANSWERED])
@leaping
async def test_closing_does_not_wait_for_a_rate_window(moment: Point) -> None:
    """A rotation whose refresh is told to wait for its window, or waits for it, ends as NOT_ROTATED on closing."""
    async with beside() as on:
        cobalt = await on.client().__aenter__()
        on.sandbox.faults.answer(509, {}, {"Retry-After": "90"}, method="POST")
        closing: list[asyncio.Task[None]] = []

        def reached(point: Point) -> None:
            if point is moment and not closing:
                closing.append(asyncio.ensure_future(aclose()))

        async def aclose() -> None:
            await asyncio.sleep(0.0 if moment is Point.RECEIVED else 1.0)
            await cobalt.aclose()

        with at_points(reached):
            rotation = await on.rotate(cobalt)
        await closing[0]
        assert rotation.state is State.NOT_ROTATED, rotation
        assert on.posts == 1
        assert now() < 10


@leaping
async def test_closing_waits_for_a_rotation_that_goes_on() -> None:
    """Once its refresh has left, all that a rotation still has to ask is asked before the client is closed."""
    async with beside() as on:
        cobalt = await on.client().__aenter__()
        on.sandbox.faults.hang_up_after(method="POST")  # it has to be recovered with the sibling
        closing: list[asyncio.Task[None]] = []

        def reached(point: Point) -> None:
            if point is Point.ANSWERED and not closing:
                closing.append(asyncio.ensure_future(cobalt.aclose()))

        with at_points(reached):
            rotation = await on.rotate(cobalt)
        await asyncio.gather(*closing)
        assert rotation.state is State.SUCCESS, rotation
        assert on.posts == 2
        with pytest.raises(ConfigurationError, match="closed"):
            await on.rotate(cobalt)


async def full() -> object:
    """A store that takes nothing."""
    raise OSError(28, "full")


async def two_fell(on: Stage) -> None:
    """Two rotations were about to send; now neither disk nor store takes anything."""
    for token, old in ((on.token, on.old), (on.other, on.other.secret)):
        on.memory.text = old
        async with on.client(old) as cobalt:
            with falling(Point.SENT):
                await on.rotate(cobalt, token_id=token.id)
    on.memory.text = on.old
    on.memory.instead["write"] = full
    on.no_spool()


@pytest.mark.parametrize("is_given", [True, False], ids=["a client", "none"])
@leaping
async def test_resuming_hands_over_what_stands_nowhere_else(is_given: bool) -> None:
    """It comes at once, before the next rotation is taken up; nothing is unclaimed, nothing is left out for good."""
    async with beside() as on:
        await two_fell(on)
        async with on.client() as cobalt:
            means: dict[str, Any] = {"store": on.store, "secret": on.old, "cobalt": cobalt if is_given else None}
            [rotation] = await resume(on.journal, **means, **WAITS)
            assert cobalt.unclaimed == ()
        assert rotation.state is State.LOST
        assert rotation.refreshed is not None
        assert rotation.refreshed.secret.reveal() == on.token.secret
        assert on.posts == 1
        on.memory.text = on.other.secret
        async with on.client() as cobalt:
            [rotation] = await resume(on.journal, cobalt=cobalt, store=on.store, secret=on.other.secret, **WAITS)
            assert rotation.token_id == on.other.id


@pytest.mark.parametrize("is_given", [True, False], ids=["a client", "none"])
@pytest.mark.parametrize("thrice", [False, True])
@leaping
async def test_a_resumption_that_is_cancelled_keeps_what_stands_nowhere_else(is_given: bool, thrice: bool) -> None:
    """In the client's `unclaimed`; with a client of its own, in the error that comes in place of the cancellation."""
    async with beside() as on:
        await two_fell(on)
        began = asyncio.Event()

        async def fails() -> object:
            began.set()
            await asyncio.sleep(0.01)
            raise OSError(28, "full")

        on.memory.instead["write"] = fails
        async with on.client() as cobalt:
            means: dict[str, Any] = {"store": on.store, "secret": on.old, "cobalt": cobalt if is_given else None}
            call = asyncio.ensure_future(resume(on.journal, **means, **WAITS))
            await began.wait()
            for _ in range(3 if thrice else 1):
                call.cancel()
                await asyncio.sleep(0)
            if is_given:
                with pytest.raises(asyncio.CancelledError):
                    await call
                [kept] = cobalt.unclaimed
                cobalt.use_token(kept.secret)
            else:
                with pytest.raises(RefreshError, match="nowhere else: store it now") as caught:
                    await call
                assert caught.value.refreshed is not None
                kept = caught.value.refreshed
                assert caught.value.__context__ is None
        assert kept.secret.reveal() == on.token.secret


@leaping
async def test_a_cancellation_while_its_own_client_closes_keeps_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of the rotation and the return there is nothing that drops the only copy."""
    async with beside() as on:
        await two_fell(on)
        closing = asyncio.Event()
        close = Transport.close

        async def slowly(self: Transport) -> None:
            await close(self)
            closing.set()
            await asyncio.sleep(1.0)

        monkeypatch.setattr(Transport, "close", slowly)
        call = asyncio.ensure_future(resume(on.journal, store=on.store, secret=on.old, **WAITS))
        await closing.wait()
        call.cancel()
        with pytest.raises(RefreshError) as caught:
            await call
        assert caught.value.refreshed is not None
        assert caught.value.refreshed.secret.reveal() == on.token.secret
