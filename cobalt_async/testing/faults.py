"""Misbehaviour by name: what goes wrong with the next answers. Checks and queues; `serving.py` plays it."""

import json
import re
import threading
from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

import attrs

from . import arguments
from .messages import Answer

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
_METHOD: Final = re.compile(r"[A-Z]+")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.frozen
class Answered:
    """Another answer takes the place of the sandbox's own."""

    answer: Answer
    executed: bool


@attrs.frozen
class HungUp:
    """The connection ends without a byte of an answer."""

    executed: bool


@attrs.frozen
class Delayed:
    """The request is executed at once; its answer is held back for real seconds."""

    seconds: float


@attrs.frozen
class Cut:
    """The head promises the whole body; the body stops here and the connection ends."""

    at_byte: int


@attrs.frozen
class Dripped:
    """The body comes in small pieces, with real seconds between two."""

    bytes_per_chunk: int
    interval: float


@attrs.frozen
class Raw:
    """These bytes are the whole answer, and the connection ends."""

    data: bytes = attrs.field(repr=False)
    executed: bool


Fault = Answered | HungUp | Delayed | Cut | Dripped | Raw


@attrs.frozen(kw_only=True)
class PendingFault:
    """A fault that waits for its request: how often it will still happen (None: always), and to what."""

    fault: Fault
    times: int | None
    method: str | None
    path: str | None

    def concerns(self, method: str, target: str) -> bool:
        """Whether it waits for a request like this one; the query of the target does not count."""
        path = target.partition("?")[0]
        return self.method in (None, method) and (self.path is None or fnmatchcase(path, self.path))


class Faults:
    """The queue of faults: each request takes the first that concerns it, once.

    Every method takes `times` (1; None: until `clear()`), `method` ("POST") and `path` ("/tokens", without
    the query; `*` stands for anything): the fault waits for a request that fits, and lets others pass. A
    fault that is not executed changes nothing in the sandbox and uses up no budget. Wrong arguments:
    ValueError. Any thread may call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[PendingFault] = []

    def __repr__(self) -> str:
        """Show what is pending."""
        return f"<Faults {list(self.pending)!r}>"

    @property
    def pending(self) -> tuple[PendingFault, ...]:
        """What has not happened yet, in order."""
        with self._lock:
            return tuple(self._queue)

    def clear(self) -> None:
        """Forget all that is pending; an answer under way goes on as it began."""
        with self._lock:
            self._queue.clear()

    def take(self, method: str, target: str) -> Fault | None:
        """Take the fault that this request meets, if any; the server asks once a request."""
        if not self._queue:
            return None
        with self._lock:
            for place, pending in enumerate(self._queue):
                if pending.concerns(method, target):
                    if pending.times is not None:
                        left = attrs.evolve(pending, times=pending.times - 1)
                        self._queue[place : place + 1] = [left] if left.times else []
                    return pending.fault
        return None

    def answer(
        self,
        status: int,
        body: object = b"",
        headers: Mapping[str, str] = _NO_HEADERS,
        *,
        executed: bool = False,
        times: int | None = 1,
        method: str | None = None,
        path: str | None = None,
    ) -> None:
        """Answer with this status (100 to 999) and body instead: bytes or a str as they are, else as JSON.

        Where `headers` name no Content-Type, a body is called what Cobalt would call its own answer.
        `executed`: the request is executed first, and only its answer is lost. The connection ends after a
        status below 200, a body where none may be, and `headers` that name a Content-Length or
        Transfer-Encoding, which are sent as they are.
        """
        arguments.whole("status", status, at_least=100, at_most=999)
        replaced = Answer(status, _body(body), _headers(headers))
        fault = Answered(replaced, arguments.flag("executed", executed))
        self._add(fault, times=times, method=method, path=path)

    def hang_up_before(self, *, times: int | None = 1, method: str | None = None, path: str | None = None) -> None:
        """End the connection without executing the request."""
        self._add(HungUp(executed=False), times=times, method=method, path=path)

    def hang_up_after(self, *, times: int | None = 1, method: str | None = None, path: str | None = None) -> None:
        """Execute the request, and end the connection without a byte of the answer."""
        self._add(HungUp(executed=True), times=times, method=method, path=path)

    def delay(
        self, seconds: float, *, times: int | None = 1, method: str | None = None, path: str | None = None
    ) -> None:
        """Execute the request at once, and hold its answer back for real seconds (not the sandbox's).

        Closing the sandbox does not wait for it: the connection ends without an answer.
        """
        fault = Delayed(arguments.seconds("seconds", seconds))
        self._add(fault, times=times, method=method, path=path)

    def cut(self, at_byte: int, *, times: int | None = 1, method: str | None = None, path: str | None = None) -> None:
        """Execute the request, promise the whole body, send this many bytes of it, and end the connection.

        Where the body is no longer than that, all of it arrives and the connection still ends.
        """
        fault = Cut(arguments.whole("at_byte", at_byte, at_least=0))
        self._add(fault, times=times, method=method, path=path)

    def drip(
        self,
        bytes_per_chunk: int,
        interval: float,
        *,
        times: int | None = 1,
        method: str | None = None,
        path: str | None = None,
    ) -> None:
        """Execute the request; send the body in pieces of so many bytes, with so many real seconds between.

        The head comes at once. Closing the sandbox does not wait for the rest.
        """
        size = arguments.whole("bytes_per_chunk", bytes_per_chunk, at_least=1)
        fault = Dripped(size, arguments.seconds("interval", interval))
        self._add(fault, times=times, method=method, path=path)

    def raw(
        self,
        data: bytes,
        *,
        executed: bool = False,
        times: int | None = 1,
        method: str | None = None,
        path: str | None = None,
    ) -> None:
        """Send these bytes and nothing else, as if they were an answer, and end the connection."""
        if not isinstance(data, bytes | bytearray | memoryview):
            message = f"data must be bytes, not {type(data).__name__}"
            raise ValueError(message)  # noqa: TRY004 - one error for every wrong argument
        fault = Raw(bytes(data), arguments.flag("executed", executed))
        self._add(fault, times=times, method=method, path=path)

    def _add(self, fault: Fault, *, times: int | None, method: str | None, path: str | None) -> None:
        if times is not None:
            arguments.whole("times", times, at_least=1)
        if method is not None and (not isinstance(method, str) or _METHOD.fullmatch(method) is None):
            message = f"method must be an HTTP method in capitals, not {method!r}"
            raise ValueError(message)
        if path is not None and (not isinstance(path, str) or not path.startswith(("/", "*")) or "?" in path):
            message = f"path must be a path from / on, without a query, not {path!r}"
            raise ValueError(message)
        with self._lock:
            self._queue.append(PendingFault(fault=fault, times=times, method=method, path=path))


def _body(body: object) -> bytes:
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    try:
        spelled = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return spelled.encode()
    except (TypeError, ValueError, RecursionError):
        message = f"body must be bytes, a str that UTF-8 can carry, or JSON-able, not this {type(body).__name__}"
    raise ValueError(message)


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    checked: list[tuple[str, str]] = []
    for name, value in dict(headers).items():
        if not isinstance(name, str) or _HEADER_NAME.fullmatch(name) is None:
            message = f"headers has a name that HTTP cannot carry: {name!r}"
            raise ValueError(message)
        if not isinstance(value, str) or _HEADER_VALUE.fullmatch(value) is None:
            message = f"headers has a value for {name} that HTTP cannot carry"
            raise ValueError(message)
        checked.append((name, value))
    return tuple(checked)
