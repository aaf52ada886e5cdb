"""Checks of arguments: each gives the value back, or raises a ValueError that names it."""

import math
from collections.abc import Collection


def whole(name: str, value: object, *, at_least: int, at_most: float = math.inf) -> int:
    """Check a whole number in its range; a bool is none."""
    if isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= at_most:
        return value
    bounds = f"{at_least} or more" if math.isinf(at_most) else f"from {at_least} to {at_most}"
    message = f"{name} must be a whole number, {bounds}, not {value!r}"
    raise ValueError(message)


def seconds(name: str, value: object, *, zero: bool = True) -> float:
    """Check a finite number of seconds, above 0, or 0 too; a bool is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if number > 0 or (zero and number == 0):
            return number
    bounds = "0 or more" if zero else "above 0"
    message = f"{name} must be a finite number of seconds, {bounds}, not {value!r}"
    raise ValueError(message)


def flag(name: str, value: object) -> bool:
    """Check a plain bool."""
    if isinstance(value, bool):
        return value
    message = f"{name} must be True or False, not {value!r}"
    raise ValueError(message)


def one_of(name: str, value: object, choices: Collection[object]) -> None:
    """Check that the value is one of these, and of their type: 509.0 is not 509."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        message = f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}"
        raise ValueError(message)


def text(name: str, value: object) -> str:
    """Check a str that is not empty and that UTF-8 can carry."""
    if isinstance(value, str) and value and not any("\ud800" <= letter <= "\udfff" for letter in value):
        return value
    message = f"{name} must be a str, not empty and without lone surrogates, not {value!r}"
    raise ValueError(message)
