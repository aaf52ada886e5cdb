import io
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.audit import BadRow, Credential, read_inventory
from cobalt_async.audit.inventory.lines import LONGEST
from cobalt_async.errors import ConfigurationError
from tests.audit.inventories import CANARY, flaw_of, rows_of

ONE = b'{"label": "ci", "secret": "one"}'
TWO = b'{"secret": "two", "label": "cd"}'


@pytest.mark.parametrize(
    "text",
    [
        ONE + b"\n" + TWO + b"\n",
        ONE + b"\r\n" + TWO + b"\r\n",
        b"\xef\xbb\xbf" + ONE + b"\n" + TWO,
        b"\n \t\n  " + ONE + b"  \n\n" + TWO + b"\n\n",
        b'{"label": " ci ", "secret": "\\tone"}\n' + TWO,
        b'{"label": "\\u0063i", "secret": "one", "owner": null, "system": "", "status": " "}\n' + TWO,
    ],
    ids=["plain", "crlf", "bom", "blank lines", "blanks", "absent"],
)
def test_what_is_read(text: bytes) -> None:
    """BOM, CRLF, blank lines, blanks around strings, null and the order of keys make no difference."""
    assert rows_of(text) == [Credential("ci", "one"), Credential("cd", "two")]


def test_all_that_can_be_declared() -> None:
    """Each optional key is read into its field."""
    row = {"label": "ci", "secret": "x", "owner": "Ada, L.", "system": "Ж 日本", "token_id": "api_7"}
    row |= {"region": "us", "status": "active", "rotate_by": "2027-01-31"}
    [read] = rows_of(json.dumps(row) + "\n")
    assert read == Credential(
        "ci",
        "x",
        owner="Ada, L.",
        system="Ж 日本",
        token_id="api_7",
        region="us",
        status="active",
        rotate_by=date(2027, 1, 31),
    )


