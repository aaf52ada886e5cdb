"""Credential: a secret to ask about, under the label that the inventory has for it."""

import re

from attrs import frozen

from ..secret import Secret

_LONGEST_LABEL = 1000
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@frozen(init=False)
class Credential:
    """One personal API token to audit: `label` is yours and comes back in the result, `secret` is its text.

    A `label` has 1 to 1000 characters, not all of them blank, and no control character or line end. A str
    given as `secret` becomes a Secret. Anything else is a ValueError, which does not repeat the secret.
    """

    label: str
    secret: Secret

    def __init__(self, label: str, secret: str | Secret) -> None:
        held, flaw = _held(secret)
        del secret  # this frame travels with the traceback
        flaw = _label_flaw(label) or flaw
        if held is None or flaw is not None:
            del self  # so does this, and half made it has no repr
            raise ValueError(flaw)
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "secret", held)


def _held(secret: str | Secret) -> tuple[Secret | None, str | None]:
    """The secret as a Secret; or None and what is wrong with it."""
    if isinstance(secret, Secret):
        return secret, None
    try:
        return Secret(secret), None
    except ValueError as error:
        return None, f"secret: {error}"


def _label_flaw(label: str) -> str | None:
    """What keeps `label` from being one, without repeating it: it may be a secret in the wrong place."""
    if not isinstance(label, str):
        return f"label: a str, not {type(label).__name__}"
    if not label.strip():
        return "label: it is empty"
    if len(label) > _LONGEST_LABEL:
        return f"label: at most {_LONGEST_LABEL} characters, this one has {len(label)}"
    if _UNSHOWABLE.search(label):
        return "label: it holds a control character or a line end"
    return None
