"""What can be wrong with an answer, by family: pure. The letters and numbers are those that tests/faults goes by."""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from attrs import evolve, frozen

from .server import choose

LARGEST = 200_000  # bytes: for the client's `max_page_bytes`

_JSON, _HTML = "application/json", "text/html"
_PORTAL = b"<html><p>Please sign in to this network</html>"
_BOMB = b"[" * (40 * LARGEST)


@frozen
class Answer:
    """What goes out: a head made of the fields, the body, then `after`; and what becomes of the connection.

    `framed` stands in place of Content-Length where the framing is what is wrong; `whole` in place of all of it.
    """

    status: int
    body: bytes
    kind: str = _JSON
    headers: tuple[str, ...] = ()
    framed: tuple[str, ...] | None = None
    whole: bytes | None = None
    after: bytes = b""
    then: Literal["stay", "close", "reset", "hang"] = "stay"
    stop_at: int | None = None  # bytes of it all

    @property
    def bytes(self) -> bytes:
        if self.whole is None:
            framed = (f"Content-Length: {len(self.body)}",) if self.framed is None else self.framed
            lines = [f"HTTP/1.1 {self.status} Whatever", f"Content-Type: {self.kind}", *framed, *self.headers, "", ""]
            data = "\r\n".join(lines).encode("latin-1") + self.body
        else:
            data = self.whole
        return data[: self.stop_at] + self.after


Fault = Callable[[Answer], Answer]


def of(status: int, body: bytes = b"", kind: str = _JSON, *headers: str) -> Fault:
    """Something else is answered."""
    return lambda _: Answer(status, body, kind, headers)


def raw(data: bytes) -> Fault:
    """These bytes are answered, and the connection ends."""
    return lambda right: evolve(right, whole=data, then="close")


def but(**fields: object) -> Fault:
    """The right answer, with these fields."""
    return lambda right: evolve(right, **fields)  # type: ignore[arg-type]


def linked(next_page: object) -> Fault:
    """A page that goes on there; what is no page stays as it is."""
    return _paged(lambda page: {**page, "pagination": {"next_page": next_page, "prev_page": None}})


def _paged(change: Callable[[dict[str, object]], object]) -> Fault:
    def spoil(right: Answer) -> Answer:
        if right.status != 200:
            return right
        return evolve(right, body=json.dumps(change(json.loads(right.body))).encode())

    return spoil


def _packed(encoding: str, pack: Callable[[bytes], bytes]) -> Fault:
    return lambda right: evolve(right, body=pack(right.body), headers=(f"Content-Encoding: {encoding}",))


def _chunked(tail: bytes) -> Fault:
    return lambda right: evolve(
        right,
        framed=("Transfer-Encoding: chunked",),
        body=b"%x\r\n%b\r\n%b" % (len(right.body), right.body, tail),
        then="close",
    )


def _bomb(encoding: str, size: int | None = None) -> Fault:
    """A body that grows without measure where it is decompressed."""
    return _packed(encoding, lambda _: (gzip if encoding == "gzip" else zlib).compress(_BOMB[:size]))


def _token(token_id: object) -> Fault:
    """A page with one token, which has this id."""
    return _paged(lambda page: {**page, "data": [{"resource": {"id": token_id, "name": "n"}}]})


_ODD: Sequence[object] = (False, 5, {}, [])
_STRANGER = choose(b"GET /tokens HTTP/1.1\r\nAuthorization: Bearer u0.1.0.x")  # a listing that nobody asked for
_PAGE = _STRANGER.partition(b"\r\n\r\n")[2]

