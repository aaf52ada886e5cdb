"""One port of `localhost`, and the connections that come through it: none of them is forgotten."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

_BACKLOG: Final = 1024
_AT_A_TIME: Final = 100
_PORT_TRIES: Final = 20
_PAUSE: Final = 1.0
"""Seconds without accepting after the machine refused to: most likely too many files are open."""


class Door:
    """Listens from `open` to `close`, on the loop that called `open`.

    asyncio's own server forgets a connection that comes just before it closes: the client waits for ever, and
    its socket is left over. Here every connection accepted has reached its protocol when `close` returns.
    """

    def __init__(self, protocol: Callable[[], asyncio.Protocol], *, port: int) -> None:
        self._protocol = protocol
        self._listeners = _listen(port)
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[object]] = set()
        self.port: int = self._listeners[0].getsockname()[1]

    def open(self) -> None:
        """Let connections in."""
        for listener in self._listeners:
            self._watch(listener)

    async def close(self) -> None:
        """Let no more in, and wait for those that were."""
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            self._loop.remove_reader(listener)
            listener.close()
        if self._arriving:
            await asyncio.wait(self._arriving)

    def _watch(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_A_TIME):
            try:
                arrived, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(listener)
                self._loop.call_later(_PAUSE, self._watch, listener)
                raise
            arrived.setblocking(False)
            letting_in = self._loop.create_task(self._let_in(arrived))
            self._arriving.add(letting_in)
            letting_in.add_done_callback(self._arriving.discard)

    async def _let_in(self, arrived: socket.socket) -> None:
        await self._loop.connect_accepted_socket(self._protocol, arrived)


def _listen(port: int) -> list[socket.socket]:
    """Bind one port on both addresses of `localhost`, so that no other server answers on one of them."""
    for _ in range(_PORT_TRIES if port == 0 else 1):
        try:
            first = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        except OSError as error:
            message = f"port {port} on localhost cannot be had: {error.strerror}"
            raise RuntimeError(message) from error
        first.setblocking(False)
        try:
            address = ("::1", first.getsockname()[1])
            second = socket.create_server(address, family=socket.AF_INET6, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return [first]  # this machine has no IPv6 on loopback
            first.close()
        else:
            second.setblocking(False)
            return [first, second]
    message = f"port {port} on localhost cannot be had: it is taken on ::1"
    raise RuntimeError(message)
