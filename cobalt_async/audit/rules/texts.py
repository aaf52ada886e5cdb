"""Text that others chose, in a message: short, on one line, and never a secret."""

import re
from enum import Enum

from ...ledger import fingerprint
from ...likeness import looks_like_secret
from ...secret import Secret
from ..facts import Facts
from ..marks import NOT_REPEATED, is_kept, kept_name

_LONGEST_SHOWN = 60  # characters
_LONGEST_READ = 1000  # characters of a name; what is longer is not repeated either
_SHORTEST_SECRET, _LONGEST_SECRET = 8, 512  # characters, of one that is in the inventory
_GRAPHIC = re.compile(r"[!-~]+")  # what a Secret is made of
_SUSPECT = re.compile(r"@|\S{8}")  # nothing shorter is a secret, or the beginning of one
_SEPARATORS = re.compile(r"[\s,;:=\"'()<>\[\]{}|]+")
_ADDRESS = re.compile(r"[^@]{1,64}@[^@.]{1,63}(?:\.[^@.]{1,63}){0,8}\.[A-Za-z]{2,24}\.?")


class Holds(Enum):
    """What a name holds that does not belong into one."""

    KNOWN = "a secret of this inventory"
    LIKELY = "text that looks like a secret"
    ADDRESS = "an e-mail address"


class Texts:
    """Says what a name holds, and how it may be shown."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._kept_before = any(facts.query("SELECT 1 FROM unsaid LIMIT 1"))

    def holds(self, name: str) -> Holds | None:
        """What does not belong into a name, the worst of it; None where it is only a name."""
        if not _SUSPECT.search(name):
            return None
        name = name[:_LONGEST_READ]
        words = _SEPARATORS.split(name)
        if any(self._is_known(word) for word in {name, *words}):
            return Holds.KNOWN
        if looks_like_secret(name):
            return Holds.LIKELY
        if any("@" in word and _ADDRESS.fullmatch(word) for word in words):
            return Holds.ADDRESS
        return None

    def name(self, name: str) -> str:
        """A token's name for a message: in quotes, or not at all."""
        is_hidden = self.holds(name) is Holds.ADDRESS or self.hides(name)
        return NOT_REPEATED if is_hidden else f'"{shown(name)}"'

    def owner(self, owner: str) -> str:
        """A declared owner for a message, if it is none of the inventory's secrets."""
        return "an owner who is not repeated here" if self.hides(owner) else shown(owner)

    def hides(self, name: str) -> bool:
        """Whether a name may not be written: it holds a secret, or did for the baseline, or nobody read it whole."""
        if len(name) > _LONGEST_READ or self.holds(name) in {Holds.KNOWN, Holds.LIKELY} or is_kept(name):
            return True
        return self._kept_before and self._was_kept(name)

    def _was_kept(self, name: str) -> bool:
        kept = kept_name(name, self._facts.salt)
        return next(self._facts.query("SELECT 1 FROM unsaid WHERE kept = ?", (kept,)), None) is not None

    def _is_known(self, word: str) -> bool:
        if not _SHORTEST_SECRET <= len(word) <= _LONGEST_SECRET or not _GRAPHIC.fullmatch(word):
            return False
        mark = fingerprint(Secret(word), self._facts.salt)
        known = self._facts.query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM credential WHERE mark = ?)"
            " OR EXISTS (SELECT 1 FROM was_credential WHERE mark = ?)",
            (mark, mark),
        )
        return next(known, None) is not None


def shown(text: str) -> str:
    """A text of somebody's on one line, its middle left out where it is long."""
    text = " ".join(text.split())
    half = _LONGEST_SHOWN // 2
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:half]}…{text[-half:]}"


def may_hold_secret(name: str) -> bool:
    """Whether a name looks like a secret, or nobody would read it whole; what the inventory has is not known here."""
    return len(name) > _LONGEST_READ or looks_like_secret(name)
