"""Every error, by what the caller may do next.

CobaltError
├── ConfigurationError (also ValueError)   an argument or a use is wrong; nothing was sent
├── NotSentError                           it never left: safe to send again
├── NoAnswerError                          it left and no whole answer came: Cobalt may have acted
├── UnreadableError                        an answer that the documents do not describe
│   └── PaginationError                    next_page unsafe, looping or endless; .cursor, .items_so_far
├── RefusedError  .status .excerpt         Cobalt said no
│   ├── BadRequestError 400, UnauthorizedError 401, ForbiddenError 403, NotFoundError 404, ConflictError 409,
│   │   GoneError 410, UnprocessableError 422
│   ├── RateLimitedError 429, 509  .retry_after
│   └── ServerError 5xx (509 excepted)
├── RefreshError  .refreshed .saved        a refresh that did not end as it should
│   ├── RefreshInDoubtError                it may have run; the old secret may be dead
│   └── SecretLostError                    it ran, and its answer is gone; .advice
└── StoreError  .store .why                a store of secrets could not be read or written
    ├── StoreConflictError                 it holds something else than was expected, and still does
    └── UnreadableStoreError               by its nature it cannot be read back

No error holds or chains a token, a secret (`.refreshed` excepted), an aiohttp object or a body. All pickle.
"""

from typing import Any, ClassVar

from .models import RefreshedToken


class CobaltError(Exception):
    """The root: `except CobaltError` catches all that this library raises on purpose."""


class ConfigurationError(CobaltError, ValueError):
    """An argument, an environment variable or the way of use is wrong; nothing was sent."""


class NotSentError(CobaltError):
    """The request never left this machine (DNS, connect, TLS, pool, deadline): it is safe to send again.

    `lasting` is True where sending again will not help before something is mended: a certificate, say.
    """

    def __init__(self, request: str, why: str, lasting: bool = False) -> None:
        super().__init__(request, why, lasting)
        self.request = request
        self.why = why
        self.lasting = lasting

    def __str__(self) -> str:
        return f"{self.request} was not sent: {self.why}; nothing happened at Cobalt, it is safe to send again"


class NoAnswerError(CobaltError):
    """The request left and no whole answer came back: Cobalt may have acted on it."""

    def __init__(self, request: str, why: str) -> None:
        super().__init__(request, why)
        self.request = request
        self.why = why

    def __str__(self) -> str:
        return f"{self.request} got no whole answer: {self.why}; it may have reached Cobalt, a reading can be repeated"


class UnreadableError(CobaltError):
    """An answer that Cobalt's documents do not describe; `flaw` names the place in it, never the value."""

    def __init__(self, request: str, flaw: str) -> None:
        super().__init__(request, flaw)
        self.request = request
        self.flaw = flaw

    def __str__(self) -> str:
        return (
            f"{self.request} got an answer that Cobalt does not document: {self.flaw}; "
            "check base_url and what stands between (proxy, portal)"
        )


class PaginationError(UnreadableError):
    """A listing that cannot be followed to its end: its `next_page` is unsafe, loops, or never ends.

    `cursor` is the cursor of the last page that was read (None: the first page), so that
    `iter(cursor=error.cursor)` reads that page again and goes on; `items_so_far` counts what was delivered.
    """

    def __init__(self, request: str, flaw: str, cursor: str | None = None, items_so_far: int = 0) -> None:
        CobaltError.__init__(self, request, flaw, cursor, items_so_far)
        self.request = request
        self.flaw = flaw
        self.cursor = cursor
        self.items_so_far = items_so_far

    def __str__(self) -> str:
        return (
            f"{self.request} cannot be followed to its end: {self.flaw}; "
            f"{self.items_so_far} items were delivered, the list is NOT complete"
        )


class RefusedError(CobaltError):
    """Cobalt, or something that answers in its place, said no.

    `excerpt` is at most 200 characters of the body, redacted, on one line; it may be empty.
    `foreign` is True where the body is neither JSON nor empty: a gateway, proxy or portal may have answered.
    """

    _advice: ClassVar[str] = "the request is not accepted as it stands"

    def __init__(self, request: str, status: int, excerpt: str = "", foreign: bool = False) -> None:
        super().__init__(request, status, excerpt, foreign)
        self.request = request
        self.status = status
        self.excerpt = excerpt
        self.foreign = foreign

    def __str__(self) -> str:
        said = f' and said "{self.excerpt}"' if self.excerpt else ""
        return f"{self.request} was answered {self.status}{said}; {self._advice}"


class BadRequestError(RefusedError):
    """400: the request is malformed; a `cursor` that has expired, perhaps."""

    _advice = "check limit and cursor"


class UnauthorizedError(RefusedError):
    """401: the token is wrong, revoked, refreshed elsewhere, or lives in the other region (F1, F4)."""

    _advice = (
        "the token is wrong, revoked, refreshed elsewhere or of another region; see your profile in Cobalt's web app"
    )


