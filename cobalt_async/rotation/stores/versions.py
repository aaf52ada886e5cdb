"""Versions: what a store held, in a text that tells nothing of it."""

import hmac
import secrets
from hashlib import blake2b

from ...secret import Secret

NOTHING = "nothing"  # the version of a store that holds nothing

_SIZE = 16  # bytes, of the salt and of the digest


def version_of(held: Secret | None) -> str:
    """`salt:digest`, with a salt of its own each time; so two versions of one secret differ."""
    return NOTHING if held is None else _salted(secrets.token_bytes(_SIZE), held)


def is_version_of(version: str, held: Secret | None) -> bool:
    """Whether this is what was held when the version was taken."""
    if held is None or version == NOTHING:
        return held is None and version == NOTHING
    try:
        salt = bytes.fromhex(version.partition(":")[0])
    except ValueError:
        return False
    return 0 < len(salt) <= blake2b.MAX_KEY_SIZE and hmac.compare_digest(version.encode(), _salted(salt, held).encode())


def _salted(salt: bytes, held: Secret) -> str:
    return f"{salt.hex()}:{blake2b(held.reveal().encode(), key=salt, digest_size=_SIZE).hexdigest()}"
