import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async.protocol.content import decode

MOST = 1000


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's frame, as some servers understand the word."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=MOST))
def test_every_encoding_comes_out_as_it_went_in(body: bytes) -> None:
    """gzip, deflate in both of its readings, and identity give the same body."""
    assert decode(body, "", MOST) == (body, None)
    assert decode(body, " Identity ", MOST) == (body, None)
    assert decode(gzip.compress(body), "gzip", MOST) == (body, None)
    assert decode(gzip.compress(body), "X-GZIP", MOST) == (body, None)
    assert decode(zlib.compress(body), "deflate", MOST) == (body, None)
    assert decode(raw_deflate(body), "deflate", MOST) == (body, None)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "gzip;q=1", "\u00e4"])
def test_an_encoding_that_was_not_asked_for_is_named(encoding: str) -> None:
    """What was not asked for is not guessed at: the body comes back as it is, with a flaw."""
    assert decode(b"x", encoding, MOST) == (b"x", "a content encoding that was not asked for")


@pytest.mark.parametrize("packed", [gzip.compress(b"x" * 5_000_000), gzip.compress(b"x" * (MOST + 1))])
def test_a_bomb_stops_at_the_bound(packed: bytes) -> None:
    """No more than the bound ever comes out."""
    plain, flaw = decode(packed, "gzip", MOST)
    assert len(plain) == MOST
    assert flaw == "a body of more than 1000 bytes once it is decompressed"


@given(st.binary(min_size=30, max_size=200), st.data())
def test_a_compressed_body_that_is_cut_is_never_taken_for_whole(body: bytes, data: st.DataObject) -> None:
    """A gzip body without its end has a flaw, wherever the cut is; what came of it is kept."""
    packed = gzip.compress(body)
    plain, flaw = decode(packed[: data.draw(st.integers(1, len(packed) - 1))], "gzip", MOST)
    assert flaw is not None
    assert body.startswith(plain) or plain.startswith(b"\x1f")


def test_bytes_after_the_end_are_a_flaw() -> None:
    """A second member, or rubbish, after the compressed body is told."""
    assert decode(gzip.compress(b"x") + b"y", "gzip", MOST) == (
        b"x",
        "a compressed body that does not end where it should",
    )


@given(st.binary(), st.sampled_from(["gzip", "deflate", "br", "", "x"]))
def test_no_bytes_make_it_fail(body: bytes, encoding: str) -> None:
    """Arbitrary bytes give a body within the bound, or themselves, and never an exception."""
    plain, flaw = decode(body, encoding, MOST)
    assert flaw is None or flaw.isprintable()
    assert plain == body or len(plain) <= MOST


def test_a_bomb_is_never_unpacked_beyond_the_cap() -> None:
    """64 MiB out of 64 kB: no more than the cap is ever in memory, not even for a moment."""
    bomb = gzip.compress(bytes(64 * 1_048_576))
    tracemalloc.start()
    try:
        decode(bomb, "gzip", 100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
