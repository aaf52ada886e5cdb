import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cobalt_async.testing

ROOM = Path(cobalt_async.testing.__file__).parent
ALLOWED = sys.stdlib_module_names | {"aiohttp", "attrs"}


def imported(node: ast.AST) -> list[str]:
    """Name what an import statement imports: the first part, or its dots."""
    if isinstance(node, ast.Import):
        return [name.name.partition(".")[0] for name in node.names]
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level or str(node.module).partition(".")[0]]
    return []


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.name)
def test_the_sandbox_is_no_echo_of_the_client(path: Path) -> None:
    """No file of the room imports anything of ours from outside it, or any tool but aiohttp and attrs."""
    names = {name for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)}
    assert names <= ALLOWED | {"."} | ({"pytest"} if path.name == "pytest_plugin.py" else set())


def test_the_plugin_imports_only_pytest_when_it_loads() -> None:
    """Outside functions and TYPE_CHECKING the plugin's file imports the standard library and pytest."""
    body = ast.parse((ROOM / "pytest_plugin.py").read_text()).body
    names = {name for node in body for name in imported(node)}
    assert names - sys.stdlib_module_names == {"pytest"}


def test_the_front_door_is_sorted_and_complete() -> None:
    """`__all__` is sorted, and every name in it is there."""
    names = cobalt_async.testing.__all__
    assert names == sorted(names)
    assert all(hasattr(cobalt_async.testing, name) for name in names)


def test_the_fixture_gives_an_open_sandbox(tmp_path: Path) -> None:
    """Loaded by name, the plugin's fixture serves a plain test, without pytest-asyncio."""
    test = (
        "import urllib.request\n"
        "def test_it(cobalt_sandbox):\n"
        "    secret = cobalt_sandbox.add_user('ada').tokens[0].secret\n"
        "    headers = {'Accept': 'application/vnd.cobalt.v1+json', 'Authorization': 'Bearer ' + secret}\n"
        "    request = urllib.request.Request(cobalt_sandbox.url + '/tokens', headers=headers)\n"
        "    with urllib.request.urlopen(request) as answer:\n"
        "        assert answer.status == 200\n"
    )
    (tmp_path / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "cobalt_async.testing.pytest_plugin",
    ]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=alone,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
