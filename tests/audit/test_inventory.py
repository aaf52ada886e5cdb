import io
import os
import sys
import traceback
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async.audit import BadRow, Credential, Inventory, read_inventory
from cobalt_async.audit.lines import LONGEST
from cobalt_async.audit.seen import SeenLabels
from cobalt_async.errors import ConfigurationError

CANARY = "canary-secret-0123456789"
HEADER = b"label,secret\n"


def _rows(text: bytes) -> list[Credential | BadRow]:
    return list(read_inventory(io.BytesIO(text)))


def _plain(text: bytes) -> list[tuple[str, str] | int]:
    """Label and secret of each credential, the line of each bad row."""
    return [row.line if isinstance(row, BadRow) else (row.label, row.secret.reveal()) for row in _rows(text)]


@pytest.mark.parametrize(
    "text",
    [
        b"label,secret\nci,one\ncd,two\n",
        b"label,secret\r\nci,one\r\ncd,two\r\n",
        b"\xef\xbb\xbflabel,secret\nci,one\ncd,two",
        b" Label , SECRET\t\nci,one\n\n  \ncd,two\n\n",
        b'"label","secret"\n"ci","one"\n"cd",two\n',
        b"\n\nlabel,secret\n ci , one\ncd,two \n",
        b"secret,label\none,ci\ntwo,cd\n",
        b"label,secret,secret_ref\nci,one,\ncd,two,\n",
    ],
    ids=["plain", "crlf", "bom", "blanks", "quoted", "padded", "swapped", "both columns"],
)
def test_what_is_read(text: bytes) -> None:
    """BOM, CRLF, blank lines, blanks around names and fields, and the order of columns make no difference."""
    assert _plain(text) == [("ci", "one"), ("cd", "two")]


def test_a_label_may_hold_what_people_write() -> None:
    """Commas and quotes in quotes, and any script."""
    assert _plain('label,secret\n"a, ""b""",x\nЖ 日本 é,y\n'.encode()) == [('a, "b"', "x"), ("Ж 日本 é", "y")]


