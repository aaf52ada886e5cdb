"""Text that others chose, as a terminal or a report may show it."""

_LONGEST_ENDING = len("redacted")  # characters; Cobalt documents four, or this word


def printable(text: str) -> str:
    r"""The text with all that is no visible character or plain space written out, as `\x1b` or `\u202e`.

    So nothing in a name or label moves the cursor, hides or turns the text around, or starts a new line.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in text)


def ending(last_characters: str | None) -> str | None:
    """The `last_characters` of a token for a report: what is more than an end may be all of it, and is left out."""
    is_more = last_characters is not None and len(last_characters) > _LONGEST_ENDING
    return "[not repeated here]" if is_more else last_characters


def _spelled(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
