"""What was done to rotations, and what came of it; and what one costs beside its round trips.

The tests of tests/rotation are run, with more kills and in more worlds than in the suite, and counted as they happen:
500 processes that get a SIGKILL at a moment of nobody's choice, every named crash point in every world, every await
cancelled, every byte cut. It takes minutes. A row of theirs that fails is a failure of the question, not a figure.

A round is one rotation with a file for a store, whose time is taken without what it waits for Cobalt: reading and
writing journal, spool and store, each write followed by an fsync, and the work between. `--rounds N`: so many of
them, and of the kills, and worlds as in the suite. The disk is that of the temporary folder ($TMPDIR).
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from cobalt_async import AsyncCobalt
from cobalt_async.protocol.answers import Response
from cobalt_async.protocol.requests import Request
from cobalt_async.rotation import FileStore, Journal, State, rotate
from cobalt_async.rotation.file_system import file_system_of
from cobalt_async.testing import CobaltSandbox
from cobalt_async.transport import OnAnswer, Route

from .children import ROOT
from .figures import Goal, Row

_KILLS, _ROUNDS = 500, 100
_MOST = 40.0  # milliseconds
_FILES = ("crashes", "kills", "cancelled", "answers", "disk", "stores_faults", "canary")
_NEVER = ("silent losses", "canary hits")


def measure(rounds: int | None = None, *, select: str = "") -> list[Row]:
    """The rows of this question; `select`: only tests whose names hold it."""
    more = {"COBALT_ASYNC_KILLS": str(rounds or _KILLS)}
    if rounds is None:
        more["COBALT_ASYNC_EVERY_CRASH"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        costs = asyncio.run(disk_work(Path(folder), rounds or _ROUNDS))
        return rows(costs, file_system_of(Path(folder)), _tried(more, select))


def rows(costs: tuple[float, ...], file_system: str, tally: Mapping[str, int]) -> list[Row]:
    """Seconds of each rotation beside its round trips, and the tally; what must never happen has 0 for a goal."""
    milliseconds = tuple(1000 * cost for cost in costs)
    question = f"rotation beside its round trips ({file_system}, {len(costs)} rotations)"
    names = [*(name for name in tally if name not in _NEVER), *_NEVER]
    return [
        Row(question, milliseconds, "ms", Goal("<=", _MOST)),
        *(Row(name, (float(tally.get(name, 0)),), "", Goal("<=", 0) if name in _NEVER else None) for name in names),
    ]


async def disk_work(folder: Path, rounds: int) -> tuple[float, ...]:
    """The seconds of so many rotations of one token, in a row, without those of the requests."""
    costs = []
    with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=2)
        token, sibling = user.tokens
        file = folder / "secret"
        file.write_text(token.secret)
        store, journal = FileStore(file), Journal(folder / "journal")
        async with AsyncCobalt(token.secret, base_url=sandbox.url.replace("localhost", "127.0.0.1")) as cobalt:
            asking = _Asking(cobalt)
            for number in range(rounds + 1):
                asking.seconds = 0.0
                began = time.perf_counter()
                done = await rotate(cobalt, token.id, store=store, journal=journal, sibling=sibling.secret)
                cost = time.perf_counter() - began - asking.seconds
                assert done.state is State.SUCCESS, done
                if number:  # the first makes the journal
                    costs.append(cost)
    return tuple(costs)


class _Asking:
    """Takes the time of a client's requests, without that of whoever keeps their answers."""

    def __init__(self, cobalt: AsyncCobalt) -> None:
        self.seconds = 0.0
        transport = cobalt._root.refreshes.exchange._transport
        self._send = transport.send
        transport.send = self._timed  # type: ignore[method-assign]

    async def _timed(
        self,
        request: Request,
        route: Route,
        *,
        on_answer: OnAnswer | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> Response:
        kept = 0.0

        def keep(status: int, body: bytes, complete: bool) -> None:
            nonlocal kept
            began = time.perf_counter()
            if on_answer is not None:
                on_answer(status, body, complete)
            kept = time.perf_counter() - began

        began = time.perf_counter()
        try:
            return await self._send(request, route, on_answer=keep, on_leave=on_leave)
        finally:
            self.seconds += time.perf_counter() - began - kept


def _tried(more: Mapping[str, str], select: str) -> Mapping[str, int]:
    """One run of the tests; what they counted."""
    with tempfile.TemporaryDirectory() as folder:
        tally = Path(folder) / "tally.json"
        files = [f"tests/rotation/test_{name}.py" for name in _FILES]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", select or "test"]
        given = {**os.environ, **more, "COBALT_ASYNC_ROTATION_TALLY": str(tally)}
        done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"tests/rotation failed:\n{done.stdout[-4000:]}{done.stderr[-1000:]}")
        counted: Mapping[str, int] = json.loads(tally.read_text("utf-8"))
        return counted
