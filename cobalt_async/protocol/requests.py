"""What is asked: frozen requests, and the checks of the arguments that they are made from.

A Request never holds the token: the transport adds it in the sending call.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from attrs import frozen

from .._version import __version__
from ..errors import ConfigurationError
from ..secret import Secret

Version = Literal["v1", "v2"]
Budget = Literal["get", "mutate"]

_TOKEN_ID = re.compile(r"api_[A-Za-z0-9]+", re.ASCII)
_CURSOR = re.compile(r"(?:[A-Za-z0-9._~!$'()*+,;:@/?=-]|%(?:2[1-9A-Fa-f]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e]))+", re.ASCII)
_LONGEST = 1e9  # seconds, three decades: as good as for ever, and still a number that a clock can add
_LARGEST = 2**31 - 1  # no maximum is stated (F9); this keeps an argument from being absurd

_USER_AGENT = f"cobalt-async/{__version__}"
_ACCEPT: Mapping[str, str] = MappingProxyType(
    {"v1": "application/vnd.cobalt.v1+json", "v2": "application/vnd.cobalt.v2+json"}
)
_READING: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        version: MappingProxyType({"Accept": accept, "User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, deflate"})
        for version, accept in _ACCEPT.items()
    }
)


@frozen
class Request:
    """One request, ready to be carried: where it goes under the base URL, and its headers without the token.

    `target` is path and query as they stand on the wire; `template` is the path with names for ids, for logs.
    """

    method: str
    target: str
    template: str
    headers: Mapping[str, str]
    budget: Budget

    def __str__(self) -> str:
        return f"{self.method} {self.target.partition('?')[0]}"


def list_tokens(*, limit: int | None = None, cursor: str | None = None, version: Version = "v1") -> Request:
    """`GET /tokens` (F5, F9): `limit` at least 1, or None for the server's 10; `cursor` as a page gave it."""
    return _known_reading(query(limit=check_limit(limit), cursor=check_cursor(cursor)), version=version)


def reading(query: str, *, version: Version) -> Request:
    """`GET /tokens` with a query that was checked before; "" for none."""
    target = f"/tokens?{query}" if query else "/tokens"
    return Request("GET", target, "/tokens", _READING[version], "get")


_known_reading = lru_cache(maxsize=64)(reading)  # most readings are the same reading; not the pages of a walk


def query(*, limit: int | None, cursor: str | None) -> str:
    """The query of a listing; the cursor goes out as it came in (F10)."""
    parts = []
    if cursor is not None:
        parts.append(f"cursor={cursor}")
    if limit is not None:
        parts.append(f"limit={limit:d}")
    return "&".join(parts)


def refresh_token(token_id: str, *, key: str, version: Version = "v1") -> Request:
    """`POST /tokens/{id}/refresh` (F12) with an Idempotency-Key, which is sent and never relied on (F17 to F19)."""
    check_token_id(token_id)
    headers = {
        "Accept": _ACCEPT[version],
        "User-Agent": _USER_AGENT,
        "Accept-Encoding": "identity",  # what arrives must be readable as far as it came
        "Idempotency-Key": key,
    }
    if version == "v2":
        headers["Content-Type"] = _ACCEPT["v2"]  # F3
    target = f"/tokens/{token_id}/refresh"
    return Request("POST", target, "/tokens/{id}/refresh", MappingProxyType(headers), "mutate")


def is_token_id(text: object) -> bool:
    """Whether a text looks like the id of a token (F7)."""
    return isinstance(text, str) and _TOKEN_ID.fullmatch(text) is not None


def check_token_id(token_id: str) -> str:
    """The id of a token; what is none is not repeated, for it may be the token itself."""
    if not is_token_id(token_id):
        raise ConfigurationError("token_id: api_ followed by ASCII letters and digits, as GET /tokens lists it")
    return token_id


def check_limit(limit: int | None) -> int | None:
    """None, or an int of at least 1."""
    return None if limit is None else check_count(limit, "limit")


def check_count(number: int, name: str) -> int:
    """An int from 1 to 2**31 - 1; a bool is none."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise ConfigurationError(f"{name}: an int of at least 1, not {type(number).__name__}")
    if not 1 <= number <= _LARGEST:
        raise ConfigurationError(f"{name}: an int from 1 to {_LARGEST}")
    return number


def check_cursor(cursor: str | None) -> str | None:
    """None, or what `Page.next_cursor` gave: URL characters, percent-escapes included."""
    if cursor is not None and not (isinstance(cursor, str) and len(cursor) <= 2048 and _CURSOR.fullmatch(cursor)):
        raise ConfigurationError("cursor: what Page.next_cursor gave, nothing else")
    return cursor


def check_seconds(seconds: float, name: str) -> float:
    """A finite number of seconds above 0; a bool is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ConfigurationError(f"{name}: a number of seconds, not {type(seconds).__name__}")
    if not 0 < seconds <= _LONGEST:
        raise ConfigurationError(f"{name}: a finite number of seconds above 0")
    return float(seconds)


def check_deadline(deadline: float | None) -> float | None:
    """None, or a finite number of seconds above 0."""
    return None if deadline is None else check_seconds(deadline, "deadline")


def check_seconds_or_zero(seconds: float, name: str) -> float:
    """A finite number of seconds, 0 or more; a bool is none."""
    return 0.0 if not isinstance(seconds, bool) and seconds == 0 else check_seconds(seconds, name)


def check_version(version: str) -> Version:
    """`v1` or `v2` (F2)."""
    if version == "v1":
        return "v1"
    if version == "v2":
        return "v2"
    raise ConfigurationError('api_version: "v1" or "v2", nothing else')


def check_token(token: str | Secret, source: str) -> Secret:
    """A Secret, whatever a token was given as; no message, and no frame of the error, repeats it."""
    if isinstance(token, Secret):
        return token
    try:
        return Secret(token)
    except ValueError as error:
        flaw = str(error)
    del token
    raise ConfigurationError(f"{source}: {flaw}")
