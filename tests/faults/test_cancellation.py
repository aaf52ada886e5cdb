"""C rows: whoever gives up, whenever, loses no secret and leaves nothing behind."""

import asyncio
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from cobalt_async import AsyncCobalt, RefreshedToken, Timeouts, errors
from cobalt_async.must_finish import Finishers
from tests.faults.hunting import eventually, leftovers, open_files
from tests.faults.raw import (
    NEW_SECRET,
    TALLY,
    TOKEN,
    TOKEN_ID,
    Exchange,
    Server,
    answer,
    client,
    failure,
    ok,
    raw,
    refreshed,
)
from tests.faults.scenes import ticks
from tests.faults.stepping import Stepper
from tests.processes import ending

pytestmark = pytest.mark.filterwarnings("ignore:closed with new secrets:RuntimeWarning")

PROMISE = answer(200, refreshed())


async def in_pieces(exchange: Exchange) -> None:
    """The answer to a refresh in many small pieces, so that there are many moments to be cancelled at."""
    for start in range(0, len(PROMISE), 16):
        await exchange.say(PROMISE[start : start + 16])
        await ticks(2)  # so that each piece is read before the next is there


class Vault:
    """Where `save` puts secrets, a few ticks at a time."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    async def save(self, fresh: RefreshedToken) -> None:
        await ticks(3)
        self.secrets.append(fresh.secret.reveal())


def is_safe(server: Server, cobalt: AsyncCobalt, vault: Vault) -> bool:
    """The request never arrived, or the secret is saved or kept."""
    held = vault.secrets + [fresh.secret.reveal() for fresh in cobalt.unclaimed]
    return not server.requests or held == [NEW_SECRET]


@pytest.mark.parametrize("saving", [True, False])
@pytest.mark.parametrize("cancels", [1, 3])
async def test_c01_c02_a_refresh_is_cancelled_at_every_tick(saving: bool, cancels: int) -> None:
    """C01, C02: cancelled once or three times at each tick of its life, a refresh that was sent keeps its secret."""
    lived = reached = 0
    for moment in range(10_000):
        async with raw(in_pieces) as server, client(server) as cobalt:
            vault = Vault()
            task = asyncio.create_task(cobalt.tokens.refresh(TOKEN_ID, save=vault.save if saving else None))
            await ticks(moment)
            for _ in range(cancels):
                task.cancel()
                await ticks(1)
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            reached += bool(server.requests)
            if isinstance(outcome, RefreshedToken):
                assert outcome.secret.reveal() == NEW_SECRET
                break
            TALLY["awaits cancelled"] += cancels
            TALLY["secrets lost"] += not is_safe(server, cobalt, vault)
            assert isinstance(outcome, asyncio.CancelledError)
            assert is_safe(server, cobalt, vault), f"cancelled at tick {moment}"
            lived = moment
    assert lived >= 20, "a refresh has more moments than that"
    assert 5 <= reached < lived


async def test_c01_the_hunt_finds_a_refresh_without_protection(monkeypatch: pytest.MonkeyPatch) -> None:
    """C01: with nothing that must finish, the same hunt does lose secrets: it can fail."""

    async def unprotected(
        self: Finishers, work: Callable[[], Coroutine[Any, Any, Any]], *, committed: Callable[[], bool]
    ) -> Any:
        return await work()

    monkeypatch.setattr(Finishers, "run", unprotected)
    lost = 0
    for moment in range(40):
        async with raw(in_pieces) as server, client(server) as cobalt:
            vault = Vault()
            task = asyncio.create_task(cobalt.tokens.refresh(TOKEN_ID, save=vault.save))
            await ticks(moment)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            lost += not is_safe(server, cobalt, vault)
    assert lost >= 5


async def test_c01_a_reading_is_cancelled_at_every_tick() -> None:
    """C01: a listing of three pages, cancelled at each tick, ends as cancelled; the client goes on."""
    pages = (ok("api_a", next_page="/tokens?cursor=1"), ok("api_b", next_page="/tokens?cursor=2"), ok("api_c"))

    async def walk(cobalt: AsyncCobalt) -> list[str]:
        return [token.id async for token in cobalt.tokens.iter()]

    async def serve(exchange: Exchange) -> None:
        place = [b"cursor=1" in exchange.request, b"cursor=2" in exchange.request]
        await exchange.say(pages[1 if place[0] else 2 if place[1] else 0])

    lived = 0
    async with raw(serve) as server, client(server) as cobalt:
        for moment in range(10_000):
            task = asyncio.create_task(walk(cobalt))
            await ticks(moment)
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if outcome == ["api_a", "api_b", "api_c"]:
                break
            TALLY["awaits cancelled"] += 1
            assert isinstance(outcome, asyncio.CancelledError)
            lived = moment
        assert await walk(cobalt) == ["api_a", "api_b", "api_c"]
    assert lived >= 10


async def test_c03_a_timeout_around_a_refresh_is_let_out_after_the_secret_is_safe() -> None:
    """C03: `asyncio.timeout` rings while the answer is under way: TimeoutError, and the secret was saved first."""
    arrived, go = asyncio.Event(), asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        arrived.set()
        await go.wait()
        await exchange.say(PROMISE)

    vault = Vault()
    async with raw(serve) as server, client(server) as cobalt:

        async def ask() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(None) as scope:
                    asyncio.get_running_loop().call_soon(self_destruct, scope)
                    await cobalt.tokens.refresh(TOKEN_ID, save=vault.save)

        def self_destruct(scope: asyncio.Timeout) -> None:
            if arrived.is_set():
                scope.reschedule(asyncio.get_running_loop().time())
                asyncio.get_running_loop().call_later(0.01, go.set)
            else:
                asyncio.get_running_loop().call_soon(self_destruct, scope)

        await ask()
    assert vault.secrets == [NEW_SECRET]
    assert len(server.requests) == 1


async def test_c03_a_failing_sibling_surfaces_its_own_error() -> None:
    """C03: in a TaskGroup the sibling's error comes out, and the secret of the refresh that it tore along is safe."""
    arrived = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        arrived.set()
        await ticks(20)
        await exchange.say(PROMISE)

    async def fails() -> None:
        await arrived.wait()
        raise LookupError("the sibling's own")

    vault = Vault()
    async with raw(serve) as server, client(server) as cobalt:
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(cobalt.tokens.refresh(TOKEN_ID, save=vault.save))
                group.create_task(fails())
        assert cobalt.unclaimed == ()
    assert caught.group_contains(LookupError)
    assert len(caught.value.exceptions) == 1
    assert vault.secrets == [NEW_SECRET]
    assert len(server.requests) == 1


