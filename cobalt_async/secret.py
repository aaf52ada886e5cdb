"""The one place where a token's text is held."""

import hmac
import re
from typing import NoReturn, final

_TOKEN = re.compile(r"[!-~]{1,512}")  # Cobalt states no form: what a header carries unharmed, with room to spare


@final
class Secret:
    """The text of a personal API token, readable through `reveal()` and by no other way.

    `str`, `repr`, `format`, `vars`, `attrs.asdict`, logging and tracebacks show a placeholder; `json.dumps` and
    `pickle` refuse. Two secrets compare in constant time.

    A token is 1 to 512 printable ASCII characters without blanks (what a header can carry unharmed);
    anything else is a ValueError that does not repeat it.
    """

    __slots__ = ("__text",)
    __text: str

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not _TOKEN.fullmatch(text):
            flaw = _flaw(text)
            del text  # this frame travels with the traceback
            raise ValueError(flaw)
        object.__setattr__(self, "_Secret__text", text)

    def reveal(self) -> str:
        """The text itself. Whoever calls this decides where it goes."""
        return self.__text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text, other.__text)

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __repr__(self) -> str:
        return "Secret('…')"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        del value
        raise AttributeError(f"a Secret does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Secret does not change: {name} cannot be deleted")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret refuses to be pickled: pass reveal() on your own responsibility")


def quotes(text: str, secret: str) -> bool:
    """True where eight characters in a row of a secret's text stand in another text."""
    return any(secret[start : start + 8] in text for start in range(len(secret) - 7))


def _flaw(text: object) -> str:
    """What keeps `text` from being a token, in words that do not repeat it."""
    if not isinstance(text, str):
        return f"a token is a str, not {type(text).__name__}"
    if not 1 <= len(text) <= 512:
        return f"a token has 1 to 512 characters, this one has {len(text)}"
    return "a token is printable ASCII without blanks; this one holds something else (a line end, perhaps)"
