"""A refresh whose new secret arrived whole: it is kept, whatever is wrong with all that stands around it."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Sequence

import pytest

from cobalt_async import RefreshedToken, Secret, Timeouts, errors
from cobalt_async.protocol import requests
from cobalt_async.transport import recording
from tests.faults.raw import (
    NEW_SECRET,
    TOKEN,
    TOKEN_ID,
    Answer,
    Exchange,
    answer,
    client,
    failure,
    head,
    raw,
    refreshed,
)

BODY = json.dumps(refreshed()).encode()
WHOLE = answer(200, BODY)
SHORT = head(200, length=len(BODY) - 1)
SHORTER = head(200, length=20)
CHUNKED = head(200, length=None, Transfer_Encoding="chunked")
CUT = BODY.index(NEW_SECRET.encode()) + 5


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def packed(data: bytes) -> bytes:
    """An answer with this body, which it says is compressed."""
    return answer(200, data, Content_Encoding="gzip")


BROKEN_FRAMES: dict[str, Sequence[bytes]] = {
    "blank": [WHOLE + b" "],
    "nul": [WHOLE + b"\0"],
    "a length one too short": [SHORT + BODY],
    "a length one too short, head first": [SHORT, BODY],
    "a length far too short": [SHORTER + BODY],
    "a length far too short, head first": [SHORTER, BODY],
    "broken chunks": [CHUNKED + chunk(BODY) + b"zz\r\n"],
    "broken chunks, head first": [CHUNKED, chunk(BODY) + b"zz\r\n"],
    "broken chunks, end last": [CHUNKED + chunk(BODY), b"zz\r\n"],
    "a secret in two chunks, and broken ones": [CHUNKED + chunk(BODY[:CUT]) + chunk(BODY[CUT:]) + b"zz\r\n"],
    "no content": [head(204, length=len(BODY)) + BODY],
    "130 headers": [WHOLE.replace(b"\r\n", b"\r\n" + b"X-A: b\r\n" * 130, 1)],
    "a header of 9000 bytes": [answer(200, BODY, X_A="b" * 9000)],
    "a header of 9000 bytes, body last": [head(200, length=len(BODY), X_A="b" * 9000), BODY],
    "nul in a header": [answer(200, BODY, X_A="a\0b")],
    "nul in a header, body last": [head(200, length=len(BODY), X_A="a\0b"), BODY[:CUT], BODY[CUT:]],
    "two lengths": [head(200, length=len(BODY), Content_Length="3") + BODY],
    "a length and chunks": [head(200, length=len(BODY), Transfer_Encoding="chunked") + chunk(BODY) + b"0\r\n\r\n"],
    "early hints": [head(103, length=None) + WHOLE + b"\0"],
    "compressed": [packed(gzip.compress(BODY)) + b"\0"],
    "compressed chunks": [CHUNKED + chunk(gzip.compress(BODY)) + b"zz\r\n"],
}
BROKEN_BODIES: dict[str, Sequence[bytes]] = {
    "gzip, wrong checksum": [packed(gzip.compress(BODY)[:-8] + bytes(8))],
    "gzip, cut": [packed(gzip.compress(BODY)[:-4])],
    "gzip, not said": [answer(200, gzip.compress(BODY))],
    "deflate, not said": [answer(200, zlib.compress(BODY))],
    "gzip as transfer encoding": [
        head(200, length=None, Transfer_Encoding="gzip, chunked") + chunk(gzip.compress(BODY)) + b"0\r\n\r\n"
    ],
}
CASES = BROKEN_FRAMES | BROKEN_BODIES


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What still comes in these tests comes soon."""
    monkeypatch.setattr(recording, "_LINGERS", 0.1)


def in_pieces(pieces: Sequence[bytes], *, close: bool) -> Answer:
    """A server that says them one after the other, and hangs up or does not."""

    async def serve(exchange: Exchange) -> None:
        for piece in pieces:
            await exchange.say(piece)
            await asyncio.sleep(0.02)
        if close:
            exchange.writer.close()

    return serve


