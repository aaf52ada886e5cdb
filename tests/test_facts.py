"""One test for each row of api/facts.md, over real HTTP.

What a server does is asked with plain aiohttp; what a host or a client does, with ours.
"""

import http
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal

import aiohttp
import attrs
import pytest

from cobalt_async import AsyncCobalt, Page, RefreshedToken, RetryPolicy, Token, errors
from cobalt_async.testing import CobaltSandbox, RateLimit, SandboxToken

V1 = "application/vnd.cobalt.v1+json"
V2 = "application/vnd.cobalt.v2+json"
ONCE = RetryPolicy(tries=1, max_wait=0)


@attrs.frozen
class Reply:
    """An answer, read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def resources(self) -> list[dict[str, Any]]:
        return [item["resource"] for item in self.json["data"]]


@attrs.frozen
class Wire:
    """Plain HTTP with one secret: nothing is sent that is not said here."""

    session: aiohttp.ClientSession
    sandbox: CobaltSandbox

    async def send(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        url, skipped = self.sandbox.url + path, ["Accept", "Content-Type", "User-Agent"]
        async with self.session.request(method, url, headers=headers, skip_auto_headers=skipped) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, secret: str, path: str = "/tokens", accept: str = V1) -> Reply:
        return await self.send("GET", path, {"Accept": accept, "Authorization": f"Bearer {secret}"})

    async def refresh(self, secret: str, token_id: str, accept: str = V1, **extra: str) -> Reply:
        headers = {"Accept": accept, "Authorization": f"Bearer {secret}"}
        headers |= {name.replace("_", "-"): value for name, value in extra.items()}
        return await self.send("POST", f"/tokens/{token_id}/refresh", headers)


@pytest.fixture
async def sandbox() -> AsyncIterator[CobaltSandbox]:
    """A sandbox as documented, without a rate limit."""
    async with CobaltSandbox() as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain aiohttp session."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as opened:
        yield opened


@pytest.fixture
def wire(session: aiohttp.ClientSession, sandbox: CobaltSandbox) -> Wire:
    """The wire to the sandbox."""
    return Wire(session, sandbox)


@pytest.fixture
def pair(sandbox: CobaltSandbox) -> tuple[SandboxToken, SandboxToken]:
    """Two tokens of one user."""
    first, second = sandbox.add_user("ada", tokens=2).tokens
    return first, second


@pytest.mark.parametrize(
    ("region", "host"), [(None, "api.cobalt.io"), ("us", "api.us.cobalt.io"), ("eu", "api.eu.cobalt.io")]
)
async def test_f01_each_region_has_its_host(
    sandbox: CobaltSandbox,
    monkeypatch: pytest.MonkeyPatch,
    region: Literal["us", "eu"] | None,
    host: str,
) -> None:
    """The client connects to the region's host over TLS: the sandbox, as its proxy, sees which."""
    monkeypatch.delenv("COBALT_REGION", raising=False)
    monkeypatch.delenv("COBALT_BASE_URL", raising=False)
    async with AsyncCobalt("secret", region=region, proxy=sandbox.url, retry=ONCE) as cobalt:
        with pytest.raises(errors.CobaltError):
            await cobalt.tokens.list()
    assert {(seen.method, seen.path) for seen in sandbox.requests} == {("CONNECT", f"{host}:443")}
    assert "Authorization" not in sandbox.requests[0].headers


async def test_f01_a_token_lives_in_one_region(sandbox: CobaltSandbox, session: aiohttp.ClientSession) -> None:
    """A token of one data centre is a wrong token in the other."""
    secret = sandbox.add_user("ada").tokens[0].secret
    async with CobaltSandbox() as elsewhere:
        assert (await Wire(session, sandbox).get(secret)).status == 200
        assert (await Wire(session, elsewhere).get(secret)).status == 401


