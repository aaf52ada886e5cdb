from collections.abc import AsyncIterator, Iterator

import pytest

from cobalt_async import AsyncCobalt, RetryPolicy
from cobalt_async.audit.engine import agenda
from cobalt_async.testing import CobaltSandbox


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has in its environment is none of a test's business."""
    for name in ("COBALT_API_TOKEN", "COBALT_BASE_URL", "COBALT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _second_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits five seconds for a second look, except the tests that are about them, in virtual time."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.0)


@pytest.fixture
def sandbox() -> Iterator[CobaltSandbox]:
    """A sandbox on a thread of its own: its tasks are not on the test's loop."""
    with CobaltSandbox() as opened:
        yield opened


@pytest.fixture
async def cobalt(sandbox: CobaltSandbox) -> AsyncIterator[AsyncCobalt]:
    """A client without a token of its own, which tries each request once."""
    retry = RetryPolicy(tries=1, max_wait=0)
    async with AsyncCobalt(base_url=sandbox.url, retry=retry) as client:
        yield client
