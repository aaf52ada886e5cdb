"""X05, and the list of faults itself: each row has a test that bears its id, and each is judged by the canary."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cobalt_async import RefreshedToken, Secret, errors
from tests.faults.raw import NEW_SECRET, TALLY, TOKEN, TOKEN_ID, judge

# The list as it was agreed on; C06 (SIGKILL) is the rotation's, whose journal outlives a process.
ROWS = re.findall(
    r"\w+",
    """
    R01 R02 R03 R04 R06 E01 E02 E03 P01 P02 P03 P04 P06 P07 P08 P09 P10 P11 P13 P14 P15 P16 P17
    B01 B02 B03 B04 B05 B08 B09 B11 F01 F02 F03 F06 F07 F08 F09 F10 F11 F12 F14 F15 F16 F18 F21
    T01 T03 T04 T05 T06 T07 T08 J01 J02 J03 J04 J05 J07 J09 J12 J14 J16 H01 H02 H03 K01
    C01 C02 C03 C04 C05 C07 C08 C09 S01 S02 S03 S04 S05 S06 S07 S09 X01 X02 X04 X05
    """,
)


def written() -> Iterator[tuple[str, str]]:
    """Name and claim of every test in this folder."""
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name, ast.get_docstring(node) or ""


def ids(text: str) -> set[str]:
    """The rows that a name or a claim is about: `c01`, `c01_c02`, `p01_to_p08`, `P01 to P08`."""
    found = {row.upper() for row in re.findall(r"(?<![a-z0-9])[a-z][0-9]{2}(?![0-9])", text.lower().replace("_", " "))}
    for first, last in re.findall(r"\b([a-z][0-9]{2}) to ([a-z][0-9]{2})\b", text.lower().replace("_", " ")):
        found |= {row for row in ROWS if row[0] == first[0].upper() and first.upper() <= row <= last.upper()}
    return found


def test_every_row_has_a_test_that_bears_its_id() -> None:
    """Each row of the list stands in the name of a test, and in what that test claims."""
    found = [ids(name) & ids(claim) for name, claim in written()]
    assert [row for row in ROWS if not any(row in known for known in found)] == []


def leaking() -> Iterator[BaseException]:
    """Errors that tell a secret, each in another way."""
    yield errors.UnreadableError("GET /tokens", f"said {TOKEN}")
    yield errors.UnreadableError("GET /tokens", f"said {NEW_SECRET[:12]}")
    for attribute in ("__cause__", "__context__"):
        error = errors.UnreadableError("GET /tokens", "strange")
        setattr(error, attribute, ValueError(f"Bearer {TOKEN}"))
        yield error
    noted = errors.UnreadableError("GET /tokens", "strange")
    noted.add_note(TOKEN)
    yield noted
    carrying = errors.UnreadableError("GET /tokens", "strange")
    carrying.body = f"so {NEW_SECRET}".encode()  # type: ignore[attr-defined]
    yield carrying


@pytest.mark.parametrize("error", [*leaking()], ids=range(6))
def test_x05_the_canary_is_found_wherever_it_is_told(error: BaseException) -> None:
    """X05: a token in a text, in a part, in a chained error, a note or an attribute makes a row fail."""
    before = dict(TALLY)
    with pytest.raises(AssertionError):
        judge(error)
    assert TALLY["canary hits"] > before["canary hits"]
    TALLY.update(before)


def test_x05_a_secret_where_it_belongs_is_no_leak() -> None:
    """X05: `.refreshed` has the secret, the error's text and pickle do not; a foreign error is noticed."""
    error = errors.RefreshError(TOKEN_ID, "why", refreshed=RefreshedToken(TOKEN_ID, "n", Secret(NEW_SECRET)))
    judge(error)
    assert pickle.loads(pickle.dumps(error)).refreshed is None  # noqa: S301 - our own
    before = dict(TALLY)
    with pytest.raises(AssertionError):
        judge(KeyError("data"))
    assert TALLY["foreign exceptions"] == before["foreign exceptions"] + 1
    TALLY.update(before)
