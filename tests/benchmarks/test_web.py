"""The server that clients are compared against: which one it is, and what it serves."""

import json
import shutil
import subprocess
from pathlib import Path

import aiohttp
import pytest

from benchmarks import web
from benchmarks.rivals import TOKEN


def program(folder: Path, name: str, script: str) -> Path:
    """A program that stands in for one that a test must not need."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return path


def found(monkeypatch: pytest.MonkeyPatch, programs: dict[str, Path]) -> None:
    """A machine that has these programs, and no others."""
    monkeypatch.setattr(shutil, "which", lambda name, path=None: str(programs[name]) if name in programs else None)


async def test_without_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nginx the plain server serves, and its name says what to install."""
    found(monkeypatch, {})
    with web.server() as server:
        assert server.name == "plain server (nginx is not installed; apt-get install nginx)"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{server.url}/tokens") as response:
            assert response.status == 200


def test_pages(tmp_path: Path) -> None:
    """The files are what the plain server answers: a listing that ends at once, and one of 1,000 pages to follow."""
    web.write_pages(tmp_path / "pages")
    page = json.loads((tmp_path / "pages" / ".json").read_bytes())
    assert (len(page["data"]), page["pagination"]["next_page"]) == (10, None)
    cursor, walked = "0", 0
    while cursor:
        page = json.loads((tmp_path / "pages" / f"{cursor}.json").read_bytes())
        walked += len(page["data"]) == 10
        cursor = (page["pagination"]["next_page"] or "").removeprefix("/tokens?cursor=")
    assert walked == web.PAGES


def test_nginx_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An nginx that ends at once is an error and no server of another kind."""
    found(monkeypatch, {"nginx": program(tmp_path, "nginx", "exit 1")})
    monkeypatch.setattr(web, "_PATIENCE", 0.5)
    with pytest.raises(RuntimeError, match="nginx did not start"), web.server():
        pass


def test_ceiling(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The ceiling is what wrk says; an answer that is no page is an error, and without wrk it says what to install."""
    server = web.Web("http://localhost:1", "nginx")
    found(monkeypatch, {"wrk": program(tmp_path, "wrk", 'echo "Requests/sec:  35456.07"')})
    assert server.ceiling().values == (35456.07,)
    found(monkeypatch, {"wrk": program(tmp_path, "wrk", 'echo "Non-2xx or 3xx responses: 3"; echo "Requests/sec: 9"')})
    with pytest.raises(RuntimeError, match="wrk did not measure nginx"):
        server.ceiling()
    found(monkeypatch, {"wrk": program(tmp_path, "wrk", "exit 1")})
    with pytest.raises(subprocess.CalledProcessError):
        server.ceiling()
    found(monkeypatch, {})
    assert server.ceiling().missing == "wrk is not installed; apt-get install wrk"
