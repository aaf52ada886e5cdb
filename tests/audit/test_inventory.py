import io
import os
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.audit import BadRow, Credential, Inventory, read_inventory
from cobalt_async.audit.inventory import lines
from cobalt_async.audit.inventory.lines import LONGEST
from cobalt_async.audit.inventory.seen import SeenLabels
from cobalt_async.errors import ConfigurationError
from tests.audit.inventories import CANARY, rows_of, unprivileged


def _plain(text: bytes) -> list[tuple[str, str] | int]:
    """Label and secret of each credential, the line of each bad row."""
    return [row.line if isinstance(row, BadRow) else (row.label, row.secret.reveal()) for row in rows_of(text)]


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
    "a secret as reference": (f"ci,,{CANARY}".encode(), "secret_ref: it is none of env:NAME, file:PATH"),
    "no variable's name": (f"ci,,env:{CANARY}".encode(), "env:NAME takes the name"),
    "unset variable": (b"ci,,env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
    "empty variable": (b"ci,,env:EMPTY_TOKEN", "EMPTY_TOKEN is empty"),
    "variable with no token": (b"ci,,env:BAD_TOKEN", "variable BAD_TOKEN: .*printable ASCII"),
    "not utf-8": (b"c\xffi," + CANARY.encode() + b",", "not UTF-8"),
    "open quote": (f'"ci,{CANARY},'.encode(), "no CSV"),
    "quote inside": (f'"c"i,{CANARY},'.encode(), "no CSV"),
    "bare cr": (f"ci,{CANARY},\rcd,x,".encode(), "it is no CSV: a CR stands in it alone; lines end with LF or CRLF"),
    "long field": (b"ci," + b"x" * 200_000 + b",", "longer than 128 KiB"),
    "long line": (b"ci," + b"x" * LONGEST + b",", f"longer than {LONGEST} bytes"),
    "ten megabytes": (b"ci," + b"x" * 10_000_000 + b",", f"longer than {LONGEST} bytes"),
    "its secret as its label": (f"{CANARY},{CANARY},".encode(), "label: it holds the secret itself"),
    "its secret in its label": (f"ci/{CANARY},{CANARY},".encode(), "label: it holds the secret itself"),
    "what it refers to as its label": (f"{CANARY},,env:CI_TOKEN".encode(), "label: it holds the secret itself"),
    "duplicate": (f"first,{CANARY},".encode(), "line 2 already"),
}


DECLARED = "label,secret,owner,system,token_id,region,status,rotate_by\n"


def test_what_else_is_declared() -> None:
    """Each optional column is read into its field, capitals of region and status aside; empty is None."""
    text = f"{DECLARED}ci,x, Ada L. ,Jenkins,api_7,EU,Retired,2026-12-31\ncd,y,,,,,,\n"
    assert rows_of(text.encode()) == [
        Credential(
            "ci",
            "x",
            owner="Ada L.",
            system="Jenkins",
            token_id="api_7",
            region="eu",
            status="retired",
            rotate_by=date(2026, 12, 31),
        ),
        Credential("cd", "y"),
    ]


