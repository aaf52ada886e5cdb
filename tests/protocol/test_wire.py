import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Page, RefreshedToken, Secret, Token
from cobalt_async.protocol import wire

CANARY = "canary-of-the-wire"
SECRET = "new-secret-of-the-wire-tests"

NAMES = st.sampled_from(
    ["data", "resource", "pagination", "next_page", "prev_page", "id", "name", "secret", "expire_at"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=4),
    max_leaves=20,
)
PAGES = st.fixed_dictionaries(
    {
        "data": VALUES | st.lists(st.fixed_dictionaries({"resource": VALUES}), max_size=3),
        "pagination": VALUES | st.fixed_dictionaries({"next_page": VALUES}),
    }
)


def listing(*resources: object, next_page: object = None) -> dict[str, Any]:
    """A listing as the documents have it."""
    rows = [{"resource": resource} for resource in resources]
    return {"data": rows, "pagination": {"next_page": next_page, "prev_page": None}}


def flaw_of(value: object, read: Any = wire.read_page) -> str:
    """What is wrong with this JSON value, in words."""
    with pytest.raises(wire.Flaw) as caught:
        read(value if isinstance(value, bytes) else json.dumps(value).encode())
    return str(caught.value)


def test_the_documented_page_is_read() -> None:
    """The example of the documents gives its tokens, in order, and its neighbours."""
    body = b"""{"data": [
        {"resource": {"id": "api_a", "name": "ci", "last_characters": "x1Yz", "expire_at": null}},
        {"resource": {"id": "api_b", "name": "\\u00fc", "expire_at": "2030-01-02T03:04:05Z", "owner": {"x": 1}}}
    ], "pagination": {"next_page": "/tokens?cursor=a1b2c3d4", "prev_page": null}, "links": []}"""
    assert wire.read_page(body) == Page(
        (
            Token("api_a", "ci", "x1Yz", None),
            Token("api_b", "ü", None, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ),
        "/tokens?cursor=a1b2c3d4",
        None,
    )


def test_what_is_on_its_way_out_may_be_missing() -> None:
    """`last_characters`, `expire_at` and `prev_page` read as None where they are missing (F7, F8)."""
    body = b'{"data":[{"resource":{"id":"api_a","name":""}}],"pagination":{"next_page":null}}'
    assert wire.read_page(body) == Page((Token("api_a", "", None, None),), None, None)


@pytest.mark.parametrize("wrapped", [False, True])
def test_both_shapes_of_a_refresh_are_read(wrapped: bool) -> None:
    """v1's bare object and v2's `resource` give the same token (F13)."""
    inner = {"id": "api_a", "secret": SECRET, "name": "ci", "expire_at": None, "scopes": ["x"]}
    body = json.dumps({"resource": inner} if wrapped else inner).encode()
    assert wire.read_refreshed(body) == RefreshedToken("api_a", "ci", Secret(SECRET), None)


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({}, "data: missing"),
        ({"data": []}, "pagination: missing"),
        ({"data": [], "pagination": {}}, "pagination.next_page: missing"),
        ({"data": {}, "pagination": {"next_page": None}}, "data: an object where a list is expected"),
        ({"data": None, "pagination": {"next_page": None}}, "data: null where a list is expected"),
        ({"data": CANARY, "pagination": {"next_page": None}}, "data: a string where a list is expected"),
        (listing(next_page=5), "pagination.next_page: a number where a string is expected"),
        (listing(next_page=[CANARY]), "pagination.next_page: a list where a string is expected"),
        (listing({"id": "a", "name": "b"}, {"name": "b"}), "data[1].resource.id: missing"),
        (listing({"id": "a"}), "data[0].resource.name: missing"),
        (listing({"id": 5, "name": CANARY}), "data[0].resource.id: a number where a string is expected"),
        (listing({"id": "a", "name": None}), "data[0].resource.name: null where a string is expected"),
        (listing({"id": "a", "name": True}), "data[0].resource.name: a boolean where a string is expected"),
        (listing({"id": "a", "name": {"x": CANARY}}), "data[0].resource.name: an object where a string is expected"),
        (
            listing({"id": "a", "name": "b", "last_characters": 1234}),
            "data[0].resource.last_characters: a number where a string is expected",
        ),
        (
            listing({"id": "a", "name": "b", "expire_at": CANARY}),
            "data[0].resource.expire_at: a string that is no ISO 8601 time",
        ),
        (
            listing({"id": "a", "name": "b", "expire_at": 1700000000}),
            "data[0].resource.expire_at: a number where a string is expected",
        ),
        (listing({"id": "\ud800", "name": CANARY}), "data[0].resource.id: a string with half a character"),
        ({"data": [{}], "pagination": {"next_page": None}}, "data[0].resource: missing"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_told_by_its_path(body: dict[str, Any], flaw: str) -> None:
    """What does not fit is named by where it stands and what it is, and never by its value."""
    said = flaw_of(body)
    assert said.startswith(flaw)
    assert CANARY not in said


@pytest.mark.parametrize("thing", [None, 5, CANARY, [CANARY], True])
def test_what_is_no_object_is_told_by_its_path(thing: object) -> None:
    """A row, a resource or a pagination that is no object is named by its path, and never by its value."""
    for body, path in [
        ({"data": [thing], "pagination": {"next_page": None}}, "data[0]"),
        (listing(thing), "data[0].resource"),
        ({"data": [], "pagination": thing}, "pagination"),
    ]:
        said = flaw_of(body)
        assert said.startswith(path)
        assert said.endswith((": not an object", ": missing"))
        assert CANARY not in said


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({"id": "a", "name": "b"}, "secret: missing"),
        ({"id": "a", "secret": SECRET}, "name: missing"),
        ({"name": "a", "secret": SECRET}, "id: missing"),
        ({"id": "a", "name": "b", "secret": None}, "secret: null where a string is expected"),
        ({"id": "a", "name": "b", "secret": 5}, "secret: a number where a string is expected"),
        ({"id": "a", "name": "b", "secret": f"{CANARY} x"}, "secret: a string that cannot be a token"),
        ({"id": "a", "name": "b", "secret": ""}, "secret: a string that cannot be a token"),
        ({"resource": {"id": "a", "name": "b"}}, "resource.secret: missing"),
        ({"resource": [CANARY]}, "resource"),
        ({"resource": {}, "secret": SECRET}, "id: missing"),
    ],
)
def test_a_refresh_that_does_not_fit_is_told_by_its_path(body: dict[str, Any], flaw: str) -> None:
    """A refresh's answer without a usable secret, id or name is named by the place, never by the value."""
    said = flaw_of(body, wire.read_refreshed)
    assert said.startswith(flaw)
    assert CANARY not in said


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (b"", "an empty body where a JSON object is expected"),
        (b" \r\n", "an empty body where a JSON object is expected"),
        (b"[]", "a list where a JSON object is expected"),
        (b'"x"', "a string where a JSON object is expected"),
        (b"null", "null where a JSON object is expected"),
        (b"5", "a number where a JSON object is expected"),
        (b"{", "a body that is not JSON"),
        (b"{} x", "a body that is not JSON"),
        (b"<html>canary-of-the-wire</html>", "a body that is not JSON"),
        (b'{"data": NaN}', "a body that is not JSON"),
        (b'{"data": -Infinity}', "a body that is not JSON"),
        (b"{'data': 1}", "a body that is not JSON"),
        (b'{"data": "\xff canary-of-the-wire"}', "a body that is not UTF-8"),
        ('{"data": 1}'.encode("utf-16"), "a body that is not UTF-8"),
        (b'{"a":' * 100_000, "JSON nested too deep"),
        (b'{"data": ' + b"9" * 5000 + b"}", "a body that is not JSON"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_json_object(body: bytes, flaw: str) -> None:
    """Strict UTF-8, strict JSON, an object: anything else is told in words, without a byte of it."""
    for read in (wire.read_page, wire.read_refreshed):
        assert flaw_of(body, read) == flaw


def test_a_byte_order_mark_is_let_pass() -> None:
    """A UTF-8 byte order mark before the object does no harm."""
    assert wire.read_page(b"\xef\xbb\xbf" + json.dumps(listing()).encode()) == Page((), None, None)


@given(
    st.text(" \t\n\r\x0b\x0c\xa0\u2028\ufeff{", max_size=3),
    st.sampled_from(["{}", '{"a": [1, "\u2028"]}', '{"a": 1}{}', "[]", "{", ""]),
    st.text(" \t\n\r\x0b\x0c\xa0\u2028\ufeff\x00}", max_size=3),
)
def test_only_white_space_of_json_may_stand_around(before: str, text: str, after: str) -> None:
    """What stands around the object is let pass where the standard library's decoder lets it pass, and only there."""
    whole = before + text + after
    try:
        value = json.JSONDecoder().decode(whole.removeprefix("\ufeff"))
    except ValueError:
        value = None
    try:
        assert wire.load(whole.encode()) == value
    except wire.Flaw:
        assert not isinstance(value, dict)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-02T03:04:05Z", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-01-02T03:04:05.678+02:00", datetime(2030, 1, 2, 1, 4, 5, 678000, tzinfo=UTC)),
        ("2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2030-01-02", datetime(2030, 1, 2, tzinfo=UTC)),
    ],
)
def test_expire_at_is_aware_and_utc(text: str, moment: datetime) -> None:
    """Whatever zone a time names, or none, it comes out as aware UTC."""
    page = wire.read_page(json.dumps(listing({"id": "a", "name": "b", "expire_at": text})).encode())
    read = page.items[0].expire_at
    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


