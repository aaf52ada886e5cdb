"""What waits for a window takes little room, and comes back as it was."""

import sys
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cobalt_async.audit import Credential
from cobalt_async.audit.engine.spill import spill, unspill

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(
    TEXT,
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60),
    st.none() | TEXT,
    st.none() | st.sampled_from(["us", "eu"]),
    st.none() | st.dates(),
)
def test_a_credential_comes_back_as_it_was(
    label: str, secret: str, owner: str | None, region: str | None, rotate_by: date | None
) -> None:
    """With all that is declared of it, or nothing."""
    assume(all(secret not in text for text in (label, owner or "")))
    credential = Credential(label, secret, owner=owner, region=region, rotate_by=rotate_by)  # type: ignore[arg-type]
    assert unspill(spill(credential)) == credential


@pytest.mark.parametrize("declared", [{}, {"owner": "platform team", "token_id": "api_4fzvtozp5ANkDjNaIGRdLL"}])
def test_it_takes_little_room(declared: dict[str, str]) -> None:
    """At most 300 bytes for a label and a secret of usual length, with the usual declarations."""
    credential = Credential("Ada Lovelace / nightly report #4711", "k" * 40, **declared)  # type: ignore[arg-type]
    assert sys.getsizeof(spill(credential)) <= 300
