"""Every id and secret ever given out, and whose it is. Pure; a lookup costs the same for any size."""

import math
import random
import re
import string
from typing import Final, Generic, TypeVar

import attrs

HolderT = TypeVar("HolderT")

_ALPHABET: Final = string.ascii_letters + string.digits
_ID_LETTERS: Final = 22
_SECRET_LETTERS: Final = 40
_ID: Final = re.compile(r"api_[A-Za-z0-9]+")
_SECRET: Final = re.compile(r"[!-~]{1,512}")


@attrs.define
class Lease(Generic[HolderT]):
    """What a secret opens, and until when on the sandbox's clock."""

    holder: HolderT
    dies_at: float = math.inf


class Registry(Generic[HolderT]):
    """Ids and secrets by text. A secret that died stays known, so that no second one is ever like it."""

    def __init__(self, *, source: random.Random) -> None:
        self._source = source
        self._by_id: dict[str, HolderT] = {}
        self._by_secret: dict[str, Lease[HolderT]] = {}

    def give_id(self, holder: HolderT, *, wish: str | None = None) -> str:
        """Give the holder an id: the one wished for, else `api_` and 22 letters and digits."""
        given = wish if wish is not None else f"api_{self._letters(_ID_LETTERS)}"
        if _ID.fullmatch(given) is None:
            message = f"token_id must be api_ and ASCII letters and digits, not {given!r}"
            raise ValueError(message)
        if given in self._by_id:
            message = f"token_id {given} belongs to another token"
            raise ValueError(message)
        self._by_id[given] = holder
        return given

    def give_secret(self, holder: HolderT, *, wish: str | None = None) -> str:
        """Give the holder a secret: the one wished for, else 40 letters and digits. No error quotes it."""
        given = wish if wish is not None else self._letters(_SECRET_LETTERS)
        if _SECRET.fullmatch(given) is None:
            message = "secret must be 1 to 512 printable ASCII characters without blanks"
            raise ValueError(message)
        if given in self._by_secret:
            message = "secret was given out before, and no two are ever alike"
            raise ValueError(message)
        self._by_secret[given] = Lease(holder)
        return given

    def drop_id(self, token_id: str) -> None:
        """Make the id unknown."""
        del self._by_id[token_id]

    def end_secret(self, secret: str, *, at: float) -> None:
        """Let the secret die at this time."""
        self._by_secret[secret].dies_at = at

    def by_id(self, token_id: str) -> HolderT | None:
        """Find the holder of an id."""
        return self._by_id.get(token_id)

    def by_secret(self, secret: str) -> Lease[HolderT] | None:
        """Find what a secret opens, or once opened."""
        return self._by_secret.get(secret)

    def _letters(self, count: int) -> str:
        return "".join(self._source.choices(_ALPHABET, k=count))
