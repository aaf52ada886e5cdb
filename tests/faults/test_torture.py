"""Answers cut, split and spoilt at every byte: each ends in the value, or in an error of ours with a name."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cobalt_async import RefreshedToken, RetryPolicy, Timeouts, errors
from tests.faults.raw import NEW_SECRET, TALLY, TOKEN_ID, Answer, Exchange, answer, client, judge, ok, raw, refreshed

PROMISE = answer(200, refreshed())
PAGE = ok("api_a", "api_b")
ONCE = RetryPolicy(tries=1)
ENOUGH = Timeouts(total=20, connect=20, read=20, refresh=20)  # the server hangs up: nothing here waits for a limit


def until(byte: int, data: bytes) -> Answer:
    """The answer up to that byte, then the end of the connection."""

    async def serve(exchange: Exchange) -> None:
        await exchange.say(data[:byte])
        exchange.writer.close()

    return serve


async def ask(kind: str, served: Answer) -> object:
    """What a reading or a refresh ends in against this answer; an error is judged."""
    TALLY["bytes cut or spoilt"] += 1
    async with raw(served, close=True) as server, client(server, retry=ONCE, timeouts=ENOUGH) as cobalt:
        try:
            return await (cobalt.tokens.list() if kind == "list" else cobalt.tokens.refresh(TOKEN_ID))
        except Exception as error:  # noqa: BLE001 - what it is, is judged
            judge(error)
            return error


async def test_a_refresh_is_cut_at_every_byte() -> None:
    """Cut at any byte: in doubt without a secret until its last quote has come, from there on the secret is in hand."""
    whole_from = PROMISE.index(NEW_SECRET.encode()) + len(NEW_SECRET) + 1
    for byte in range(len(PROMISE) + 1):
        outcome = await ask("refresh", until(byte, PROMISE))
        if byte >= whole_from and getattr(outcome, "refreshed", outcome) is None:
            TALLY["secrets lost"] += 1
        if byte < whole_from:
            assert type(outcome) is errors.RefreshInDoubtError, byte
            assert outcome.refreshed is None, byte
        elif byte < len(PROMISE):
            assert type(outcome) is errors.RefreshError, byte
            assert outcome.refreshed is not None, byte
            assert outcome.refreshed.secret.reveal() == NEW_SECRET
        else:
            assert isinstance(outcome, RefreshedToken)


async def test_a_page_is_cut_at_every_byte() -> None:
    """Cut at any byte, a page is NoAnswerError: never a shorter list."""
    for byte in range(len(PAGE)):
        assert type(await ask("list", until(byte, PAGE))) is errors.NoAnswerError, byte


async def test_an_answer_is_split_at_every_byte() -> None:
    """In two segments, wherever they part, the answer is the same."""

    def in_two(byte: int) -> Answer:
        async def serve(exchange: Exchange) -> None:
            await exchange.say(PROMISE[:byte])
            await asyncio.sleep(0)
            await exchange.say(PROMISE[byte:])

        return serve

    for byte in range(1, len(PROMISE)):
        outcome = await ask("refresh", in_two(byte))
        assert isinstance(outcome, RefreshedToken), byte
        assert outcome.secret.reveal() == NEW_SECRET


@pytest.mark.parametrize("kind", ["list", "refresh"])
async def test_flipped_bytes_end_in_a_value_or_an_error_of_ours(kind: str) -> None:
    """A byte flipped anywhere: a value or a CobaltError, without the token, and with nothing foreign behind it."""
    data = PAGE if kind == "list" else PROMISE
    dice = random.Random(5)
    for byte in range(len(data)):
        spoilt = bytearray(data)
        spoilt[byte] ^= 1 << dice.randrange(8)
        outcome = await ask(kind, bytes(spoilt))
        if isinstance(outcome, errors.CobaltError):
            assert outcome.__cause__ is None, byte
            assert outcome.__context__ is None, byte


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.binary(max_size=200), body=st.binary(max_size=300), status=st.integers(100, 599))
def test_any_bytes_end_in_a_value_or_an_error_of_ours(head: bytes, body: bytes, status: int) -> None:
    """Random headers and bodies after a plausible status line never let anything foreign through."""
    data = f"HTTP/1.1 {status} X\r\n".encode() + head + b"\r\n\r\n" + body
    for kind in ("list", "refresh"):
        outcome = asyncio.run(ask(kind, data))
        if isinstance(outcome, errors.CobaltError):
            assert outcome.__context__ is None
