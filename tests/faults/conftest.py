"""What every row is also judged by: no secret in any log, and a tally of what was tried."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary import Hunter
from tests.faults.raw import NEW_SECRET, TALLY, TOKEN


@pytest.fixture(autouse=True)
def _canary(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """X05: whatever the row does, no logger at DEBUG tells the token or the new secret."""
    TALLY["faults tried"] += request.path.name != "test_rows.py"  # which is about the list, and no row of it
    hunter = Hunter(TOKEN, NEW_SECRET)
    with caplog.at_level(logging.DEBUG):
        yield
    for record in caplog.get_records("call"):
        hunter.look(f"log of {record.name}", record.getMessage(), record.args)
    TALLY["canary hits"] += len(hunter.found)
    assert hunter.found == []


def pytest_sessionfinish() -> None:
    """Leave the tally where `python -m benchmarks reliability` asks for it."""
    if path := os.environ.get("COBALT_ASYNC_TALLY"):
        Path(path).write_text(json.dumps(TALLY), "utf-8")
