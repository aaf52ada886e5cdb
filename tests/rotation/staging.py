"""What these tests stand on: a sandbox, a user with tokens, a folder with a journal and a store in it."""

import asyncio
import contextlib
import errno
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ParamSpec

from attrs import asdict, frozen

from cobalt_async import AsyncCobalt, RetryPolicy, Secret, Timeouts
from cobalt_async.errors import StoreConflictError
from cobalt_async.rotation import FileStore, Journal, Rotation, resume, rotate, spooled_secret
from cobalt_async.rotation.points import Point
from cobalt_async.testing import CobaltSandbox
from tests.processes import ending
from tests.rotation.crasher import Ended, Job, listeners
from tests.virtual_time import VirtualLoop

P = ParamSpec("P")
TALLY: Counter[str] = Counter()
"""What was tried, for `python -m benchmarks rotation`."""

ROOT = Path(__file__).parents[2]
QUICK = RetryPolicy(base=0.01, cap=0.05)
WAITS: dict[str, Any] = {"settle": 0.05, "prove_within": 0.3, "old_dead_within": 0.3}


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder in memory where the system has such: nobody pulls the plug here."""
    memory = "/dev/shm"  # noqa: S108 - a folder of our own is made in there
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


Act = Callable[[], Awaitable[object]]


class MemoryStore:
    """A store in memory: its versions are numbers, and what happens at an act of it may be something else."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.writes = 0
        self.instead: dict[str, Act] = {}
        """What is awaited in place of an act, by the act's name; `do` is what would have been done."""

    async def check(self) -> str | None:
        await self._act("check")
        return str(self.writes)

    async def read(self) -> Secret | None:
        instead = await self._act("read")
        if isinstance(instead, Secret):
            return instead
        return Secret(self.text) if self.text else None

    async def write(self, secret: Secret, expected_version: str | None) -> None:
        if await self._act("write") is None:
            self.put(secret, expected_version)

    async def describe(self) -> str:
        await self._act("describe")
        return "a store in memory"

    def put(self, secret: Secret, expected_version: str | None) -> None:
        """Hold it, if nobody else has written meanwhile."""
        if self.text == secret.reveal():
            return
        if expected_version not in (None, str(self.writes)):
            raise StoreConflictError("a store in memory", "it holds another secret than before")
        self.set(secret.reveal())

    def set(self, text: str) -> None:
        """Hold it, as somebody else would put it there."""
        self.text = text
        self.writes += 1

    async def _act(self, name: str) -> object:
        instead = self.instead.get(name)
        return None if instead is None else await instead()


