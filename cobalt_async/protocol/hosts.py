"""Where requests may go: Cobalt's regions, and what a base URL must look like (api/facts.md, F1)."""

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..secret import Secret

Region = Literal["us", "eu"]

SEED = "https://api.cobalt.io"
REGIONS: dict[str, str] = {"us": "https://api.us.cobalt.io", "eu": "https://api.eu.cobalt.io"}

_SHAPE = re.compile(
    r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*/?", re.ASCII
)
_PROXY = re.compile(
    r"https?://(?:[A-Za-z0-9._~!$&'()*+,;=:%-]+@)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?/?", re.ASCII
)


def region_url(region: str, source: str = "region") -> str:
    """The base URL of a region; ConfigurationError for one that is not documented."""
    if not isinstance(region, str) or region not in REGIONS:
        known = " or ".join(repr(name) for name in REGIONS)
        raise ConfigurationError(f"{source}: {known}, nothing else")
    return REGIONS[region]


def base_url(url: str, source: str = "base_url") -> str:
    """A base URL without its last slash; a path prefix is kept.

    https, or http to a loopback literal or `localhost`; no user, query, fragment, escapes or dot segments.
    """
    if not isinstance(url, str) or not _SHAPE.fullmatch(url):
        raise ConfigurationError(
            f"{source}: https://HOST[:PORT][/PATH] in plain ASCII, without user, query or fragment"
        )
    if any(segment in (".", "..") for segment in url.split("/")):
        raise ConfigurationError(f"{source}: a path without dot segments")
    scheme, host = _authority(url, source)
    if scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"{source}: https, because plain http would send the token in clear (http is for this machine only)"
        )
    return url.rstrip("/")


def proxy_url(url: str, base: str) -> Secret:
    """A proxy's URL, which may carry `user:password@`; a plain-http base goes through this machine's proxies only."""
    flaw = _proxy_flaw(url, base)
    if flaw is None:
        return Secret(url)
    del url  # it may hold a password, and an error carries this frame
    raise ConfigurationError(f"proxy: {flaw}")


def _proxy_flaw(url: str, base: str) -> str | None:
    if not isinstance(url, str) or not _PROXY.fullmatch(url) or len(url) > 512:
        return "http://[USER:PASSWORD@]HOST[:PORT] or the same with https, nothing else"
    scheme, _, rest = url.partition("://")
    try:
        _, host = _authority(f"{scheme}://{rest.rpartition('@')[2]}", "proxy")
    except ConfigurationError:
        return "the host or the port is not one that can be asked"
    if base.startswith("http:") and not is_loopback(host):
        return "a plain-http base_url would send the token in clear to another machine"
    return None


def is_loopback(host: str) -> bool:
    """True for `localhost`, 127.0.0.0/8 and ::1: names and literals that cannot leave this machine."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and (address.version == 4 or address == ipaddress.IPv6Address("::1"))


def host_of(url: str) -> str:
    """The host name of a base URL, in lower case and without brackets."""
    return urlsplit(url).hostname or ""


def _authority(url: str, source: str) -> tuple[str, str]:
    """Scheme and host of a URL whose shape was checked; a port or an address that is none is an error."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, 0
    if parts is None or port == 0 or not parts.hostname or ".." in parts.hostname:
        raise ConfigurationError(f"{source}: the host or the port is not one that can be asked")
    if "[" in parts.netloc and not _is_address(parts.hostname):
        raise ConfigurationError(f"{source}: the address in brackets is no IPv6 address")
    return parts.scheme, parts.hostname


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
