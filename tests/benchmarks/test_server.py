import os
import signal
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest

from benchmarks import children
from benchmarks.children import plain_server, python
from benchmarks.server import TOKENS


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    """A session of bare aiohttp."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_answers(session: aiohttp.ClientSession) -> None:
    """It answers a page of tokens, 401 to a bearer that starts with `dead`, 404 elsewhere; no limits."""
    live, dead = ({"Authorization": f"Bearer {word}1"} for word in ("live", "dead"))
    with plain_server() as url:
        async with session.get(f"{url}/tokens", headers=live) as response:
            assert response.status == 200
            assert len((await response.json())["data"]) == TOKENS
            assert not [name for name in response.headers if "rate" in name.lower()]
        async with session.get(f"{url}/tokens?limit=5", headers=dead) as response:
            assert response.status == 401
            assert await response.json()
        async with session.get(f"{url}/tokens/api_x") as response:
            assert response.status == 404
            assert await response.json() == {}
        await session.close()


def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[str]]:
    """The processes that are started from here on."""
    seen: list[subprocess.Popen[str]] = []

    class Watched(subprocess.Popen[str]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            seen.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    return seen


def is_there(number: int) -> bool:
    """Whether a process of that number exists."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's process is there while it is needed and gone afterwards."""
    seen = started(monkeypatch)
    with plain_server():
        assert is_there(seen[0].pid)
    assert not is_there(seen[0].pid)


def test_gone_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone after an error too."""
    seen = started(monkeypatch)
    with pytest.raises(ZeroDivisionError), plain_server():
        raise ZeroDivisionError
    assert not is_there(seen[0].pid)


def test_killed_when_it_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is stopped and hears nothing is killed."""
    seen = started(monkeypatch)
    monkeypatch.setattr(children, "_PATIENCE", 0.01)
    with plain_server():
        os.kill(seen[0].pid, signal.SIGSTOP)
    assert not is_there(seen[0].pid)


def test_ends_with_its_starter(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends by itself when its standard input does, as when whoever started it was killed."""
    seen = started(monkeypatch)
    with plain_server():
        assert seen[0].stdin is not None
        seen[0].stdin.close()
        assert seen[0].wait(30) == 0


def test_one_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A server that says no port is an error, and no process is left."""
    seen = started(monkeypatch)
    silent = tmp_path / "silent.py"
    silent.write_text("")
    monkeypatch.setattr(children, "_SERVER", silent)
    with pytest.raises(RuntimeError, match="did not start"), plain_server():
        pass
    assert not is_there(seen[0].pid)


def test_python_that_fails() -> None:
    """A child that fails is an error and no figure."""
    with pytest.raises(subprocess.CalledProcessError):
        python("-c", "raise SystemExit(3)")
    assert python("-c", "print(1)") == "1\n"
