"""A body without its content encoding, within bounds: pure, and alike whatever parsed the frames around it."""

import re
import zlib
from collections.abc import Mapping

_GZIP = 31
_WINDOWS: Mapping[str, tuple[int, ...]] = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (15, -15)}
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")
_ENOUGH = 65_536  # bytes; what is looked for in them is some hundred


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
        try:
            plain, rest, is_over = _member(raw, bits, most)
        except zlib.error:
            continue
        try:
            while is_over and rest and bits == _GZIP and len(plain) <= most:  # gzip may come in several members
                more, rest, is_over = _member(rest, bits, most - len(plain))
                plain += more
        except zlib.error:
            is_over = False
        if len(plain) > most:
            return plain[:most], f"a body of more than {most} bytes once it is decompressed"
        if rest or not is_over:
            return plain, "a compressed body that does not end where it should"
        return plain, None
    return raw, "a compressed body that is corrupt"


def _member(raw: bytes, bits: int, most: int) -> tuple[bytes, bytes, bool]:
    """One compressed stream's plain bytes, at most one more than `most`; what follows it; whether it is complete."""
    decoder = zlib.decompressobj(bits)
    return decoder.decompress(raw, most + 1), decoder.unused_data, decoder.eof


def inflated(raw: bytes) -> bytes:
    """Plain bytes of something that may be compressed, up to the first thing that is wrong with it.

    zlib gives nothing of a call in which it stumbles, at a wrong checksum say; so it is called byte by byte.
    """
    plain = bytearray()
    for bits in (_GZIP, *_WINDOWS["deflate"]):
        decoder = zlib.decompressobj(bits)
        try:
            for at in range(min(len(raw), _ENOUGH)):
                plain += decoder.decompress(raw[at : at + 1], _ENOUGH)
                if decoder.eof:
                    decoder = zlib.decompressobj(bits)
        except zlib.error:
            pass
        if plain:
            break
    return bytes(plain[:_ENOUGH])


def unchunked(raw: bytes) -> bytes:
    """The content of chunks, as far as their framing holds."""
    parts, at = [], 0
    while match := _CHUNK.match(raw, at):
        at = match.end() + int(match[1], 16)
        parts.append(raw[match.end() : at])
        at += 2
    return b"".join(parts)


def heads_off(raw: bytes) -> tuple[bytes, bytes]:
    """The last head that stands at the beginning of an answer, interim ones before it, and all that follows it."""
    head, at = b"", 0
    while raw.startswith(b"HTTP/", at):
        end = raw.find(b"\r\n\r\n", at)
        end = len(raw) if end < 0 else end
        head, at = raw[at:end], end + 4
    return head, raw[at:]
