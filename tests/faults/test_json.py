"""J rows: what is not the documented JSON has a name, and is never believed by halves."""

import json
from typing import Any

import pytest

from cobalt_async import errors
from tests.faults.raw import NAMED, NEW_SECRET, TOKEN, TOKEN_ID, answer, client, failure, page, raw, refreshed

HTML = b"<html><body>Bad gateway, said the gateway</body></html>"


async def test_j01_an_html_502_is_a_server_error_that_is_not_echoed() -> None:
    """J01: an HTML 502 is ServerError(502) after four tries, its body neither parsed nor shown; a refresh: in doubt."""
    async with raw(answer(502, HTML, kind="text/html")) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), errors.ServerError)
        assert (error.status, error.excerpt, error.foreign, len(server.requests)) == (502, "", True, 4)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 5


@pytest.mark.parametrize("body", [HTML, json.dumps(page("api_a")).encode()], ids=["html", "json in disguise"])
async def test_j02_a_captive_portal_is_unreadable(body: bytes) -> None:
    """J02: a 200 that is not JSON by its content type is UnreadableError, even where it would parse."""
    async with raw(answer(200, body, kind="text/html")) as server, client(server) as cobalt:
        await failure(cobalt.tokens.list(), errors.UnreadableError)
    assert len(server.requests) == 1


async def test_j02_a_portals_answer_to_a_refresh_is_in_doubt() -> None:
    """J02: HTML in answer to a refresh is RefreshInDoubtError; a whole, fitting answer mislabelled is the value."""
    async with raw(answer(200, HTML, kind="text/html"), answer(201, refreshed(), kind="text/plain")) as server:
        async with client(server) as cobalt:
            await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
            assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET


BROKEN: dict[str, bytes] = {
    "J03 empty": b"",
    "J03 blank": b" \r\n\t ",
    "J05 not UTF-8": b'{"data": "\xff\xfe"}',
    "J05 UTF-16": json.dumps(page("api_a")).encode("utf-16"),
    "J07 deep": b'{"data":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "J07 very deep": b"[" * 1_000_000,
    "J09 list": b"[]",
    "J09 string": b'"data"',
    "J09 null": b"null",
    "J09 number": b"200",
    "no JSON": b"{'data': []}",
    "two objects": b"{}{}",
    "NaN": b'{"data": [], "pagination": {"next_page": null}, "x": NaN}',
    "Infinity": b'{"data": [], "pagination": {"next_page": null}, "x": -Infinity}',
    "an endless number": b'{"x": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_j03_to_j09_what_is_not_a_json_object_is_unreadable(case: str) -> None:
    """J03, J05, J07, J09 and kin: UnreadableError after one request, nothing of the body in it; a refresh: in doubt."""
    async with raw(answer(200, BROKEN[case])) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), errors.UnreadableError)
        await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
    assert len(server.requests) == 2
    assert len(str(error)) < 250
    assert error.__context__ is None
    assert error.__cause__ is None


async def test_j04_a_byte_order_mark_is_let_pass() -> None:
    """J04: a BOM before the JSON is decoration: it is read, since the secret behind it could not be had again."""
    marked = b"\xef\xbb\xbf" + json.dumps(page("api_a") | refreshed()).encode()
    async with raw(answer(200, marked)) as server, client(server) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == "api_a"
        assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET


@pytest.mark.parametrize("charset", ["utf-7", "latin-1", "utf-16", "martian"])
async def test_a_charset_is_not_obeyed(charset: str) -> None:
    """JSON is UTF-8 whatever the content type says."""
    async with raw(answer(200, page("api_a"), kind=f"application/json; charset={charset}")) as server:
        async with client(server) as cobalt:
            assert (await cobalt.tokens.list()).items[0].id == "api_a"


NO_SECRET: list[Any] = [
    None,
    "",
    5,
    True,
    ["x"],
    {"a": "b"},
    "with a blank",
    "with\na line",
    "a\ttab",
    "ü",
    "x" * 513,
    ...,
]


@pytest.mark.parametrize("secret", NO_SECRET, ids=repr)
async def test_j12_what_cannot_be_a_secret_is_never_taken_for_one(secret: Any) -> None:
    """J12: `secret` null, empty, a number, missing, or not a token's text: RefreshInDoubtError, never a "None"."""
    body = refreshed(secret)
    if secret is ...:
        del body["secret"]
    async with raw(answer(200, body)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID), errors.RefreshInDoubtError)
        assert cobalt.unclaimed == ()
    assert (error.refreshed, len(server.requests)) == (None, 1)


@pytest.mark.parametrize("spoilt", [{"id": None}, {"name": 5}, {"expire_at": "soon"}, {"id": ["api_x"]}], ids=repr)
async def test_a_whole_secret_in_an_answer_that_does_not_fit_is_kept(spoilt: dict[str, Any]) -> None:
    """Another field is wrong: RefreshError with the secret in `.refreshed`, and `save` has had it."""
    saved: list[str] = []

    async def save(fresh: Any) -> None:
        saved.append(fresh.secret.reveal())

    async with raw(answer(200, refreshed(**spoilt))) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.refresh(TOKEN_ID, save=save), errors.RefreshError)
    assert error.refreshed is not None
    assert (error.refreshed.secret.reveal(), saved) == (NEW_SECRET, [NEW_SECRET])
    assert len(server.requests) == 1


async def test_j14_unknown_fields_are_ignored() -> None:
    """J14: fields that the documents do not name are no reason to fail, at any depth."""
    body = page("api_a") | {"meta": {"x": [1]}}
    body["data"][0]["resource"]["scopes"] = ["all"]
    body["data"][0]["links"] = {}
    body["pagination"]["total"] = 5
    async with raw(answer(200, body), answer(200, refreshed(scopes=[]))) as server, client(server) as cobalt:
        assert (await cobalt.tokens.list()).items[0].id == "api_a"
        assert (await cobalt.tokens.refresh(TOKEN_ID)).secret.reveal() == NEW_SECRET


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 422, 503])
async def test_j16_an_echoed_token_is_redacted(status: int) -> None:
    """J16: an error body that quotes the token is shown without it, on one line, at most 200 characters."""
    said = {"error": f"bad token {TOKEN}\nAuthorization: Bearer {TOKEN}", "more": "word " * 200}
    async with raw(answer(status, said)) as server, client(server) as cobalt:
        error = await failure(cobalt.tokens.list(), NAMED.get(status, errors.RefusedError))
    excerpt = error.excerpt
    assert "bad token [redacted]" in excerpt
    assert len(excerpt) <= 200
    assert excerpt.isprintable()
    assert len(server.requests) == (4 if status == 503 else 1)
