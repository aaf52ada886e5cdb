import io
import logging
import subprocess

import dotenv
import pytest
from dotenv.parser import parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cobalt_async.references import Flaw
from cobalt_async.rotation.stores.env_lines import EXPANDED, Line, find, put, read_lines

NAME = "COBALT_API_TOKEN"
VALUE = "Wb3nHx8dQs5kUy2f"


def theirs(text: str) -> list[tuple[str, str | None]]:
    """Names and values as python-dotenv reads them from a file."""
    stream = io.StringIO(text, newline=None)  # as `open` does: every line end is LF
    return [(found.key, found.value) for found in parse_stream(stream) if found.key is not None]


def ours(text: str) -> list[tuple[str, str | None]]:
    """The same by us, with the line ends that a reader of text files sees."""
    found = [(line.name, line.value) for line in read_lines(text) if line.sound]
    return [(io.StringIO(name, None).read(), value and io.StringIO(value, None).read()) for name, value in found]


PIECES = st.sampled_from(
    [NAME, "A", "B_1", "export ", "export", "=", "'", '"', "\\", "#", " ", "\t", "\n", "\r\n", "\r", "\ufeff", "x", "$",
     "${A}", "\\'", '\\"', "\\\\", "\\n", "é", "\x0b", "\u2028", "\xa0", "=''", '=""', f"{NAME}=old", "# c"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join)
TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


@given(TEXTS)
@settings(max_examples=1500, deadline=None)
@example("A='\\\\'\nB=1")
@example("=x\nA=1")
@example("'A'=1\n''=2\n'B=3")
@example("A = 1 # c\nB= # c\nC=#c\nD= 'x' #c\nE='x'y\nF")
def test_it_is_read_as_python_dotenv_does(text: str) -> None:
    """Any text has the same names with the same values, in the same order."""
    assert ours(text) == theirs(text)


@given(TEXTS, TOKENS)
@settings(max_examples=1500, deadline=None)
@example(f"{NAME}='a\\'b' # c", "it's")
@example(f'{NAME}="x"', 'a"b\\')
@example(f"{NAME}", "x")
@example(f"export {NAME} =  ", "#x")
def test_what_is_put_is_read_back(text: str, value: str) -> None:
    """By python-dotenv, exactly; all else says what it said; or it is refused, and why."""
    changed = put(text, NAME, value)
    line = find(text, NAME)
    if isinstance(changed, Flaw):
        assert (
            EXPANDED in value
            or "no quotes can hold" in changed.text
            or isinstance(line, Flaw)
            or "cannot be told apart" in changed.text
        )
        return
    before, after = theirs(text), theirs(changed)
    places = [place for place, (name, _) in enumerate(before) if name == NAME]
    if places:
        before[places[-1]] = (NAME, value)
    else:
        before.append((NAME, value))
    assert after == before
    assert isinstance(line, Line | None)
    if line is None:
        assert changed.startswith(text)
    else:
        assert changed.startswith(text[: line.start])
        assert changed.endswith(text[line.end :])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "N=v\n"),
        ("\ufeff", "\ufeffN=v\n"),
        ("A=1\n", "A=1\nN=v\n"),
        ("A=1", "A=1\nN=v\n"),
        ("A=1\r\nB=2", "A=1\r\nB=2\r\nN=v\r\n"),
        ("# only a comment", "# only a comment\nN=v\n"),
        ("N=old", "N=v"),
        ("N=old\n", "N=v\n"),
        ("\ufeffN=old\r\n\r\n", "\ufeffN=v\r\n\r\n"),
        ("  export  N = old   # why\nA=1", "  export  N = v   # why\nA=1"),
        ("N='old' # why", "N='v' # why"),
        ('N="old"', 'N="v"'),
        ("'N'=old", "'N'=v"),
        ("N=", "N=v"),
        ("N=\nA=1\n", "N=v\nA=1\n"),
        ("N=   \nA=1\n", "N=v   \nA=1\n"),
        ("N= # why\n", "N=v # why\n"),
        ("N\nA=1\n", "N=v\nA=1\n"),
        ("N=1\nN=2\nA=1\nN=3\nB=1", "N=1\nN=2\nA=1\nN=v\nB=1"),
        ("A='\nN=inside\n'\nN=old\n", "A='\nN=inside\n'\nN=v\n"),
        ('A="\nN=inside\n"\n', 'A="\nN=inside\n"\nN=v\n'),
        ("#N=commented\n", "#N=commented\nN=v\n"),
        ("NN=1\nN.N=2\nn=3\n", "NN=1\nN.N=2\nn=3\nN=v\n"),
        ("N='two\nlines'\nA=1", "N='v'\nA=1"),
        ("N=old\rA=1", "N=v\rA=1"),
        ("broken line here\nN=old", "broken line here\nN=v"),
        ("A='never closed\nN=old", "A='never closed\nN=v"),
    ],
)
def test_every_other_byte_stays(before: str, after: str) -> None:
    """Whatever is around it: export, blanks, quotes, comments, line ends, a byte order mark, other lines."""
    assert put(before, "N", "v") == after


