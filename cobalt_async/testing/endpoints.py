"""What Cobalt answers: a second reading of the documents. Pure: a request and the time in, an answer out.

The order in which a request is judged, where nothing is documented: path, method, Accept, Content-Type, token
(401), rate window, access (403), idempotency key (409), and then the endpoint itself. Every request that a
user's token makes past the Content-Type check uses up its budget, refused ones too.
"""

import random
import re
from typing import Final, Literal

import attrs

from .limits import IdempotencyKeys, RateLimit, Use, Windows
from .messages import (
    MEDIA_TYPES,
    Answer,
    SeenRequest,
    Version,
    accepted_version,
    json_answer,
    version_of,
)
from .pages import BadParameter, Cursors, Place, cut_page, read_query
from .switches import Switches
from .world import SandboxToken, World

_REFRESH: Final = re.compile(r"/tokens/([^/]+)/refresh")
_KEY_HEADERS: Final = ("Idempotency-Key", "Mutation-Check")
_Method = Literal["GET", "POST"]


@attrs.frozen
class _Route:
    method: _Method
    token_id: str = ""


@attrs.frozen
class _Call:
    """A request past the checks that need no state."""

    seen: SeenRequest
    route: _Route
    query: str
    version: Version
    now: float


def _route_of(path: str) -> _Route | None:
    if path == "/tokens":
        return _Route("GET")
    refresh = _REFRESH.fullmatch(path)
    return None if refresh is None else _Route("POST", refresh[1])


def _refusal(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message})


