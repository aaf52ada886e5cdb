"""How a sandbox behaves where the documents leave it open, as one checked value."""

from typing import Final, Literal

import attrs

from . import arguments
from .limits import RateLimit
from .messages import Version

DOCUMENTED_LIMIT: Final = RateLimit()
"""The limit that Cobalt documents (F22)."""

_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "api_version": ("v1", "v2"),
    "refreshed_id": ("same", "new"),
    "idempotency": ("honoured", "ignored"),
    "limit_status": (509, 429),
    "over_max_limit": ("capped", "refused"),
    "last_characters": ("shown", "redacted", "absent"),
}
_FLAGS: Final = ("next_page_keeps_limit", "self_refresh", "retry_after", "replayed_key_first")


@attrs.frozen(kw_only=True)
class Switches:
    """The arguments of `CobaltSandbox`, whose docstring explains them; ValueError names a wrong one."""

    api_version: Version
    page_size: int
    rate_limit: RateLimit | None
    refreshed_id: Literal["same", "new"]
    idempotency: Literal["honoured", "ignored"]
    next_page_keeps_limit: bool
    old_secret_lives: float
    limit_status: Literal[509, 429]
    self_refresh: bool
    retry_after: bool
    max_limit: int | None
    over_max_limit: Literal["capped", "refused"]
    unauthorized_limit: int | None
    replayed_key_first: bool
    last_characters: Literal["shown", "redacted", "absent"]

    def __attrs_post_init__(self) -> None:
        """Check every switch."""
        for name, choices in _CHOICES.items():
            arguments.one_of(name, getattr(self, name), choices)
        for name in _FLAGS:
            arguments.flag(name, getattr(self, name))
        arguments.whole("page_size", self.page_size, at_least=1)
        arguments.seconds("old_secret_lives", self.old_secret_lives)
        if self.max_limit is not None:
            arguments.whole("max_limit", self.max_limit, at_least=1)
        if self.unauthorized_limit is not None:
            arguments.whole("unauthorized_limit", self.unauthorized_limit, at_least=0)


def rate_limit_of(value: object) -> RateLimit | None:
    """Read the `rate_limit` argument: None for no limit, True for the documented one, or a RateLimit."""
    if value is None or isinstance(value, RateLimit):
        return value
    if value is True:
        return DOCUMENTED_LIMIT
    message = f"rate_limit must be None, True or a RateLimit, not {value!r}"
    raise ValueError(message)