async def test_f02_accept_names_a_version_or_is_406(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """Both versions are served; a missing Accept and any other format get 406."""
    secret = pair[0].secret
    assert [(await wire.get(secret, accept=accept)).status for accept in (V1, V2)] == [200, 200]
    for accept in ("*/*", "application/json", "application/vnd.cobalt.v3+json"):
        assert (await wire.get(secret, accept=accept)).status == 406
    assert (await wire.send("GET", "/tokens", {"Authorization": f"Bearer {secret}"})).status == 406


async def test_f03_v2_asks_for_its_content_type_and_v1_does_not(
    wire: Wire, pair: tuple[SandboxToken, SandboxToken]
) -> None:
    """A v2 POST without the v2 Content-Type gets 406 and does nothing; v1 needs none; a GET never does."""
    helper, token = pair
    old = token.secret
    assert (await wire.refresh(helper.secret, token.id, V2)).status == 406
    assert (await wire.refresh(helper.secret, token.id, V2, Content_Type="application/json")).status == 406
    assert token.secret == old
    assert (await wire.refresh(helper.secret, token.id, V2, Content_Type=V2)).status == 200
    assert (await wire.refresh(helper.secret, token.id, V1)).status == 200
    assert (await wire.get(helper.secret, accept=V2)).status == 200


async def test_f04_a_bearer_token_is_all_that_is_needed(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """With it 200, with a wrong one or none 401; nobody sends an X-Org-Token, our client neither."""
    assert (await wire.get(pair[0].secret)).status == 200
    assert (await wire.get("wrong")).status == 401
    assert (await wire.send("GET", "/tokens", {"Accept": V1})).status == 401
    async with AsyncCobalt(pair[0].secret, base_url=wire.sandbox.url) as cobalt:
        assert len((await cobalt.tokens.list()).items) == 2
    assert not any("X-Org-Token" in seen.headers for seen in wire.sandbox.requests)


async def test_f05_a_listing_holds_the_tokens_of_its_own_user(wire: Wire) -> None:
    """Each sees all of theirs and none of another's, and there is no other view."""
    ada, eve = wire.sandbox.add_user("ada", tokens=2), wire.sandbox.add_user("eve", tokens=1)
    for user in (ada, eve):
        listed = [resource["id"] for resource in (await wire.get(user.tokens[0].secret)).resources]
        assert listed == [token.id for token in user.tokens]
    for path in ("/users", "/me", "/self", "/tokens/self", "/tokens/me", f"/tokens/{ada.tokens[0].id}"):
        assert (await wire.get(ada.tokens[0].secret, path)).status == 404


async def test_f06_a_listing_is_the_same_in_both_versions(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """`data` holds `{"resource": …}`, `pagination` two paths or nulls, in v1 and in v2."""
    one, two = await wire.get(pair[0].secret), await wire.get(pair[0].secret, accept=V2)
    assert one.json == two.json
    assert set(one.json) == {"data", "pagination"}
    assert all(set(item) == {"resource"} for item in one.json["data"])
    assert one.json["pagination"] == {"next_page": None, "prev_page": None}


async def test_f07_a_listed_token_has_four_fields(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """`id` begins with `api_`, `expire_at` is null, and there are `name` and `last_characters`."""
    resource = (await wire.get(pair[0].secret)).resources[0]
    assert set(resource) == {"id", "name", "last_characters", "expire_at"}
    assert re.fullmatch(r"api_[A-Za-z0-9]{22}", resource["id"])
    assert (resource["name"], resource["expire_at"]) == ("ada 1", None)


@pytest.mark.parametrize(("switch", "read"), [("shown", "{}"), ("redacted", "redacted"), ("absent", None)])
async def test_f08_last_characters_are_four_or_redacted_and_the_client_reads_both(
    session: aiohttp.ClientSession, switch: Literal["shown", "redacted", "absent"], read: str | None
) -> None:
    """The last four, the word "redacted", or no field at all: the client reads each, the last as None."""
    async with CobaltSandbox(last_characters=switch) as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        expected = read and read.format(token.secret[-4:])
        assert (await Wire(session, sandbox).get(token.secret)).resources[0].get("last_characters") == expected
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            assert [found.last_characters for found in (await cobalt.tokens.list()).items] == [expected]


async def test_f09_limit_defaults_to_ten_and_cursor_selects_a_page(wire: Wire) -> None:
    """Without `limit` a page has 10, with it so many; the cursor of next_page gives the rest."""
    secret = wire.sandbox.add_user("ada", tokens=14).tokens[0].secret
    first = await wire.get(secret)
    assert len(first.resources) == 10
    assert len((await wire.get(secret, "/tokens?limit=3")).resources) == 3
    rest = await wire.get(secret, first.json["pagination"]["next_page"])
    assert [resource["name"] for resource in rest.resources] == ["ada 11", "ada 12", "ada 13", "ada 14"]


async def test_f10_next_page_is_a_path_without_the_limit(wire: Wire) -> None:
    """It is `/tokens?cursor=…`, and page two falls back to 10; the last page has none."""
    secret = wire.sandbox.add_user("ada", tokens=35).tokens[0].secret
    first = await wire.get(secret, "/tokens?limit=20")
    next_page = first.json["pagination"]["next_page"]
    assert re.fullmatch(r"/tokens\?cursor=[a-z0-9]+", next_page)
    second = await wire.get(secret, next_page)
    assert len(second.resources) == 10
    assert re.fullmatch(r"/tokens\?cursor=[a-z0-9]+", second.json["pagination"]["prev_page"])
    last = await wire.get(secret, second.json["pagination"]["next_page"])
    assert (len(last.resources), last.json["pagination"]["next_page"]) == (5, None)


@pytest.mark.parametrize("keeps", [False, True])
async def test_f10_the_client_asks_for_its_limit_on_every_page(*, keeps: bool) -> None:
    """`iter(limit=20)` asks for 20 on each page, once, whether or not next_page carries it."""
    async with CobaltSandbox(next_page_keeps_limit=keeps) as sandbox:
        user = sandbox.add_user("ada", tokens=45)
        async with AsyncCobalt(user.tokens[0].secret, base_url=sandbox.url) as cobalt:
            found = [token.id async for token in cobalt.tokens.iter(limit=20)]
        assert found == [token.id for token in user.tokens]
        assert [seen.path.count("limit=20") for seen in sandbox.requests] == [1, 1, 1]


async def test_f11_names_are_not_unique_and_can_change(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """Two tokens may have one name, and a name may be another at the next listing."""
    pair[1].rename("ada 1")
    assert [resource["name"] for resource in (await wire.get(pair[0].secret)).resources] == ["ada 1", "ada 1"]


async def test_f12_a_refresh_revokes_and_issues_under_the_same_name(
    wire: Wire, pair: tuple[SandboxToken, SandboxToken]
) -> None:
    """The old secret is refused from the very next request on, the new one works, and the name stays."""
    token = pair[1]
    old = token.secret
    fresh = (await wire.refresh(pair[0].secret, token.id)).json
    assert (await wire.get(old)).status == 401
    assert (await wire.get(fresh["secret"])).status == 200
    assert (fresh["name"], fresh["secret"] != old) == (token.name, True)


async def test_f13_v1_answers_bare_and_v2_wrapped(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """The same four fields: at the top in v1, under `resource` in v2; the client reads both."""
    helper, token = pair
    bare = (await wire.refresh(helper.secret, token.id)).json
    wrapped = (await wire.refresh(helper.secret, token.id, V2, Content_Type=V2)).json
    assert set(bare) == set(wrapped["resource"]) == {"id", "secret", "name", "expire_at"}
    assert set(wrapped) == {"resource"}
    versions: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")
    for version in versions:
        async with AsyncCobalt(helper.secret, base_url=wire.sandbox.url, api_version=version) as cobalt:
            assert (await cobalt.tokens.refresh(token.id)).secret.reveal() == token.secret


@pytest.mark.parametrize("ids", ["same", "new"])
async def test_f14_the_id_may_stay_or_change(ids: Literal["same", "new"]) -> None:
    """Either way the answer's id is the one that is listed afterwards, and the client gives it."""
    async with CobaltSandbox(refreshed_id=ids) as sandbox:
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        old_id = token.id
        async with AsyncCobalt(helper.secret, base_url=sandbox.url) as cobalt:
            fresh = await cobalt.tokens.refresh(old_id)
            listed = [found.id for found in (await cobalt.tokens.list()).items]
        assert (fresh.id == old_id) == (ids == "same")
        assert listed == [helper.id, fresh.id]


async def test_f15_the_secret_is_in_that_answer_and_nowhere_else(
    wire: Wire, pair: tuple[SandboxToken, SandboxToken]
) -> None:
    """No header of the answer, no listing and no repeat of the request ever holds it."""
    helper, token = pair
    answer = await wire.refresh(helper.secret, token.id, Idempotency_Key="key")
    secret = answer.json["secret"]
    repeat = await wire.refresh(helper.secret, token.id, Idempotency_Key="key")
    listings = [await wire.get(helper.secret), await wire.get(secret)]
    assert not any(secret in f"{reply.headers}" for reply in (answer, repeat, *listings))
    assert not any(secret.encode() in reply.body for reply in (repeat, *listings))


async def test_f16_there_is_no_create_revoke_or_rename(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """Whatever one might try is 404 or 405 and changes nothing."""
    helper, token = pair
    headers = {"Accept": V1, "Authorization": f"Bearer {helper.secret}"}
    one = f"/tokens/{token.id}"
    tries = [("POST", "/tokens"), ("DELETE", "/tokens"), ("DELETE", one), ("PATCH", one), ("PUT", one)]
    tries += [("POST", f"{one}/revoke"), ("DELETE", f"{one}/refresh")]
    before = (await wire.get(helper.secret)).json
    assert [(await wire.send(method, path, headers)).status in {404, 405} for method, path in tries] == [True] * 7
    assert (await wire.get(helper.secret)).json == before


@pytest.mark.parametrize("header", ["Idempotency_Key", "Mutation_Check"])
async def test_f17_a_key_lives_for_five_minutes(
    wire: Wire, pair: tuple[SandboxToken, SandboxToken], header: str
) -> None:
    """Under either name: refused again until 300 s have passed, and then new."""
    helper, token = pair
    clock = wire.sandbox.clock
    clock.freeze()
    statuses = []
    for pause in (0, 299, 1):
        clock.advance(pause)
        statuses.append((await wire.refresh(helper.secret, token.id, **{header: str(uuid.UUID(int=1))})).status)
    assert statuses == [200, 409, 200]


async def test_f18_a_repeat_is_409_and_never_replays(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """The repeat refreshes nothing, and its answer does not hold the first one's secret."""
    helper, token = pair
    first = await wire.refresh(helper.secret, token.id, Idempotency_Key="key")
    repeat = await wire.refresh(helper.secret, token.id, Idempotency_Key="key")
    assert repeat.status == 409
    assert first.json["secret"] == token.secret
    assert token.secret.encode() not in repeat.body


@pytest.mark.parametrize("idempotency", ["honoured", "ignored"])
async def test_f19_the_client_sends_a_key_and_does_not_rely_on_it(
    idempotency: Literal["honoured", "ignored"],
) -> None:
    """Every refresh carries a new v4 UUID, and works whether the key is looked at or not."""
    async with CobaltSandbox(idempotency=idempotency) as sandbox:
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        async with AsyncCobalt(helper.secret, base_url=sandbox.url) as cobalt:
            for _ in range(2):
                assert (await cobalt.tokens.refresh(token.id)).secret.reveal() == token.secret
        keys = [uuid.UUID(seen.headers["Idempotency-Key"]) for seen in sandbox.requests]
        assert [key.version for key in keys] == [4, 4]
        assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.UnauthorizedError),
        (403, errors.ForbiddenError),
        (404, errors.NotFoundError),
        (405, errors.RefusedError),
        (406, errors.RefusedError),
        (409, errors.ConflictError),
        (410, errors.GoneError),
        (418, errors.RefusedError),
        (422, errors.UnprocessableError),
        (429, errors.RateLimitedError),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
async def test_f20_every_documented_status_is_an_error_of_its_own(
    sandbox: CobaltSandbox, status: int, kind: type[errors.RefusedError]
) -> None:
    """The client raises the error of that status, and it says which."""
    sandbox.faults.answer(status, {"message": "no"}, times=None)
    async with AsyncCobalt("secret", base_url=sandbox.url, retry=ONCE) as cobalt:
        with pytest.raises(errors.RefusedError) as caught:
            await cobalt.tokens.list()
    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b'{"errors": [{"code": 7}]}', "application/json"),
        (b"[[[", "application/json"),
        (b"<html>" + b"x" * 9000, "text/html"),
        (b"\xff\xfe\x00", "application/octet-stream"),
        (b'{"message": "Bearer canary-secret is wrong"}', "application/json"),
    ],
    ids=["empty", "json", "broken", "html", "bytes", "echo"],
)
async def test_f21_no_error_depends_on_its_body(sandbox: CobaltSandbox, body: bytes, content_type: str) -> None:
    """Whatever stands in the body, a 403 is a ForbiddenError with an excerpt that is short and redacted."""
    sandbox.faults.answer(403, body, {"Content-Type": content_type})
    async with AsyncCobalt("canary-secret", base_url=sandbox.url) as cobalt:
        with pytest.raises(errors.ForbiddenError) as caught:
            await cobalt.tokens.list()
    assert len(caught.value.excerpt) <= 200
    assert "canary-secret" not in f"{caught.value!r} {caught.value} {caught.value.excerpt}"


async def used_up(wire: Wire, ask: Callable[[], Any]) -> int:
    """Ask until refused, and count what was allowed."""
    allowed = 0
    while (reply := await ask()).status == 200:
        allowed += 1
    assert reply.status == 509
    assert wire.sandbox.requests
    return allowed


async def test_f22_a_window_of_60_s_has_two_budgets(session: aiohttp.ClientSession) -> None:
    """100 GETs and, apart from them, 20 refreshes; both are back after 60 s and not before."""
    async with CobaltSandbox(rate_limit=True) as sandbox:
        sandbox.clock.freeze()
        wire = Wire(session, sandbox)
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        for pause in (0, 60):
            sandbox.clock.advance(pause)
            assert await used_up(wire, lambda: wire.get(helper.secret)) == 100
            assert await used_up(wire, lambda: wire.refresh(helper.secret, token.id)) == 20
        sandbox.clock.advance(59.9)
        assert (await wire.get(helper.secret)).status == 509


async def test_f23_the_budget_is_the_users(session: aiohttp.ClientSession) -> None:
    """All tokens of a user draw on one budget, and no other user's."""
    async with CobaltSandbox(rate_limit=RateLimit(get=3)) as sandbox:
        wire = Wire(session, sandbox)
        ada, eve = sandbox.add_user("ada", tokens=4), sandbox.add_user("eve")
        assert [(await wire.get(token.secret)).status for token in ada.tokens] == [200, 200, 200, 509]
        assert (await wire.get(eve.tokens[0].secret)).status == 200


async def test_f24_three_headers_and_no_reset(session: aiohttp.ClientSession) -> None:
    """Both limits and what remains of the budget in use; no reset and no Retry-After, over it neither."""
    async with CobaltSandbox(rate_limit=RateLimit(get=2, mutate=2)) as sandbox:
        wire = Wire(session, sandbox)
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        replies = [await wire.get(helper.secret) for _ in range(3)]
        replies.append(await wire.refresh(helper.secret, token.id))
        assert [reply.status for reply in replies] == [200, 200, 509, 200]
        remaining = [reply.headers["X-Rate-Limit-Remaining"] for reply in replies]
        assert remaining == ["1", "0", "0", "1"]
        for reply in replies:
            assert reply.headers["X-Rate-Limit-Get-Limit"] == reply.headers["X-Rate-Limit-Mutate-Limit"] == "2"
            assert sum("rate" in name.lower() or "reset" in name.lower() for name in reply.headers) == 3
            assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("status", [509, 429])
async def test_f25_both_statuses_are_the_same_refusal(status: Literal[509, 429]) -> None:
    """509 and 429 are one RateLimitedError to the client, and both open again with the next window."""
    async with CobaltSandbox(rate_limit=RateLimit(get=1), limit_status=status) as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        for _ in range(2):
            async with AsyncCobalt(secret, base_url=sandbox.url, retry=ONCE) as cobalt:
                await cobalt.tokens.list()
            async with AsyncCobalt(secret, base_url=sandbox.url, retry=ONCE) as cobalt:
                with pytest.raises(errors.RateLimitedError) as caught:
                    await cobalt.tokens.list()
            assert caught.value.status == status
            sandbox.clock.advance(60)


def test_f25_the_standard_library_does_not_know_509() -> None:
    """`http.HTTPStatus(509)` raises ValueError: nothing of ours may look it up there."""
    with pytest.raises(ValueError, match="509"):
        http.HTTPStatus(509)


async def test_f26_a_token_does_not_end_by_itself(wire: Wire, pair: tuple[SandboxToken, SandboxToken]) -> None:
    """A year later it is as alive as before, for whoever holds it; only a revocation ends it."""
    leaver, other = pair
    wire.sandbox.clock.advance(366 * 24 * 3600)
    assert (await wire.get(leaver.secret)).status == 200
    assert {resource["expire_at"] for resource in (await wire.get(leaver.secret)).resources} == {None}
    leaver.revoke()
    assert [(await wire.get(token.secret)).status for token in (leaver, other)] == [401, 200]


async def test_f27_the_api_does_not_tell_and_the_models_do_not_pretend(
    wire: Wire, pair: tuple[SandboxToken, SandboxToken]
) -> None:
    """No answer and no model has a creation date, a use, a scope, an owner, or which token made the call."""
    first, second = pair
    replies = [await wire.get(token.secret) for token in pair]
    assert replies[0].json == replies[1].json
    assert b"ada" not in replies[0].body.replace(b'"ada 1"', b"").replace(b'"ada 2"', b"")
    first.revoke()
    never_was, was = await wire.get("never-was"), await wire.get(first.secret)
    assert (never_was.status, never_was.body) == (was.status, was.body)
    assert set((await wire.refresh(second.secret, second.id)).json) == {"id", "secret", "name", "expire_at"}
    assert set(attrs.fields_dict(Token)) == {"id", "name", "last_characters", "expire_at"}
    assert set(attrs.fields_dict(RefreshedToken)) == {"id", "name", "secret", "expire_at"}
    assert set(attrs.fields_dict(Page)) == {"items", "next_page", "prev_page"}
