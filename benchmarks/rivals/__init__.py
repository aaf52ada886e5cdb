"""The same listing from each client that a user could take instead, one small file a client, behind one signature.

Each is written as its own documentation would have it, checks the status, parses the page into objects, and keeps as
many connections as there are requests in flight.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import Protocol

from attrs import frozen

EXTRA = "pip install 'cobalt-async[bench]'"
TOKEN = "benchmark"
ACCEPT = "application/vnd.cobalt.v1+json"


class Listed(Protocol):
    """A token as a page lists it."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def expire_at(self) -> datetime | None: ...


Ask = Callable[[int], Awaitable[Sequence[Listed]]]
"""Lists so many times, as many at once as the client was opened for; what the last one to begin listed."""


class Open(Protocol):
    """A client of a server, open for so many requests at once until the block ends."""

    def __call__(self, url: str, *, in_flight: int) -> AbstractAsyncContextManager[Ask]: ...


@frozen
class Rival:
    """A client: the file that holds it, and what it needs."""

    module: str
    needs: str = ""  # a package beyond the core's dependencies

    def load(self) -> Open:
        """What opens it; ImportError where what it needs is not installed."""
        opened: Open = import_module(f"{__name__}.{self.module}").opened
        return opened


OURS, BARE = "cobalt_async", "bare aiohttp"
RIVALS: Mapping[str, Rival] = MappingProxyType(
    {
        OURS: Rival("ours"),
        BARE: Rival("bare"),
        "bare aiohttp, no objects": Rival("bare_dicts"),
        "httpx2": Rival("in_httpx", "httpx2"),
        "requests in threads": Rival("in_threads", "requests"),
        "openapi-python-client": Rival("generated", "openapi-python-client"),
    }
)


def loaded() -> tuple[dict[str, Open], dict[str, str]]:
    """What opens each rival that is here, by name; and for each that is not, what to do about it, in one line."""
    here: dict[str, Open] = {}
    missing = {}
    for name, rival in RIVALS.items():
        try:
            here[name] = rival.load()
        except ImportError as error:
            if not rival.needs:
                raise
            missing[name] = f"{error.name or rival.needs} is not installed; {EXTRA}"
    return here, missing
