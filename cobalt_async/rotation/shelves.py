"""The stores of one rotation: each is written, read back, and answered for by itself."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from attrs import define, frozen

from ..errors import StoreConflictError, StoreError, UnreadableStoreError
from ..secret import Secret
from .hands import is_going_down
from .intent import StoreNote
from .records import Entry
from .stores import SecretStore
from .words import Seen

T = TypeVar("T")


@define
class Shelf:
    """One store, what the journal knows of it, and what stands in the way of its holding the new secret."""

    store: SecretStore
    note: StoreNote
    flaw: str | None = None
    taken: bool = False
    """Somebody else wrote to it."""


class Shelves:
    """All stores of a rotation; `seconds` is the longest that one act of one of them may take."""

    def __init__(self, stores: Sequence[SecretStore], entry: Entry, seconds: float) -> None:
        self._shelves = [Shelf(store, note) for store, note in zip(stores, entry.intent.stores, strict=True)]
        self._entry = entry
        self._seconds = seconds

    @property
    def flaws(self) -> str:
        """What stands in the way, of every store."""
        return "; ".join(shelf.flaw for shelf in self._shelves if shelf.flaw is not None)

    async def newer(self) -> tuple[list[Secret], bool]:
        """What the stores hold that is neither the old secret, nor what they held when the rotation began; and
        whether each of them could be read that can be.
        """
        found: list[Secret] = []
        clear = True
        for shelf in self._shelves:
            held = await self._read(shelf)
            clear &= not isinstance(held, _Failed) or held.unreadable
            if isinstance(held, Secret) and held not in found:
                mark = self._entry.fingerprint(held)
                if mark not in (self._entry.intent.old, shelf.note.held):
                    found.append(held)
        return found, clear

    async def holding(self, mark: bytes) -> Secret | None:
        """The secret with this fingerprint, out of a store that holds it."""
        for shelf in self._shelves:
            held = await self._read(shelf)
            if isinstance(held, Secret) and self._entry.fingerprint(held) == mark:
                return held
        return None

    async def rivals(self) -> list[Secret] | None:
        """What stands in the stores that somebody else wrote to; None where one of them cannot be read."""
        held = [await self._read(shelf) for shelf in self._shelves if shelf.taken]
        if any(isinstance(secret, _Failed) for secret in held):
            return None
        return [secret for secret in held if isinstance(secret, Secret)]

    async def write(self, new: Secret, *, over: bool = False) -> Seen:
        """Write to every store; `over`: to those that somebody else wrote to as well.

        One that holds it already is asked to write it all the same, for what a killed process may have left behind.
        """
        for shelf in self._shelves:
            if await self._read(shelf) == new:
                await self._write(shelf, new, shelf.note.version)
                shelf.flaw, shelf.taken = None, False  # whatever it says of that: it is read back
                continue
            version = await self._version(shelf) if over and shelf.taken else shelf.note.version
            shelf.flaw = await self._write(shelf, new, version)
        if any(shelf.taken for shelf in self._shelves):
            return Seen.TAKEN
        return Seen.OTHER if self.flaws else Seen.WRITTEN

    async def read_back(self, new: Secret) -> Seen:
        """Whether every store holds it. One that cannot be read is believed only where the caller trusts its word."""
        for shelf in self._shelves:
            held = await self._read(shelf)
            if held == new:
                shelf.flaw = None
            elif shelf.flaw is None and isinstance(held, _Failed):
                trusted = held.unreadable and getattr(shelf.store, "trust_exit_code", False)
                shelf.flaw = None if trusted else held.text
            elif shelf.flaw is None:
                shelf.flaw = f"{shelf.note.described}: after the write it does not hold the new secret"
        return Seen.OTHER if self.flaws else Seen.SAME

    async def _version(self, shelf: Shelf) -> str | None:
        version = await self._try(shelf, shelf.store.check())
        return None if isinstance(version, _Failed) else version

    async def _read(self, shelf: Shelf) -> "Secret | _Failed | None":
        held: object = await self._try(shelf, shelf.store.read())
        if isinstance(held, Secret | _Failed | None):
            return held
        return _Failed(f"{shelf.note.described}: its read gave a {type(held).__name__}, not a Secret or None; mend it")

    async def _write(self, shelf: Shelf, new: Secret, version: str | None) -> str | None:
        """What kept it from being written."""
        outcome = await self._try(shelf, shelf.store.write(new, version))
        shelf.taken = isinstance(outcome, _Failed) and outcome.taken
        return outcome.text if isinstance(outcome, _Failed) else None

    async def _try(self, shelf: Shelf, act: Awaitable[T]) -> "T | _Failed":
        """An act of a store, which may be somebody else's: whatever it raises is put in words."""
        try:
            async with asyncio.timeout(self._seconds):
                return await act
        except asyncio.CancelledError:
            if is_going_down():
                raise
            return _Failed(f"{shelf.note.described}: it was cancelled; mend it")
        except StoreError as error:
            return _Failed(
                str(error),
                taken=isinstance(error, StoreConflictError),
                unreadable=isinstance(error, UnreadableStoreError),
            )
        except TimeoutError:
            return _Failed(f"{shelf.note.described}: it did not answer within {self._seconds:g} s; mend it")
        except Exception as error:  # noqa: BLE001 - its text may hold a secret
            return _Failed(f"{shelf.note.described}: it failed ({type(error).__name__}); mend it")


@frozen
class _Failed:
    """An act of a store did not do what it should."""

    text: str
    taken: bool = False
    unreadable: bool = False
