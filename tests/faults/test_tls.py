"""X rows: only a server that proves who it is ever sees a request."""

import datetime
import ssl
import warnings
from typing import Any

import pytest
import trustme

from cobalt_async import AsyncCobalt, errors
from tests.faults.raw import TOKEN, TOKEN_ID, Answer, Exchange, answer, client, failure, ok, raw, tunnel

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A private CA."""
    return trustme.CA()


def serving(authority: trustme.CA, name: str = "localhost", **validity: Any) -> ssl.SSLContext:
    """A server's context with a certificate of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **validity).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """A client's context that knows the CA."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("case", ["unknown CA", "wrong host", "expired", "not yet valid"])
async def test_x01_a_certificate_that_does_not_hold_is_not_sent_to(case: str, authority: trustme.CA) -> None:
    """X01: NotSentError that says why, one handshake each, no request, no retry; a refresh the same."""
    handshakes: list[str | None] = []
    now = datetime.datetime.now(datetime.UTC)
    tls = {
        "unknown CA": lambda: serving(trustme.CA()),
        "wrong host": lambda: serving(authority, "elsewhere.test"),
        "expired": lambda: serving(authority, not_after=now - DAY),
        "not yet valid": lambda: serving(authority, not_before=now + DAY, not_after=now + 2 * DAY),
    }[case]()
    tls.sni_callback = lambda _, name, __: handshakes.append(name)
    async with raw(ok(), tls=tls) as server, client(server, ssl=trusting(authority)) as cobalt:
        error = await failure(cobalt.tokens.list(), errors.NotSentError)
        assert len(handshakes) == 1
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
    assert error.lasting
    assert "certificate" in str(error)
    assert (server.requests, handshakes) == ([], ["localhost"] * 2)


async def test_x01_a_private_ca_goes_to_ssl(authority: trustme.CA) -> None:
    """X01: with `ssl=` that trusts the CA it works; without, the same server is not sent to."""
    async with raw(ok(), tls=serving(authority)) as server:
        async with client(server, ssl=trusting(authority)) as cobalt:
            await cobalt.tokens.list()
        async with client(server) as cobalt:
            await failure(cobalt.tokens.list(), errors.NotSentError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url", ["http://api.cobalt.io", "http://10.0.0.1", "http://localhost.evil.test", "ftp://localhost"]
)
def test_x02_plain_http_is_for_this_machine(url: str) -> None:
    """X02: http to anything but loopback is ConfigurationError."""
    with pytest.raises(errors.ConfigurationError):
        AsyncCobalt(TOKEN, base_url=url)


def test_verification_cannot_be_turned_off() -> None:
    """No context that does not verify is taken: not the certificate, not the host name, not old TLS."""
    lax, nameless, old = (ssl.create_default_context() for _ in range(3))
    lax.check_hostname = nameless.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    for context in (lax, nameless, old, False):
        wrong: Any = context
        with pytest.raises(errors.ConfigurationError, match="^ssl: "):
            AsyncCobalt(TOKEN, ssl=wrong)


async def test_x04_tls_1_1_is_not_spoken(authority: trustme.CA) -> None:
    """X04: a server that knows TLS 1.1 at most is NotSentError."""
    tls = serving(authority)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    async with raw(ok(), tls=tls) as server, client(server, ssl=trusting(authority)) as cobalt:
        await failure(cobalt.tokens.list(), errors.NotSentError)
    assert server.requests == []


async def test_a_connect_proxy_sees_a_host_and_nothing_else(authority: trustme.CA) -> None:
    """Through a CONNECT proxy the request arrives; the proxy saw host, port and its own password, and no token."""
    async with raw(tunnel) as proxy, raw(ok(), tls=serving(authority)) as server:
        url = proxy.url.replace("//", "//user:open-sesame@")
        async with client(server, ssl=trusting(authority), proxy=url) as cobalt:
            await cobalt.tokens.list()
    assert len(server.requests) == len(proxy.requests) == 1
    assert proxy.requests[0].startswith(b"CONNECT localhost:")
    assert TOKEN.encode() not in proxy.requests[0]
    assert TOKEN.encode() in server.requests[0]
    assert b"open-sesame" not in server.requests[0]


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_refuses_the_tunnel_means_not_sent(status: int, authority: trustme.CA) -> None:
    """A CONNECT that is refused: NotSentError naming the proxy's status; the server saw nothing."""
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    async with raw(refusal, close=True) as proxy, raw(ok(), tls=serving(authority)) as server:
        async with client(server, ssl=trusting(authority), proxy=proxy.url) as cobalt:
            assert str(status) in str(await failure(cobalt.tokens.list(), errors.NotSentError))
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
    assert server.requests == []


async def hang_up(exchange: Exchange) -> None:
    """A proxy that drops the tunnel."""
    exchange.writer.close()


@pytest.mark.parametrize("reply", [hang_up, b"bytes that are not HTTP\r\n\r\n"], ids=["hangs up", "is none"])
async def test_a_proxy_that_drops_the_tunnel_leaves_no_doubt(reply: Answer, authority: trustme.CA) -> None:
    """Nothing of the refresh left: NotSentError, and a no later on is that no, and not the loss of a secret."""
    for_good = answer(404, {})
    async with raw(*[reply] * 4, tunnel) as proxy, raw(for_good, tls=serving(authority)) as server:
        async with client(server, ssl=trusting(authority), proxy=proxy.url) as cobalt:
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotSentError)
            assert (len(proxy.requests), server.requests) == (4, [])
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.NotFoundError)


def test_a_context_that_names_no_lowest_version_gets_1_2() -> None:
    """Debian's Python leaves the lowest TLS version open: such a context is taken, and speaks 1.2 or higher."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    AsyncCobalt(TOKEN, ssl=context)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_the_default_context_speaks_no_old_tls_either(authority: trustme.CA, monkeypatch: Any) -> None:
    """Without `ssl=`, on a Python whose default leaves it open, TLS 1.1 is not spoken all the same."""
    from cobalt_async.transport import send

    lax = trusting(authority)
    lax.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    monkeypatch.setattr(ssl, "create_default_context", lambda: lax)
    send._default_context.cache_clear()
    try:
        assert send._default_context().minimum_version == ssl.TLSVersion.TLSv1_2
    finally:
        send._default_context.cache_clear()
