"""Cancels a call where it waits: at its first suspension, at its second …, until it ends before it could be cancelled.

A suspension is counted for the call's own task and for every task that is started inside it, so that work which is
kept from a cancellation has its moments too. Where each stands in our code is kept in `places`.
"""

import asyncio
import gc
import types
from collections.abc import Coroutine, Generator, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import cobalt_async

# asleep: while what is waited for is still to come. waking: it has come, and who waits does not know it yet.
# thrice: at this suspension and at the two after it.
How = Literal["asleep", "waking", "thrice"]
Place = tuple[str, int]

PACKAGE = Path(cobalt_async.__path__[0])
_stepper: ContextVar["Stepper | None"] = ContextVar("tests_faults_stepper", default=None)
_SUSPENDED = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)


class Stepper:
    """One run of a call, to be cancelled at the suspension of this number."""

    def __init__(self, moment: int, how: How = "asleep") -> None:
        self.found = 0
        self.was_cancelled = False
        self.places: set[Place] = set()  # in our code, suspended when the cancellation came
        self._moments = range(moment, moment + (3 if how == "thrice" else 1))
        self._how = how
        self._call: asyncio.Task[object]

    @property
    def reached(self) -> bool:
        """Whether the call lived to the suspension of that number."""
        return self.found >= self._moments.start

    async def outcome(self, work: Coroutine[Any, Any, object]) -> object:
        """What the call comes to: its value, or whatever it raised."""
        asyncio.get_running_loop().set_task_factory(_watching)  # for good: it minds nothing but calls like this one
        mark = _stepper.set(self)
        self._call = asyncio.ensure_future(work)
        _stepper.reset(mark)
        await asyncio.wait({self._call})
        try:
            return self._call.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - what it is, is judged by who asked
            return error

    def suspended(self, work: object, waits_for: object) -> None:
        """Some part of the call has just been suspended."""
        self.found += 1
        if self.found not in self._moments or self._call.done():
            return
        self.places.update(places(work))
        if self._how != "waking":
            self._cancel()
        elif isinstance(waits_for, asyncio.Future):
            waits_for.add_done_callback(self._cancel)  # called before the callback by which the task wakes up
        else:
            asyncio.get_running_loop().call_soon(self._cancel)

    def _cancel(self, _: object = None) -> None:
        self.was_cancelled |= self._call.cancel()


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine that tells the stepper each time it is suspended."""

    def __init__(self, work: Coroutine[Any, Any, Any], stepper: Stepper) -> None:
        self._work = work
        self._stepper = stepper

    def send(self, value: Any) -> Any:
        return self._tell(self._work.send(value))

    def throw(self, *error: Any) -> Any:
        return self._tell(self._work.throw(*error))

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()

    def _tell(self, waits_for: object) -> object:
        self._stepper.suspended(self._work, waits_for)
        return waits_for


def _watching(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A task factory: what is started inside of a call that is stepped through is watched as well."""
    stepper = _stepper.get()
    return asyncio.Task(work if stepper is None else _Watched(work, stepper), loop=loop, **options)


def places(work: object) -> Iterator[Place]:
    """Where a suspended coroutine stands in our code: one place for each function on the way down."""
    while work is not None:
        frame = next(
            (getattr(work, f"{kind}_frame") for kind in ("cr", "ag", "gi") if hasattr(work, f"{kind}_frame")), None
        )
        if frame is None:  # what `__await__`, `__anext__` or `asend` gave: what it wraps is all that it refers to
            work = next((inner for inner in gc.get_referents(work) if isinstance(inner, _SUSPENDED)), None)
            continue
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(PACKAGE):
            yield file.relative_to(PACKAGE).as_posix(), frame.f_lineno
        work = next(getattr(work, name) for name in ("cr_await", "ag_await", "gi_yieldfrom") if hasattr(work, name))
