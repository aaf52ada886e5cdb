"""The physical lines of a binary stream, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 1_048_576  # bytes, the line's end included

_ENDLESS = 2**30  # bytes: no line of an inventory, but /dev/zero
_BOM = b"\xef\xbb\xbf"


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and text of each line that is not blank, without its end; None for one of more than 1 MiB.

    A line ends with LF or CRLF; a byte order mark before the first is dropped. ValueError for a line that goes
    on for 1 GiB.
    """
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            yield number, None  # before its end is looked for: it may have none
            _skip(stream, line)
            continue
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line


def _skip(stream: BinaryIO, line: bytes) -> None:
    """Read on to the end of a line that is too long."""
    read = len(line)
    while line and not line.endswith(b"\n"):
        if read >= _ENDLESS:
            raise ValueError("a line that does not end within 1 GiB")
        line = stream.readline(LONGEST)
        read += len(line)
