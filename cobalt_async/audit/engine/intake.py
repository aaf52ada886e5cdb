"""Credentials as they are read, one reader at a time."""

import asyncio

from ...errors import ConfigurationError
from ..credential import Credential
from ..facts import Facts
from .source import Source


class Intake:
    """Reads the source. `drained`: there is nothing more, for which `failure` may be the reason."""

    def __init__(self, source: Source, facts: Facts) -> None:
        self.drained: bool = False
        self.failure: BaseException | None = None
        self._begun = False  # a first credential came
        self._source = source
        self._facts = facts
        self._reader: asyncio.Task[None] | None = None
        self._given_up = False

    @property
    def is_free(self) -> bool:
        """Whether somebody may read."""
        return not self.drained and self._reader is None

    @property
    def readers(self) -> int:
        """How many read right now: 1 or 0."""
        return 0 if self._reader is None else 1

    def give_up(self) -> None:
        """Read nothing more, and wait no longer for what may never come."""
        self._given_up = True
        if self._reader is not None:
            self._reader.cancel()
        self.drained = True

    async def read(self) -> Credential | None:
        """The next credential, None at the end; what the caller's iterable raises ends the reading, not the jobs."""
        credential = self._read_now() if self._source.is_plain else await self._read_later()
        if credential is None:
            self.drained = True
        elif not self._begun:
            self._begun = True
            self._compare(credential)
        return credential

    def _read_now(self) -> Credential | None:
        try:
            return self._source.next_now()
        except Exception as error:  # noqa: BLE001 - the caller's own, raised again to the caller
            self.failure = error
        except asyncio.CancelledError as error:
            self.drained, self.failure = True, error  # no end that may pass for one
            raise
        return None

    async def _read_later(self) -> Credential | None:
        task = self._reader = asyncio.current_task()
        try:
            return await self._source.next()
        except Exception as error:  # noqa: BLE001 - as above
            self.failure = error
        except asyncio.CancelledError as error:
            self.drained = True
            if task is None or not task.cancelling():
                self.failure = error  # the iterable raised it
                raise
            if not self._given_up or task.uncancel():
                raise
        finally:
            self._reader = None
        return None

    def _compare(self, credential: Credential) -> None:
        """A checkpoint knows the inventory it belongs to by its first credential."""
        mark, first = self._facts.mark(credential), self._facts.told("first")
        if first is None:
            self._facts.tell("first", mark)
        elif first != mark:
            self.drained = True
            self.failure = ConfigurationError(
                "checkpoint: it belongs to another inventory, whose first credential was another one; give the "
                "inventory that it was made from, or start anew without it"
            )
