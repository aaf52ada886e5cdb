import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Page, RefreshedToken, Secret, errors
from cobalt_async.protocol import answers, requests
from cobalt_async.protocol.answers import Response

TOKEN = Secret("canary-of-the-answers-0123456789")
GET = requests.list_tokens()
PAGE = b'{"data":[],"pagination":{"next_page":null}}'

STATUSES: dict[int, type[errors.CobaltError]] = {
    400: errors.BadRequestError,
    401: errors.UnauthorizedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    405: errors.RefusedError,
    406: errors.RefusedError,
    408: errors.RefusedError,
    409: errors.ConflictError,
    410: errors.GoneError,
    418: errors.RefusedError,
    422: errors.UnprocessableError,
    429: errors.RateLimitedError,
    451: errors.RefusedError,
    499: errors.RefusedError,
    500: errors.ServerError,
    503: errors.ServerError,
    509: errors.RateLimitedError,
    599: errors.ServerError,
    101: errors.UnreadableError,
    201: errors.UnreadableError,
    204: errors.UnreadableError,
    206: errors.UnreadableError,
    301: errors.UnreadableError,
    304: errors.UnreadableError,
    307: errors.UnreadableError,
    600: errors.UnreadableError,
    999: errors.UnreadableError,
}


def reply(status: int = 200, body: bytes = PAGE, kind: str | None = "application/json", **more: Any) -> Response:
    """A response as the transport would give it."""
    return Response(status, {} if kind is None else {"Content-Type": kind}, body, **more)


def refused(body: bytes, status: int = 400, kind: str = "application/json") -> errors.RefusedError:
    """The refusal that this body makes."""
    error = answers.refusal(GET, reply(status, body, kind), TOKEN)
    assert isinstance(error, errors.RefusedError)
    return error


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_each_status_is_its_own_error(status: int, kind: type[errors.CobaltError]) -> None:
    """Only 200 is a page; every other status is exactly the error that the contract names."""
    with pytest.raises(kind) as caught:
        answers.read_page(GET, reply(status), TOKEN)
    assert type(caught.value) is kind
    if isinstance(caught.value, errors.RefusedError):
        assert caught.value.status == status
    else:
        assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [None, "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/json",
     "application/vnd.cobalt.v1+json", "application/vnd.cobalt.v2+json;charset=utf-7"],
)  # fmt: skip
def test_a_page_is_json_by_whatever_name(kind: str | None) -> None:
    """JSON's names, a vendor's `+json`, and no name at all are read, as UTF-8 whatever charset they claim."""
    assert answers.read_page(GET, reply(kind=kind), TOKEN) == Page((), None, None)


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/octet-stream", "", "json", "text/x+json"])
def test_a_page_of_another_kind_is_unreadable(kind: str) -> None:
    """A portal's page with status 200 is no listing, whatever stands in it."""
    with pytest.raises(errors.UnreadableError, match="not JSON by its content type"):
        answers.read_page(GET, reply(kind=kind), TOKEN)


def test_a_page_that_was_cut_got_no_whole_answer() -> None:
    """A connection that ends in the body is a NoAnswerError; a body with another flaw is unreadable."""
    with pytest.raises(errors.NoAnswerError, match="the connection ended"):
        answers.read_page(GET, reply(flaw="the connection ended inside the body", cut=True), TOKEN)
    with pytest.raises(errors.UnreadableError, match="more than 9 bytes"):
        answers.read_page(GET, reply(flaw="a body of more than 9 bytes"), TOKEN)


def test_a_flaw_of_the_body_is_told_and_not_chained() -> None:
    """UnreadableError names the path; neither cause nor context keeps the body."""
    with pytest.raises(errors.UnreadableError, match="got an answer .*: data: missing;") as caught:
        answers.read_page(GET, reply(body=b"{}"), TOKEN)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("path", ["//evil.test/tokens?cursor=a", "", "/tokens"])
def test_a_page_with_an_unsafe_neighbour_is_a_pagination_error(path: str) -> None:
    """`check_next` raises with the cursor of the page that was read, and nothing was delivered."""
    with pytest.raises(errors.PaginationError) as caught:
        answers.check_next(Page((), path), "a1")
    assert (caught.value.cursor, caught.value.items_so_far) == ("a1", 0)
    assert "evil" not in str(caught.value)
    answers.check_next(Page((), None), None)
    answers.check_next(Page((), "/tokens?cursor=b"), None)


