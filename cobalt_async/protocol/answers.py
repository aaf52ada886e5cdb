"""What answers mean: Response -> Page | RefreshedToken | an error."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from attrs import field, frozen

from ..errors import (
    BadRequestError,
    CobaltError,
    ConflictError,
    ForbiddenError,
    GoneError,
    NoAnswerError,
    NotFoundError,
    PaginationError,
    RateLimitedError,
    RefusedError,
    ServerError,
    UnauthorizedError,
    UnprocessableError,
    UnreadableError,
)
from ..models import Page, RefreshedToken
from ..secret import Secret, quotes
from . import wire
from .content import heads_off, inflated, unchunked
from .cursor import UNSAFE, next_query
from .requests import Request

_BY_STATUS: Mapping[int, type[RefusedError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: UnprocessableError,
}
THROTTLED = frozenset({429, 509})  # F25: two words for one thing
DOUBTFUL = frozenset({408, 425})  # 4xx in which the request may have been acted on, or may not

_LONGEST_EXCERPT = 200
_TOKEN_LIKE = re.compile(r"[A-Za-z0-9_+/=.~-]{20,}")
_SUCCESS = re.compile(rb"HTTP/1\.[01] 2[0-9][0-9]\b")
_TOKEN_ID = re.compile(r"api_[A-Za-z0-9]+")


@frozen
class Response:
    """One whole try's outcome: status, headers (case-insensitive), and the body as far as it came.

    `flaw` says why the body is not whole or cannot be decoded, None where it is; `cut` is True where the
    connection ended or the time ran out inside it. `raw` is what a refresh brought, head and all; where that head
    cannot be read `status` is 0.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    flaw: str | None = None
    cut: bool = False
    retry_after: float | None = None  # seconds until the user's window opens, where the status says it is closed
    raw: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """True for a 2xx, by the line that an answer begins with where nobody could read its head."""
        return 200 <= self.status < 300 or (not self.status and _SUCCESS.match(heads_off(self.raw)[0]) is not None)

    @property
    def is_json(self) -> bool:
        """True where the body calls itself JSON, a vendor's `+json` too, or does not say what it is."""
        return _is_json(self.headers.get("Content-Type", "application/json"))


@lru_cache(maxsize=64)  # a server says the same in nearly all answers
def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind in ("application/json", "text/json") or (kind.startswith("application/") and kind.endswith("+json"))


def read_page(request: Request, response: Response, secret: Secret) -> Page:
    """The page in the answer to `GET /tokens`; else the error that the answer is."""
    _check_listed(request, response, secret)
    try:
        return wire.read_page(response.body)
    except wire.Flaw as error:
        flaw = str(error)
    raise UnreadableError(str(request), flaw)


def read_page_unless(
    request: Request,
    response: Response,
    secret: Secret,
    is_known: Callable[[str], bool],
    look: Callable[[Mapping[str, Any], Secret], None],
) -> Page | str:
    """As `read_page`; but where `is_known` says so of the first token's id, that id: the rest is not looked at.

    `look` gets the JSON of a page that was read, and the secret that it was asked for with.
    """
    _check_listed(request, response, secret)
    try:
        page, listing = wire.read_page_unless(response.body, is_known)
    except wire.Flaw as error:
        flaw = str(error)
    else:
        if listing is not None:
            look(listing, secret)
        return page
    raise UnreadableError(str(request), flaw)


def _check_listed(request: Request, response: Response, secret: Secret) -> None:
    """The error that an answer is, where it is no documented success with a body that may be read."""
    if response.status != 200:
        raise refusal(request, response, secret)
    if response.flaw is not None:
        kind = NoAnswerError if response.cut else UnreadableError
        raise kind(str(request), response.flaw)
    if not response.is_json:
        raise UnreadableError(str(request), "a body that is not JSON by its content type")


def check_next(page: Page, cursor: str | None) -> None:
    """PaginationError where the page's `next_page` is not safe to follow; nothing of it was delivered."""
    if page.next_page is not None and next_query(page.next_page, None) is None:
        raise PaginationError("GET /tokens", UNSAFE, cursor, 0)


def read_refreshed(response: Response) -> RefreshedToken | str:
    """The refreshed token in a 2xx answer, or in words why it does not fit. Content type and 201 are decoration."""
    if response.flaw is not None:
        return response.flaw
    try:
        return wire.read_refreshed(response.body)
    except wire.Flaw as error:
        return str(error)


def salvage(response: Response, token_id: str) -> RefreshedToken | None:
    """The new token out of an answer that does not fit, where one whole secret stands in it: in its body, or else in
    all that came, taken for chunks or for compressed where it can be.
    """
    for said in (response.body, response.raw):
        body = heads_off(said)[1]
        for plain in (body, unchunked(body)):
            found = wire.salvage(plain, token_id) or wire.salvage(inflated(plain), token_id)
            if found is not None:
                return found
    return None


def refusal(request: Request, response: Response, secret: Secret) -> CobaltError:
    """The error that an answer other than the documented success is."""
    status = response.status
    if status < 400 or status > 599:
        return UnreadableError(str(request), _strange(status))
    foreign = not response.is_json and bool(response.body.strip())
    excerpt = "" if foreign or response.flaw else _excerpt(response.body, secret)
    if status in THROTTLED:
        return RateLimitedError(str(request), status, excerpt, foreign, response.retry_after)
    kind = ServerError if status >= 500 else _BY_STATUS.get(status, RefusedError)
    return kind(str(request), status, excerpt, foreign)


def _strange(status: int) -> str:
    if 300 <= status < 400:
        return f"a redirect ({status}), which is never followed because it could carry the token elsewhere"
    return f"status {status}"


def _excerpt(body: bytes, secret: Secret) -> str:
    """At most 200 characters of a body, on one line, without anything that could be a token."""
    if b'"secret"' in body:
        return ""
    text = body[: 8 * _LONGEST_EXCERPT].decode("utf-8", "replace").replace(secret.reveal(), "[redacted]")
    if quotes(text, secret.reveal()):
        return ""
    text = _TOKEN_LIKE.sub(lambda run: run[0] if _TOKEN_ID.fullmatch(run[0]) else "[redacted]", text)
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= _LONGEST_EXCERPT else text[: _LONGEST_EXCERPT - 1] + "…"
