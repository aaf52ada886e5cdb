"""Text that others chose, as a terminal may show it."""


def printable(text: str) -> str:
    r"""The text with all that is no visible character or plain space written out, as `\x1b` or `\u202e`.

    So nothing in a name or label moves the cursor, hides or turns the text around, or starts a new line.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in text)


def _spelled(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
