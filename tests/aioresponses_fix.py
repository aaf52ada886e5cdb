"""What aioresponses 0.7.9 lacks on aiohttp 3.14 and later; this file goes when upstream releases.

It cannot build a response there (`TypeError: … missing … argument: 'stream_writer'`, pnuckowski/aioresponses
issue 289): pass `response_class=BuildableResponse` to every mocked call.
"""

from typing import Any
from unittest.mock import Mock

from aiohttp import ClientResponse


class BuildableResponse(ClientResponse):
    """A response that supplies the `stream_writer` itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"stream_writer": Mock(output_size=0), **kwargs})
