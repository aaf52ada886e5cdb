"""Every row again, with aiohttp's parser that is written in Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif("AIOHTTP_NO_EXTENSIONS" in os.environ, reason="this is that run")
def test_every_row_holds_on_the_other_parser() -> None:
    """All of tests/faults passes with AIOHTTP_NO_EXTENSIONS=1, but for the crowd that no parser makes differ."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE), "-k", "not s04"]
    environment = os.environ | {"AIOHTTP_NO_EXTENSIONS": "1"}
    done = subprocess.run(command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
