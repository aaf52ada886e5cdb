"""E rows: nothing that the environment says about proxies, passwords or keys reaches a request unasked."""

import base64
from pathlib import Path

import pytest

from tests.faults.raw import TOKEN, client, ok, raw


async def test_e01_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E01: a netrc entry for the host neither fails a request nor replaces the token."""
    (tmp_path / "netrc").write_text("machine localhost login somebody password theirs\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
    assert f"Authorization: Bearer {TOKEN}".encode() in server.requests[0]
    assert b"Basic" not in server.requests[0]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
async def test_e02_a_proxy_of_the_environment_sees_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """E02: $HTTP_PROXY and its kin are ignored."""
    async with raw(ok()) as proxy, raw(ok()) as server:
        monkeypatch.setenv(name, proxy.url)
        async with client(server) as cobalt:
            await cobalt.tokens.list()
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_e02_a_proxy_that_is_asked_for_is_used() -> None:
    """E02: `proxy=` sends there, with its own password as Proxy-Authorization, and the password nowhere else."""
    async with raw(ok()) as proxy, raw(ok()) as server:
        async with client(server, proxy=proxy.url.replace("//", "//user:open-sesame@")) as cobalt:
            await cobalt.tokens.list()
    assert (len(proxy.requests), len(server.requests)) == (1, 0)
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"user:open-sesame") in proxy.requests[0]
    assert b"open-sesame" not in proxy.requests[0]


def test_e03_the_key_log_is_documented() -> None:
    """E03: $SSLKEYLOGFILE is honoured by Python's default context; the client's docstring says so."""
    from cobalt_async import AsyncCobalt

    assert "$SSLKEYLOGFILE" in str(AsyncCobalt.__doc__)
