"""B rows: a body is bounded before it is believed, compressed or not."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from cobalt_async import errors
from tests.faults.raw import NEW_SECRET, TOKEN_ID, Exchange, answer, client, failure, head, ok, page, raw, refreshed

BOMB = b" " * (32 * 1_048_576)
# What brotli and zstd would make of a bomb is not asked for and never decoded: any bytes stand for it.
CODED = {"B02": ("gzip", gzip.compress(BOMB)), "B03": ("deflate", zlib.compress(BOMB)), "B04": ("br", b"\x1b\xff\xff"),
         "B05": ("zstd", b"(\xb5/\xfd"), "B08": ("martian", b"{}")}  # fmt: skip


async def test_b01_a_body_ends_at_the_cap() -> None:
    """B01: of 256 MiB no more than the cap and what stands in buffers is read: UnreadableError, one request."""

    async def flood(exchange: Exchange) -> None:
        await exchange.say(head(200, length=256 * 1_048_576, Content_Type="application/json"))
        for _ in range(256):
            await exchange.say(b" " * 1_048_576)

    async with raw(flood, ok("api_a")) as server, client(server) as cobalt:
        tracemalloc.start()
        try:
            error = await failure(cobalt.tokens.list(), errors.UnreadableError)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert "1048576 bytes" in str(error)
        assert len(server.requests) == 1
        assert (await cobalt.tokens.list()).items[0].id == "api_a"  # on a connection without the rest of the flood
    assert server.connections == 2
    assert peak < 16 * 1_048_576  # the flood's own buffers are in it


@pytest.mark.parametrize("row", CODED)
async def test_b02_to_b08_a_bomb_or_an_unknown_encoding_is_unreadable(row: str) -> None:
    """B02 to B05, B08: a compressed body stops at the cap, and one in an encoding not asked for is not decoded."""
    encoding, body = CODED[row]
    async with raw(answer(200, body, Content_Encoding=encoding)) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("spoilt", ["halved", "broken", "without its checksum", "longer"])
async def test_b09_a_corrupt_body_is_unreadable(encoding: str, spoilt: str) -> None:
    """B09: a body that is cut, spoilt or followed by junk is unreadable; a refresh is in doubt, or keeps its secret."""
    plain = json.dumps(page("api_a") | refreshed()).encode()
    sound = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    body = {"halved": sound[: len(sound) // 2], "broken": b"\0" * 8 + sound[8:],
            "without its checksum": sound[:-3], "longer": sound + b"x"}[spoilt]  # fmt: skip
    kept = spoilt in ("without its checksum", "longer")  # all of the plain body came through
    async with raw(answer(200, body, Content_Encoding=encoding)) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        kind = errors.RefreshError if kept else errors.RefreshInDoubtError
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), kind)
    assert len(server.requests) == 2
    assert (error.refreshed and error.refreshed.secret.reveal()) == (NEW_SECRET if kept else None)


async def test_b11_a_plain_body_that_calls_itself_gzip_keeps_its_secret() -> None:
    """B11: a plain body labelled gzip is UnreadableError; of a refresh, the whole secret in it is kept."""
    async with raw(answer(200, refreshed(), Content_Encoding="gzip")) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshError)
    assert error.refreshed is not None
    assert error.refreshed.secret.reveal() == NEW_SECRET


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_an_honest_encoding_is_read(encoding: str) -> None:
    """What was asked for is understood: gzip, deflate in both forms, and none."""
    plain = json.dumps(page("api_a")).encode()
    body = {"gzip": gzip.compress(plain), "deflate": zlib.compress(plain), "identity": plain}[encoding]
    async with raw(answer(200, body, Content_Encoding=encoding)) as server, client(server) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == "api_a"
    assert b"Accept-Encoding: gzip, deflate" in server.requests[0]
