"""A body without its content encoding, within bounds: pure, and alike whatever parsed the frames around it."""

import zlib
from collections.abc import Mapping

_WINDOWS: Mapping[str, tuple[int, ...]] = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


def decode(raw: bytes, encoding: str, most: int) -> tuple[bytes, str | None]:
    """The plain body and None; or the body as far as it can be had and, in words, what is wrong with it.

    No more than `most` bytes ever come out of a compressed body, however small it is (a bomb, say).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not raw:
        return raw, None
    if encoding not in _WINDOWS:
        return raw, "a content encoding that was not asked for"
    for bits in _WINDOWS[encoding]:
        decoder = zlib.decompressobj(bits)
        try:
            plain = decoder.decompress(raw, most + 1)
        except zlib.error:
            continue
        if len(plain) > most:
            return plain[:most], f"a body of more than {most} bytes once it is decompressed"
        if not decoder.eof or decoder.unused_data:
            return plain, "a compressed body that does not end where it should"
        return plain, None
    return raw, "a compressed body that is corrupt"
