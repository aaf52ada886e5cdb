"""What was asked and what is answered, as frozen values, and an answer's bytes on the wire. Pure."""

import http
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import attrs

Version = Literal["v1", "v2"]
MEDIA_TYPES: Final[Mapping[Version, str]] = MappingProxyType(
    {"v1": "application/vnd.cobalt.v1+json", "v2": "application/vnd.cobalt.v2+json"}
)
_PHRASES: Final[Mapping[int, str]] = MappingProxyType(
    {status.value: status.phrase for status in http.HTTPStatus} | {509: "Bandwidth Limit Exceeded"}
)
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
_BODILESS: Final = frozenset({http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED})


@attrs.frozen(kw_only=True)
class SeenRequest:
    """One request as it stood on the wire.

    `path` is the raw target with its query; `headers` are looked up whatever their case. The repr leaves the
    headers out, for they hold the secret.
    """

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(repr=False)


@attrs.frozen
class Answer:
    """One answer, before it is bytes. The repr leaves the body out, for it may hold a secret."""

    status: int
    body: bytes = attrs.field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        """Give the same answer with these headers after its own."""
        return attrs.evolve(self, headers=self.headers + headers)

    @property
    def frames_itself(self) -> bool:
        """Whether a header of its own says where the body ends, truly or not."""
        return any(name.lower() in _FRAMING for name, _ in self.headers)

    @property
    def ends_connection(self) -> bool:
        """Whether no second answer can follow it on the same connection."""
        bodiless = self.status in _BODILESS and bool(self.body)
        return self.frames_itself or self.status < http.HTTPStatus.OK or bodiless

    def head(self, *, keep_alive: bool) -> bytes:
        """Spell the status line and the headers; a length is promised unless a header of its own does it."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        has_length = self.status >= http.HTTPStatus.OK and self.status not in _BODILESS
        if not self.frames_itself and (self.body or has_length):
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def json_answer(status: int, value: object) -> Answer:
    """Answer with a JSON body, in UTF-8 letters and not in escapes; its Content-Type is for others to add."""
    return Answer(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def accepted_version(headers: Mapping[str, str]) -> Version | None:
    """Read the version that the Accept header asks for; None where it is missing or names neither (F2)."""
    for media_range in headers.get("Accept", "").split(","):
        version = version_of(media_range)
        if version is not None:
            return version
    return None


def version_of(media_type: str) -> Version | None:
    """Read the version that a media type names, whatever its parameters; None where it names neither."""
    plain = media_type.partition(";")[0].strip().lower()
    if plain == MEDIA_TYPES["v1"]:
        return "v1"
    return "v2" if plain == MEDIA_TYPES["v2"] else None
