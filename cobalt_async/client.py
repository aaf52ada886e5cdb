"""AsyncCobalt: owns the session, opens the endpoints."""

import contextlib
import copy
import os
import ssl as tls
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import aiohttp

from .errors import ConfigurationError
from .models import RefreshedToken
from .protocol import hosts, requests
from .protocol.answers import Response
from .protocol.limits import RetryPolicy, Timeouts
from .protocol.requests import Request
from .root import Root
from .secret import Secret
from .successors import Replacement
from .tokens import Tokens
from .transport import OnAnswer, Route, Transport
from .turnstile import NOBODY, Call

T = TypeVar("T")


class AsyncCobalt:
    """A client for Cobalt's personal API tokens: one per application, for its lifetime.

    `token`: the personal API token; None reads `$COBALT_API_TOKEN`, and without one the client opens all the
    same: it serves `with_token`, and a call of its own is a ConfigurationError.
    `base_url`: https, or http to this machine; a path prefix is kept; None reads `$COBALT_BASE_URL`, else the
    region's URL. `region`: "us" or "eu"; None reads `$COBALT_REGION`, else https://api.cobalt.io (F1); an
    explicit region beats `$COBALT_BASE_URL`, and together with `base_url` it is an error.
    `session`: a session whose connector is used and never closed; its headers, cookies, authentication and
    TLS settings stay behind. `ssl`: a verifying context, for a private CA; verification cannot be turned off, and
    a context that names no lowest TLS version gets 1.2.
    The default context honours `$SSLKEYLOGFILE`, as Python's does. `proxy`: an http or https proxy; nothing is
    read from the environment.
    `max_connections`: at least 1. `max_page_bytes`: the largest body that is read, compressed or not.
    `trace_configs`: aiohttp's tracers; they are handed all headers, the token with them.

    A wrong argument, environment variable or use is a ConfigurationError, before anything is sent.
    """

    _base_url = "not made yet"  # a repr works from the first line of __init__ on
    _version: Literal["v1", "v2"] = "v1"

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        base_url: str | None = None,
        region: Literal["us", "eu"] | None = None,
        api_version: Literal["v1", "v2"] = "v1",
        session: aiohttp.ClientSession | None = None,
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        timeouts: Timeouts = Timeouts(),
        retry: RetryPolicy = RetryPolicy(),
        max_connections: int = 100,
        max_page_bytes: int = 1_048_576,
        trace_configs: Sequence[aiohttp.TraceConfig] = (),
    ) -> None:
        try:
            self._secret = _token_from_environment() if token is None else requests.check_token(token, "token")
        finally:
            del token  # an error carries this frame
        self._pinned = base_url is not None
        self._base_url = _address(base_url, region)
        try:
            sealed = None if proxy is None else hosts.proxy_url(proxy, self._base_url)
        finally:
            del proxy
        self._version = requests.check_version(api_version)
        self._timeouts = _checked(timeouts, Timeouts, "timeouts")
        self._retry = _checked(retry, RetryPolicy, "retry")
        if session is not None:
            _checked(session, aiohttp.ClientSession, "session")
        transport = Transport(
            session=session,
            verify=None if ssl is None else _verifying(ssl),
            proxy=sealed,
            max_connections=requests.check_count(max_connections, "max_connections"),
            max_page_bytes=requests.check_count(max_page_bytes, "max_page_bytes"),
            trace_configs=_tracers(trace_configs),
        )
        self._is_view = False
        self._join(Root(transport, max_connections))

    def _join(self, root: Root) -> None:
        self._root = root
        self._call = self._standing_call()
        self.tokens: Tokens = Tokens(calling=self._calling, refreshes=root.refreshes, version=self._version)

    def with_token(
        self,
        token: str | Secret,
        *,
        region: Literal["us", "eu"] | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
    ) -> "AsyncCobalt":
        """A view for another token: the same connections and rate windows; closing it closes nothing.

        `region` sends it elsewhere; on a client with an explicit `base_url` that is a ConfigurationError.
        """
        try:
            secret = requests.check_token(token, "token")
        finally:
            del token
        if region is not None and self._pinned:
            raise ConfigurationError("region: this client has an explicit base_url, which knows no regions")
        view = copy.copy(self)
        view._is_view = True
        view._secret = secret
        if region is not None:
            view._base_url = hosts.region_url(region)
        if timeouts is not None:
            view._timeouts = _checked(timeouts, Timeouts, "timeouts")
        if retry is not None:
            view._retry = _checked(retry, RetryPolicy, "retry")
        view._join(self._root)
        return view

    def use_token(self, token: str | Secret) -> None:
        """Go on with another secret, after a refresh say; requests under way finish with theirs."""
        try:
            self._secret = requests.check_token(token, "token")
        finally:
            del token
        self._call = self._standing_call()
        for refreshed in self.unclaimed:
            if refreshed.secret == self._secret:
                self._root.refreshes.claim(refreshed)

    @property
    def base_url(self) -> str:
        """Where this client's requests go, without a slash at the end."""
        return self._base_url

    @property
    def has_token(self) -> bool:
        """Whether this client has a token of its own, from its argument or the environment."""
        return self._secret is not None

    @property
    def max_connections(self) -> int:
        """How many connections the client and its views may hold at once."""
        return self._root.max_connections

    @property
    def unclaimed(self) -> tuple[RefreshedToken, ...]:
        """New secrets that arrived for callers who were cancelled, and that no `save` has taken.

        They exist here and nowhere else. `use_token` with one of them takes it out; closing with any left warns.
        """
        return tuple(self._root.refreshes.unclaimed)

    async def __aenter__(self) -> Self:
        if not self._is_view:
            self._root.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait for refreshes that may have left, end all other calls, and close the connections; of a view: nothing."""
        if not self._is_view:
            await self._root.close()

    def __repr__(self) -> str:
        return f"<AsyncCobalt {self._base_url} {self._version}>"

    async def _ask(self, request: Request, secret: Secret, base_url: str) -> Response:
        """The answer to a reading for any secret and place, whatever its rate window: who asks keeps the budgets.

        For `audit`. Tried again like any reading, but a 429 or 509 comes back at once; raises what `Exchange.fetch`
        raises. `secret` and `base_url` are checked ones, and `base_url` has no slash at its end.
        """
        self._root.check()
        route = Route(base_url, secret, self._timeouts)
        return await self._root.refreshes.exchange.fetch(request, Call(route, NOBODY, self._retry))

    async def _change(
        self, request: Request, secret: Secret, *, on_answer: OnAnswer, on_leave: Callable[[], None]
    ) -> Response:
        """The answer to a refresh, for any secret of this client's place; sent again only while it never left.

        For `rotation`, which decides what the answer means. In its user's rate window; raises what `Exchange.post`
        raises. `on_answer` has the raw answer before anything reads it.
        """
        self._root.check()
        refreshes = self._root.refreshes
        call = Call(Route(self._base_url, secret, self._timeouts), refreshes.exchange.user_of(secret), self._retry)
        return await refreshes.change(request, call, on_answer=on_answer, on_leave=on_leave)

    async def _finish(self, work: Callable[[], Coroutine[Any, Any, T]], *, committed: Callable[[], bool]) -> T:
        """Await work that a cancellation may not tear apart once it is `committed`; closing waits for it too, and
        drops what is not: Dropped.
        """
        self._root.check()
        return await self._root.refreshes.finish(work, committed=committed)

    @contextlib.contextmanager
    def _replacing(self, old: Secret) -> Iterator[Replacement]:
        """While a secret is being replaced, readings that are refused with it wait for what replaces it."""
        with self._root.refreshes.successors.replacing(old) as replacement:
            yield replacement

    def _standing_call(self) -> Call | None:
        """Who calls as long as the token stays, without a deadline; None without a token."""
        if self._secret is None:
            return None
        route = Route(self._base_url, self._secret, self._timeouts)
        return Call(route, self._root.refreshes.exchange.user_of(self._secret), self._retry)

    def _calling(self, deadline: float | None) -> Call:
        self._root.check()
        if self._call is None:
            raise ConfigurationError("no token: give one to AsyncCobalt, set $COBALT_API_TOKEN, or use with_token")
        return self._call if deadline is None else self._call.until(deadline)


def _token_from_environment() -> Secret | None:
    name = "COBALT_API_TOKEN"
    return requests.check_token(os.environ[name], f"${name}") if os.environ.get(name) else None


def _address(base_url: str | None, region: str | None) -> str:
    """The base URL that arguments and environment mean."""
    if base_url is not None and region is not None:
        raise ConfigurationError("base_url and region: one of them, not both")
    if base_url is not None:
        return hosts.base_url(base_url)
    if region is not None:
        return hosts.region_url(region)
    if url := os.environ.get("COBALT_BASE_URL"):
        return hosts.base_url(url, "$COBALT_BASE_URL")
    if name := os.environ.get("COBALT_REGION"):
        return hosts.region_url(name, "$COBALT_REGION")
    return hosts.SEED


def _tracers(configs: Sequence[aiohttp.TraceConfig]) -> list[aiohttp.TraceConfig]:
    _checked(configs, Sequence, "trace_configs")
    return [_checked(config, aiohttp.TraceConfig, "trace_configs") for config in configs]


def _verifying(context: tls.SSLContext) -> tls.SSLContext:
    _checked(context, tls.SSLContext, "ssl")
    if context.verify_mode != tls.CERT_REQUIRED or not context.check_hostname:
        raise ConfigurationError("ssl: a context that verifies certificate and host name; verification stays on")
    if context.minimum_version == tls.TLSVersion.MINIMUM_SUPPORTED:
        context.minimum_version = tls.TLSVersion.TLSv1_2  # what Debian's Python leaves open
    if tls.TLSVersion.MAXIMUM_SUPPORTED < context.minimum_version < tls.TLSVersion.TLSv1_2:
        raise ConfigurationError("ssl: a context whose minimum_version is TLS 1.2 or higher")
    return context


def _checked(value: T, kind: type, name: str) -> T:
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name}: {kind.__name__}, not {type(value).__name__}")
    return value