FIRST, LAST = datetime(1, 1, 3), datetime(9999, 12, 29)  # noqa: DTZ001 - the zone is drawn beside them


@given(st.datetimes(min_value=FIRST, max_value=LAST), st.integers(-1439, 1439))
def test_any_time_keeps_its_moment(naive: datetime, minutes: int) -> None:
    """A time in any zone is the same moment in UTC."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    page = wire.read_page(json.dumps(listing({"id": "a", "name": "b", "expire_at": moment.isoformat()})).encode())
    assert page.items[0].expire_at == moment


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2030-13-01", ""])
def test_a_time_that_does_not_exist_is_a_flaw(text: str) -> None:
    """A time that UTC cannot hold, or no calendar knows, is a flaw and no crash."""
    assert "no ISO 8601 time" in flaw_of(listing({"id": "a", "name": "b", "expire_at": text}))


@given(st.binary() | st.text().map(str.encode))
def test_only_flaws_come_out_of_arbitrary_bytes(body: bytes) -> None:
    """Whatever bytes arrive: a model, or a Flaw of one printable line."""
    for read in (wire.read_page, wire.read_refreshed):
        try:
            read(body)
        except wire.Flaw as flaw:
            assert str(flaw).isprintable()
    assert wire.salvage(body, "api_a") is None or b'"secret"' in body


@given(VALUES | PAGES)
def test_only_flaws_come_out_of_arbitrary_json(value: object) -> None:
    """Whatever JSON arrives, close to the documents or far: a model, or a Flaw of one printable line."""
    body = json.dumps(value).encode()
    for read in (wire.read_page, wire.read_refreshed):
        try:
            read(body)
        except wire.Flaw as flaw:
            assert str(flaw).isprintable()
    wire.salvage(body, "api_a")


@given(st.data())
def test_a_flaw_names_the_place_and_never_the_value(data: st.DataObject) -> None:
    """One wrong value anywhere in a listing is told by its path; its text is in no message and no chain."""
    wrong = data.draw(
        st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, 740740740740, 0.740740740740, True]), label="wrong"
    )
    rows = [{"id": f"api_{number}", "name": "ci", "expire_at": None} for number in range(4)]
    row = data.draw(st.integers(0, 3), label="row")
    field = data.draw(st.sampled_from(["id", "name", "expire_at", "last_characters"]), label="field")
    rows[row][field] = wrong  # type: ignore[assignment]
    try:
        wire.read_page(json.dumps(listing(*rows)).encode())
        assert isinstance(wrong, str)
    except wire.Flaw as flaw:
        assert f"data[{row}].resource.{field}: " in str(flaw)
        assert "canary" not in repr(flaw)
        assert "740740" not in repr(flaw)
        assert flaw.__cause__ is flaw.__context__ is None


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"secret": "new-secret"}', ("api_asked", "")),
        (b'{"secret": "new-secret", "name": "ci"}', ("api_asked", "ci")),
        (b'{"id": "api_b", "name": 5, "secret": "new-secret"}', ("api_b", "")),
        (b'{"resource": {"id": "api_b", "secret": "new-secret"}}', ("api_b", "")),
        (b'{"id": 5, "resource": 7, "secret": "new-secret"}', ("api_asked", "")),
        (b'{"id": "api_b", "secret": "new-secret", "na', ("api_asked", "")),
        (b'<pre>{"secret" : "new-secret"}</pre>', ("api_asked", "")),
        (b'\xff{"secret":"new-secret"}', ("api_asked", "")),
        (b'{"secret": "new-\\u0073ecret"}', ("api_asked", "")),
        (b'{"secret": "new-secret", "copy": {"secret": "new-secret"}}', ("api_asked", "")),
        (b'{"secret": "new-secret"}{"secret": ""}', ("api_asked", "")),
    ],
)
def test_a_whole_secret_is_salvaged(body: bytes, token: tuple[str, str]) -> None:
    """One whole secret in a body that does not fit is found; a missing name is "", a missing id the one asked for."""
    assert wire.salvage(body, "api_asked") == RefreshedToken(*token, Secret("new-secret"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"secret": "new-secr',
        b'{"secret": "new-secret',
        b'{"secret": "new\\',
        b'{"secret": null}',
        b'{"secret": ["new-secret"]}',
        b'{"secret": ""}',
        b'{"secret": "new secret"}',
        b'{"secret": "one-secret", "also": {"secret": "two-secrets"}}',
        b'{"token": "new-secret"}',
    ],
)
def test_a_secret_that_is_cut_or_doubtful_is_never_used(body: bytes) -> None:
    """Half a secret, none, or two that differ are not taken for the secret."""
    assert wire.salvage(body, "api_asked") is None


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60), st.data())
def test_a_prefix_of_an_answer_gives_the_secret_or_nothing(secret: str, data: st.DataObject) -> None:
    """Wherever an answer is cut, what is salvaged is the whole secret or None."""
    body = json.dumps({"id": "api_b", "name": "ci", "secret": secret, "expire_at": None}).encode()
    found = wire.salvage(body[: data.draw(st.integers(0, len(body)))], "api_b")
    assert found is None or found.secret.reveal() == secret
