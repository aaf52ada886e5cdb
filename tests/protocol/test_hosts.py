from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from cobalt_async.errors import ConfigurationError
from cobalt_async.protocol import hosts


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.cobalt.io", "https://api.cobalt.io"),
        ("https://api.cobalt.io/", "https://api.cobalt.io"),
        ("https://gateway.example.com/cobalt/v1/", "https://gateway.example.com/cobalt/v1"),
        ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.255.255.254", "http://127.255.255.254"),
        ("http://[::1]:65535/", "http://[::1]:65535"),
    ],
)
def test_base_urls_that_are_good(url: str, kept: str) -> None:
    """https anywhere, http to this machine; a path prefix is kept, a last slash is not."""
    assert hosts.base_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "", "api.cobalt.io", "//api.cobalt.io", "ftp://api.cobalt.io", "https://", "https:///x", "HTTPS://a.io",
        "https://user@a.io", "https://u:p@a.io", "https://a.io?x=1", "https://a.io/#x", "https://a.io/?",
        "https://a.io/a%2fb", "https://a.io/../b", "https://a.io/./b", "https://a.io//b", "https://a.io/b//",
        "https://a.io/\n", "https://a.io\n", " https://a.io", "https://a .io", "https://a.io\\@b.io", "https://ä.io",
        "https://\uff41.io", "https://a.io:0", "https://a.io:65536", "https://a.io:", "https://a.io:x",
        "https://a..io", "https://..", "https://[::1", "https://[zz]", "https://[1.2.3.4]", "https://[:::]",
        None, 5, b"https://a.io", URL("https://a.io"),
    ],
)  # fmt: skip
def test_base_urls_that_are_not(url: Any) -> None:
    """What could lead elsewhere, or nowhere, is a ConfigurationError that says where it stood."""
    with pytest.raises(ConfigurationError, match=r"^\$COBALT_BASE_URL: "):
        hosts.base_url(url, "$COBALT_BASE_URL")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.cobalt.io", "http://localhost.evil.test", "http://127.0.0.1.evil.test", "http://0.0.0.0",
        "http://127.1", "http://2130706433", "http://[::]", "http://[::ffff:127.0.0.1]", "http://128.0.0.1",
        "http://localhost.", "http://[2001:db8::1]",
    ],
)  # fmt: skip
def test_plain_http_stays_on_this_machine(url: str) -> None:
    """http to anything but a loopback literal or `localhost` would send the token in clear."""
    with pytest.raises(ConfigurationError, match="^base_url: https, because plain http would send the token in clear"):
        hosts.base_url(url)


@given(st.text() | st.from_regex(r"https?://[a-z0-9.:\[\]@/?#%-]{0,20}"))
def test_what_passes_is_asked_as_it_stands(url: str) -> None:
    """A base URL that passes means to the HTTP library what it means to us: same host, no user, same path."""
    try:
        base = hosts.base_url(url)
    except ConfigurationError:
        return
    seen = URL(base + "/tokens?cursor=a", encoded=True)
    assert str(seen) == f"{base}/tokens?cursor=a"
    assert seen.host == hosts.host_of(base)
    assert seen.user is seen.password is None
    assert seen.raw_query_string == "cursor=a"
    assert seen.scheme == "https" or hosts.is_loopback(seen.host or "")


@pytest.mark.parametrize(("region", "url"), [("us", "https://api.us.cobalt.io"), ("eu", "https://api.eu.cobalt.io")])
def test_regions(region: str, url: str) -> None:
    """The two documented regions (F1)."""
    assert hosts.region_url(region) == url


@pytest.mark.parametrize("region", ["", "US", "uk", "us ", None, 5, ["us"]])
def test_there_are_two_regions(region: Any) -> None:
    """Anything else is a ConfigurationError that says where it stood."""
    with pytest.raises(ConfigurationError, match=r"^\$COBALT_REGION: 'us' or 'eu', nothing else$"):
        hosts.region_url(region, "$COBALT_REGION")


@pytest.mark.parametrize(
    "url",
    ["http://proxy.example.com:3128", "https://proxy.example.com", "http://user:p%40ss@10.0.0.1:3128/",
     "http://[::1]:3128"],
)  # fmt: skip
def test_proxies_that_are_good(url: str) -> None:
    """http and https proxies, with a password if need be."""
    assert hosts.proxy_url(url, "https://api.cobalt.io").reveal() == url


@pytest.mark.parametrize(
    "url",
    ["", "proxy:3128", "socks5://proxy", "http://proxy/path", "http://proxy?x", "http://proxy#x", "http://a@b@c",
     "http://user pass@proxy", "http://proxy:0", "http://proxy:99999", "http://prox\u00fd", "http://", "http://@proxy",
     "http://proxy\n", None, 5, True],
)  # fmt: skip
def test_proxies_that_are_not(url: Any) -> None:
    """Anything else is a ConfigurationError that says `proxy`, and never repeats a password."""
    with pytest.raises(ConfigurationError, match="^proxy: ") as caught:
        hosts.proxy_url(url, "https://api.cobalt.io")
    assert "pass" not in str(caught.value).lower().replace("[user:password@]", "")


def test_a_plain_request_is_not_handed_to_another_machine() -> None:
    """With a plain-http base URL only a proxy on this machine sees the token."""
    assert hosts.proxy_url("http://127.0.0.1:3128", "http://localhost:8080").reveal() == "http://127.0.0.1:3128"
    with pytest.raises(ConfigurationError, match="^proxy: a plain-http base_url would send the token in clear"):
        hosts.proxy_url("http://proxy.example.com:3128", "http://localhost:8080")
