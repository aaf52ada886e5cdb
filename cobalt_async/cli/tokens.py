"""`cobalt-async tokens list`: the tokens of one user."""

import asyncio
import json
import os
import sys
from typing import Literal

from cobalt_async import AsyncCobalt, Secret, Token, errors
from cobalt_async.audit import ending, printable

from .exit_codes import ExitCode

_LARGEST = 65_536  # bytes of a token file


def list_tokens(
    *, as_json: bool, token_file: str | None, region: Literal["us", "eu"] | None, base_url: str | None
) -> int:
    """Print all tokens, once the listing is whole."""
    if token_file is None and not os.environ.get("COBALT_API_TOKEN"):
        raise errors.ConfigurationError("no token: set COBALT_API_TOKEN, or name a file with --token-file")
    secret = None if token_file is None else _read_token(token_file)
    listed = asyncio.run(_list(AsyncCobalt(secret, region=region, base_url=base_url)))
    if as_json:
        print(json.dumps([_object(token) for token in listed], indent=2))
    else:
        _print_table(listed)
    return ExitCode.DONE


async def _list(cobalt: AsyncCobalt) -> list[Token]:
    async with cobalt:
        return [token async for token in cobalt.tokens.iter(limit=100)]


def _read_token(file: str) -> Secret:
    """The token on the one line of a file, `-` for standard input; no frame of an error holds it."""
    name = "standard input" if file == "-" else file
    try:
        if file == "-":
            text = b"" if sys.stdin is None else sys.stdin.buffer.read(_LARGEST)
        else:
            with open(file, "rb") as opened:
                text = opened.read(_LARGEST)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
    else:
        secret = _secret(text)
        del text
        if isinstance(secret, Secret):
            return secret
        raise errors.ConfigurationError(f"{name}: {secret}")
    raise errors.ConfigurationError(f"{name}: it cannot be read ({why}); --token-file takes a file with one token")


def _secret(text: bytes) -> Secret | str:
    """The token in a file's bytes; or what is wrong with them, without repeating them."""
    try:
        return Secret(text.decode("utf-8-sig").strip(" \t\r\n"))
    except UnicodeDecodeError:
        return "it holds no token, but bytes that are not text"
    except ValueError as error:
        return f"it is to hold one token and nothing else; {error}"


def _object(token: Token) -> dict[str, str | None]:
    return {
        "id": token.id,
        "name": token.name,
        "last_characters": ending(token.last_characters),
        "expire_at": _expiry(token),
    }


def _expiry(token: Token) -> str | None:
    return None if token.expire_at is None else token.expire_at.isoformat()


def _print_table(listed: list[Token]) -> None:
    """Columns as wide as they need to be; the name stands last, for its width is anybody's guess."""
    cells: list[tuple[str, ...]] = [("ID", "ENDS WITH", "EXPIRES", "NAME")]
    for token in listed:
        row = (token.id, ending(token.last_characters) or "", _expiry(token) or "never", token.name)
        cells.append(tuple(map(printable, row)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=True))
        print("  ".join((*padded, line[-1])))
