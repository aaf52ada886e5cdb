"""The fixture `cobalt_sandbox`, for anybody's tests. It imports only pytest until a test asks for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import CobaltSandbox


@pytest.fixture
def cobalt_sandbox() -> "Iterator[CobaltSandbox]":
    """Give an open CobaltSandbox on a thread of its own, for blocking and for async tests alike."""
    from .sandbox import CobaltSandbox

    with CobaltSandbox() as sandbox:
        yield sandbox
