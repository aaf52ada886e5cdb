"""A server on a thread and a loop of its own, for code that has none. Ends both when it is closed."""

import asyncio
import threading
from concurrent.futures import Future

from .serving import Serving


class ServingThread:
    """Runs one `Serving`; what goes wrong on the thread is raised to whoever waits for it."""

    def __init__(self, serving: Serving, *, port: int) -> None:
        self._serving = serving
        self._port = port
        self._opened: Future[int] = Future()
        self._closed: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="cobalt-sandbox", daemon=True)

    def open(self) -> int:
        """Start the thread and wait until the server listens; give its port."""
        self._thread.start()
        try:
            return self._opened.result()
        except Exception:
            self._thread.join()
            raise

    def close(self) -> None:
        """Stop the server and wait until the thread is gone."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._closed.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            (self._closed if self._opened.done() else self._opened).set_exception(error)
        else:
            self._closed.set_result(None)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        port = self._serving.start(self._port)
        self._opened.set_result(port)
        await self._stop.wait()
        await self._serving.stop()
