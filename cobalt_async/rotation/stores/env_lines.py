"""The text of a .env file as python-dotenv reads it: where each value stands, and how another is put there; pure."""

import re
from collections.abc import Iterator

from attrs import field, frozen

from ...references import Flaw

_BLANK = re.compile(r"\s*")
_EXPORT = re.compile(r"(?:export[^\S\r\n]+)?")
_NAME = re.compile(r"[^=#\s]+")
_QUOTED_NAME = re.compile(r"'([^']+)'")
_SPACE = re.compile(r"[^\S\r\n]*")
_QUOTED = {
    "'": re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL),
    '"': re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL),
}
_LINE = re.compile(r"[^\r\n]*")
_COMMENT_AFTER = re.compile(r"\s+#.*")
_END = re.compile(r"(?:[^\S\r\n]*#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r|\Z)")
_REST = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")
_ESCAPES = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%+,=^-]+")  # means the same to a shell and to every reader of such files
_SHELLS = frozenset("$`!")  # python-dotenv leaves them, a shell does not where the quotes are double
_RUN = frozenset("$`")  # of these, what a script that reads the file would run
EXPANDED = "${"  # python-dotenv replaces it in quotes, too
_BOM = "\ufeff"


@frozen
class Line:
    """A name and its value: `text[start:end]`, quotes included; a `value` of None is a name without `=`.

    `sound` is False where what follows the name cannot be read: then it has no value either.
    """

    name: str
    value: str | None = field(repr=False)
    start: int
    end: int
    quote: str = ""
    sound: bool = True


def read_lines(text: str) -> Iterator[Line]:
    """What the text says, in order; comments and what is no name are left out."""
    at = len(_BOM) if text.startswith(_BOM) else 0
    while (at := _after(_BLANK, text, at)) < len(text):
        line, at = _read_line(text, at)
        if line is not None:
            yield line


def find(text: str, name: str) -> Line | Flaw | None:
    """The line that counts for this name: the last. None where there is none."""
    found = [line for line in read_lines(text) if line.name == name]
    broken = next((line for line in found if not line.sound), None)
    if broken is not None:
        number = text.count("\n", 0, broken.start) + 1
        return Flaw(f"line {number} cannot be read (a quote that is not closed, or more after one); mend it")
    return found[-1] if found else None


def put(text: str, name: str, value: str) -> str | Flaw:
    """The text with this value in the last line of this name, or in a new one at its end; else unchanged.

    The quotes of the line stay where they can hold the value.
    """
    line = find(text, name)
    if isinstance(line, Flaw):
        return line
    if EXPANDED in value:
        return Flaw("the secret holds ${, which readers of such files replace; use a store of another kind")
    if _needs_double(value) and _RUN.intersection(value):
        return Flaw(
            "the secret holds what no quotes can hold both for a shell and for other readers (' or \\ beside $ or `); "
            "use a store of another kind"
        )
    says = _says(text)
    if line is None:
        end = "\r\n" if "\r\n" in text else "\n"
        parted = text if not text.removeprefix(_BOM) or text.endswith(("\n", "\r")) else text + end
        changed = f"{parted}{name}={_quoted(value, '')}{end}"
        says.append((name, value))
    else:
        equals = "=" if line.value is None else ""
        changed = f"{text[: line.start]}{equals}{_quoted(value, line.quote)}{text[line.end :]}"
        says[max(place for place, (known, _) in enumerate(says) if known == name)] = (name, value)
    return changed if _says(changed) == says else Flaw("its lines cannot be told apart; tidy the file")


def _says(text: str) -> list[tuple[str, str | None]]:
    return [(line.name, line.value) for line in read_lines(text) if line.sound]


def _read_line(text: str, at: int) -> tuple[Line | None, int]:
    """What begins here, and where the next begins."""
    at = _after(_EXPORT, text, at)
    named = (_QUOTED_NAME if text.startswith("'", at) else _NAME).match(text, at)
    if named is None:  # a comment, or nothing that can be read
        return None, _after(_REST, text, at)
    name, after_name = named[named.re.groups], named.end()
    at = _after(_SPACE, text, after_name)
    if not text.startswith("=", at):
        line = Line(name, None, after_name, after_name)
    else:
        line, at = _read_value(text, name, at + 1)
    ended = _END.match(text, at) if line.sound else None
    if ended is not None:
        return line, ended.end()
    return Line(name, None, after_name, after_name, sound=False), _after(_REST, text, at)


def _read_value(text: str, name: str, at: int) -> tuple[Line, int]:
    """The value after an `=`, and where it ends."""
    start = _after(_SPACE, text, at)
    quote = text[start : start + 1]
    if quote in _QUOTED:
        quoted = _QUOTED[quote].match(text, start)
        if quoted is None:
            return Line(name, None, start, start, sound=False), start
        value = _ESCAPES[quote].sub(lambda found: _CONTROLS.get(found[1], found[1]), quoted[1])
        return Line(name, value, start, quoted.end(), quote), quoted.end()
    if quote in {"", "\r", "\n"} or (quote == "#" and start > at):
        return Line(name, "", at, at), start
    end = _after(_LINE, text, start)
    value = _COMMENT_AFTER.sub("", text[start:end]).rstrip()
    return Line(name, value, start, start + len(value)), end


def _needs_double(value: str) -> bool:
    """Whether no other quotes can hold it."""
    return "'" in value or "\\" in value


def _quoted(value: str, quote: str) -> str:
    """The value in these quotes, or in the first that can hold it."""
    if _needs_double(value) or (quote == '"' and not _SHELLS.intersection(value)):
        return '"' + re.sub(r'[\\"]', r"\\\g<0>", value) + '"'
    return f"'{value}'" if quote or not _PLAIN.fullmatch(value) else value


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a match of a pattern that matches everywhere ends."""
    found = pattern.match(text, at)
    return at if found is None else found.end()
