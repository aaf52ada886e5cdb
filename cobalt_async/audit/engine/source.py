"""Credentials from any iterable or async iterable, one at a time, when they are asked for."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Final

from ...errors import ConfigurationError
from ..credential import Credential

_END: Final = object()


class Source:
    """Where the credentials come from; nothing is read before the first is asked for.

    A generator is closed by `close`. A plain iterable is read on the event loop: what blocks belongs into an
    async one.
    """

    def __init__(self, credentials: Iterable[Credential] | AsyncIterable[Credential]) -> None:
        if not isinstance(credentials, Iterable | AsyncIterable):
            kind = type(credentials).__name__
            raise ConfigurationError(f"credentials: an iterable or async iterable of Credential, not {kind}")
        self._credentials = credentials
        self._reading: Iterator[Credential] | AsyncIterator[Credential] | None = None

    async def next(self) -> Credential | None:
        """The next credential, None after the last; TypeError for anything else in its place."""
        if self._reading is None:
            given = self._credentials
            self._reading = aiter(given) if isinstance(given, AsyncIterable) else iter(given)
        reading = self._reading
        item = await anext(reading, _END) if isinstance(reading, AsyncIterator) else next(reading, _END)
        if item is _END:
            return None
        if not isinstance(item, Credential):
            raise TypeError(f"credentials: each of them is a Credential, not {type(item).__name__}")
        return item

    async def close(self) -> None:
        """Close the generator, if it is one; a second time does nothing."""
        opened = self._credentials if self._reading is None else self._reading
        if isinstance(opened, AsyncGenerator):
            await opened.aclose()
        elif isinstance(opened, Generator):
            opened.close()
