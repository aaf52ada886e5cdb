"""requests in a pool of threads, each with a session of its own: requests does not promise to share one."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import requests

from . import ACCEPT, TOKEN, Ask, Listed
from .bare import tokens


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    own = threading.local()
    sessions = []

    def begin() -> None:
        own.session = requests.Session()
        own.session.headers.update({"Authorization": f"Bearer {TOKEN}", "Accept": ACCEPT})
        sessions.append(own.session)

    def call(_: int) -> Sequence[Listed]:
        response = own.session.get(f"{url}/tokens", timeout=30)
        response.raise_for_status()
        return tokens(response.json())

    with ThreadPoolExecutor(in_flight, initializer=begin) as pool:

        def many(count: int) -> Sequence[Listed]:
            for last in pool.map(call, range(count)):
                listed = last
            return listed

        async def ask(count: int) -> Sequence[Listed]:
            return await asyncio.to_thread(many, count)

        yield ask
    for session in sessions:
        session.close()
