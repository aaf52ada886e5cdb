"""H and K rows: nothing that a caller hands over bends a request, and nothing of one token travels with another."""

from typing import Any

import pytest

from cobalt_async import AsyncCobalt, errors
from tests.faults.raw import answer, client, failure, ok, raw, refreshed

BAD_TOKENS = [
    f"{start}canary{end}"
    for start, end in [
        ("", "\r\nX-Evil: 1"),
        ("", "\n"),
        ("a\0", ""),
        ("a ", ""),
        ("\t", ""),
        (" ", ""),
        ("", " "),
        ("\u200b", ""),
        ("\u0430", ""),
    ]
] + ["", "canary" * 100]
BAD_IDS = [
    "../..",
    "a/b",
    "api_a/b",
    "api_a?b",
    "api_#",
    "api_",
    "api_ä",
    "api_\u0660",
    "api_a\n",
    "API_a",
    "",
    "api_a%2f",
]


@pytest.mark.parametrize("token", BAD_TOKENS, ids=ascii)
async def test_h01_h02_a_token_that_no_header_carries_is_refused(token: str) -> None:
    """H01, H02: CR, LF, NUL, blanks, zero-width, non-ASCII or nothing: ConfigurationError without the value, no I/O."""
    async with raw(ok()) as server, client(server) as cobalt:
        calls: list[Any] = [
            lambda: AsyncCobalt(token),
            lambda: cobalt.with_token(token),
            lambda: cobalt.use_token(token),
        ]
        for call in calls:
            with pytest.raises(errors.ConfigurationError) as caught:
                call()
            assert "canary" not in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize("token_id", BAD_IDS, ids=ascii)
async def test_h03_an_id_that_bends_the_path_is_refused(token_id: str) -> None:
    """H03: anything but api_ and ASCII letters and digits is ConfigurationError before any I/O."""
    async with raw(answer(200, refreshed())) as server, client(server) as cobalt:
        await failure(cobalt.tokens.refresh(token_id), errors.ConfigurationError)
    assert server.connections == 0


async def test_k01_a_cookie_of_one_token_is_not_sent_with_another() -> None:
    """K01: Set-Cookie for one token's answer is forgotten: no later request carries a Cookie."""
    async with raw(
        answer(200, {"data": [], "pagination": {"next_page": None}}, Set_Cookie="session=theirs; Path=/")
    ) as server:
        async with client(server) as cobalt:
            await cobalt.tokens.list()
            await cobalt.with_token("another-token").tokens.list()
            await cobalt.tokens.list()
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)
