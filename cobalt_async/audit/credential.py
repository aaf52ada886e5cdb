"""Credential: a secret to ask about, under the label that the inventory has for it, and what else is declared of it."""

import re
from datetime import date
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from ..errors import ConfigurationError
from ..protocol.hosts import Region
from ..references import UNSHOWABLE
from ..secret import Secret

Status = Literal["active", "retired"]

_LONGEST = 1000  # characters
_SHORTEST_HELD = 8  # characters, as a name has to repeat of a secret: what is shorter is part of a text by chance
_TOKEN_ID = re.compile(r"api_[A-Za-z0-9]+", re.ASCII)


@frozen(init=False)
class Credential:
    """One personal API token to audit: `label` is yours and comes back in the result, `secret` is its text.

    A `label` has 1 to 1000 characters, not all of them blank, and no control character or line end. A str
    given as `secret` becomes a Secret. The rest is what the inventory declares, None where it does not:
    `owner` and `system` are texts such as a label, `token_id` is the id that `GET /tokens` lists, `region` is
    "us" or "eu", `status` is "active" or "retired", `rotate_by` the day by which it should be replaced.
    `exposed` names the file that the secret was read from, where others than its owner can read or write that.
    Anything else is a ConfigurationError, a ValueError that does not repeat the secret; so is a text, every report's,
    that is the secret itself, or holds one of 8 characters or more.
    """

    label: str
    secret: Secret
    owner: str | None = None
    system: str | None = None
    token_id: str | None = None
    region: Region | None = None
    status: Status | None = None
    rotate_by: date | None = None
    exposed: str | None = None

    if TYPE_CHECKING:

        def __attrs_init__(  # noqa: PLR0917 - attrs makes it
            self,
            label: str,
            secret: Secret,
            owner: str | None,
            system: str | None,
            token_id: str | None,
            region: Region | None,
            status: Status | None,
            rotate_by: date | None,
            exposed: str | None,
        ) -> None: ...

    def __init__(
        self,
        label: str,
        secret: str | Secret,
        *,
        owner: str | None = None,
        system: str | None = None,
        token_id: str | None = None,
        region: Region | None = None,
        status: Status | None = None,
        rotate_by: date | None = None,
        exposed: str | None = None,
    ) -> None:
        held, flaw = _held(secret)
        del secret  # this frame travels with the traceback
        flaw = (
            _text_flaw("label", label)
            or flaw
            or (None if owner is None else _text_flaw("owner", owner))
            or (None if system is None else _text_flaw("system", system))
            or (None if token_id is None else _token_id_flaw(token_id))
            or (None if region is None else _choice_flaw("region", region, "us", "eu"))
            or (None if status is None else _choice_flaw("status", status, "active", "retired"))
            or (None if rotate_by is None else _type_flaw("rotate_by", rotate_by, date))
            or (None if exposed is None else _type_flaw("exposed", exposed, str))
            or (None if held is None else _told_flaw(held, label=label, owner=owner, system=system, token_id=token_id))
        )
        if held is None or flaw is not None:
            # So do these: half made it has no repr, and a secret may stand in the wrong place.
            del self, label, owner, system, token_id, region, status, exposed
            raise ConfigurationError(flaw)
        self.__attrs_init__(label, held, owner, system, token_id, region, status, rotate_by, exposed)


def _held(secret: str | Secret) -> tuple[Secret | None, str | None]:
    """The secret as a Secret; or None and what is wrong with it."""
    if isinstance(secret, Secret):
        return secret, None
    try:
        return Secret(secret), None
    except ValueError as error:
        return None, f"secret: {error}"


def _text_flaw(name: str, text: str) -> str | None:
    """What is wrong with a text, without repeating it: it may be a secret in the wrong place."""
    if not isinstance(text, str):
        return f"{name}: a str, not {type(text).__name__}"
    if not text or text.isspace():
        return f"{name}: it is empty"
    if len(text) > _LONGEST:
        return f"{name}: at most {_LONGEST} characters, this one has {len(text)}"
    if not text.isprintable() and UNSHOWABLE.search(text):  # the first is quick, and true of nearly all
        return f"{name}: it holds a control character or a line end"
    return None


def _token_id_flaw(token_id: str) -> str | None:
    if isinstance(token_id, str) and _TOKEN_ID.fullmatch(token_id):
        return None
    return "token_id: api_ followed by ASCII letters and digits, as GET /tokens lists it"


def _told_flaw(secret: Secret, **texts: str | None) -> str | None:
    """What is wrong with texts that reports show, where one of them tells the secret."""
    hidden = secret.reveal()
    for name, text in texts.items():
        if text is not None and hidden in text and (len(hidden) >= _SHORTEST_HELD or hidden == text):
            return f"{name}: it holds the secret itself, which would stand in every report; call it something else"
    return None


def _choice_flaw(name: str, value: object, one: str, other: str) -> str | None:
    return None if value in (one, other) else f'{name}: "{one}" or "{other}"'


def _type_flaw(name: str, value: object, kind: type) -> str | None:
    """What is wrong with a value that is not of this very type: a datetime is no date."""
    return None if type(value) is kind else f"{name}: a {kind.__name__}, not {type(value).__name__}"
