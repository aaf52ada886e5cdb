"""`python -m tests.rotation.crasher`: rotates and resumes in processes of their own, which die when they are told to.

One JSON line in, one out. Nothing runs in this process but the fork of the next one, so that a case costs no start of
a Python, and no thread is ever forked.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from cobalt_async import AsyncCobalt, RetryPolicy, Timeouts
from cobalt_async.rotation import FileStore, Journal, Rotation, resume, rotate
from cobalt_async.rotation.points import Point

FIRED = 77
"""The exit code of a process that died at its point."""


@frozen(kw_only=True)
class Job:
    """A rotation, or with a `token_id` of None the resumption of all that are unfinished."""

    url: str
    folder: str
    secret: str | None = None
    token_id: str | None = None
    sibling: str | None = None
    version: str = "v1"
    settle: float = 0.3
    old_dead_within: float = 0.6
    dies_at: str | None = None
    killed_after: float | None = None
    """Seconds after which it gets a SIGKILL, if it is still there."""


@frozen
class Ended:
    """How a process ended: its exit code (negative: the signal), and what it said before that."""

    code: int
    seconds: float
    said: list[dict[str, Any]]


def main() -> None:
    """Serve until there is nothing more to read."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(_run(Job(**json.loads(line))))) + "\n")
        sys.stdout.flush()


def _run(job: Job) -> Ended:
    began = time.perf_counter()
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        _child(job, writing)
    os.close(writing)
    if job.killed_after is not None:
        time.sleep(job.killed_after)  # the moment is the point
        os.kill(pid, signal.SIGKILL)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    return Ended(os.waitstatus_to_exitcode(status), time.perf_counter() - began, json.loads(said) if said else [])


def _child(job: Job, writing: int) -> None:
    try:
        if job.dies_at is not None:
            die_at(Point(job.dies_at))
        done = asyncio.run(_work(job))
        os.write(writing, json.dumps([_told(rotation) for rotation in done]).encode())
    except BaseException:  # noqa: BLE001 - shown, whatever it is; and never back into the parent's code
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def die_at(point: Point) -> None:
    """Let this process die where a rotation reaches this point."""

    def reached(here: Point) -> None:
        if here is point:
            os._exit(FIRED)

    for module in listeners():
        module.reached = reached


def listeners() -> list[Any]:
    """The modules that say where a rotation is."""
    ours = [module for name, module in list(sys.modules.items()) if name.startswith("cobalt_async.rotation")]
    return [module for module in ours if hasattr(module, "reached")]


async def _work(job: Job) -> tuple[Rotation, ...]:
    folder = Path(job.folder)
    journal, store = Journal(folder / "journal"), FileStore(folder / "secret")
    waits: dict[str, Any] = {"settle": job.settle, "prove_within": 0.3, "old_dead_within": job.old_dead_within}
    asking: dict[str, Any] = {
        "base_url": job.url,
        "api_version": job.version,
        "retry": RetryPolicy(base=0.01, cap=0.05),
        "timeouts": Timeouts(refresh=5.0),
    }
    async with AsyncCobalt(job.secret, **asking) as cobalt:
        if job.token_id is None:
            return await resume(journal, cobalt=cobalt, sibling=job.sibling, **waits)
        accepts = job.sibling is None
        return (
            await rotate(
                cobalt,
                job.token_id,
                store=store,
                journal=journal,
                sibling=job.sibling,
                accept_one_shot=accepts,
                **waits,
            ),
        )


def _told(rotation: Rotation) -> dict[str, Any]:
    return {
        "state": rotation.state.value,
        "why": rotation.why,
        "events": rotation.events,
        "notes": rotation.notes,
        "advice": rotation.advice,
        "spool": None if rotation.spool is None else str(rotation.spool),
        "has_refreshed": rotation.refreshed is not None,
    }


if __name__ == "__main__":
    main()
