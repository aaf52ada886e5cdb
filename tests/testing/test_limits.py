import pytest

from cobalt_async.testing import CobaltSandbox, RateLimit
from tests.testing.asking import Ask, refresh_of

SMALL = RateLimit(get=3, mutate=2, window=60)


async def test_without_a_limit_there_are_no_windows_and_no_headers(ask: Ask) -> None:
    """By default nothing is counted, and no rate header is sent."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        replies = [await ask(sandbox, secret) for _ in range(120)]
        assert {reply.status for reply in replies} == {200}
        assert not any(name.startswith("X-Rate-Limit") for name in replies[0].headers)


async def test_true_is_the_documented_limit(ask: Ask) -> None:
    """`rate_limit=True` is 100 GETs and 20 mutating requests in 60 s."""
    async with CobaltSandbox(rate_limit=True) as sandbox:
        reply = await ask(sandbox, sandbox.add_user("ada").tokens[0].secret)
        assert reply.headers["X-Rate-Limit-Get-Limit"] == "100"
        assert reply.headers["X-Rate-Limit-Mutate-Limit"] == "20"
        assert reply.headers["X-Rate-Limit-Remaining"] == "99"
    assert RateLimit() == RateLimit(get=100, mutate=20, window=60)


async def test_a_window_has_edges(ask: Ask) -> None:
    """The budget lasts from the first request until exactly `window` seconds later."""
    async with CobaltSandbox(rate_limit=SMALL) as sandbox:
        sandbox.clock.freeze()
        sandbox.clock.set(1234.5)
        secret = sandbox.add_user("ada").tokens[0].secret
        got = []
        for step in (0, 0, 59, 0.9, 0.1, 0, 0, 0):
            sandbox.clock.advance(step)
            reply = await ask(sandbox, secret)
            got.append((reply.status, reply.headers["X-Rate-Limit-Remaining"]))
        assert got == [
            (200, "2"),
            (200, "1"),
            (200, "0"),
            (509, "0"),
            (200, "2"),
            (200, "1"),
            (200, "0"),
            (509, "0"),
        ]


async def test_a_user_has_two_budgets_and_shares_them_among_their_tokens(ask: Ask) -> None:
    """GETs and refreshes are counted apart, all tokens of a user together, users apart; Remaining too."""
    async with CobaltSandbox(rate_limit=SMALL) as sandbox:
        ada, eve = sandbox.add_user("ada", tokens=4), sandbox.add_user("eve")
        assert [(await ask(sandbox, token.secret)).status for token in ada.tokens] == [200, 200, 200, 509]
        path = refresh_of(ada.tokens[3].id)
        refreshed = [await ask(sandbox, ada.tokens[0].secret, path, method="POST") for _ in range(3)]
        assert [reply.status for reply in refreshed] == [200, 200, 509]
        assert [reply.headers["X-Rate-Limit-Remaining"] for reply in refreshed] == ["1", "0", "0"]
        assert (await ask(sandbox, eve.tokens[0].secret)).headers["X-Rate-Limit-Remaining"] == "2"


async def test_a_refused_request_of_a_user_counts_too(ask: Ask) -> None:
    """403, 404 and 422 use up the budget and carry the headers; a 401 has no user, so neither."""
    async with CobaltSandbox(rate_limit=SMALL) as sandbox:
        ada = sandbox.add_user("ada", tokens=2)
        helper, forbidden = ada.tokens
        forbidden.forbid()
        assert (await ask(sandbox, forbidden.secret)).headers["X-Rate-Limit-Remaining"] == "2"
        assert (await ask(sandbox, helper.secret, "/tokens?limit=0")).headers["X-Rate-Limit-Remaining"] == "1"
        missing = await ask(sandbox, helper.secret, refresh_of("api_Unknown"), method="POST")
        assert (missing.status, missing.headers["X-Rate-Limit-Remaining"]) == (404, "1")
        for _ in range(5):
            stranger = await ask(sandbox, "wrong")
            assert (stranger.status, "X-Rate-Limit-Remaining" in stranger.headers) == (401, False)
        assert (await ask(sandbox, helper.secret)).headers["X-Rate-Limit-Remaining"] == "0"


async def test_a_throttled_refresh_executes_nothing(ask: Ask) -> None:
    """Over the limit the secret stays."""
    async with CobaltSandbox(rate_limit=RateLimit(mutate=1)) as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        await ask(sandbox, token.secret, refresh_of(token.id), method="POST")
        secret = token.secret
        assert (await ask(sandbox, secret, refresh_of(token.id), method="POST")).status == 509
        assert token.secret == secret


@pytest.mark.parametrize("status", [509, 429])
@pytest.mark.parametrize("retry_after", [False, True])
async def test_the_limit_answers_as_switched(ask: Ask, *, status: int, retry_after: bool) -> None:
    """509 or 429, with or without the whole seconds left of the window, rounded up."""
    limit = RateLimit(get=1, window=60)
    async with CobaltSandbox(rate_limit=limit, limit_status=status, retry_after=retry_after) as sandbox:  # type: ignore[arg-type]
        sandbox.clock.freeze()
        secret = sandbox.add_user("ada").tokens[0].secret
        allowed = await ask(sandbox, secret)
        assert "Retry-After" not in allowed.headers
        sandbox.clock.advance(17.5)
        reply = await ask(sandbox, secret)
        assert (reply.status, reply.headers.get("Retry-After")) == (status, "43" if retry_after else None)
        assert reply.headers["X-Rate-Limit-Remaining"] == "0"
        sandbox.clock.advance(42.49)
        assert (await ask(sandbox, secret)).headers.get("Retry-After") == ("1" if retry_after else None)


async def test_many_401s_may_be_throttled(ask: Ask) -> None:
    """`unauthorized_limit`: so many 401s in a window, then the limit's status; right tokens are served."""
    async with CobaltSandbox(unauthorized_limit=2, limit_status=429, retry_after=True) as sandbox:
        sandbox.clock.freeze()
        secret = sandbox.add_user("ada").tokens[0].secret
        assert [(await ask(sandbox, f"wrong{n}")).status for n in range(4)] == [401, 401, 429, 429]
        assert (await ask(sandbox, "wrong")).headers["Retry-After"] == "60"
        assert (await ask(sandbox, secret)).status == 200
        sandbox.clock.advance(60)
        assert (await ask(sandbox, "wrong")).status == 401