@pytest.mark.parametrize(
    ("cells", "flaw"),
    [
        ("o\x1bo,,,,,", "owner: it holds a control character"),
        (",,api_canary!,,,", "token_id: api_ followed by"),
        (",,,canary,,", 'region: "us" or "eu"'),
        (",,,,canary,", 'status: "active" or "retired"'),
        (",,,,,canary", "rotate_by: a date such as 2026-12-31"),
        (",,,,,2026-02-30", "rotate_by: a date such as"),
        (",,,,,20261231", "rotate_by: a date such as"),
        (",,,,,2026-W01-1", "rotate_by: a date such as"),
        (",,,,,2026-12-31T00:00:00", "rotate_by: a date such as"),
        (",,,,,٢٠٢٦-12-31", "rotate_by: a date such as"),
    ],
)
def test_what_is_declared_wrongly(cells: str, flaw: str) -> None:
    """A bad row names the field and the form that it should have, never what stands there."""
    [bad] = rows_of(f"{DECLARED}ci,x,{cells}\n".encode())
    assert isinstance(bad, BadRow)
    assert bad.flaw.startswith(flaw)
    assert "canary" not in str(bad)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_by_its_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line and its flaw are told, never its text; the rows around it are read."""
    monkeypatch.setenv("CI_TOKEN", CANARY)
    monkeypatch.setenv("EMPTY_TOKEN", "")
    monkeypatch.setenv("BAD_TOKEN", f"{CANARY}\n{CANARY}")
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    line, flaw = BAD[name]
    first, bad, last = rows_of(b"label,secret,secret_ref\nfirst,x,\n" + line + b"\nlast,y,\n")
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
        (b"\nlabel,secret,colour\nci,x,red\n", "line 2: column 3 is unknown; the first line names"),
        (b"label,secret,Owners\nci,x,me\n", "line 1: column 3 is unknown; is it meant to be owner\\?"),
        (b"label,secret,token-id\nci,x,me\n", "line 1: column 3 is unknown; is it meant to be token_id\\?"),
        (b'[{"label": "ci"}]\n', "line 1: it begins as a JSON array does; write one object a line"),
        (b"label;secret\nci;x\n", "comma-separated"),
        (b"label,secret,\nci,x,\n", "column 3 is unknown"),
        (b"label,secret,Label\nci,x,y\n", "column 3: there is a second label"),
        (b"secret\nx\n", "no column label"),
        (b"label\nci\n", "neither a column secret nor secret_ref"),
        (b'label,"secret\nci,x\n', "no CSV: a quote"),
        (b"label,secret\rci,x\r", "line 1: it is no CSV: a CR stands in it alone; .*`tr '.r' '.n'` makes them so"),
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
        with pytest.raises(ConfigurationError, match="it cannot be read.*give a CSV or JSONL file") as caught:
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
    """`-` reads it to its end and leaves it open; errors name it; a closed one is an error."""
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


def test_a_line_without_end_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/zero is no inventory, which is known at once; and as a row it is given up after 1 GiB."""
    with pytest.raises(ConfigurationError, match="line 1: it is longer than"):
        read_inventory("/dev/zero")
    monkeypatch.setattr(lines, "_ENDLESS", 4 * LONGEST)
    stream = io.BytesIO(b'{"label": "ci", "secret": "x"}\n' + b"x" * 8 * LONGEST)
    inventory = read_inventory(stream)
    assert isinstance(next(inventory), Credential)
    assert isinstance(next(inventory), BadRow)
    with pytest.raises(ConfigurationError, match="after line 2 .a line that does not end within 1 GiB"):
        next(inventory)
    assert stream.tell() < 6 * LONGEST


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """A ConfigurationError says why; so does one for a ring of symbolic links."""
    with unprivileged() as folder:
        path = folder / "i.csv"
        path.write_bytes(b"label,secret\nci,x\n")
        path.chmod(0)
        with pytest.raises(ConfigurationError, match="Permission denied"):
            read_inventory(path)
    ring = tmp_path / "ring.csv"
    ring.symlink_to(ring)
    with pytest.raises(ConfigurationError, match="symbolic links"):
        read_inventory(ring)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o444])
def test_an_inventory_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """Each secret that stands in it is exposed by its path; one that it refers to is not, and none is an error."""
    (tmp_path / "secret").write_text("y\n")
    (tmp_path / "secret").chmod(0o600)
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret,secret_ref\nci,x,\ncd,,file:secret\n")
    path.chmod(mode)
    assert list(read_inventory(path)) == [Credential("ci", "x", exposed=str(path)), Credential("cd", "y")]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_an_inventory_of_ones_own(tmp_path: Path, mode: int) -> None:
    """What only its owner can read exposes nothing; a link to it does not either, whatever its own mode."""
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret\nci,x\n")
    path.chmod(mode)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    assert list(read_inventory(link)) == list(read_inventory(path)) == [Credential("ci", "x")]


def test_standard_input_and_streams_expose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others can read of them is not ours to judge."""
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret\nci,x\n")
    path.chmod(0o644)
    with path.open("rb") as stream:
        assert list(read_inventory(stream)) == [Credential("ci", "x")]
    with path.open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        assert list(read_inventory("-")) == [Credential("ci", "x")]


def test_a_pipe_is_an_inventory(tmp_path: Path) -> None:
    """As `audit <(vault export)` gives one: it is read as it is written, and exposes nothing."""
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    writer = threading.Thread(target=path.write_bytes, args=(b"label,secret\nci,x\n",))
    writer.start()
    assert list(read_inventory(path)) == [Credential("ci", "x")]
    writer.join()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "10", None])
def test_a_limit_of_another_kind(seconds: Any) -> None:
    """`command_timeout` is a number of seconds that come to an end, or a ConfigurationError."""
    with pytest.raises(ConfigurationError, match="^command_timeout: seconds"):
        read_inventory(io.BytesIO(b"label,secret\nci,x\n"), command_timeout=seconds)


def test_the_first_of_many_rows_comes_at_once(tmp_path: Path) -> None:
    """The first row needs one read of the file, however long it is, and all of them flat memory."""
    path = tmp_path / "i.csv"
    path.write_bytes(b"label,secret\n" + b"".join(b"label %d,secret-%d\n" % (row, row) for row in range(20_000)))
    read = 0

    class Counting(io.FileIO):
        def readinto(self, buffer: Any, /) -> int:
            nonlocal read
            read += 1
            return super().readinto(buffer) or 0

    with io.BufferedReader(Counting(path)) as stream:
        inventory = read_inventory(stream)
        tracemalloc.start()
        assert isinstance(next(inventory), Credential)
        assert read == 1
        assert sum(1 for _ in inventory) == 19_999
        now, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert now < 48 * 20_000 + 100_000
