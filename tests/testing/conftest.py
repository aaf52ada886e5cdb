from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from cobalt_async.testing import CobaltSandbox
from tests.testing.asking import Ask, Reply


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """One plain aiohttp session for the test."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as opened:
        yield opened


@pytest.fixture
def ask(session: aiohttp.ClientSession) -> Ask:
    """Ask with all the headers that the documents want; a header given as None is left out."""

    async def asked(
        sandbox: CobaltSandbox,
        secret: str | None,
        path: str = "/tokens",
        *,
        method: str = "GET",
        version: str = "v1",
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        media_type = f"application/vnd.cobalt.{version}+json"
        wanted: dict[str, str | None] = {
            "Accept": media_type,
            "Authorization": None if secret is None else f"Bearer {secret}",
            "Content-Type": media_type if method != "GET" and version == "v2" else None,
            **(headers or {}),
        }
        sent = {name: value for name, value in wanted.items() if value is not None}
        skipped = ["Accept", "Content-Type"]
        async with session.request(method, sandbox.url + path, headers=sent, skip_auto_headers=skipped) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    return asked
