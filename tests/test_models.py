import pickle
import weakref
from copy import deepcopy
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Page, RefreshedToken, Secret, Token
from cobalt_async.models import listed_token


def test_tokens_are_frozen_values() -> None:
    """A Token compares by its fields, hashes, and does not change."""
    token = Token("api_a", "ci")
    assert token == Token("api_a", "ci", None, None)
    assert len({token, Token("api_a", "ci")}) == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        token.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("ending", ["x1Yz", None])
def test_a_listed_token_is_a_token(ending: str | None) -> None:
    """A Token that a listing made is in nothing different from one that was made by its fields."""
    usual, listed = Token("api_a", "ci", ending), listed_token("api_a", "ci", ending)
    assert type(listed) is Token
    assert (listed, hash(listed), repr(listed)) == (usual, hash(usual), repr(usual))
    assert pickle.loads(pickle.dumps(listed)) == deepcopy(listed) == attrs.evolve(listed) == usual  # noqa: S301
    assert weakref.ref(listed)() is listed
    assert not hasattr(listed, "__dict__")
    for name in attrs.asdict(listed):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(listed, name, "other")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(listed, name)


def test_fields_stand_in_the_contracts_order() -> None:
    """The models have exactly the fields of the contract, in its order."""
    names = {kind.__name__: [field.name for field in attrs.fields(kind)] for kind in (Token, RefreshedToken, Page)}
    assert names == {
        "Token": ["id", "name", "last_characters", "expire_at"],
        "RefreshedToken": ["id", "name", "secret", "expire_at"],
        "Page": ["items", "next_page", "prev_page"],
    }


def test_a_page_holds_a_tuple() -> None:
    """Whatever a page is made from, its items are a tuple that nobody can grow."""
    made: list[Token] = [Token("api_a", "ci")]
    page = Page(made)
    made.clear()
    assert page.items == (Token("api_a", "ci"),)
    assert page == Page((Token("api_a", "ci"),), None, None)


def test_a_refreshed_token_hides_its_secret() -> None:
    """The repr of a RefreshedToken says which token it is, and not its secret."""
    fresh = RefreshedToken("api_a", "ci", Secret("canary-of-the-models"), datetime(2030, 1, 1, tzinfo=UTC))
    assert "api_a" in repr(fresh)
    assert "canary" not in repr(fresh)


@pytest.mark.parametrize(
    ("path", "cursor"),
    [
        (None, None),
        ("/tokens?cursor=a1b2c3d4", "a1b2c3d4"),
        ("/tokens?limit=5&cursor=a1", "a1"),
        ("/tokens?cursor=a1&limit=5", "a1"),
        ("/tokens?cursor=a%2Bb%3D", "a%2Bb%3D"),
        ("/tokens?cursor=a=b", "a=b"),
        ("/tokens?cursor=", None),
        ("/tokens?page=2", None),
        ("/tokens", None),
        ("", None),
        ("/tokens?xcursor=a", None),
    ],
)
def test_the_cursor_is_read_out_of_the_path(path: str | None, cursor: str | None) -> None:
    """`next_cursor` and `prev_cursor` are the path's cursor as it stands there, None where there is none."""
    assert Page((), path, None).next_cursor == cursor
    assert Page((), None, path).prev_cursor == cursor


@given(st.text() | st.sampled_from(["//[", "http://[x?cursor=1", "//a\u2100b?cursor=c", "/tokens?cursor=a\tb"]))
def test_no_path_of_a_server_makes_a_page_unusable(path: str) -> None:
    """Whatever a server calls its next page, asking for the cursor gives a cursor or None, never an exception."""
    page = Page((), path, path)
    assert page.next_cursor is None or isinstance(page.next_cursor, str)
    assert page.prev_cursor == page.next_cursor
