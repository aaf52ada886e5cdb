"""What became of secrets that this process replaced: so that a reading which was refused for that goes on."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator

from .secret import Secret

_MOST = 10_000


class Replacement:
    """A secret that is being replaced; `new` is set once what replaces it is proved."""

    def __init__(self) -> None:
        self.new: Secret | None = None
        self.ended: asyncio.Event = asyncio.Event()

    def settle(self, new: Secret) -> None:
        """From now on readings with the old secret may go on with this one."""
        self.new = new
        self.ended.set()


class Successors:
    """Replacements by the old secret's name, which is keyed; of more than 10,000 the oldest are forgotten."""

    def __init__(self, name: Callable[[Secret], bytes]) -> None:
        self._name = name
        self._replacements: OrderedDict[bytes, Replacement] = OrderedDict()

    @contextlib.contextmanager
    def replacing(self, old: Secret) -> Iterator[Replacement]:
        """Say that a secret is being replaced. Unless `settle` is called in the block, nothing has become of it."""
        name, replacement = self._name(old), Replacement()
        self._replacements[name] = replacement
        if len(self._replacements) > _MOST:
            self._replacements.popitem(last=False)
        try:
            yield replacement
        finally:
            replacement.ended.set()
            if replacement.new is None and self._replacements.get(name) is replacement:
                del self._replacements[name]

    async def of(self, old: Secret, until: float) -> Secret | None:
        """What replaced a secret, after waiting for its end where it is being replaced now; None for nothing.

        `until` is on the loop's clock; when it passes, nothing has replaced it yet.
        """
        newest: Secret | None = None
        seen: set[bytes] = set()
        while self._replacements and (name := self._name(newest or old)) not in seen:
            seen.add(name)  # an answer that brought back an earlier secret would lead round and round
            replacement = self._replacements.get(name)
            if replacement is None:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await replacement.ended.wait()
            if replacement.new is None:
                break
            newest = replacement.new
        return newest