def leaping(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in virtual time, as `virtually` does, without asyncio's debugging: hundreds of rotations in a test."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
            runner.run(test(*args, **kwargs))

    return run


class Fallen(BaseException):
    """A process that died, without one."""


@contextlib.contextmanager
def falling(point: Point, times: int = 1) -> Iterator[None]:
    """Let rotations in this block die at their point, as far as they can in a process that lives on."""

    def reached(here: Point) -> None:
        nonlocal times
        times -= here is point
        if here is point and times == 0:
            raise Fallen(point)

    with at_points(reached):
        with contextlib.suppress(Fallen):
            yield
            raise AssertionError(f"{point} was not reached")


@contextlib.contextmanager
def at_points(call: Callable[[Point], None]) -> Iterator[None]:
    """Have each named point call this."""
    modules = listeners()
    before = modules[0].reached
    for module in modules:
        module.reached = call
    try:
        yield
    finally:
        for module in modules:
            module.reached = before


class Stage:
    """A user with a token that is rotated, a sibling and one more; and where its secret is kept."""

    def __init__(self, sandbox: CobaltSandbox, place: Path, *, in_memory: bool = False) -> None:
        self.sandbox = sandbox
        self.user = sandbox.add_user("ada", tokens=3)
        self.token, self.sibling, self.other = self.user.tokens
        self.old = self.token.secret
        self.folder = place
        self.journal = Journal(place / "journal")
        self.file = place / "secret"
        self.file.write_text(self.old)
        self.memory = MemoryStore(self.old)
        self.in_memory = in_memory
        self.store: Any = self.memory if in_memory else FileStore(self.file)

    @property
    def url(self) -> str:
        """By its address, so that no name is looked up."""
        return self.sandbox.url.replace("localhost", "127.0.0.1")

    @property
    def posts(self) -> int:
        """How many refreshes came."""
        return sum(seen.method == "POST" for seen in self.sandbox.requests)

    def no_spool(self) -> None:
        """The disk takes no answer from now on."""

        def keep(rotation_id: str, number: int, answer: bytes) -> None:
            del rotation_id, number, answer
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.journal.spool.keep = keep  # type: ignore[method-assign]

    def client(self, secret: str | None = None, **arguments: Any) -> AsyncCobalt:
        given: dict[str, Any] = {"retry": QUICK, "timeouts": Timeouts(refresh=5.0), **arguments}
        return AsyncCobalt(secret or self.old, base_url=self.url, **given)

    async def rotate(self, cobalt: AsyncCobalt, **arguments: Any) -> Rotation:
        """Rotate the token, with the sibling unless something else is said."""
        given: dict[str, Any] = {
            "store": self.store,
            "journal": self.journal,
            "sibling": self.sibling.secret,
            **WAITS,
            **arguments,
        }
        if given["sibling"] is None:
            given.setdefault("accept_one_shot", True)
        return await rotate(cobalt, given.pop("token_id", self.token.id), **given)

    async def resume(self, cobalt: AsyncCobalt, rotation_id: str | None = None, **arguments: Any) -> Rotation | None:
        """Resume what is unfinished; at most one rotation is."""
        given: dict[str, Any] = {
            "store": self.store,
            "secret": self.old,
            "sibling": self.sibling.secret,
            **WAITS,
            **arguments,
        }
        done = await resume(self.journal, rotation_id, cobalt=cobalt, **given)
        assert len(done) <= 1
        return done[0] if done else None

    def job(self, **arguments: Any) -> Job:
        return Job(url=self.url, folder=str(self.folder), **arguments)

    def kept(self) -> list[str]:
        """The secrets in the spool."""
        found = [spooled_secret(self.journal, rotation_id) for rotation_id in self.journal.entries()]
        return [secret.reveal() for secret in found if secret is not None]

    @property
    def stored(self) -> str:
        """What the store holds."""
        return self.memory.text if self.in_memory else self.file.read_text()

    def lives(self) -> bool:
        """Whether the store holds the living secret of the token."""
        return self.stored == self.token.secret and self.sandbox.alive(self.stored)

    def check(self, rotation: Rotation | dict[str, Any] | None, *, tidy: bool = True) -> None:
        """What a rotation says is true; and a living secret is in the store, in the spool, or told to be nowhere."""
        state = (
            self.state() if rotation is None else rotation["state"] if isinstance(rotation, dict) else rotation.state
        )
        held = {self.stored, *self.kept()}
        refreshed = isinstance(rotation, Rotation) and rotation.refreshed
        if refreshed:
            held.add(refreshed.secret.reveal())
        is_held = self.token.secret in held
        if state in ("SUCCESS", "ADOPTED"):
            assert self.lives()
            assert not self.sandbox.alive(self.old) or self.token.secret == self.old
            assert not tidy or list(self.journal.spool.folder.iterdir()) == []
        elif state in ("REFUSED", "NOT_ROTATED"):
            assert self.token.secret == self.old == self.stored
        elif state == "LOST":
            assert not self.sandbox.alive(self.old)
            assert refreshed or not is_held
        elif state == "HELD":
            assert self.token.secret in self.kept()
        else:
            assert is_held or state in ("UNCERTAIN", "CONFLICT", "MISMATCH"), state

    def state(self) -> str:
        """What the journal says of the only rotation."""
        return next((entry.state for entry in self.journal.entries().values()), "REFUSED")


@contextlib.asynccontextmanager
async def beside(in_memory: bool = True, **switches: Any) -> AsyncIterator[Stage]:
    """The same on the running loop, which may be one whose clock leaps."""
    with folder() as place:
        async with CobaltSandbox(**switches) as sandbox:
            yield Stage(sandbox, place, in_memory=in_memory)


@contextlib.contextmanager
def stage(**switches: Any) -> Iterator[Stage]:
    """A sandbox on a thread of its own, and all that belongs to it."""
    with CobaltSandbox(**switches) as sandbox, folder() as place:
        yield Stage(sandbox, place)


@frozen
class Crasher:
    """The process that starts those that die."""

    process: "subprocess.Popen[str]"

    def run(self, job: Job) -> Ended:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asdict(job)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the crasher is gone"
        return Ended(**json.loads(answer))


@contextlib.contextmanager
def crasher() -> Iterator[Crasher]:
    """One, until the block ends."""
    command = [sys.executable, "-m", "tests.rotation.crasher"]
    with ending(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)) as child:
        yield Crasher(child)
