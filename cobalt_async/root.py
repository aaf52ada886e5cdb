"""What a client and all its views share, from its opening to its end."""

import asyncio
import warnings

from .errors import ConfigurationError
from .exchange import Exchange
from .protocol import wire
from .refreshing import Refreshes
from .transport import Transport


class Root:
    """What a client and all its views share: the transport, rate windows, refreshes; and whether it is open."""

    def __init__(self, transport: Transport, max_connections: int) -> None:
        self.max_connections: int = max_connections
        self.refreshes: Refreshes = Refreshes(Exchange(transport))
        self._transport = transport
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def check(self) -> None:
        """ConfigurationError unless the client is open, on this very loop."""
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")
        if self._loop is None:
            raise ConfigurationError("this client is not open yet; use it inside `async with AsyncCobalt(…)`")
        if self._loop is not asyncio.get_running_loop():
            raise ConfigurationError("this client was opened on another event loop; make one for each loop")

    def open(self) -> None:
        """Open the connections, once, on the loop that runs now and for it."""
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")
        if self._loop is not None:
            raise ConfigurationError("this client is open already; enter it once")
        wire.prepare()
        self._transport.open()
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """Wait for refreshes that may have left, then close the connections; a second time does nothing."""
        if self._closed:
            return
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            raise ConfigurationError("this client was opened on another event loop; close it there")
        try:
            await self.refreshes.close()
        finally:
            self._closed = True
            self.refreshes.exchange.close()
            try:
                if self._loop is not None:
                    await self._transport.close()
            finally:
                if self.refreshes.unclaimed:  # last, because a warning may be made an exception
                    ids = ", ".join(refreshed.id for refreshed in self.refreshes.unclaimed)
                    text = f"new secrets that nobody has taken, of {ids}: see AsyncCobalt.unclaimed, store them now"
                    warnings.warn(f"closed with {text}", RuntimeWarning, stacklevel=3)
