"""Markup: the one place where text becomes part of an HTML page."""

import re
from collections.abc import Iterable
from html import escape

from ..printable import printable

_PLAIN = re.compile(r"[\w .,:;#/()+-]*", re.ASCII)  # nearly all text: nothing in it to escape
_VOID = ("input", "meta")  # elements that nothing stands in


class Html(str):
    """Markup that is whole and safe; only this file makes it, and what is no Html is escaped."""

    __slots__ = ()


DOCTYPE = Html("<!doctype html>")


def element(name: str, /, *children: str | None, **attributes: str | int | None) -> Html:
    """An element with what stands in it; a plain text is escaped there, None is left out.

    Attributes without a value are None, and left out; `class_` is `class`, `data_kind` is `data-kind`.
    """
    if name in _VOID:
        return opening(name, **attributes)
    return Html(f"{opening(name, **attributes)}{joined(children)}{closing(name)}")


def opening(name: str, /, **attributes: str | int | None) -> Html:
    """The start of an element that is written in parts."""
    if not attributes:
        return Html(f"<{name}>")
    parts = [
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return Html(f"<{name}{''.join(parts)}>")


def closing(name: str) -> Html:
    """The end of an element that is written in parts."""
    return Html(f"</{name}>")


def joined(children: Iterable[str | None]) -> Html:
    """One after the other, without a space."""
    return Html("".join(child if isinstance(child, Html) else _escaped(child) for child in children if child))


def verbatim(name: str, source: str) -> Html:
    """A `style` or `script` with our own source in it, in which a browser looks for nothing but its end."""
    if not source.isascii() or f"</{name}" in source or "<!--" in source:
        raise ValueError(f"this source cannot stand in a {name}")
    return Html(f"<{name}>{source}</{name}>")


def _escaped(text: str) -> str:
    r"""Text as it may stand between tags and within quotes, in ASCII, so that no encoding can spoil it.

    What is no visible character is written out first, as `\x1b` or `\u202e`.
    """
    if _PLAIN.fullmatch(text):
        return text
    return escape(printable(text)).encode("ascii", "xmlcharrefreplace").decode("ascii")