class Endpoints:
    """The two token endpoints over one world."""

    def __init__(self, world: World, *, switches: Switches, cursor_source: random.Random) -> None:
        self._world = world
        self._switches = switches
        self._cursors = Cursors(source=cursor_source)
        self._keys = IdempotencyKeys()
        self._windows = Windows(length=(switches.rate_limit or RateLimit()).window)

    def answer(self, seen: SeenRequest) -> Answer:
        """Answer one request, and change the world as it asks."""
        call = self._read(seen)
        if isinstance(call, Answer):
            return call.with_headers(("Content-Type", "application/json"))
        with self._world.lock:
            return self._answer_call(call).with_headers(("Content-Type", MEDIA_TYPES[call.version]))

    def _read(self, seen: SeenRequest) -> _Call | Answer:
        path, _, query = seen.path.partition("?")
        route = _route_of(path)
        if route is None:
            return _refusal(404, "there is nothing at this path")
        if seen.method != route.method:
            return _refusal(405, f"only {route.method} is allowed here").with_headers(("Allow", route.method))
        asked = accepted_version(seen.headers)
        if asked is None:
            return _refusal(406, f"Accept must name {MEDIA_TYPES['v1']} or {MEDIA_TYPES['v2']}")
        if route.method == "POST" and asked == "v2" and version_of(seen.headers.get("Content-Type", "")) != "v2":
            return _refusal(406, f"v2 asks for Content-Type: {MEDIA_TYPES['v2']}")
        version: Version = "v2" if "v2" in (asked, self._switches.api_version) else "v1"
        return _Call(seen, route, query, version, self._world.now())

    def _answer_call(self, call: _Call) -> Answer:
        scheme, _, secret = call.seen.headers.get("Authorization", "").partition(" ")
        holder = self._world.holder(secret) if scheme.lower() == "bearer" else None
        if holder is None:
            return self._answer_stranger(call, secret)
        limit = self._switches.rate_limit
        if limit is None:
            return self._answer_holder(call, holder)
        of_budget = limit.get if call.route.method == "GET" else limit.mutate
        use = self._windows.use((holder.user, call.route.method), of_budget, now=call.now)
        answer = self._answer_holder(call, holder) if use.allowed else self._over_limit(use)
        return answer.with_headers(
            ("X-Rate-Limit-Get-Limit", str(limit.get)),
            ("X-Rate-Limit-Mutate-Limit", str(limit.mutate)),
            ("X-Rate-Limit-Remaining", str(use.remaining)),
        )

    def _over_limit(self, use: Use) -> Answer:
        answer = _refusal(self._switches.limit_status, "over the rate limit")
        return answer.with_headers(("Retry-After", str(use.seconds_left))) if self._switches.retry_after else answer

    def _answer_stranger(self, call: _Call, secret: str) -> Answer:
        if self._switches.replayed_key_first and call.route.method == "POST":
            former = self._world.former_holder(secret)
            if former is not None and self._is_replay(call, former):
                return _refusal(409, "this key was used before")
        if self._switches.unauthorized_limit is not None:
            use = self._windows.use("unauthorized", self._switches.unauthorized_limit, now=call.now)
            if not use.allowed:
                return self._over_limit(use)
        return _refusal(401, "no token, or a wrong one").with_headers(("WWW-Authenticate", "Bearer"))

    def _answer_holder(self, call: _Call, holder: SandboxToken) -> Answer:
        if holder.forbidden:
            return _refusal(403, "this token has no access")
        if call.route.method == "GET":
            return self._list(call, holder)
        if self._is_replay(call, holder):
            return _refusal(409, "this key was used before")
        key = _key_of(call.seen)
        if key is not None and self._switches.idempotency == "honoured":
            self._keys.use(holder.user, key, now=call.now)
        return self._refresh(call, holder)

    def _is_replay(self, call: _Call, holder: SandboxToken) -> bool:
        key = _key_of(call.seen)
        return key is not None and self._keys.is_used(holder.user, key, now=call.now)

    def _list(self, call: _Call, holder: SandboxToken) -> Answer:
        asked = read_query(call.query)
        if isinstance(asked, BadParameter):
            return _refusal(asked.status, asked.message)
        limit = asked.limit or self._switches.page_size
        most = self._switches.max_limit
        if most is not None and limit > most:
            if self._switches.over_max_limit == "refused":
                return _refusal(422, f"limit must be at most {most}")
            limit = most
        place: Place | None = Place(holder.user, 0, forward=True)
        if asked.cursor is not None:
            place = self._cursors.place(holder.user, asked.cursor)
        if place is None:
            return _refusal(400, "unknown cursor")
        page = cut_page(place, limit)
        pagination = {
            "next_page": self._path_of(page.after, asked.limit),
            "prev_page": self._path_of(page.before, asked.limit),
        }
        data = [{"resource": self._listed(token)} for token in page.tokens]
        body = {"data": data, "pagination": pagination}
        return json_answer(200, body)

    def _path_of(self, place: Place | None, limit: int | None) -> str | None:
        if place is None:
            return None
        kept = f"&limit={limit}" if limit is not None and self._switches.next_page_keeps_limit else ""
        return f"/tokens?cursor={self._cursors.name(place)}{kept}"

    def _listed(self, token: SandboxToken) -> dict[str, object]:
        shown: dict[str, object] = {"id": token.id}
        if self._switches.last_characters != "absent":
            is_shown = self._switches.last_characters == "shown"
            shown["last_characters"] = token.secret[-4:] if is_shown else "redacted"
        return {**shown, "name": token.name, "expire_at": None}

    def _refresh(self, call: _Call, holder: SandboxToken) -> Answer:
        token = self._world.registry.by_id(call.route.token_id)
        if token is None or token.user is not holder.user:
            return _refusal(404, "you have no token with this id")
        if token is holder and not self._switches.self_refresh:
            return _refusal(403, "a token may not refresh itself")
        secret = token.refresh()
        resource: dict[str, object] = {
            "id": token.id,
            "secret": secret,
            "name": token.name,
            "expire_at": None,
        }
        body = {"resource": resource} if call.version == "v2" else resource
        return json_answer(200, body)


def _key_of(seen: SeenRequest) -> str | None:
    """Read the idempotency key, under its name or the older one (F17)."""
    return next((seen.headers[name] for name in _KEY_HEADERS if name in seen.headers), None)
