"""S rows: retries and rate windows as the documents and a busy operator would have them."""

import asyncio
import email.utils
import time

import pytest

from cobalt_async import RetryPolicy, errors
from tests.faults.raw import NAMED, NEW_SECRET, TOKEN_ID, Exchange, answer, client, failure, ok, raw, refreshed
from tests.virtual_time import virtually

RETRIED = [408, 425, 500, 502, 503, 504]


@pytest.mark.parametrize("status", RETRIED)
async def test_s01_a_failure_that_passes_is_tried_again(status: int) -> None:
    """S01: once, it is read again; always, it is the error of its status after `tries` requests."""
    async with raw(answer(status, {}), ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
    assert len(server.requests) == 2
    async with raw(answer(status, {})) as server, client(server, retry=RetryPolicy(tries=3, base=0)) as cobalt:
        await failure(cobalt.tokens.list(), errors.RefusedError if status < 500 else errors.ServerError)
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 410, 418, 422, 501, 505])
async def test_s01_a_plain_no_is_not_asked_twice(status: int) -> None:
    """S01: what another try cannot change is one request, and the error of its status; a refresh: 5xx in doubt."""
    async with raw(answer(status, {})) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), NAMED.get(status, errors.RefusedError))
        assert (error.status, len(server.requests)) == (status, 1)
        if status < 500:
            await failure(cobalt.tokens.refresh(TOKEN_ID), NAMED.get(status, errors.RefusedError))
        else:
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2


@virtually
async def test_s02_a_full_window_parks_its_user_alone() -> None:
    """S02: nothing remains for one user: its next call is told at once how long, and another user's goes through."""
    async with raw(
        ok()[:0] + answer(200, {"data": [], "pagination": {"next_page": None}}, X_Rate_Limit_Remaining="0")
    ) as server:
        async with client(server, base_url=server.address, retry=RetryPolicy(max_wait=5)) as cobalt:
            await cobalt.tokens.list()
            error = await failure(cobalt.tokens.list(), errors.RateLimitedError)
            await cobalt.with_token("another-users-token").tokens.list()
    assert len(server.requests) == 2
    assert error.retry_after == 60.0


def in_the_future(seconds: float) -> str:
    """An HTTP date so many seconds from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("50", 50, 50),
        ("86400", 86400, 86400),
        ("9999999999", 9999999999, 9999999999),
        ("a date", 2900, 3000),
        ("-5", 60, 60),
        ("inf", 60, 60),
        ("nan", 60, 60),
        ("5.5", 60, 60),
        ("\u0665", 60, 60),
        ("soon", 60, 60),
        ("9" * 400, 60, 60),
        ("", 60, 60),
    ],
)  # fmt: skip
@virtually
async def test_s03_retry_after_is_believed_as_far_as_it_makes_sense(value: str, low: float, high: float) -> None:
    """S03: seconds or a date are surfaced, however far; anything else counts as absent: the rest of the window."""
    value = in_the_future(3000) if value == "a date" else value
    throttled = answer(429, {}, Retry_After=value.encode("utf-8").decode("latin-1"))
    async with raw(throttled) as server:
        async with client(server, base_url=server.address, retry=RetryPolicy(max_wait=1)) as cobalt:
            error = await failure(cobalt.tokens.list(), errors.RateLimitedError)
    assert error.retry_after is not None
    assert low <= error.retry_after <= high
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_s03_a_retry_after_in_the_past_is_now(value: str) -> None:
    """S03: never below 0: the request goes again at once."""
    async with raw(answer(509, {}, Retry_After=value), ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
    assert len(server.requests) == 2


async def test_s04_a_dead_server_soon_sees_one_try_a_call() -> None:
    """S04: 1,000 tokens against 503 for ever: fewer than 1.1 requests a call, each call a ServerError."""
    async with raw(answer(503, {})) as server, client(server) as cobalt:

        async def one(number: int) -> None:
            await failure(cobalt.with_token(f"token-{number}").tokens.list(), errors.ServerError)

        for start in range(0, 1000, 50):
            await asyncio.gather(*[one(number) for number in range(start, start + 50)])
    assert 1000 <= len(server.requests) < 1100


async def executed_then_gone(exchange: Exchange) -> None:
    """The refresh runs; its answer does not come."""
    exchange.writer.close()


@pytest.mark.parametrize("then", [401, 404, 409])
@pytest.mark.parametrize("first", ["gone", "502"])
async def test_s05_a_no_after_a_doubt_is_a_lost_secret(first: str, then: int) -> None:
    """S05: in doubt, then 401, 404 or 409 for that id: SecretLostError with advice; for another id it is a plain no."""
    lost = executed_then_gone if first == "gone" else answer(502, b"")
    async with raw(lost, answer(then, {})) as server, client(server) as cobalt:
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.SecretLostError)
        await failure(cobalt.tokens.refresh("api_another"), NAMED[then])
    assert TOKEN_ID in error.advice
    assert len(server.requests) == 3


async def test_s05_a_success_after_a_doubt_clears_it() -> None:
    """S05: the first did not run after all: the second gives the secret, and a 401 after it is a plain 401."""
    async with raw(answer(503, b""), answer(200, refreshed()), answer(401, {})) as server, client(server) as cobalt:
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
        assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.UnauthorizedError)
    assert len(server.requests) == 3


async def test_s06_a_409_at_the_first_try_is_a_conflict() -> None:
    """S06: 409 without a doubt before it: somebody used this key; nothing is lost."""
    async with raw(answer(409, {})) as server, client(server) as cobalt:
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.ConflictError)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.ConflictError)
    assert len(server.requests) == 2


async def test_s07_a_refresh_is_sent_again_only_while_it_never_left() -> None:
    """S07: each call has a key of its own; an ambiguous try is never repeated, with a new key or the old."""
    async with raw(answer(500, b"")) as server, client(server) as cobalt:
        for _ in range(3):
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    keys = {
        line for request in server.requests for line in request.split(b"\r\n") if line.startswith(b"Idempotency-Key")
    }
    assert (len(server.requests), len(keys)) == (3, 3)


@virtually
async def test_s09_the_wall_clock_may_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """S09: a wall clock that leaps by days moves no window and no deadline."""
    full = answer(200, {"data": [], "pagination": {"next_page": None}}, X_Rate_Limit_Remaining="0")
    async with raw(full) as server:
        async with client(server, base_url=server.address, retry=RetryPolicy(max_wait=5)) as cobalt:
            await cobalt.tokens.list()
            monkeypatch.setattr(time, "time", lambda: 4e9)
            error = await failure(cobalt.tokens.list(deadline=90), errors.RateLimitedError)
    assert error.retry_after == 60.0
    assert len(server.requests) == 1
