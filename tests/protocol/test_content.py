import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async.protocol.content import decode, heads_off, inflated, unchunked

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
    """Rubbish after the compressed body is told, and so is a second one after deflate, which knows no members."""
    flaw = "a compressed body that does not end where it should"
    assert decode(gzip.compress(b"x") + b"y", "gzip", MOST) == (b"x", flaw)
    assert decode(gzip.compress(b"x") + gzip.compress(b"y")[:-1], "gzip", MOST) == (b"xy", flaw)
    assert decode(zlib.compress(b"x") * 2, "deflate", MOST) == (b"x", flaw)


@given(st.lists(st.binary(max_size=MOST // 4), min_size=1, max_size=4))
def test_gzip_may_come_in_several_members(parts: list[bytes]) -> None:
    """They are one body, however it was parted (RFC 1952)."""
    assert decode(b"".join(gzip.compress(part) for part in parts), "gzip", MOST) == (b"".join(parts), None)


def test_several_members_are_bounded_together() -> None:
    """Each alone would be small enough."""
    plain, flaw = decode(gzip.compress(b"x" * MOST) * 2, "gzip", MOST)
    assert len(plain) == MOST
    assert flaw == "a body of more than 1000 bytes once it is decompressed"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, raw_deflate], ids=["gzip", "zlib", "deflate"])
@pytest.mark.parametrize(
    "damage",
    [lambda packed: packed, lambda packed: packed[:-4] + b"\0\1\2\3", lambda packed: packed[:-4]],
    ids=["none", "wrong", "cut"],
)
def test_what_can_be_had_of_something_compressed_is_had(
    pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    """A checksum that is wrong, or missing, takes nothing away."""
    body = b"a body that is long enough for it to be worth while, while it is"
    found = inflated(damage(pack(body)))
    assert found == body if pack is not raw_deflate else body.startswith(found[:40])


@given(st.binary())
def test_nothing_makes_unpacking_fail(body: bytes) -> None:
    """What is not compressed comes to something or nothing, and never to an exception."""
    inflated(body)
    unchunked(body)
    head, rest = heads_off(body)
    assert body.endswith(rest)
    assert not head or head in body


def test_a_bomb_is_not_unpacked_byte_by_byte_either() -> None:
    """No more than is looked at comes out."""
    assert len(inflated(gzip.compress(bytes(64 * 1_048_576)))) == 65_536


@given(st.lists(st.binary(min_size=1)), st.binary())
def test_chunks_are_taken_apart_as_far_as_they_go(parts: list[bytes], rubbish: bytes) -> None:
    """Extensions are let pass; what is no chunk ends it."""
    framed = b"".join(b"%X;a=b\r\n%b\r\n" % (len(part), part) for part in parts)
    assert unchunked(framed + b"!" + rubbish) == b"".join(parts)


def test_the_last_head_is_the_answers() -> None:
    """Interim answers come before it; without an end all is head."""
    assert heads_off(b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n{}") == (b"HTTP/1.1 200 OK\r\nA: b", b"{}")
    assert heads_off(b"HTTP/1.1 200 OK\r\nA: b") == (b"HTTP/1.1 200 OK\r\nA: b", b"")
    assert heads_off(b'{"id": 1}') == (b"", b'{"id": 1}')


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
