"""Parts of the client taken out for a while, to see what they cost."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from cobalt_async.protocol import typed


@contextmanager
def replaced(thing: object, name: str, other: object) -> Iterator[None]:
    """Something else in place of an attribute, until the block ends."""
    usual = getattr(thing, name)
    setattr(thing, name, other)
    try:
        yield
    finally:
        setattr(thing, name, usual)


def core() -> AbstractContextManager[None]:
    """The client as it is without the extra `speed`, wherever msgspec is installed: no page is read by it."""
    return replaced(typed, "read_usual_page", _not_there)


def _not_there(_: bytes) -> None:
    """Read nothing."""
