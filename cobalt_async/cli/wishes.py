"""What `rotate` and `resume` take from the command line, read and checked before anything is sent."""

import contextlib
import os
from collections.abc import Iterator

from cobalt_async import Secret, errors
from cobalt_async.references import read_reference

_TOKEN = "COBALT_API_TOKEN"  # noqa: S105 - the name of the variable


def read_old(reference: str | None) -> tuple[Secret, str]:
    """The secret that is to be replaced, and the reference by which `resume` finds it; else ConfigurationError."""
    if reference is None:
        if not os.environ.get(_TOKEN):
            raise errors.ConfigurationError(
                f"no secret to replace: set {_TOKEN}, or say where it stands by --secret-ref"
            )
        reference = f"env:{_TOKEN}"
    return read_reference(reference, argument="--secret-ref"), lasting(reference)


def read_optional(reference: str | None, argument: str) -> Secret | None:
    """The secret that a reference leads to, where there is one; else ConfigurationError, which names the argument."""
    return None if reference is None else read_reference(reference, argument=argument)


def lasting(reference: str) -> str:
    """The reference as it reads from any folder."""
    kind, _, place = reference.partition(":")
    return f"file:{os.path.abspath(place.strip())}" if kind == "file" else reference


@contextlib.contextmanager
def kept_from_programs(*secrets: Secret | None) -> Iterator[None]:
    """No program that is started in the block has one of these secrets in its environment, whatever it is called."""
    texts = [secret.reveal() for secret in secrets if secret is not None]
    hidden = {name: value for name, value in os.environ.items() if any(text in value for text in texts)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
