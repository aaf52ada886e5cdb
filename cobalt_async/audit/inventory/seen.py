"""Which labels were seen, and on which line: at most 48 bytes a label, however long it is."""

import hashlib
import secrets
from array import array

_FIRST_SLOTS = 1024


class SeenLabels:
    """An open hash table of keyed 64-bit digests: two labels pass for one with a chance of n² / 2**65."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._count = 0
        self._empty(_FIRST_SLOTS)

    def first_line(self, label: str, line: int) -> int:
        """The line on which this label stood first; `line` itself, at least 1, if it is new."""
        digest = hashlib.blake2b(label.encode(), digest_size=8, key=self._key).digest()
        mark = int.from_bytes(digest)
        slot = self._slot(mark)
        if not self._lines[slot]:
            if 3 * self._count >= 2 * len(self._lines):
                self._grow()
                slot = self._slot(mark)
            self._marks[slot], self._lines[slot] = mark, line
            self._count += 1
        return self._lines[slot]

    def _slot(self, mark: int) -> int:
        """Where this mark stands, or would stand."""
        slot = mark % len(self._lines)
        while self._lines[slot] and self._marks[slot] != mark:
            slot = (slot + 1) % len(self._lines)
        return slot

    def _grow(self) -> None:
        old = zip(self._marks, self._lines, strict=True)
        self._empty(2 * len(self._lines))
        for mark, line in old:
            if line:
                slot = self._slot(mark)
                self._marks[slot], self._lines[slot] = mark, line

    def _empty(self, slots: int) -> None:
        self._marks = array("Q", bytes(8 * slots))
        self._lines = array("Q", bytes(8 * slots))
