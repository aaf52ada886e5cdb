import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

BLOCKING = """
import http.client
from urllib.parse import urlsplit


def test_a_blocking_client(cobalt_sandbox):
    secret = cobalt_sandbox.add_user("ada", tokens=2).tokens[0].secret
    connection = http.client.HTTPConnection("localhost", urlsplit(cobalt_sandbox.url).port)
    headers = {"Accept": "application/vnd.cobalt.v1+json", "Authorization": f"Bearer {secret}"}
    connection.request("GET", "/tokens", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read().count(b"api_")) == (200, 2)
    connection.close()


def test_a_sandbox_of_its_own(cobalt_sandbox):
    assert cobalt_sandbox.users == ()
"""

OUR_CLIENT = """
import asyncio
from cobalt_async import AsyncCobalt


def test_our_client(cobalt_sandbox):
    token = cobalt_sandbox.add_user("ada").tokens[0]

    async def listed():
        async with AsyncCobalt(token.secret, base_url=cobalt_sandbox.url) as cobalt:
            return [found.id async for found in cobalt.tokens.iter()]

    assert asyncio.run(listed()) == [token.id]
"""

PLAIN = """
import sys


def test_nothing_of_cobalt():
    assert "pytest_asyncio" not in sys.modules
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a stranger would: nothing of this checkout or of this pytest in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COBALT"))}
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="session")
def strangers_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds cobalt-async, pytest, what they need, and nothing else."""
    folder = tmp_path_factory.mktemp("stranger")
    wheel = os.environ.get("COBALT_ASYNC_WHEEL")
    ours = wheel or str(CHECKOUT)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    # This environment's pip serves the other: making one there takes longer than all the rest.
    made = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stdout + made.stderr
    installed = run(*pip, "install", "--quiet", ours, "pytest", cwd=folder)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return python


def test_they_have_no_pytest_asyncio(strangers_python: Path, tmp_path: Path) -> None:
    """The environment of these tests lacks the plugin, so that they prove what they say."""
    found = run(strangers_python, "-c", "import pytest_asyncio", cwd=tmp_path)
    assert "No module named 'pytest_asyncio'" in found.stderr


@pytest.mark.parametrize(
    ("source", "count"), [(BLOCKING, 2), (OUR_CLIENT, 1), (PLAIN, 1)], ids=["blocking", "our client", "plain"]
)
def test_their_tests_pass(strangers_python: Path, tmp_path: Path, source: str, count: int) -> None:
    """The fixture is there unasked, and breaks no test that does without; warnings are errors."""
    (tmp_path / "test_theirs.py").write_text(source)
    done = run(strangers_python, "-m", "pytest", "-W", "error", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout


def test_the_fixture_is_listed(strangers_python: Path, tmp_path: Path) -> None:
    """`pytest --fixtures` names it, with its first sentence."""
    listed = run(strangers_python, "-m", "pytest", "--fixtures", cwd=tmp_path)
    assert "cobalt_sandbox" in listed.stdout
    assert "Give an open CobaltSandbox" in listed.stdout
