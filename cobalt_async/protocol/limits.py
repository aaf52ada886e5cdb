"""How long, how often: the two public values that bound every call."""

from typing import Any

from attrs import Attribute, field, frozen

from .requests import check_count, check_seconds, check_seconds_or_zero


def _seconds(_: object, attribute: "Attribute[Any]", value: float) -> None:
    check_seconds(value, attribute.name)


def _seconds_or_zero(_: object, attribute: "Attribute[Any]", value: float) -> None:
    check_seconds_or_zero(value, attribute.name)


def _count(_: object, attribute: "Attribute[Any]", value: int) -> None:
    check_count(value, attribute.name)


@frozen(kw_only=True)
class Timeouts:
    """Seconds that one try may take, without the wait for a free connection. Each above 0 and finite.

    `connect`: name lookup, TCP and TLS. `read`: from sending to the answer's head. `total`: all of the try,
    the body with it. `refresh`: stands for both `read` and `total` of a refresh, and bounds its `save` too;
    it is long on purpose, because a refresh that is given up on may be a secret lost.
    """

    total: float = field(default=30.0, validator=_seconds)
    connect: float = field(default=10.0, validator=_seconds)
    read: float = field(default=20.0, validator=_seconds)
    refresh: float = field(default=90.0, validator=_seconds)


@frozen(kw_only=True)
class RetryPolicy:
    """How often a reading is tried, and how long a caller may be kept waiting. A refresh is never simply retried.

    `tries`: at least 1, the first included. Before try n the wait is random between 0 and the smaller of
    `base` * 2**(n-2) and `cap` seconds ("full jitter"). `max_wait`: the longest wait in seconds for one rate
    window; where Cobalt asks for more, RateLimitedError is raised at once. 0: never wait for a window.
    """

    tries: int = field(default=4, validator=_count)
    base: float = field(default=0.1, validator=_seconds_or_zero)
    cap: float = field(default=10.0, validator=_seconds_or_zero)
    max_wait: float = field(default=120.0, validator=_seconds_or_zero)