def test_a_refusal_quotes_what_was_said() -> None:
    """A short JSON body stands in `.excerpt`, on one line."""
    assert refused(b'{"message":\r\n  "limit is \\u00e4"}').excerpt == '{"message": "limit is \\u00e4"}'
    assert refused(b"").excerpt == ""
    assert refused(b"").foreign is False


def test_what_is_no_json_is_foreign_and_not_quoted() -> None:
    """A gateway's page is marked as foreign, and none of it is shown."""
    error = refused(b"<html>canary</html>", 401, "text/html")
    assert (error.foreign, error.excerpt) == (True, "")


@given(st.text(max_size=2000) | st.binary(max_size=2000).map(lambda raw: raw.decode("latin-1")))
def test_an_excerpt_is_short_and_one_line(text: str) -> None:
    """Whatever a body holds: at most 200 printable characters."""
    excerpt = refused(text.encode()).excerpt
    assert len(excerpt) <= 200
    assert excerpt.isprintable()


@given(st.text(max_size=50), st.text(max_size=50), st.integers(0, 24), st.integers(8, 32))
def test_an_excerpt_never_echoes_the_token(before: str, after: str, start: int, length: int) -> None:
    """A body that echoes the token, or eight characters of it, shows none of these."""
    echo = TOKEN.reveal()[start : start + length]
    excerpt = refused(f"{before}{echo}{after}".encode()).excerpt
    assert not any(TOKEN.reveal()[place : place + 8] in excerpt for place in range(25))


@pytest.mark.parametrize(
    "body",
    [
        b'{"secret": "new-secret"}',
        b'{"error": {"secret":null}}',
        json.dumps({"padding": "x " * 2000, "secret": "new-secret"}).encode(),
    ],
)
def test_nothing_is_quoted_beside_a_secret(body: bytes) -> None:
    """A body with a `secret` key, wherever it stands, has no excerpt at all."""
    assert refused(body).excerpt == ""


def test_what_looks_like_a_token_is_redacted_and_an_id_is_not() -> None:
    """20 characters of a token's alphabet in a row are redacted; a token id stays readable."""
    excerpt = refused(b'{"t": "Zx81nQpLr0aT5vKmWc2e", "id": "api_Dge3LsHMjtX8SGEk4a8nux"}').excerpt
    assert excerpt == '{"t": "[redacted]", "id": "api_Dge3LsHMjtX8SGEk4a8nux"}'


def test_a_rate_limit_carries_its_wait() -> None:
    """What the response says of the wait stands in `.retry_after`."""
    error = answers.refusal(GET, reply(509, b"", retry_after=12.5), TOKEN)
    assert isinstance(error, errors.RateLimitedError)
    assert error.retry_after == 12.5


@given(st.integers(100, 999), st.binary(), st.sampled_from(["application/json", "text/html", "", "\u00e4/+json"]))
def test_only_our_errors_come_out_of_any_response(status: int, body: bytes, kind: str) -> None:
    """Whatever answers: a page, or a CobaltError whose text is one printable line."""
    try:
        answers.read_page(GET, reply(status, body, kind), TOKEN)
    except errors.CobaltError as error:
        assert str(error).isprintable()


def test_a_refresh_is_read_whatever_its_dress() -> None:
    """Content type and 201 are decoration on a refresh: what counts is whether the secret can be read."""
    body = b'{"id":"api_a","name":"ci","secret":"new-secret"}'
    fresh = RefreshedToken("api_a", "ci", Secret("new-secret"))
    assert answers.read_refreshed(reply(201, body, "text/html")) == fresh
    assert answers.read_refreshed(reply(200, body, None)) == fresh


def test_a_refresh_that_does_not_fit_is_told_in_words() -> None:
    """`read_refreshed` says what is wrong: with the body as it came, or with what stands in it."""
    assert answers.read_refreshed(reply(flaw="a body of more than 9 bytes")) == "a body of more than 9 bytes"
    assert answers.read_refreshed(reply(body=b"{}")) == "id: missing"


def test_a_secret_is_salvaged_out_of_a_body_that_was_cut() -> None:
    """The transport's flaw does not keep a whole secret from being found."""
    cut = reply(body=b'{"id":"api_b","secret":"new-secret","na', flaw="the connection ended", cut=True)
    assert answers.salvage(cut, "api_a") == RefreshedToken("api_a", "", Secret("new-secret"))


def test_a_response_does_not_show_its_body() -> None:
    """The repr of a response leaves headers and body out: both may hold a secret."""
    shown = repr(Response(200, {"X-Echo": "canary"}, b"canary"))
    assert "canary" not in shown
    assert "status=200" in shown