@pytest.mark.parametrize(
    ("quote", "value", "written"),
    [
        ("", "aZ0_.:/@%+,=^-", "aZ0_.:/@%+,=^-"),
        ("", "a$b", "'a$b'"),
        ("", "#x", "'#x'"),
        ("", "a'b", '"a\'b"'),
        ("", 'a"b', "'a\"b'"),
        ("", "a\\", '"a\\\\"'),
        ("'", "a", "'a'"),
        ("'", "a'b", '"a\'b"'),
        ('"', "a", '"a"'),
        ('"', 'a"b', '"a\\"b"'),
        ('"', "a$b", "'a$b'"),
        ('"', "a`b", "'a`b'"),
    ],
)
def test_the_quotes(quote: str, value: str, written: str) -> None:
    """They stay where they can hold the value; else it gets those that mean the same to a shell, where there are."""
    assert put(f"N={quote}old{quote}\n", "N", value) == f"N={written}\n"


@pytest.mark.parametrize(
    ("text", "line"), [("N='never closed\nA=1", 1), ("A=1\nN='a' b\n", 2), ("N=1\nN stands here", 2)]
)
def test_a_line_that_cannot_be_read(text: str, line: int) -> None:
    """It is refused by its number: what it was meant to hold is not known."""
    found = find(text, "N")
    assert isinstance(found, Flaw)
    assert found.text.startswith(f"line {line} cannot be read")
    assert put(text, "N", "v") == found


def test_what_readers_replace() -> None:
    """A secret with `${` in it cannot be written so that it is read back."""
    refused = put("N=1", "N", "a${b}")
    assert isinstance(refused, Flaw)
    assert "use a store of another kind" in refused.text


@pytest.mark.parametrize("value", ["a'b$(id)c", "a'b`id`c", "a\\b$HOME", "a\\`id`"])
def test_what_a_shell_would_run(value: str) -> None:
    """In single quotes it does not fit, in double ones `. ./.env` runs it: refused. Alone, each fits somewhere."""
    for text in ("N=1", "N='1'", 'N="1"', "A=1"):
        refused = put(text, "N", value)
        assert isinstance(refused, Flaw)
        assert "use a store of another kind" in refused.text
        assert value not in refused.text
    for alone in ("a$(id)c", "a`id`c", "a'b!c", 'a\\b"c', "a'\\b"):
        text = str(put("N=1\n", "N", alone))
        shell = subprocess.run(["/bin/sh"], input=f'{text}printf %s "$N"', capture_output=True, text=True, check=True)
        assert (shell.stdout, shell.stderr) == (alone, "")
        assert dotenv.dotenv_values(stream=io.StringIO(text)) == {"N": alone}


def test_a_file_of_many_quotes_is_read_in_time() -> None:
    """A megabyte of text that is no .env file is no trap."""
    assert len(list(read_lines("A='x'\n" * 100_000))) == 100_000


def test_python_dotenv_itself(caplog: pytest.LogCaptureFixture) -> None:
    """What is put is what `dotenv_values` gives, with its replacements too."""
    caplog.set_level(logging.ERROR)
    text = put("A=1\nN=old # c\nB=${A}\n", "N", "v$A")
    assert isinstance(text, str)
    assert dotenv.dotenv_values(stream=io.StringIO(text)) == {"A": "1", "N": "v$A", "B": "1"}
