"""Credentials from any iterable or async iterable, one at a time, when they are asked for."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Final, cast

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
        self._now: Iterator[Credential] | None = None
        self._later: AsyncIterator[Credential] | None = None
        self.is_plain: bool = not isinstance(credentials, AsyncIterable)

    def next_now(self) -> Credential | None:
        """The next credential of a plain iterable, None after the last; TypeError for anything else in its place."""
        if self._now is None:
            self._now = iter(cast("Iterable[Credential]", self._credentials))
        item = next(self._now, _END)
        if isinstance(item, Credential):
            return item
        _check_end(item)
        return None

    async def next(self) -> Credential | None:
        """The same of an async iterable, once it is there."""
        if self._later is None:
            self._later = aiter(cast("AsyncIterable[Credential]", self._credentials))
        item = await anext(self._later, _END)
        if isinstance(item, Credential):
            return item
        _check_end(item)
        return None

    async def close(self) -> None:
        """Close the generator, if it is one; a second time does nothing."""
        opened = next((one for one in (self._now, self._later) if one is not None), self._credentials)
        if isinstance(opened, AsyncGenerator):
            await opened.aclose()
        elif isinstance(opened, Generator):
            opened.close()


def _check_end(item: object) -> None:
    if item is not _END:
        raise TypeError(f"credentials: each of them is a Credential, not {type(item).__name__}")
