"""What these tests share: one question over plain aiohttp, and the bytes of one answer off a bare socket."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs

from cobalt_async.testing import CobaltSandbox

V1 = "application/vnd.cobalt.v1+json"
V2 = "application/vnd.cobalt.v2+json"


@attrs.frozen
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def names(self) -> list[str]:
        return [item["resource"]["name"] for item in self.json["data"]]

    @property
    def next_page(self) -> str:
        path = self.json["pagination"]["next_page"]
        assert isinstance(path, str)
        return path


class Ask(Protocol):
    async def __call__(
        self,
        sandbox: CobaltSandbox,
        secret: str | None,
        path: str = "/tokens",
        *,
        method: str = "GET",
        version: str = "v1",
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply: ...


async def off_the_wire(sandbox: CobaltSandbox, secret: str, path: str = "/tokens", method: str = "GET") -> bytes:
    """Ask over a bare socket, and give every byte until the server ends the connection."""
    address = urlsplit(sandbox.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(head_of(method, path, secret) + b"\r\n")
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


def head_of(method: str, path: str, secret: str) -> bytes:
    """Spell the head of a v1 request, up to the blank line that would end it."""
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        f"Accept: {V1}",
        f"Authorization: Bearer {secret}",
        "",
    )
    return "\r\n".join(lines).encode()


async def until(happened: Callable[[], object]) -> None:
    """Let the loop run until something happened on it."""
    while not happened():  # noqa: ASYNC110 - what happens is a plain call, and nobody sets an event
        await asyncio.sleep(0)


def refresh_of(token_id: str) -> str:
    """Give the path that refreshes this token."""
    return f"/tokens/{token_id}/refresh"
