"""What the tests of the inventory share: rows of bytes, and a look at a file as somebody without rights has it."""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cobalt_async.audit import BadRow, Credential, read_inventory

CANARY = "canary-secret-0123456789"


def rows_of(text: bytes | str, *, command_timeout: float = 10.0) -> list[Credential | BadRow]:
    """What stands in an inventory of these bytes."""
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return list(read_inventory(stream, command_timeout=command_timeout))


def only_row(reference: str, **limit: float) -> Credential | BadRow:
    """The one row of an inventory that has this reference."""
    [row] = rows_of('label,secret_ref\nci,"{}"\n'.format(reference.replace('"', '""')), **limit)
    return row


def flaw_of(row: Credential | BadRow) -> str:
    """What is wrong with a row; nothing of it holds a canary."""
    assert isinstance(row, BadRow), "it is a credential"
    assert "canary" not in f"{row!r} {row}"
    assert "\n" not in row.flaw
    assert len(row.flaw) < 400
    return row.flaw


@contextlib.contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder of nobody's and, while the block runs, no right to pass by the modes of files, root or not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = os.geteuid() == 0
        if root:
            os.chown(name, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
