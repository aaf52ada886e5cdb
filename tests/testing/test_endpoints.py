import pytest

from cobalt_async.testing import CobaltSandbox
from tests.testing.asking import V1, V2, Ask, refresh_of


@pytest.mark.parametrize(
    "path", ["/", "/tokens/", "/token", "/tokens/api_x", "/tokens/a/b/refresh", "/tokens//refresh"]
)
async def test_there_is_nothing_elsewhere(ask: Ask, path: str) -> None:
    """Any other path is 404, with a right token too."""
    async with CobaltSandbox() as sandbox:
        assert (await ask(sandbox, sandbox.add_user("ada").tokens[0].secret, path)).status == 404


async def test_other_methods_are_refused_and_the_right_one_is_named(ask: Ask) -> None:
    """On the two paths any other method is 405 with Allow, and executes nothing."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        secret = token.secret
        for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
            reply = await ask(sandbox, secret, method=method)
            assert (reply.status, reply.headers["Allow"]) == (405, "GET")
        for method in ("GET", "PUT", "DELETE"):
            reply = await ask(sandbox, secret, refresh_of(token.id), method=method)
            assert (reply.status, reply.headers["Allow"]) == (405, "POST")
        assert token.secret == secret


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/*", "application/json", "application/vnd.cobalt.v3+json", ""]
)
async def test_another_format_is_406(ask: Ask, accept: str | None) -> None:
    """A missing Accept, and any that names neither version, is 406, whoever asks."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        secret = token.secret
        assert (await ask(sandbox, secret, headers={"Accept": accept})).status == 406
        refused = await ask(sandbox, secret, refresh_of(token.id), method="POST", headers={"Accept": accept})
        assert (refused.status, token.secret) == (406, secret)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (V1, V1),
        (V2, V2),
        (V1.upper(), V1),
        (f"{V2};q=0.9", V2),
        (f"application/json, {V2}", V2),
    ],
)
async def test_the_answer_names_the_version_that_was_asked(ask: Ask, accept: str, answered: str) -> None:
    """The Content-Type is the version's, on answers and refusals alike; both list the same."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        reply = await ask(sandbox, secret, headers={"Accept": accept})
        assert (reply.status, reply.headers["Content-Type"]) == (200, answered)
        assert reply.names == ["ada 1"]
        refused = await ask(sandbox, "wrong", headers={"Accept": accept})
        assert (refused.status, refused.headers["Content-Type"]) == (401, answered)


async def test_a_v2_server_answers_v2_whatever_was_asked(ask: Ask) -> None:
    """`api_version="v2"` wraps a refresh that asked for v1; only v1 from a v1 server is bare."""
    async with CobaltSandbox() as old, CobaltSandbox(api_version="v2") as new:
        shapes = []
        for sandbox in (old, new):
            token = sandbox.add_user("ada").tokens[0]
            for version in ("v1", "v2"):
                path = refresh_of(token.id)
                reply = await ask(sandbox, token.secret, path, method="POST", version=version)
                wrapped = "resource" in reply.json
                resource = reply.json["resource"] if wrapped else reply.json
                assert resource == {
                    "id": token.id,
                    "secret": token.secret,
                    "name": "ada 1",
                    "expire_at": None,
                }
                shapes.append((wrapped, reply.headers["Content-Type"]))
        assert shapes == [(False, V1), (True, V2), (True, V2), (True, V2)]


@pytest.mark.parametrize("content_type", [None, "application/json", V1])
async def test_v2_asks_for_its_content_type_on_a_post(ask: Ask, content_type: str | None) -> None:
    """A v2 refresh without the v2 Content-Type is 406 and executes nothing; a v2 GET has no such rule."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        secret = token.secret
        headers = {"Content-Type": content_type}
        path = refresh_of(token.id)
        refused = await ask(sandbox, secret, path, method="POST", version="v2", headers=headers)
        assert (refused.status, token.secret) == (406, secret)
        assert (await ask(sandbox, secret, version="v2", headers=headers)).status == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer  {}", "Bearer {}x"])
async def test_a_wrong_token_is_401(ask: Ask, authorization: str | None) -> None:
    """No token, another scheme and a wrong token are all 401, on both endpoints; nothing is executed."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        secret = token.secret
        headers = {"Authorization": authorization and authorization.format(secret)}
        assert (await ask(sandbox, None, headers=headers)).status == 401
        refused = await ask(sandbox, None, refresh_of(token.id), method="POST", headers=headers)
        assert (refused.status, token.secret) == (401, secret)


async def test_only_ones_own_tokens_can_be_refreshed(ask: Ask) -> None:
    """An unknown id, a revoked one and another user's are 404, and nothing happens to that token."""
    async with CobaltSandbox() as sandbox:
        ada, eve = sandbox.add_user("ada", tokens=2), sandbox.add_user("eve")
        theirs = eve.tokens[0].secret
        ada.tokens[1].revoke()
        for token_id in ("api_Unknown", ada.tokens[1].id, eve.tokens[0].id, "%2e%2e"):
            assert (await ask(sandbox, ada.tokens[0].secret, refresh_of(token_id), method="POST")).status == 404
        assert eve.tokens[0].secret == theirs


@pytest.mark.parametrize(("switch", "shown"), [("shown", "{}"), ("redacted", "redacted"), ("absent", None)])
async def test_last_characters_are_shown_redacted_or_absent(ask: Ask, switch: str, shown: str | None) -> None:
    """The deprecated field reads as the switch says (F8)."""
    async with CobaltSandbox(last_characters=switch) as sandbox:  # type: ignore[arg-type]
        token = sandbox.add_user("ada").tokens[0]
        resource = (await ask(sandbox, token.secret)).json["data"][0]["resource"]
        assert resource.get("last_characters") == (shown and shown.format(token.secret[-4:]))
        assert ("last_characters" in resource) == (shown is not None)


async def test_names_travel_as_they_are(ask: Ask) -> None:
    """A name with accents, quotes and emoji arrives as it was given."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=0)
        token = user.add_token('Zoë\'s "ключ" \\ 🔑\n')
        reply = await ask(sandbox, token.secret)
        assert reply.names == [token.name]
        assert "ключ".encode() in reply.body
