"""What an import brings along, and what is there before an answer is."""

import subprocess
import sys

LAZY = """
import asyncio, sys
import cobalt_async
from cobalt_async.protocol import wire

print("cattrs" in sys.modules)

async def open_one():
    async with cobalt_async.AsyncCobalt("a-token"):
        pass

asyncio.run(open_one())
sys.meta_path.clear()  # from here on no module can be imported
print(wire.read_refreshed(b'{"id": "api_a", "name": "ci", "secret": "new-secret"}').secret.reveal())
print(wire.read_refreshed(b'{"resource": {"id": "api_a", "name": "ci", "secret": "new-secret"}}').secret.reveal())
print(wire.read_page(b'{"data": [{"resource": {"id": "a", "name": "b", "expire_at": "2030-01-02"}}],'
    b' "pagination": {"next_page": null}}').items[0].expire_at)
try:
    wire.read_refreshed(b'{"id": "api_a", "name": "ci"}')
except wire.Flaw as flaw:
    print(flaw)
"""


def test_cattrs_is_there_before_an_answer_is() -> None:
    """Importing the package leaves cattrs out; a client that opens brings all that an answer needs.

    With no file descriptors left an import fails, and a refresh whose answer needed one would lose its secret.
    """
    done = subprocess.run((sys.executable, "-c", LAZY), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "False",
        "new-secret",
        "new-secret",
        "2030-01-02 00:00:00+00:00",
        "secret: missing",
    ]
