"""The hunter: looks for a secret in every place where one was ever found to leak.

Given texts are hunted whole and in part (any ten characters in a row), in reprs, strings and args of exceptions and
of all that they chain, in the locals of our own frames under them, in log records, warnings, pickles, and in the
names and reprs of tasks.
"""

import asyncio
import contextlib
import logging
import pickle
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import cobalt_async
from cobalt_async import Secret
from cobalt_async.errors import CobaltError

TOKEN = "Kq7vTz2mXw9bRf4sYn6hJd3gLc8pVa5e"
NEW = "Wb3nHx8dQs5kUy2fMz7rCj4tGp9vEa6L"

_OURS = Path(cobalt_async.__path__[0])
_WINDOW = 10


class Hunter:
    """Looks for texts, and keeps what it finds as (place, what stood there)."""

    def __init__(self, *texts: str) -> None:
        self.found: list[tuple[str, str]] = []
        self._pieces = tuple({text[at : at + _WINDOW] for text in texts for at in range(len(text) - _WINDOW + 1)})

    def look(self, place: str, *things: object) -> None:
        """Search what `str` and `repr` show of these things."""
        for thing in things:
            for show in (repr, str):
                try:
                    shown = show(thing)
                except Exception as error:  # noqa: BLE001 - a half made object; what it says instead counts
                    shown = repr(error)
                self._search(place, shown)

    def look_inside(self, place: str, thing: object) -> None:
        """Search a thing, what a container holds, and its `vars()`."""
        if isinstance(thing, Secret):
            return
        self.look(place, thing)
        self.look(place, *_inner(thing))

    def look_at_error(self, error: BaseException) -> None:
        """Search an exception and everything that it carries along."""
        for link in _chain(error):
            place = type(link).__name__
            self.look(place, link, link.args, getattr(link, "__notes__", ()))
            self.look(f"vars of {place}", *_inner(link))
            self.look(f"traceback of {place}", "".join(traceback.format_exception(link, chain=False)))
            self.look_at_frames(link.__traceback__)
            if isinstance(link, CobaltError):
                self.look_at_bytes(f"pickle of {place}", pickle.dumps(link))

    def look_at_frames(self, trace: TracebackType | None) -> None:
        """Search the locals of our own frames."""
        for frame, line in traceback.walk_tb(trace):
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(_OURS) and not file.is_relative_to(_OURS / "testing"):
                for name, value in list(frame.f_locals.items()):
                    self.look_inside(f"local {name} at {file.name}:{line} in {frame.f_code.co_name}", value)

    def look_at_bytes(self, place: str, data: bytes) -> None:
        """Search bytes."""
        self._search(place, data.decode("latin-1"))

    def look_at_tasks(self, place: str = "task") -> None:
        """Search the names and reprs of all tasks of the running loop."""
        for task in asyncio.all_tasks():
            self.look(place, task.get_name(), task, task.get_coro())

    def _search(self, place: str, text: str) -> None:
        if any(piece in text for piece in self._pieces):
            self.found.append((place, text))


class _Ear(logging.Handler):
    """Hands every record to the hunter, as it would be printed and as it is."""

    def __init__(self, hunter: Hunter) -> None:
        super().__init__(logging.NOTSET)
        self._hunter = hunter

    def emit(self, record: logging.LogRecord) -> None:
        self._hunter.look(f"log of {record.name}", record.getMessage(), record.args, record.__dict__)
        if record.exc_info and record.exc_info[1] is not None:
            self._hunter.look_at_error(record.exc_info[1])


@contextlib.contextmanager
def hunting(*texts: str) -> Iterator[Hunter]:
    """A hunter that hears every logger at DEBUG and every warning while the block runs."""
    hunter = Hunter(*texts)
    ear = _Ear(hunter)
    root = logging.getLogger()
    known = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    levels = {logger: logger.level for logger in (root, *known)}
    root.addHandler(ear)
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield hunter
    finally:
        root.removeHandler(ear)
        for logger, level in levels.items():
            logger.setLevel(level)
    hunter.look("warning", *[warning.message for warning in told])


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, its causes, its contexts (suppressed ones too) and the members of groups."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        waiting += [near for near in (link.__cause__, link.__context__, *inner) if near is not None]


def _inner(thing: Any) -> Iterable[object]:
    """What is one level down: a container's members, or the values of `vars()`."""
    if isinstance(thing, Mapping):
        return [member for pair in thing.items() for member in pair if not isinstance(member, Secret)]
    if isinstance(thing, list | tuple | set | frozenset):
        return [member for member in thing if not isinstance(member, Secret)]
    try:
        return [member for member in vars(thing).values() if not isinstance(member, Secret)]
    except TypeError:
        return []
