"""Fields of a listing that the documents do not name: what the report's footer says of them, once a run."""

import re
from collections.abc import Iterable, Mapping, Set
from itertools import chain
from typing import Any

from ...secret import Secret, quotes

# What the documents name (F6, F7).
_LISTING = frozenset({"data", "pagination"})
_PAGINATION = frozenset({"next_page", "prev_page"})
_ROW = frozenset({"resource"})
_RESOURCE = frozenset({"id", "name", "last_characters", "expire_at"})

_MOST = 10  # fields
_LONGEST = 40  # characters
# Words of letters, as people name fields: what a server makes up by chance, or out of a secret, rarely looks like it.
_NAME = re.compile(r"_?[A-Za-z]+[0-9]{0,2}(?:_[A-Za-z]+[0-9]{0,2})*")


class Undocumented:
    """The fields that were met, each once, and no more than a few: a server may name as many as it likes.

    A name is told where it looks like a field's and holds nothing of the secret that was asked with.
    """

    def __init__(self) -> None:
        self._met: set[int] = set()
        self._told: list[str] = []
        self._is_full = False

    def look(self, listing: Mapping[str, Any], secret: Secret) -> None:
        """Take note of what a page, which was read and so has all that is required, has beyond the documents."""
        if self._is_full:
            return
        rows, links = listing["data"], listing["pagination"]
        if len(listing) == 2 and len(links) == 2 and "prev_page" in links:
            for row in rows:
                fields = row["resource"]
                if len(row) != 1 or len(fields) != 4 or "expire_at" not in fields or "last_characters" not in fields:
                    break
            else:
                return
        self._compare("", [listing], _LISTING, secret)
        self._compare("pagination.", [links], _PAGINATION, secret)
        self._compare("data.", rows, _ROW, secret)
        self._compare("resource.", [row["resource"] for row in rows], _RESOURCE, secret)

    def note(self) -> str | None:
        """One line for the footer; None where every field is documented."""
        if not self._met:
            return None
        parts = [", ".join(sorted(self._told))] if self._told else []
        if hidden := len(self._met) - len(self._told):
            parts.append(f"{hidden} whose names are not shown")
        if self._is_full:
            parts.append("more")
        fields = ", and ".join(parts)
        return (
            f"Cobalt's answers have fields that the documents do not name: {fields}; "
            "this version does not look into them"
        )

    def _compare(self, place: str, things: Iterable[Mapping[str, Any]], documented: Set[str], secret: Secret) -> None:
        for name in dict.fromkeys(chain.from_iterable(things)):
            if name in documented or (key := hash((place, name))) in self._met:
                continue
            if len(self._met) == _MOST:
                self._is_full = True
                return
            self._met.add(key)
            if _is_harmless(name, secret):
                self._told.append(place + name)


def _is_harmless(name: str, secret: Secret) -> bool:
    text = secret.reveal()
    return len(name) <= _LONGEST and bool(_NAME.fullmatch(name)) and text not in name and not quotes(name, text)
