"""Whatever stands in an inventory, reading it ends in credentials, bad rows and ConfigurationErrors, and tells none."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cobalt_async.audit import BadRow, Credential, read_inventory
from cobalt_async.errors import ConfigurationError
from tests.audit.inventories import rows_of
from tests.canary import TOKEN, Hunter, hunting

CSV = b"label,secret\nfirst,x\n"
JSONL = b'{"label": "first", "secret": "x"}\n'
# What a row may be torn into, with the secret among it; never right behind what names a place that is told.
PIECES = (
    TOKEN, TOKEN[:15], f"{TOKEN} ", f'"{TOKEN}"', "label", "secret", "secret_ref", "owner", "token_id", "rotate_by",
    '"label"', '"secret"', '"secret_ref"', '"status"', "{", "}", "[", "]", ":", ": ", ",", ", ", '"', "'", "\\", "null",
    "NaN", "1", "\n", "\r\n", "\r", "\0", "\t", "\x1b[2J", "\\u0000", "\\ud800", "é", "\ufeff", "=", ";", " ",
    "command:/nowhere/at/all ", "command:'", "us", "active", "2026-12-31", "api_1",
)  # fmt: skip


@pytest.mark.parametrize("start", [CSV, JSONL], ids=["csv", "jsonl"])
@given(noise=st.binary(max_size=300))
def test_no_bytes_make_it_fail(start: bytes, noise: bytes) -> None:
    """Whatever follows a row is credentials and bad rows, in order, and the last line is read."""
    last = b"\nlast,y\n" if start == CSV else b'\n{"label": "last", "secret": "y"}\n'
    found = rows_of(start + noise + last)
    assert all(isinstance(row, Credential | BadRow) for row in found)
    assert [row.label for row in found if isinstance(row, Credential)][-1] in {"last", "first"}
    lines = [row.line for row in found if isinstance(row, BadRow)]
    assert lines == sorted(set(lines))


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda noise: b"{" + noise))
def test_no_start_makes_it_fail(noise: bytes) -> None:
    """Whatever a file holds is an inventory or a ConfigurationError."""
    try:
        found = rows_of(noise)
    except ConfigurationError:
        return
    assert found


def _hunt(hunter: Hunter, text: bytes) -> None:
    """Read it all, and look at every word that is said about it."""
    try:
        with read_inventory(io.BytesIO(text)) as inventory:
            hunter.look_inside("inventory", inventory)
            for row in inventory:
                if isinstance(row, BadRow):
                    hunter.look("bad row", row)
                else:
                    hunter.look("credential's secret", row.secret)
    except ConfigurationError as error:
        hunter.look_at_error(error)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(("", "label,secret\n", "label,secret_ref\n", "{"))
)
def test_a_torn_secret_is_never_told(pieces: list[str], start: str) -> None:
    """No bad row, no error, no local of its frames and no log repeats a secret, wherever in the file it stands."""
    with hunting(TOKEN) as hunter:
        _hunt(hunter, (start + "".join(pieces)).encode("utf-8", "surrogatepass"))
    assert hunter.found == []


VALUES = st.sampled_from((TOKEN, f"{TOKEN}\n", f"{TOKEN} {TOKEN}", f"é{TOKEN}", f"command:/nowhere/at/all {TOKEN}"))


@given(
    st.dictionaries(
        st.sampled_from(
            ("secret", "secret_ref", "owner", "system", "token_id", "region", "status", "rotate_by", TOKEN)
        ),
        VALUES | st.lists(VALUES) | st.dictionaries(VALUES, VALUES) | st.none() | st.integers() | st.booleans(),
    ),
    st.sampled_from(("ci", TOKEN, f"{TOKEN}\0", "")),
)
def test_a_secret_in_the_wrong_place_is_never_told(row: dict[str, object], label: str) -> None:
    """A row whose values changed places is a bad one, or a credential: nothing that is said of it repeats them."""
    with hunting(TOKEN) as hunter:
        _hunt(hunter, json.dumps({"label": label, **row}).encode())
    assert hunter.found == []