FAMILIES: Mapping[str, Sequence[Fault]] = {
    "redirects": [
        *(of(status, b"", _JSON, "Location: http://127.0.0.1:9/tokens") for status in (301, 302, 303, 307, 308)),  # R01
        *(of(302, _PAGE, _JSON, f"Location: {where}") for where in ("/loop", "/tokens")),  # R04
        *(of(status) for status in (300, 304)),  # R06
    ],
    "pagination": [
        *(linked(f"https://elsewhere.example{path}") for path in ("/tokens?cursor=1", "")),  # P01
        *(linked(f"{way}elsewhere.example/tokens?cursor=1") for way in ("//", "/\t/", "http://", "/\\")),  # P06
        *(linked(path) for path in ("/tokens/../admin?cursor=1", "/%2e%2e/admin?cursor=1")),  # P07
        *(linked(f"/tokens?cursor={odd}") for odd in ("1\r\nX: y", "a b", "é", "\ud800")),  # P08
        *(linked(f"/tokens?cursor={start}") for start in (0, 999_999)),  # P09, P15: again, and beyond the end
        *(linked(value) for value in _ODD),  # P13
        _paged(lambda page: {"data": page["data"]}),  # P14
        _paged(lambda page: {"data": [], "pagination": {"next_page": "/tokens?cursor=0", "prev_page": None}}),  # P15
    ],
    "bodies": [
        but(body=b" " * (LARGEST + 1)),  # B01
        *(_bomb("gzip", size) for size in (LARGEST + 1, None)),  # B02
        _bomb("deflate"),  # B03
        *(_packed(name, bytes) for name in ("br", "zstd", "x-strange")),  # B04, B05, B08
        _packed("gzip", lambda body: gzip.compress(body)[:-9] + b"corrupted"),  # B09
        _packed("gzip", bytes),  # B11
        _packed("gzip", gzip.compress),  # nothing is wrong with this one, nor with the next
        _packed("deflate", zlib.compress),
    ],
    "framing": [
        but(stop_at=-1, then="close"),  # F01
        but(stop_at=-1, then="reset"),  # F02
        *(_chunked(tail) for tail in (b"", b"5\r\nab")),  # F03
        *(_chunked(tail) for tail in (b"xyz\r\n", b"-1\r\n", b"f" * 20 + b"\r\n")),  # F06
        *(but(framed=(f"Content-Length: {size}",), then="close") for size in ("-1", "abc", "1e3")),  # F07
        but(framed=("Content-Length: 5", "Content-Length: 500"), then="close"),  # F07
        but(framed=("Content-Length: 5", "Transfer-Encoding: chunked"), then="close"),  # F07
        *(raw(data) for data in (b"SSH-2.0-OpenSSH_9.7\r\n", _PORTAL, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),  # F08
        but(after=b"x"),  # F09
        but(after=_STRANGER),  # F10: nobody asked for it, and nobody may get it
        but(after=b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),  # F11
        but(after=b"\x00\xff\r\n\r\n"),  # F12
        raw(b""),  # F14
        but(stop_at=20, then="reset"),  # F15
        but(then="close"),  # F16: as idle connections end
        *(but(status=status) for status in (204, 205)),  # F18
        but(headers=(f"X-Long: {'a' * 9000}",)),  # F21, and the next three
        but(headers=tuple(f"X-{number}: y" for number in range(500))),
        but(headers=("X-Odd: a\0b",)),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X-Endless: yes\r\n" * 20_000),
    ],
    "JSON": [
        *(of(200, body, _HTML) for body in (_PORTAL, b"", _PAGE)),  # J02
        *(of(200, body) for body in (b"", b" \n")),  # J03
        lambda right: evolve(right, body=b"\xef\xbb\xbf" + right.body),  # J04: let pass
        lambda right: evolve(right, body=right.body.replace(b"service", b"serv\xffce")),  # J05
        of(200, b'{"data":' + b"[" * 5000),  # J07
        *(of(200, body) for body in (b"[]", b'"x"', b"null", b"5", b"{}", b'{"data":null}', b"NaN")),  # J09
        _paged(lambda page: {**page, "extra": {"data": []}}),  # J14: ignored
        *(_token(odd) for odd in (None, *_ODD)),
        of(400, b'{"message":"Bearer u0.1.0.x is bad"}'),  # J16
    ],
    "statuses": [
        *(of(status, b"{}") for status in (500, 502, 503, 504, 501, 599)),  # S01
        *(of(status, _PORTAL, _HTML) for status in (502, 511, 401, 403, 404)),  # J01, and a firewall's
        *(of(status, b"{}") for status in (400, 404, 405, 406, 408, 409, 410, 418, 422, 425, 451)),
        *(of(status, _PAGE) for status in (201, 203, 206)),
        *(of(status, b"{}") for status in (429, 509)),  # S02
        *(of(429, b"{}", _JSON, f"Retry-After: {odd}") for odd in ("86400", "-5", "inf", "nan", "9" * 400, "x")),  # S03
        but(headers=("Set-Cookie: session=stranger; Path=/",)),  # K01
    ],
    "time": [
        but(then="hang", stop_at=-5),  # T01: the end never comes
        but(then="hang", stop_at=0),  # T03
        but(then="hang", stop_at=20),
    ],
}
"""By family; a fault changes the right answer, or stands in its place."""

REFUSED: Fault = of(401, b'{"message":"Unauthorized"}')

CONDITIONS: Mapping[str, Fault] = {
    "a proxy strips Authorization": REFUSED,
    "a portal answers 200": of(200, _PORTAL, _HTML),
    "a portal answers 302": of(302, b"", _HTML, "Location: http://portal.example/"),
    "a portal answers 511": of(511, _PORTAL, _HTML),
    "a gateway lists nothing": of(200, b'{"data":[],"pagination":{"next_page":null,"prev_page":null}}'),
    "a gateway lists the same to all": of(200, _PAGE),
    "a firewall forbids in JSON": of(403, b'{"message":"Forbidden"}'),
    "a firewall forbids in HTML": of(403, _PORTAL, _HTML),
}
"""What may stand between us and Cobalt, for everybody at once."""
