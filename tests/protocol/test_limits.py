import math
from typing import Any

import attrs
import pytest

from cobalt_async import RetryPolicy, Timeouts
from cobalt_async.errors import ConfigurationError


def test_the_defaults_are_the_contracts() -> None:
    """Timeouts and RetryPolicy start from the documented numbers."""
    assert attrs.asdict(Timeouts()) == {"total": 30.0, "connect": 10.0, "read": 20.0, "refresh": 90.0}
    assert attrs.asdict(RetryPolicy()) == {"tries": 4, "base": 0.1, "cap": 10.0, "max_wait": 120.0}


@pytest.mark.parametrize("name", ["total", "connect", "read", "refresh"])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan, "5", None, True])
def test_a_timeout_is_finite_and_above_0(name: str, value: Any) -> None:
    """A time that is none is a ConfigurationError with the field's name."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", ["base", "cap", "max_wait"])
@pytest.mark.parametrize("value", [-1, math.inf, math.nan, "5", None, True, False])
def test_a_wait_is_finite_and_may_be_0(name: str, value: Any) -> None:
    """`base`, `cap` and `max_wait` may be 0 (never wait); what is no number is named."""
    assert getattr(RetryPolicy(**{name: 0}), name) == 0
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        RetryPolicy(**{name: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", None, True])
def test_tries_is_an_int_of_at_least_1(value: Any) -> None:
    """One try is the least; a bool or a float is no count."""
    assert RetryPolicy(tries=1).tries == 1
    with pytest.raises(ConfigurationError, match="^tries: "):
        RetryPolicy(tries=value)


@pytest.mark.parametrize("value", [Timeouts(), RetryPolicy()])
def test_they_are_frozen_values(value: Timeouts | RetryPolicy) -> None:
    """As defaults they are shared, so they do not change; they compare and hash by value."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.total = 1.0  # type: ignore[misc, union-attr]
    assert value == type(value)()
    assert hash(value) == hash(type(value)())


def test_they_are_given_by_name() -> None:
    """Four numbers in a row tell nobody anything: positional arguments are refused."""
    with pytest.raises(TypeError):
        Timeouts(30.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        RetryPolicy(4)  # type: ignore[call-arg]