INTERRUPTED = """
    import asyncio, pathlib, sys
    from cobalt_async import AsyncCobalt

    path, promise, token, token_id = pathlib.Path(sys.argv[1]), *sys.argv[2:]

    async def serve(reader, writer):
        await reader.readuntil(b"\\r\\n\\r\\n")
        print("asked", flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # the signal is here before this line is
        writer.write(promise.encode())

    async def save(fresh):
        path.write_text(fresh.secret.reveal())

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        async with AsyncCobalt(token, base_url=url) as cobalt:
            await cobalt.tokens.refresh(token_id, save=save)

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_c04_one_sigint_waits_for_the_secret(tmp_path: Path) -> None:
    """C04: one Ctrl-C in the middle of a refresh: the answer is waited for and saved, then KeyboardInterrupt."""
    path = tmp_path / "secret"
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(path), PROMISE.decode(), TOKEN, TOKEN_ID]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "asked\n"
        child.send_signal(signal.SIGINT)
        child.stdin.write("now answer\n")
        child.stdin.flush()
        assert child.stdout.readline() == "interrupted\n"
        assert child.wait(60) == 0
    assert path.read_text("utf-8") == NEW_SECRET


async def test_c05_closing_waits_for_a_refresh() -> None:
    """C05: leaving the `async with` while a refresh is under way waits for it, and for its save."""
    arrived = asyncio.Event()

    async def serve(exchange: Exchange) -> None:
        arrived.set()
        await ticks(20)
        await exchange.say(PROMISE)

    vault = Vault()
    async with raw(serve) as server:
        async with client(server) as cobalt:
            task = asyncio.create_task(cobalt.tokens.refresh(TOKEN_ID, save=vault.save))
            await arrived.wait()
        assert vault.secrets == [NEW_SECRET]
        assert (await task).secret.reveal() == NEW_SECRET
        assert len(server.requests) == 1


async def raises(fresh: RefreshedToken) -> None:
    """A disk that is full."""
    raise OSError(28, f"No space left for {fresh.secret.reveal()}")


async def blocks(fresh: RefreshedToken) -> None:
    """A sink that never takes it."""
    await asyncio.Event().wait()


async def gives_up(fresh: RefreshedToken) -> None:
    """A sink that cancels itself."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("save", [raises, blocks, gives_up])
