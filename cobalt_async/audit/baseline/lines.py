"""The lines of a baseline, to text and back: JSON Lines in UTF-8, for a person to read too.

    {"cobalt_async_baseline": 1, "made_at": "2026-11-23T12:00:00+00:00", "salt": "…64 hexadecimal digits…"}
    {"user": 1, "tokens": [{"id": "api_1", "name": "CI"}, {"id": "api_2", "name": "deploy"}]}
    {"credential": "…32…", "secret": "…32…", "verdict": "ALIVE", "user": 1}
    {"users": 1, "tokens": 2, "credentials": 1, "sha256": "…64, of all bytes before this line…"}

`credential` and `secret` are the fingerprints of a label and of a secret, keyed with the salt. Users stand in the
order of their numbers, credentials in that of their labels' fingerprints; a user with many tokens has several lines,
one after the other. In the place of a name that holds a secret, or looks like one, stands
`[a name that is not repeated here: …32…]`, with a fingerprint of that name.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from ...ledger import FINGERPRINT

SCHEMA = 1
LONGEST = 1 << 23  # bytes of a line, its end included; no page of a listing is that long unless one asks for it

BEGINNING = b'{"cobalt_async_baseline"'

_SALT = 32  # bytes
VERDICTS = ("ALIVE", "DEAD", "FORBIDDEN")
_MOST_USERS = 1 << 53  # JSON's whole numbers go so far


@frozen
class Head:
    """The first line."""

    made_at: datetime
    salt: bytes


@frozen
class Listed:
    """Tokens of a user, each an id and a name."""

    user: int
    tokens: tuple[tuple[str, str], ...]


@frozen
class Judged:
    """A credential with the last verdict that is known of it."""

    label_mark: bytes
    mark: bytes
    verdict: str
    user: int | None


@frozen
class End:
    """The last line: how many there were of each, and the SHA-256 of all lines before it."""

    users: int
    tokens: int
    credentials: int
    sha256: str


Line = Head | Listed | Judged | End


class Flaw(Exception):
    """What is wrong with a line, without its text, and what to do about it if that is not to make another file."""

    def __init__(self, what: str, remedy: str = "it was edited or damaged; save it anew with --save-baseline") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


def write(line: Line) -> bytes:
    """A line as it stands in the file, its end included; nothing in it moves a terminal's cursor."""
    text = json.dumps(_fields(line), ensure_ascii=False)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)
    return f"{text}\n".encode()


def read(text: bytes) -> Line:
    """What stands on a line; a Flaw if that is not what should."""
    try:
        value = json.loads(text.decode())
    except UnicodeDecodeError:
        raise Flaw("it is not UTF-8") from None
    except (ValueError, RecursionError):
        value = None
    if type(value) is not dict:
        raise Flaw("it is no JSON object")
    match tuple(value):
        case ("cobalt_async_baseline", *_):
            return _head(value)
        case ("user", "tokens"):
            return Listed(_number(value, "user", 1), tuple(_tokens(value["tokens"])))
        case ("credential", "secret", "verdict", "user"):
            user = None if value["user"] is None else _number(value, "user", 1)
            label_mark, mark = _bytes(value, "credential", FINGERPRINT), _bytes(value, "secret", FINGERPRINT)
            if value["verdict"] not in VERDICTS:
                raise Flaw(f"verdict is none of {', '.join(VERDICTS)}")
            return Judged(label_mark, mark, value["verdict"], user)
        case ("users", "tokens", "credentials", "sha256"):
            users, tokens, credentials = (_number(value, name, 0) for name in ("users", "tokens", "credentials"))
            return End(users, tokens, credentials, _bytes(value, "sha256", 32).hex())
        case _:
            raise Flaw("it is none of the lines that a baseline has")


def _fields(line: Line) -> dict[str, object]:
    match line:
        case Head():
            made_at = line.made_at.astimezone(UTC).isoformat(timespec="seconds")
            return {"cobalt_async_baseline": SCHEMA, "made_at": made_at, "salt": line.salt.hex()}
        case Listed():
            return {"user": line.user, "tokens": [{"id": token_id, "name": name} for token_id, name in line.tokens]}
        case Judged():
            marks = {"credential": line.label_mark.hex(), "secret": line.mark.hex()}
            return {**marks, "verdict": line.verdict, "user": line.user}
        case End():
            counts = {"users": line.users, "tokens": line.tokens, "credentials": line.credentials}
            return {**counts, "sha256": line.sha256}


def _head(value: dict[str, Any]) -> Head:
    schema = _number(value, "cobalt_async_baseline", 1)
    if schema > SCHEMA:
        raise Flaw(f"it is of schema {schema}, and this version reads {SCHEMA}", "upgrade cobalt-async")
    if tuple(value) != ("cobalt_async_baseline", "made_at", "salt"):
        raise Flaw("it is none of the lines that a baseline has")
    return Head(_moment(value["made_at"]), _bytes(value, "salt", _SALT))


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Flaw("made_at is no time with its zone")


def _tokens(value: object) -> Iterator[tuple[str, str]]:
    if type(value) is not list or not value:
        raise Flaw("tokens is no list of tokens")
    for token in value:
        if type(token) is not dict or tuple(token) != ("id", "name"):
            raise Flaw("a token has an id and a name, and nothing else")
        if not _is_text(token["id"]) or not _is_text(token["name"]):
            raise Flaw("a token's id or name is no text")
        yield token["id"], token["name"]


def _is_text(value: object) -> bool:
    return type(value) is str and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value))


def _number(value: dict[str, Any], name: str, least: int) -> int:
    number = value[name]
    if type(number) is not int or not least <= number <= _MOST_USERS:
        raise Flaw(f"{name} is no whole number from {least} on")
    return number


def _bytes(value: dict[str, Any], name: str, length: int) -> bytes:
    text = value[name]
    if type(text) is str and len(text) == 2 * length and set(text) <= set("0123456789abcdef"):
        return bytes.fromhex(text)
    raise Flaw(f"{name} is not {2 * length} hexadecimal digits")
