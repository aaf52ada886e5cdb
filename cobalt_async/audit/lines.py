"""The physical lines of a binary stream, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 1_048_576  # bytes, the line's end included

_BOM = b"\xef\xbb\xbf"


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and text of each line that is not blank, without its end; None for one of more than 1 MiB.

    A line ends with LF or CRLF; a byte order mark before the first is dropped.
    """
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST)
            yield number, None
            continue
        if number == 1:
            line = line.removeprefix(_BOM)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line
