"""Fingerprints of labels and names, and what stands in the place of a name that holds a secret."""

import hashlib
import re

from ..ledger import FINGERPRINT

NOT_REPEATED = "a name that is not repeated here"
STAND_IN = f"[{NOT_REPEATED}]"
"""In a report."""

_KEPT = re.compile(rf"\[{NOT_REPEATED}: [0-9a-f]{{{2 * FINGERPRINT}}}\]")


def label_mark(label: str, salt: bytes) -> bytes:
    """The fingerprint of a label; no secret has the same, whatever its text."""
    return hashlib.blake2b(label.encode(), key=salt, digest_size=FINGERPRINT, person=b"label").digest()


def kept_name(name: str, salt: bytes) -> str:
    """In a baseline: a text that tells, for whoever has the salt, whether two names are one; no secret's fingerprint.

    What is such a text already stays as it is.
    """
    if is_kept(name):
        return name
    mark = hashlib.blake2b(name.encode(errors="surrogatepass"), key=salt, digest_size=FINGERPRINT, person=b"name")
    return f"[{NOT_REPEATED}: {mark.hexdigest()}]"


def is_kept(name: str) -> bool:
    """Whether a name is what `kept_name` gives."""
    return _KEPT.fullmatch(name) is not None
