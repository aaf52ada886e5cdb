"""A tally of what was tried, for `python -m benchmarks rotation`."""

import json
import os
from pathlib import Path

from tests.rotation.staging import TALLY


def pytest_sessionfinish() -> None:
    """Leave it where the benchmark asks for it."""
    if path := os.environ.get("COBALT_ASYNC_ROTATION_TALLY"):
        Path(path).write_text(json.dumps(TALLY), "utf-8")
