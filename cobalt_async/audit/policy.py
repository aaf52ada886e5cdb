"""Policy: what an organisation asks of its tokens, and which alerts it knows about already; one TOML file."""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from attrs import Attribute, field, fields, frozen

from ..errors import ConfigurationError
from .alerts import Severity
from .catalogue import RULES, unknown_rule
from .pattern import NamePattern

_LONGEST_FILE = 1_048_576  # bytes
_LONGEST_TEXT = 1000  # characters
_MOST_TOKENS = 1_000_000
_MOST_DAYS = 36_500
_ABOUT_USERS = ("CT201", "CT202", "CT301", "CT305", "CT306")
_LINE = re.compile(r"at line (\d+)")

Off = Literal["off"]
_Check = Callable[[object, "Attribute[Any]", Any], None]


def _number(least: int, most: int) -> _Check:
    def check(_: object, attribute: "Attribute[Any]", value: object) -> None:
        if value is None and attribute.default is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConfigurationError(f"{attribute.name}: a whole number from {least} to {most}, without quotes")

    return check


def _check_subject(suppression: "Suppression", attribute: "Attribute[Any]", value: object) -> None:
    _check_text(suppression, attribute, value)
    if isinstance(value, str) and suppression.rule in _ABOUT_USERS and re.fullmatch(r"user-\d+", value):
        raise ConfigurationError(
            f"{attribute.name}: users have other numbers in every run; give the token id that the message names"
        )


def _check_text(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if value is None and attribute.default is None:
        return
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= len(value) <= _LONGEST_TEXT:
        raise ConfigurationError(f"{attribute.name}: a text in quotes, of 1 to {_LONGEST_TEXT} characters")


def _check_rule(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or value not in RULES:
        raise ConfigurationError(f"{attribute.name}: {unknown_rule(value if isinstance(value, str) else '')}")


def _check_day(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if type(value) is not date:
        raise ConfigurationError(f"{attribute.name}: a day such as 2027-01-31, without quotes or a time")


def _check_pattern(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise ConfigurationError(f"{attribute.name}: a text in quotes, such as '[a-z]+(-[a-z0-9]+)*'")
    NamePattern(value)


def _severities(given: Mapping[str, str]) -> Mapping[str, Severity | Off]:
    """Words as severities, for good."""
    if not isinstance(given, Mapping):
        raise ConfigurationError('severities: a table of rules, such as CT401 = "note"')
    return MappingProxyType({rule: _severity(rule, word) for rule, word in given.items()})


def _severity(rule: object, word: object) -> Severity | Off:
    if not isinstance(rule, str) or rule not in RULES:
        raise ConfigurationError(f"severities: {unknown_rule(str(rule))}")
    if word == "off":
        return "off"
    known = [severity for severity in Severity if severity == word]
    if not known:
        raise ConfigurationError(f"severities: {rule}: one of {', '.join(Severity)}, off")
    return known[0]


@frozen(kw_only=True)
class Suppression:
    """Alerts that are known: all of a rule, or with `subject` the one about a label, token id or file.

    The subject of an alert about a user is the token id that its message names, since users have other numbers
    in every run. `reason` says why, `until` is the last day on which it holds (UTC).
    """

    rule: str = field(validator=_check_rule)
    subject: str | None = field(default=None, validator=_check_subject)
    reason: str = field(validator=_check_text)
    until: date = field(validator=_check_day)


def _check_suppressions(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(entry, Suppression) for entry in value):
        raise ConfigurationError(f"{attribute.name}: Suppressions, in TOML tables [[{attribute.name}]]")


@frozen(kw_only=True)
class Policy:
    """What alerts go by; without arguments it asks for nothing that is not always asked for.

    `name_pattern`: what the whole name of a token has to match (CT401): a regular expression as Python's, of the
    kind that takes linear time (no lookarounds, no back-references). `max_tokens_per_user`: CT306, 1 or more.
    `expires_within_days`: CT502, 0 or more. `rotate_after_days`: CT601 for secrets that our own ledger knows, 1
    or more. `severities`: rule id to a severity for all alerts of that rule, or to "off". `suppress`: alerts that
    stay in the report and count for nothing.

    Anything else is a ConfigurationError that begins with the name of the key.
    """

    name_pattern: str | None = field(default=None, validator=_check_pattern)
    max_tokens_per_user: int | None = field(default=None, validator=_number(1, _MOST_TOKENS))
    expires_within_days: int = field(default=30, validator=_number(0, _MOST_DAYS))
    rotate_after_days: int | None = field(default=None, validator=_number(1, _MOST_DAYS))
    severities: Mapping[str, Severity | Off] = field(factory=dict, converter=_severities)
    suppress: tuple[Suppression, ...] = field(default=(), validator=_check_suppressions)


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """The policy of a TOML file of at most 1 MiB: the keys of Policy, and tables [[suppress]].

    ConfigurationError, one line with the file and the key or line, for anything that is not understood.
    """
    name = os.fsdecode(path)
    try:
        return _policy(_table(_text(name)))
    except ConfigurationError as error:
        flaw = str(error)
    raise ConfigurationError(f"{name}: {flaw}")


def _text(name: str) -> str:
    try:
        with open(name, "rb") as stream:
            data = stream.read(_LONGEST_FILE + 1)
        if len(data) <= _LONGEST_FILE:
            return data.decode("utf-8-sig")
        flaw = "longer than 1 MiB; that is no policy"
    except UnicodeDecodeError:
        flaw = "it is not UTF-8; save it as UTF-8"
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        flaw = f"it cannot be read ({why}); give a TOML file"
    raise ConfigurationError(flaw)


def _table(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        flaw = "it is nested too deep"
    except ValueError as error:  # what is no TOML, or a number of thousands of digits
        line = _LINE.search(str(error))
        flaw = f"line {line[1]}: it is no TOML from here on" if line else "it is no TOML, or it ends too early"
    raise ConfigurationError(f"{flaw}; https://toml.io tells the form")


def _policy(table: dict[str, Any]) -> Policy:
    _check_keys(table, Policy)
    entries = table.pop("suppress", [])
    if not isinstance(entries, list):
        raise ConfigurationError("suppress: tables under [[suppress]], in double brackets")
    return Policy(**table, suppress=tuple(_suppression(number, entry) for number, entry in enumerate(entries, 1)))


def _suppression(number: int, entry: object) -> Suppression:
    try:
        return Suppression(**_whole_entry(entry))
    except ConfigurationError as error:
        flaw = str(error)
    raise ConfigurationError(f"suppress {number}: {flaw}")


def _whole_entry(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ConfigurationError("a table under [[suppress]] with rule, reason and until")
    _check_keys(entry, Suppression)
    for needed in ("rule", "reason", "until"):
        if needed not in entry:
            raise ConfigurationError(f"{needed} is missing; a suppression has a rule, a reason and an end")
    return entry


def _check_keys(table: Mapping[str, object], kind: type[Policy] | type[Suppression]) -> None:
    names = [attribute.name for attribute in fields(kind)]
    for number, key in enumerate(table, 1):
        if key not in names:
            near = difflib.get_close_matches(key[:40].lower(), names, 1)
            hint = f"is it meant to be {near[0]}?" if near else f"the keys are {', '.join(names)}"
            raise ConfigurationError(f"{_quoted(key, number)} is unknown; {hint}")


def _quoted(key: str, number: int) -> str:
    """A key by its name where that is a plain one, else by its place."""
    return f"the key {key}" if re.fullmatch(r"[\w-]{1,40}", key, re.ASCII) else f"key {number}"