@pytest.mark.parametrize("name", ["i.jsonl", "i.ndjson", "I.JSONL", "i.txt", "i.csv", "i"])
def test_how_it_is_known(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suffix says it, or the first character that is not blank; on standard input too."""
    path = tmp_path / name
    path.write_bytes(b"\n  " + ONE + b"\n")
    path.chmod(0o600)
    assert list(read_inventory(path)) == [Credential("ci", "one")]
    with path.open() as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        assert list(read_inventory("-")) == [Credential("ci", "one")]


@pytest.mark.parametrize("name", ["i.jsonl", "i.ndjson", "I.JSONL"])
def test_a_suffix_weighs_more_than_a_first_line(name: str, tmp_path: Path) -> None:
    """In an inventory called .jsonl a first line that is no object is a bad row, not a header."""
    path = tmp_path / name
    path.write_bytes(b"label,secret\n" + ONE + b"\n")
    path.chmod(0o600)
    bad, good = read_inventory(path)
    assert bad == BadRow(1, "it is no JSON object that begins and ends on this line")
    assert good == Credential("ci", "one")


BAD: dict[str, tuple[bytes, str]] = {
    "no JSON": (f"{{{CANARY}}}".encode(), "no JSON object that begins and ends"),
    "cut": (f'{{"label": "ci", "secret": "{CANARY}'.encode(), "no JSON object that begins and ends"),
    "over two lines": (b"{", "no JSON object that begins and ends"),
    "two objects": (f'{{"label": "ci"}} {{"secret": "{CANARY}"}}'.encode(), "no JSON object that begins and ends"),
    "single quotes": (f"{{'label': 'ci', 'secret': '{CANARY}'}}".encode(), "no JSON"),
    "a comment": (f'{{"label": "ci"}} // {CANARY}'.encode(), "no JSON"),
    "NaN": (b'{"label": NaN, "secret": "x"}', "no JSON"),
    "infinity": (b'{"label": -Infinity, "secret": "x"}', "no JSON"),
    "a string": (f'"{CANARY}"'.encode(), "it is a string; a JSON object"),
    "an array": (f'["label", "{CANARY}"]'.encode(), "it is an array; a JSON object"),
    "null": (b"null", "it is null; a JSON object"),
    "a number": (b"7", "it is a number; a JSON object"),
    "no keys": (b"{}", "it has neither secret nor secret_ref"),
    "no label": (f'{{"secret": "{CANARY}"}}'.encode(), "label: it is empty"),
    "null label": (f'{{"label": null, "secret": "{CANARY}"}}'.encode(), "label: it is empty"),
    "both": (f'{{"label": "ci", "secret": "{CANARY}", "secret_ref": "env:X"}}'.encode(), "both secret and"),
    "a second key": (
        f'{{"label": "ci", "secret": "{CANARY}", "secret": "x"}}'.encode(),
        "key 3: there is a second secret",
    ),
    "a second null": (b'{"label": "ci", "secret": null, "secret": "x"}', "key 3: there is a second secret"),
    "a key twice, once spelled": (b'{"label": "ci", "secret": "x", "l\\u0061bel": "cd"}', "a second label"),
    "an unknown key": (f'{{"label": "ci", "{CANARY}": "x"}}'.encode(), "key 2 is unknown; the keys are label, secret"),
    "an unknown null": (b'{"label": "ci", "secret": "x", "colour": null}', "key 3 is unknown; the keys are"),
    "a near key": (b'{"label": "ci", "secretref": "x"}', "key 2 is unknown; is it meant to be secret_ref?"),
    "a capital key": (b'{"Label": "ci", "secret": "x"}', "key 1 is unknown; is it meant to be label?"),
    "a number as secret": (b'{"label": "ci", "secret": 7}', "secret: a string or null, not a number"),
    "a long number": (b'{"label": "ci", "secret": ' + b"7" * 900_000 + b"}", "secret: a string or null, not a number"),
    "a huge exponent": (b'{"label": "ci", "secret": 1e999999}', "secret: a string or null, not a number"),
    "a truth": (b'{"label": true, "secret": "x"}', "label: a string or null, not true or false"),
    "a list": (f'{{"label": "ci", "secret": ["{CANARY}"]}}'.encode(), "secret: a string or null, not an array"),
    "an object": (
        f'{{"label": "ci", "secret": {{"v": "{CANARY}"}}}}'.encode(),
        "secret: a string or null, not an object",
    ),
    "an empty object": (b'{"label": "ci", "secret": {}}', "secret: a string or null, not an object"),
    "half a character": (b'{"label": "ci\\ud800", "secret": "x"}', "label: it holds a control character"),
    "half an owner": (b'{"label": "ci", "secret": "x", "owner": "\\udc80"}', "owner: it holds a control character"),
    "half a reference": (b'{"label": "ci", "secret_ref": "file:\\udc80"}', "secret_ref: it holds a control character"),
    "half a key": (b'{"label": "ci", "\\ud800": "x"}', "key 2 is unknown"),
    "half a secret": (f'{{"label": "ci", "secret": "{CANARY}\\ud800"}}'.encode(), "printable ASCII"),
    "a line end": (f'{{"label": "ci", "secret": "{CANARY}\\n"}}'.encode(), "printable ASCII"),
    "an escaped nul": (b'{"label": "c\\u0000i", "secret": "x"}', "label: it holds a control character"),
    "a nul": (f'{{"label": "ci", "secret": "{CANARY}\0"}}'.encode(), "NUL"),
    "a raw tab": (f'{{"label": "c\ti", "secret": "{CANARY}"}}'.encode(), "no JSON"),
    "not UTF-8": (f'{{"label": "ci\xff", "secret": "{CANARY}"}}'.encode("latin-1"), "not UTF-8"),
    "half a character in UTF-8": (b'{"label": "\xed\xa0\x80", "secret": "x"}', "not UTF-8"),
    "deep arrays": (b'{"label": ' + b"[" * 500_000 + b"]" * 500_000 + b"}", "nested too deep"),
    "deep objects": (b'{"label":' * 100_000, "nested too deep"),
    "deep and unknown": (b"[" * 1_000_000, "nested too deep"),
    "a long line": (b'{"label": "' + b"x" * LONGEST + b'"}', f"longer than {LONGEST} bytes"),
    "a duplicate": (f'{{"label": "first", "secret": "{CANARY}"}}'.encode(), "line 1 already"),
    "a wrong day": (b'{"label": "ci", "secret": "x", "rotate_by": "soon"}', "rotate_by: a date such as"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_by_its_line(name: str) -> None:
    """Its line and its flaw are told, never its text; the rows around it are read."""
    line, flaw = BAD[name]
    first, bad, last = rows_of(b'{"label": "first", "secret": "x"}\n' + line + b'\n{"label": "last", "secret": "y"}\n')
    assert isinstance(first, Credential)
    assert isinstance(last, Credential)
    assert isinstance(bad, BadRow)
    assert bad.line == 2
    assert flaw in flaw_of(bad)


@pytest.mark.parametrize("text", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_nothing_to_read(text: bytes, tmp_path: Path) -> None:
    """An empty file is a ConfigurationError, whatever it is called."""
    path = tmp_path / "i.jsonl"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match="it is empty; give a CSV or JSONL file"):
        read_inventory(path)


@pytest.mark.parametrize("name", ["i.jsonl", "i.json"])
@pytest.mark.parametrize("text", [b"[]", b'[\n  {"label": "ci"}\n]\n', b"[" * 1_000_000])
def test_a_json_array(text: bytes, name: str, tmp_path: Path) -> None:
    """One array of all rows is no JSONL: a ConfigurationError says how it becomes that."""
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=f"{name}, line 1: it begins as a JSON array does.*one object a line"):
        read_inventory(path)


def test_rows_are_read_when_they_are_asked_for() -> None:
    """The first row is read at once, and then one line for each row that is asked for."""
    stream = io.BytesIO(b"".join(b'{"label": "%d", "secret": "x"}\n' % row for row in range(100)))
    read = 0

    class Watched(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            read += 1
            return stream.readline(size)

    watched: Any = Watched()
    inventory = read_inventory(watched)
    assert read == 1
    next(inventory)
    assert read == 1
    next(inventory)
    assert read == 2


def test_an_inventory_that_others_can_read(tmp_path: Path) -> None:
    """A secret that stands in it is exposed by its path, as in CSV."""
    path = tmp_path / "i.jsonl"
    path.write_bytes(ONE)
    path.chmod(0o640)
    assert list(read_inventory(path)) == [Credential("ci", "one", exposed=str(path))]
