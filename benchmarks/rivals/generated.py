"""What openapi-python-client makes of openapi.yaml, generated when it is asked for: no line of it stands here."""

import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import ACCEPT, TOKEN, Ask, Listed
from .crowd import crowd

if find_spec("openapi_python_client") is None:
    raise ModuleNotFoundError("no generator", name="openapi-python-client")

_DOCUMENT = Path(__file__).with_name("openapi.yaml")
_PACKAGE = "generated_cobalt_client"


@cache
def generated() -> tuple[Any, Any]:
    """The modules `client` and `api.tokens.list_tokens` of the generated package."""
    with tempfile.TemporaryDirectory() as folder:
        options = Path(folder, "options.yaml")
        options.write_text("post_hooks: []\n", "utf-8")  # as it comes; to lay it out would change no step of it
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
        command += ["--path", str(_DOCUMENT), "--output-path", str(Path(folder, _PACKAGE)), "--config", str(options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openapi-python-client failed:\n{done.stdout}{done.stderr}")
        sys.path.insert(0, folder)
        try:
            return import_module(f"{_PACKAGE}.client"), import_module(f"{_PACKAGE}.api.tokens.list_tokens")
        finally:
            sys.path.remove(folder)


@asynccontextmanager
async def opened(url: str, *, in_flight: int) -> AsyncGenerator[Ask]:
    client, list_tokens = generated()
    limits = import_module("httpx").Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with client.AuthenticatedClient(
        base_url=url,
        token=TOKEN,
        headers={"Accept": ACCEPT},
        raise_on_unexpected_status=True,
        httpx_args={"limits": limits},
    ) as opened_client:

        async def call() -> Sequence[Listed]:
            listing = await list_tokens.asyncio(client=opened_client)
            return [row.resource for row in listing.data]

        yield crowd(call, in_flight)