class ForbiddenError(RefusedError):
    """403: the token is known and may not do this."""

    _advice = "the token has no access to this; ask an administrator of the organisation"


class NotFoundError(RefusedError):
    """404: no such token id under this user, or base_url is not Cobalt's API."""

    _advice = "no such thing under this user; compare the id with the listing, and check base_url"


class ConflictError(RefusedError):
    """409: this Idempotency-Key was used within the last 5 minutes (F18)."""

    _advice = "this Idempotency-Key was seen before: somebody else used it; look at the token before going on"


class GoneError(RefusedError):
    """410: Cobalt has removed this endpoint (F20)."""

    _advice = "Cobalt has removed this endpoint; look for a newer version of this library"


class UnprocessableError(RefusedError):
    """422: well-formed, but refused (F20)."""

    _advice = "Cobalt understood the request and refuses it; check its arguments"


class RateLimitedError(RefusedError):
    """429 or 509: the user's window is used up (F22 to F25), or waiting for it would take too long.

    `retry_after` is the number of seconds to wait as far as it is known, else None.
    """

    def __init__(
        self,
        request: str,
        status: int,
        excerpt: str = "",
        foreign: bool = False,
        retry_after: float | None = None,
    ) -> None:
        CobaltError.__init__(self, request, status, excerpt, foreign, retry_after)
        self.request = request
        self.status = status
        self.excerpt = excerpt
        self.foreign = foreign
        self.retry_after = retry_after

    def __str__(self) -> str:
        said = f' and said "{self.excerpt}"' if self.excerpt else ""
        wait = "a minute" if self.retry_after is None else f"{self.retry_after:.0f} s"
        return f"{self.request} met the user's rate limit ({self.status}){said}; try again in {wait}"


class ServerError(RefusedError):
    """5xx (509 excepted): Cobalt, or what stands before it, failed; a reading can be repeated."""

    _advice = "the server failed; try again later"


class RefreshError(CobaltError):
    """A refresh that did not end as it should.

    `refreshed` holds the new token where its secret is in hand after all: store it, nobody else has it, unless
    `saved` is True: then `save` has taken it. It stands outside `args`; pickling and copying drop it, and the copy
    says so.
    """

    def __init__(
        self, token_id: str, why: str, *, refreshed: RefreshedToken | None = None, saved: bool = False
    ) -> None:
        super().__init__(token_id, why)
        self.token_id = token_id
        self.why = why
        self.refreshed = refreshed
        self.saved = saved
        self.dropped = False

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.__dict__ | {"refreshed": None, "dropped": self.dropped or self.refreshed is not None}
        return type(self), self.args, state

    def __str__(self) -> str:
        return f"refresh of {self.token_id}: {self.why}; {self._next()}"

    def _next(self) -> str:
        if self.saved:
            return "save has taken the new secret: ask with it before you rely on it"
        if self.refreshed is not None:
            return "the new secret is in .refreshed and nowhere else: store it now"
        if self.dropped:
            return "the new secret was in the error that this is a copy of, and does not travel"
        return self._otherwise()

    def _otherwise(self) -> str:
        return "look at the token before going on"


class RefreshInDoubtError(RefreshError):
    """The refresh may have run and its answer is not in hand: the old secret may be dead.

    Ask with the old secret before doing anything else: 200, it did not run (or not yet); 401, it did.
    """

    def _otherwise(self) -> str:
        return "it may have run and the old secret may be dead; check whether the old secret still answers"


class SecretLostError(RefreshError):
    """The refresh ran, as far as can be seen, its answer is gone, and with it the only copy of the new secret (F15).

    An earlier refresh of the same id left and ended in doubt, and now Cobalt knows the old secret or the id no more.
    """

    @property
    def advice(self) -> str:
        """What a person must do now."""
        return (
            f"in Cobalt's web app (profile, API tokens) revoke {self.token_id} and make a new token, "
            "or refresh it once more with another live token of the same user"
        )

    def _otherwise(self) -> str:
        return f"the new secret is lost: {self.advice}"


class StoreError(CobaltError):
    """A store of secrets could not be read or written; what it held before, it holds still, unless `why` says else.

    `store` names it as its `describe()` does.
    """

    _advice: ClassVar[str] = "mend it and try again"

    def __init__(self, store: str, why: str) -> None:
        super().__init__(store, why)
        self.store = store
        self.why = why

    def __str__(self) -> str:
        return f"{self.store}: {self.why}; {self._advice}"


class StoreConflictError(StoreError):
    """The store holds something else than was expected: somebody else wrote to it, and it was left as it is."""

    _advice = "find out who else writes there before going on"


class UnreadableStoreError(StoreError):
    """The store cannot be read back by its nature: nothing is broken, and nothing can be proved."""

    _advice = "give it a way to be read, or say that its word is to be trusted"
