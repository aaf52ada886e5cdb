"""R rows: nothing is followed, and what is said of a redirect echoes none of it."""

import ssl
from typing import Any

import pytest
import trustme

from cobalt_async import errors
from tests.faults.raw import TOKEN_ID, client, failure, head, ok, raw


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_r01_another_host_is_never_asked(status: int) -> None:
    """R01: a redirect of a reading is UnreadableError after one request; the other host sees none."""
    async with raw(ok()) as evil, raw(head(status, Location=f"{evil.url}/tokens?q=whispered")) as server:
        async with client(server) as cobalt:
            error = await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert (len(server.requests), len(evil.requests)) == (1, 0)
    assert str(status) in str(error)
    assert "whispered" not in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_r02_a_refresh_is_not_posted_elsewhere(status: int) -> None:
    """R02: a redirect of a refresh is RefreshInDoubtError after one POST; nothing reaches the other host."""
    async with raw(ok()) as evil, raw(head(status, Location=f"{evil.url}/tokens")) as server:
        async with client(server) as cobalt:
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert (len(server.requests), len(evil.requests)) == (1, 0)


async def test_r03_https_is_not_left_for_http() -> None:
    """R03: from https to http, nothing goes in clear."""
    authority = trustme.CA()
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(asking)
    async with raw(ok()) as clear, raw(head(302, Location=f"{clear.url}/tokens"), tls=serving) as server:
        async with client(server, ssl=asking) as cobalt:
            await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert (len(server.requests), len(clear.requests)) == (1, 0)


async def test_r04_a_loop_of_redirects_is_one_request() -> None:
    """R04: a redirect to itself is asked once."""
    async with raw(head(302, Location="/tokens")) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [300, 304])
@pytest.mark.parametrize("headers", [{}, {"Location": ""}], ids=["none", "empty"])
async def test_r06_a_3xx_without_location_is_no_answer_either(status: int, headers: dict[str, Any]) -> None:
    """R06: 300 and 304 without a Location, or with an empty one, are UnreadableError; a refresh is in doubt."""
    async with raw(head(status, **headers)) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2
