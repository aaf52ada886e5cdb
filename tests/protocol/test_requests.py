import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Secret
from cobalt_async._version import __version__
from cobalt_async.errors import ConfigurationError
from cobalt_async.protocol import requests
from cobalt_async.protocol.requests import Version

KEY = "0b8ba3b4-6a4b-4c0f-9a35-2a1f53d2b0aa"


@pytest.mark.parametrize(
    ("limit", "cursor", "target"),
    [
        (None, None, "/tokens"),
        (1, None, "/tokens?limit=1"),
        (2**31 - 1, None, "/tokens?limit=2147483647"),
        (None, "a1b2c3d4", "/tokens?cursor=a1b2c3d4"),
        (100, "a1", "/tokens?cursor=a1&limit=100"),
        (None, "a%2Bb%3D%3D", "/tokens?cursor=a%2Bb%3D%3D"),
        (None, "a+b==", "/tokens?cursor=a+b=="),
    ],
)
def test_a_listing_asks_for_what_was_given(limit: int | None, cursor: str | None, target: str) -> None:
    """`limit` and `cursor` go out as they came in, and not at all where they were not given."""
    request = requests.list_tokens(limit=limit, cursor=cursor)
    assert (request.method, request.target, request.budget) == ("GET", target, "get")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_reading_has_no_content_type(version: Version) -> None:
    """A listing accepts its version, and has nothing to say about a body it does not send."""
    headers = requests.list_tokens(version=version).headers
    assert dict(headers) == {
        "Accept": f"application/vnd.cobalt.{version}+json",
        "User-Agent": f"cobalt-async/{__version__}",
        "Accept-Encoding": "gzip, deflate",
    }


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_refresh_has_a_key_and_in_v2_a_content_type(version: Version) -> None:
    """The key is sent as given; v2 names its media type on POST (F3), v1 does not; no encoding is asked for."""
    request = requests.refresh_token("api_a1", key=KEY, version=version)
    accept = f"application/vnd.cobalt.{version}+json"
    assert (request.method, request.target, request.budget) == ("POST", "/tokens/api_a1/refresh", "mutate")
    assert request.template == "/tokens/{id}/refresh"
    assert dict(request.headers) == {
        "Accept": accept,
        "User-Agent": f"cobalt-async/{__version__}",
        "Accept-Encoding": "identity",
        "Idempotency-Key": KEY,
        **({"Content-Type": accept} if version == "v2" else {}),
    }


def test_a_request_never_changes() -> None:
    """The headers of a request cannot be added to: the token is the transport's to add."""
    for request in (requests.list_tokens(), requests.refresh_token("api_a", key=KEY)):
        with pytest.raises(TypeError):
            request.headers["Authorization"] = "x"  # type: ignore[index]


def test_a_request_is_called_by_method_and_path() -> None:
    """The name of a request in errors leaves its query out."""
    assert str(requests.list_tokens(limit=5, cursor="a1")) == "GET /tokens"
    assert str(requests.refresh_token("api_a", key=KEY)) == "POST /tokens/api_a/refresh"


@pytest.mark.parametrize("limit", [0, -1, 2**31, True, False, "10", 10.0, b"1", [1], math.nan])
def test_limit_is_an_int_of_at_least_1(limit: Any) -> None:
    """A limit that is no int, a bool, below 1 or absurd is a ConfigurationError that says `limit`."""
    with pytest.raises(ConfigurationError, match="^limit: an int"):
        requests.list_tokens(limit=limit)


@pytest.mark.parametrize(
    "cursor",
    ["", "a b", "a&limit=1", "a#b", "ä", "a%", "a%2", "a%0a", "a%7f", "a%00", "a\n", "a" * 2049, 5, b"a", True],
)
def test_cursor_is_what_a_page_gave(cursor: Any) -> None:
    """Anything that could leave the parameter is a ConfigurationError that says `cursor` and does not repeat it."""
    with pytest.raises(ConfigurationError, match="^cursor: what Page.next_cursor gave, nothing else$"):
        requests.list_tokens(cursor=cursor)


@pytest.mark.parametrize(
    "token_id",
    ["", "api_", "abc", "API_a", "api_a-b", "api_a/../b", "../..", "api_a?x", "api_a%2f", "api_ä", "api_a\n", " api_a",
     "api_\u0661", None, 5, b"api_a", True],
)  # fmt: skip
def test_a_token_id_is_api_and_ascii_letters_and_digits(token_id: Any) -> None:
    """An id that could lead to another path is a ConfigurationError that says `token_id`."""
    with pytest.raises(ConfigurationError, match="^token_id: api_ followed by"):
        requests.refresh_token(token_id, key=KEY)


@given(st.text())
def test_no_text_leaves_its_place(text: str) -> None:
    """Whatever is given as a cursor or an id is refused, or stands in the target as one parameter or segment."""
    try:
        target = requests.list_tokens(cursor=text).target
        assert target == f"/tokens?cursor={text}"
        assert target.isascii()
        assert not set(target) & set("&# \r\n\t\\")
    except ConfigurationError:
        pass
    try:
        assert requests.refresh_token(text, key=KEY).target == f"/tokens/{text}/refresh"
        assert text.isascii()
        assert text.removeprefix("api_").isalnum()
    except ConfigurationError:
        pass


@pytest.mark.parametrize("seconds", [0, 0.0, -1, math.inf, math.nan, True, "5", None, [5], 10**400], ids=range(10))
def test_seconds_are_finite_and_above_0(seconds: Any) -> None:
    """What is no time to wait is a ConfigurationError with the argument's name."""
    with pytest.raises(ConfigurationError, match="^deadline: a (finite )?number of seconds"):
        requests.check_seconds(seconds, "deadline")


@pytest.mark.parametrize("seconds", [1, 0.001, 1e9])
def test_seconds_come_out_as_a_float(seconds: float) -> None:
    """A good number of seconds is a float afterwards."""
    assert requests.check_seconds(seconds, "deadline") == seconds
    assert type(requests.check_deadline(seconds)) is float


def test_zero_is_allowed_where_it_means_never() -> None:
    """0 seconds pass only where the argument may be 0; False never does; None is no deadline."""
    assert requests.check_seconds_or_zero(0, "max_wait") == 0.0
    assert requests.check_deadline(None) is None
    with pytest.raises(ConfigurationError, match="^max_wait: a number of seconds, not bool$"):
        requests.check_seconds_or_zero(False, "max_wait")


@pytest.mark.parametrize("version", ["v3", "V1", "", None, 1, ["v1"]])
def test_there_are_two_versions(version: Any) -> None:
    """v1 and v2, nothing else (F2)."""
    with pytest.raises(ConfigurationError, match='^api_version: "v1" or "v2", nothing else$'):
        requests.check_version(version)


def test_a_secret_is_taken_as_it_is() -> None:
    """A token may be given as a Secret, which is not made anew."""
    secret = Secret("a-token")
    assert requests.check_token(secret, "token") is secret
    assert requests.check_token("a-token", "token") == secret


def test_a_bad_token_is_named_by_its_source_and_never_repeated() -> None:
    """The error for a malformed token says where it came from; neither it nor what it chains holds the token."""
    with pytest.raises(ConfigurationError, match=r"^\$COBALT_API_TOKEN: a token is printable ASCII") as caught:
        requests.check_token("canary of requests", "$COBALT_API_TOKEN")
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert "canary" not in repr(caught.value)