async def test_c07_a_sink_that_fails_drops_nothing(save: Any) -> None:
    """C07: `save` raises, hangs or cancels itself: RefreshError with the secret in `.refreshed`, in bounded time."""
    async with raw(PROMISE) as server, client(server, timeouts=Timeouts(refresh=1.5)) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID, save=save), errors.RefreshError)
        assert cobalt.unclaimed == ()  # it is in the caller's hands
    assert error.refreshed is not None
    assert error.refreshed.secret.reveal() == NEW_SECRET
    assert NEW_SECRET not in str(error) + repr(error)
    assert len(server.requests) == 1


class Crowd:
    """Calls of each kind, cancelled at random, and the server that they ask."""

    def __init__(self) -> None:
        self.executed = 0
        self.vault = Vault()
        self._dice = random.Random(8)

    async def serve(self, exchange: Exchange) -> None:
        await ticks(self._dice.randrange(4))
        if exchange.request.startswith(b"POST"):
            self.executed += 1
            await exchange.say(answer(200, refreshed(f"{NEW_SECRET}{self.executed}")))
        else:
            await exchange.say(ok() if b"cursor=" in exchange.request else ok(next_page="/tokens?cursor=1"))

    async def one(self, cobalt: AsyncCobalt, number: int) -> bool:
        """A reading, a walk or a refresh; whether it was cancelled, and how soon, is left to the dice."""
        work, longest = [(self._read, 4), (self._walk, 8), (self._refresh, 10)][number % 3]
        stepper = Stepper(self._dice.randint(1, longest), self._dice.choice(["asleep", "waking", "thrice"]))
        outcome = await stepper.outcome(work(cobalt, number))
        TALLY["awaits cancelled"] += stepper.was_cancelled
        assert isinstance(outcome, asyncio.CancelledError) == stepper.was_cancelled, repr(outcome)
        return stepper.was_cancelled

    async def _read(self, cobalt: AsyncCobalt, _: int) -> None:
        await cobalt.tokens.list()

    async def _walk(self, cobalt: AsyncCobalt, _: int) -> None:
        assert [token.id async for token in cobalt.tokens.iter()] == [TOKEN_ID]

    async def _refresh(self, cobalt: AsyncCobalt, number: int) -> None:
        saving = number % 2 == 0
        fresh = await cobalt.tokens.refresh(f"api_{number % 50}", save=self.vault.save if saving else None)
        if not saving:
            self.vault.secrets.append(fresh.secret.reveal())


async def a_thousand_cancels() -> None:
    """What is there before is there after, and no more."""
    crowd, tasks, files, cancelled = Crowd(), asyncio.all_tasks(), open_files(), 0
    async with raw(crowd.serve) as server, client(server, max_connections=20) as cobalt:
        async with asyncio.timeout(120):  # else a slot that is lost is a test that never ends
            while cancelled < 1000:
                cancelled += sum(await asyncio.gather(*[crowd.one(cobalt, number) for number in range(60)]))
        await eventually(lambda: not leftovers(cobalt))
        await asyncio.gather(*[cobalt.tokens.list() for _ in range(60)])  # three times as many as there are slots
        assert leftovers(cobalt) == []
        lost = crowd.executed - len({*crowd.vault.secrets, *(fresh.secret.reveal() for fresh in cobalt.unclaimed)})
        TALLY["secrets lost"] += lost
        assert lost == 0
        assert crowd.executed > 100
    await eventually(lambda: asyncio.all_tasks() <= tasks and open_files() <= files)


def test_c08_a_thousand_random_cancels_leave_nothing() -> None:
    """C08: after 1,000 random cancels of readings, walks and refreshes nothing is left, and no secret is lost."""
    with asyncio.Runner(debug=False) as runner:
        runner.run(a_thousand_cancels())


async def test_c09_a_walk_that_is_left_early_holds_nothing() -> None:
    """C09: breaking out of a walk leaves no task and no connection in use: one connection serves what follows."""
    async with raw(ok("api_a", next_page="/tokens?cursor=1")) as server, client(server) as cobalt:
        before = asyncio.all_tasks()
        walk = cobalt.tokens.iter()
        async for _ in walk:
            break
        assert {task for task in asyncio.all_tasks() - before if "serve" not in repr(task)} == set()
        await walk.aclose()
        page = await cobalt.tokens.list()
    assert page.items[0].id == "api_a"
    assert (server.connections, len(server.requests)) == (1, 2)