@pytest.mark.parametrize("close", [True, False], ids=["closed", "kept open"])
@pytest.mark.parametrize("case", CASES)
async def test_a_secret_that_arrived_whole_is_kept(case: str, close: bool) -> None:
    """It is handed to `save`, or stands in `.refreshed`; nobody is told to doubt, and nobody waits for long."""
    saved: list[RefreshedToken] = []

    async def save(fresh: RefreshedToken) -> None:
        saved.append(fresh)

    async with raw(in_pieces(CASES[case], close=close)) as server:
        async with client(server, timeouts=Timeouts(refresh=60)) as cobalt, asyncio.timeout(10):
            try:
                fresh = await cobalt.tokens.refresh(TOKEN_ID, save=save)
            except errors.RefreshError as error:
                assert type(error) is errors.RefreshError
                assert error.refreshed is not None
                fresh = error.refreshed
            assert not cobalt.unclaimed
    assert fresh.secret.reveal() == NEW_SECRET
    assert fresh.id == TOKEN_ID
    assert saved == [fresh]
    assert len(server.requests) == 1


@pytest.mark.parametrize("case", BROKEN_FRAMES)
async def test_no_error_shows_it(case: str) -> None:
    """The secret stands in `.refreshed` alone, not in the error's text, chain or frames."""
    async with raw(in_pieces(CASES[case], close=True)) as server, client(server) as cobalt:
        try:
            await cobalt.tokens.refresh(TOKEN_ID)
        except errors.RefreshError as error:
            judged = error
        else:
            return
        await failure(raising(judged), errors.RefreshError)


async def raising(error: Exception) -> None:
    """Raise it."""
    raise error


@pytest.mark.parametrize("close", [True, False], ids=["closed", "kept open"])
async def test_what_was_wrong_is_told_in_the_same_words(close: bool) -> None:
    """Whether the peer hangs up meanwhile or not."""
    async with raw(in_pieces([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], close=close)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert error.why == "bytes that are not HTTP"


@pytest.mark.parametrize("close", [True, False], ids=["closed", "kept open"])
@pytest.mark.parametrize(
    "said",
    [
        answer(200, BODY[:CUT]) + b"\0",
        SHORT.replace(b"200", b"2\x000") + BODY[:CUT],
        answer(500, {"secret": 5}) + b"\0",
    ],
    ids=["half a secret", "half a secret, no head", "none"],
)
async def test_without_a_whole_secret_there_is_doubt_as_ever(said: bytes, close: bool) -> None:
    """What is not there is not made up, and nobody waits for the end of all time for it."""
    async with raw(in_pieces([said], close=close)) as server:
        async with client(server, timeouts=Timeouts(refresh=60)) as cobalt, asyncio.timeout(10):
            error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert error.refreshed is None


async def test_a_secret_beside_a_status_that_is_no_success_leaves_a_doubt() -> None:
    """Whose head cannot be read is judged by its first line; the secret is in hand all the same."""
    broken = answer(502, BODY, X_A="a\0b")
    async with raw(broken, close=True) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert error.refreshed is not None
    assert error.refreshed.secret.reveal() == NEW_SECRET


async def test_of_an_answer_without_end_no_more_is_kept_than_of_any() -> None:
    """`max_page_bytes` bounds what is noted of a refresh, too; what stands beyond is not looked at."""
    broken = head(200, length=None, X_A="a\0" + "b" * 5000) + BODY
    async with raw(broken, close=True) as server, client(server, max_page_bytes=2000) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert error.refreshed is None


@pytest.mark.parametrize("case", ["a length far too short, head first", "nul in a header", "broken chunks", "as it is"])
async def test_whoever_writes_answers_down_gets_the_secret_too(case: str) -> None:
    """A rotation keeps what `on_answer` is given: the body, or where that is not all, everything."""
    given: list[tuple[int, bytes, bool]] = []
    pieces = CASES.get(case, [WHOLE])
    async with raw(in_pieces(pieces, close=True)) as server, client(server) as cobalt:
        response = await cobalt._change(
            requests.refresh_token(TOKEN_ID, key="k", version="v1"),
            Secret(TOKEN),
            on_answer=lambda *answer: given.append(answer),
            on_leave=lambda: None,
        )
    ((status, kept, _),) = given
    assert status == response.status
    assert NEW_SECRET.encode() in kept
    assert (kept == BODY) == (case == "as it is")
