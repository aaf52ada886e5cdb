"""What a rotation works with: the client, the secrets that are at hand, and the caller's wishes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from attrs import field, frozen

from ..client import AsyncCobalt
from ..secret import Secret
from .journal import Journal
from .outcome import Rotation

Hook = Callable[[Rotation], Awaitable[object]]


@frozen(kw_only=True)
class Patience:
    """Seconds that a rotation waits: for requests in doubt, for a new secret to live, for an old one to die."""

    settle: float
    prove: float
    old_dead: float


@frozen(kw_only=True)
class Hands:
    """What one rotation has at hand."""

    cobalt: AsyncCobalt
    journal: Journal
    old: Secret | None = field(repr=False)
    sibling: Secret | None = field(repr=False)
    hook: Hook | None
    patience: Patience
    tell: Callable[[str], object]
    """Called with one line for people at every event."""

    def say(self, line: str) -> None:
        """Tell it; a listener that fails (a pipe that nobody reads any more, say) stops no rotation."""
        with contextlib.suppress(Exception):
            self.tell(line)

    async def run_hook(self, rotation: Rotation) -> str | None:
        """Run the caller's hook; why it failed, without its words, which may hold anything."""
        if self.hook is None:
            return None
        try:
            async with asyncio.timeout(self.cobalt._timeouts.refresh):
                await self.hook(rotation)
        except asyncio.CancelledError:
            if is_going_down():
                raise
            return "CancelledError"
        except Exception as error:  # noqa: BLE001 - the caller's own
            return type(error).__name__
        return None


def is_going_down() -> bool:
    """Whether the running task itself was asked to end, and not something that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
