import io
import threading

import pytest

from cobalt_async.audit import BadRow, Credential, read_inventory
from cobalt_async.cli.rows import Rows
from cobalt_async.errors import ConfigurationError
from tests.cli.calling import wait_until


class Stream(io.BytesIO):
    """A stream that counts its lines, and fails after so many."""

    def __init__(self, text: bytes, *, good: int = 1_000_000) -> None:
        super().__init__(text)
        self.read_lines = 0
        self.good = good

    def readline(self, size: int | None = -1, /) -> bytes:
        self.read_lines += 1
        if self.read_lines > self.good:
            raise OSError(5, "Input/output error")
        return super().readline(size)


def _nobody_reads() -> bool:
    return all(thread.name != "inventory" for thread in threading.enumerate())


async def test_credentials_come_in_order_and_bad_rows_aside() -> None:
    """Each row comes once: credentials to whoever iterates, bad ones to `on_bad`; then it ends."""
    bad: list[BadRow] = []
    text = b"label,secret\n" + b"".join(b"r%d,x\nbad\n" % number for number in range(200))
    with Rows(read_inventory(Stream(text)), on_bad=bad.append) as rows:
        labels = [credential.label async for credential in rows]
    assert labels == [f"r{number}" for number in range(200)]
    assert [row.line for row in bad] == list(range(3, 402, 2))
    wait_until(_nobody_reads)


async def test_it_reads_no_more_than_64_rows_ahead() -> None:
    """A big inventory is not pulled into memory; leaving ends the thread."""
    stream = Stream(b"label,secret\n" + b"".join(b"r%d,x\n" % number for number in range(5000)))
    with Rows(read_inventory(stream), on_bad=print) as rows:
        for taken in range(1, 100):
            assert isinstance(await anext(rows), Credential)
            assert stream.read_lines <= 1 + taken + 64 + 2
    wait_until(_nobody_reads)


async def test_a_failure_in_the_middle_is_raised_where_it_is_awaited() -> None:
    """An inventory that breaks is not one that ends."""
    inventory = read_inventory(Stream(b"label,secret\na,x\nb,y\n", good=3))
    with Rows(inventory, on_bad=print) as rows:
        assert [(await anext(rows)).label for _ in range(2)] == ["a", "b"]
        with pytest.raises(ConfigurationError, match="after line 3"):
            await anext(rows)
    wait_until(_nobody_reads)
