"""Sink: what a report is written to."""

from typing import Protocol


class Sink(Protocol):
    """The part of a text stream that reports need; every TextIO has it."""

    def write(self, text: str, /) -> object:
        """Write all of it, or raise OSError."""

    def flush(self) -> object:
        """Hand on what was written."""

    def isatty(self) -> bool:
        """Whether a person sits at the other end."""
        raise NotImplementedError