def test_a_reference_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:NAME` is the value of that variable; each row takes one of secret and secret_ref."""
    monkeypatch.setenv("CI_TOKEN", "from-env")
    assert _plain(b"label,secret_ref\nci,env:CI_TOKEN\n") == [("ci", "from-env")]
    assert _plain(b"label,secret,secret_ref\nci,,env:CI_TOKEN\ncd,x,\n") == [("ci", "from-env"), ("cd", "x")]


BAD: dict[str, tuple[bytes, str]] = {
    "both": (f"ci,{CANARY},env:CI_TOKEN".encode(), "both secret and secret_ref"),
    "neither": (b"ci,,", "neither secret nor secret_ref"),
    "blank": (b"ci,  ,", "neither"),
    "too few fields": (f"ci,{CANARY}".encode(), "2, the header has 3"),
    "too many fields": (f"ci,{CANARY},,".encode(), "4, the header has 3"),
    "empty label": (f",{CANARY},".encode(), "label: it is empty"),
    "control character": (f"c\x1b[2Ji,{CANARY},".encode(), "control character"),
    "nul": (f"c\0i,{CANARY},".encode(), "NUL"),
    "nul in the secret": (f"ci,{CANARY}\0,".encode(), "NUL"),
    "no token": (f"ci,{CANARY} {CANARY},".encode(), "printable ASCII"),
    "not ascii": (f"ci,{CANARY}é,".encode(), "printable ASCII"),
    "too long a token": (f"ci,{CANARY * 30},".encode(), "1 to 512"),
    "another reference": (f"ci,,file:{CANARY}".encode(), "only env:NAME"),
    "a secret as reference": (f"ci,,{CANARY}".encode(), "only env:NAME"),
    "no variable's name": (f"ci,,env:{CANARY}".encode(), "only env:NAME"),
    "unset variable": (b"ci,,env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
    "empty variable": (b"ci,,env:EMPTY_TOKEN", "EMPTY_TOKEN is empty"),
    "variable with no token": (b"ci,,env:BAD_TOKEN", "variable BAD_TOKEN: secret: .*printable ASCII"),
    "not utf-8": (b"c\xffi," + CANARY.encode() + b",", "not UTF-8"),
    "open quote": (f'"ci,{CANARY},'.encode(), "no CSV"),
    "quote inside": (f'"c"i,{CANARY},'.encode(), "no CSV"),
    "bare cr": (f"ci,{CANARY},\rcd,x,".encode(), "no CSV"),
    "long field": (b"ci," + b"x" * 200_000 + b",", "longer than 128 KiB"),
    "long line": (b"ci," + b"x" * LONGEST + b",", f"longer than {LONGEST} bytes"),
    "ten megabytes": (b"ci," + b"x" * 10_000_000 + b",", f"longer than {LONGEST} bytes"),
    "duplicate": (f"first,{CANARY},".encode(), "line 2 already"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_by_its_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line and its flaw are told, never its text; the rows around it are read."""
    monkeypatch.setenv("CI_TOKEN", CANARY)
    monkeypatch.setenv("EMPTY_TOKEN", "")
    monkeypatch.setenv("BAD_TOKEN", f"{CANARY}\n{CANARY}")
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    line, flaw = BAD[name]
    first, bad, last = _rows(b"label,secret,secret_ref\nfirst,x,\n" + line + b"\nlast,y,\n")
    assert isinstance(first, Credential)
    assert isinstance(last, Credential)
    assert isinstance(bad, BadRow)
    assert bad.line == 3
    with pytest.raises(AssertionError, match=flaw):
        raise AssertionError(bad.flaw)
    assert "canary" not in f"{bad!r} {bad}"
    assert len(bad.flaw) < 200


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b"", "it is empty"),
        (b"\n \n\r\n", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"label,secret", "no rows"),
        (b"label,secret\n\n \n", "no rows"),
        (b"ci," + CANARY.encode() + b"\n", "line 1: column 1 is unknown.*label"),
        (b"label," + CANARY.encode() + b"\nci,x\n", "line 1: column 2 is unknown"),
        (b"\nlabel,secret,owner\nci,x,me\n", "line 2: column 3: .*owner"),
        (b"label;secret\nci;x\n", "comma-separated"),
        (b"label,secret,\nci,x,\n", "column 3 is unknown"),
        (b"label,secret,Label\nci,x,y\n", "column 3: there is a second label"),
        (b"secret\nx\n", "no column label"),
        (b"label\nci\n", "neither a column secret nor secret_ref"),
        (b'label,"secret\nci,x\n', "no CSV"),
        ("label,secret\nci,x\n".encode("utf-16"), "NUL"),
        (b"label,secr\xe9t\nci,x\n", "not UTF-8"),
        (b"x" * 2_000_000, "longer than"),
    ],
)
def test_a_bad_header_is_an_error_at_once(text: bytes, flaw: str) -> None:
    """A ConfigurationError names line and remedy before any row; no frame and no word repeats the line."""
    with pytest.raises(ConfigurationError, match=flaw) as caught:
        read_inventory(io.BytesIO(text))
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    del told.stack[0]  # this test's own
    assert "canary" not in "".join(told.format())


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a directory, or no path at all: a ConfigurationError names it and says what to give."""
    for source in (tmp_path / "none.csv", tmp_path, f"{tmp_path}/nul\0.csv"):
        with pytest.raises(ConfigurationError, match="it cannot be read.*give a CSV file") as caught:
            read_inventory(source)
        assert str(source) in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize("source", [io.StringIO("label,secret\n"), 7, None, b"file.csv", [b"label,secret"]])
def test_a_source_of_another_kind(source: object) -> None:
    """Text streams, numbers and bytes are a ConfigurationError that names the type."""
    with pytest.raises(ConfigurationError, match=f"not {type(source).__name__}"):
        read_inventory(source)  # type: ignore[arg-type]


class Breaking(io.BytesIO):
    """A stream that fails after so many lines."""

    left = 2

    def readline(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise OSError(5, "Input/output error")
        return super().readline(size)


def test_a_file_that_breaks_in_the_middle() -> None:
    """A ConfigurationError says after which line; the rows before it were given."""
    inventory = read_inventory(Breaking(b"label,secret\nci,x\ncd,y\n"))
    assert isinstance(next(inventory), Credential)
    with pytest.raises(ConfigurationError, match=r"after line 2 \(Input/output error\)"):
        next(inventory)
    assert list(inventory) == []


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of ours is closed at the end, on leaving and after a bad header; the caller's stream never."""
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret\nci,x\n")
    with path.open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        with read_inventory("-") as inventory:
            assert len(list(inventory)) == 1
        os.fstat(opened.fileno())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"label\nci\n")))
    with pytest.raises(ConfigurationError, match="^standard input, line 1"):
        read_inventory("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ConfigurationError, match="closed"):
        read_inventory("-")


def test_whose_file_is_closed(tmp_path: Path) -> None:
    """A file of ours is closed at the end, on leaving, and after a bad header; the caller's stream never."""
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret\nci,x\n")
    for leave in (list, Inventory.close, lambda inventory: inventory.__exit__(None, None, None)):
        inventory = read_inventory(path)
        leave(inventory)
        assert list(inventory) == []
    path.write_bytes(b"nothing\n")
    with pytest.raises(ConfigurationError):
        read_inventory(path)  # an open file would be a ResourceWarning, and so an error
    stream = io.BytesIO(b"label,secret\nci,x\n")
    with read_inventory(stream):
        pass
    assert not stream.closed


def test_rows_are_read_when_they_are_asked_for() -> None:
    """Header and first row are read at once, and then one line for each row that is asked for."""
    stream = io.BytesIO(b"label,secret\n" + b"".join(b"r%d,x\n" % number for number in range(100)))
    read = 0

    class Watched(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            read += 1
            return stream.readline(size)

    inventory = read_inventory(Watched())  # type: ignore[arg-type]
    assert read == 2
    next(inventory)
    assert read == 2
    next(inventory)
    assert read == 3


def test_an_endless_line_needs_no_memory() -> None:
    """A line of 100 MB is skipped a piece at a time."""
    left = 100

    class Endless(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            nonlocal left
            left -= 1
            return next(start) if left > 97 else b"x" * (size or 0) if left > 0 else b""

    start: Iterator[bytes] = iter((b"label,secret\n", b"ci,x\n"))
    inventory = read_inventory(Endless())  # type: ignore[arg-type]
    tracemalloc.start()
    _, bad = list(inventory)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(bad, BadRow)
    assert peak < 8_000_000


def test_labels_are_remembered_in_little_memory() -> None:
    """At most 48 bytes a label, where it stood first is known, and none is taken for another."""
    seen = SeenLabels()
    count = 20_000
    tracemalloc.start()
    for line in range(1, count + 1):
        assert seen.first_line(f"{line} " + "x" * 500, line) == line
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now <= 48 * count
    assert all(seen.first_line(f"{line} " + "x" * 500, 999_999) == line for line in range(1, count + 1, 7))


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(noise: bytes) -> None:
    """Whatever stands under a header is credentials and bad rows, in order, and the next line is read."""
    found = _rows(HEADER + b"first,x\n" + noise + b"\nlast,y\n")
    assert all(isinstance(row, Credential | BadRow) for row in found)
    assert [row.label for row in found if isinstance(row, Credential)][-1] in {"last", "first"}
    lines = [row.line for row in found if isinstance(row, BadRow)]
    assert lines == sorted(set(lines))


@given(st.binary(max_size=100))
def test_no_header_makes_it_fail(noise: bytes) -> None:
    """Whatever a file holds is an inventory or a ConfigurationError."""
    try:
        found = _rows(noise)
    except ConfigurationError:
        return
    assert found
