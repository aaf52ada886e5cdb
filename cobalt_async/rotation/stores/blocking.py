"""What all our stores share: their work blocks, so a thread does it."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ...errors import ConfigurationError, StoreConflictError, StoreError
from ...must_finish import Finishers
from ...references import Flaw
from ...secret import Secret
from .versions import is_version_of

T = TypeVar("T")


@frozen
class Conflict(Flaw):
    """What a store holds is not what was expected."""


class BlockingStore(ABC):
    """A store whose work is done in a thread; two are equal when their references are.

    What goes wrong comes out of the thread as a Flaw and is raised here, where no frame holds a secret's text.
    """

    @property
    @abstractmethod
    def reference(self) -> str:
        """The store in one line that `open_store` takes, with absolute paths."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The store in one line for people."""

    async def check(self) -> str | None:
        """Prove that it can be written, and return the version of what it holds now; see SecretStore."""
        return self._outcome(await _in_thread(self._check))

    async def read(self) -> Secret | None:
        """What it holds now, None where there is nothing; see SecretStore."""
        return self._outcome(await _in_thread(self._read))

    async def write(self, secret: Secret, expected_version: str | None) -> None:
        """Hold this secret from now on; see SecretStore."""
        if not isinstance(secret, Secret):
            kind = type(secret).__name__
            del secret  # its text, perhaps: this frame travels with the traceback
            raise ConfigurationError(f"secret: a Secret, not {kind}")
        self._outcome(await _in_thread(lambda: self._write(secret, expected_version)))

    async def describe(self) -> str:
        """The store in one line for people, without a secret."""
        return self.name

    @abstractmethod
    def _check(self) -> str | Flaw | None: ...

    @abstractmethod
    def _read(self) -> Secret | Flaw | None: ...

    @abstractmethod
    def _write(self, secret: Secret, expected_version: str | None) -> Flaw | None: ...

    def _outcome(self, outcome: T | Flaw) -> T:
        if isinstance(outcome, Conflict):
            raise StoreConflictError(self.name, outcome.text)
        if isinstance(outcome, Flaw):
            raise StoreError(self.name, outcome.text)
        return outcome

    def __eq__(self, other: object) -> bool:
        return self.reference == other.reference if isinstance(other, BlockingStore) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.reference)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"


def conflict(held: Secret | None, expected_version: str | None) -> Conflict | None:
    """Why a store that holds this is not to be written to."""
    if expected_version is None or is_version_of(expected_version, held):
        return None
    now = "nothing any more" if held is None else "another secret than before"
    return Conflict(f"it holds {now}, and nothing was written")


def check_seconds(seconds: float) -> None:
    """Refuse what is no time limit."""
    if type(seconds) not in {int, float} or not 0 < seconds < math.inf:
        raise ConfigurationError("seconds: more than 0 and finite")


async def _in_thread(work: Callable[[], T]) -> T:
    """Work in a thread, which nothing can stop half-way; a cancellation comes out when it has ended."""
    return await Finishers().run(lambda: asyncio.to_thread(work), committed=lambda: True)
