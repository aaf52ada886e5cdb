import pytest

from cobalt_async.testing import CobaltSandbox
from tests.testing.asking import Ask, refresh_of


async def test_the_old_secret_dies_at_once(ask: Ask) -> None:
    """After a refresh the old secret gets 401, the new one works, and the same object shows it."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old, token_id = token.secret, token.id
        reply = await ask(sandbox, old, refresh_of(token.id), method="POST")
        assert reply.json == {"id": token_id, "secret": token.secret, "name": "ada 1", "expire_at": None}
        assert (await ask(sandbox, old)).status == 401
        assert (await ask(sandbox, token.secret)).status == 200
        assert (sandbox.alive(old), sandbox.alive(token.secret)) == (False, True)
        assert token.id == token_id


async def test_the_id_may_change(ask: Ask) -> None:
    """`refreshed_id="new"`: answer, listing and object have the new id, and the old one is 404."""
    async with CobaltSandbox(refreshed_id="new") as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old_id = token.id
        reply = await ask(sandbox, token.secret, refresh_of(old_id), method="POST")
        assert reply.json["id"] == token.id != old_id
        listed = await ask(sandbox, token.secret)
        assert [item["resource"]["id"] for item in listed.json["data"]] == [token.id]
        assert (await ask(sandbox, token.secret, refresh_of(old_id), method="POST")).status == 404


async def test_the_old_secret_may_live_on(ask: Ask) -> None:
    """`old_secret_lives` seconds of the sandbox's clock: dead from then on; a revoke ends it before."""
    async with CobaltSandbox(old_secret_lives=30) as sandbox:
        sandbox.clock.freeze()
        token = sandbox.add_user("ada").tokens[0]
        first = token.secret
        second = token.refresh()
        sandbox.clock.advance(29.9)
        assert [(await ask(sandbox, secret)).status for secret in (first, second)] == [200, 200]
        third = token.refresh()
        sandbox.clock.advance(0.1)
        assert [(await ask(sandbox, secret)).status for secret in (first, second, third)] == [401, 200, 200]
        token.revoke()
        assert [sandbox.alive(secret) for secret in (first, second, third)] == [False] * 3


async def test_a_token_may_be_kept_from_refreshing_itself(ask: Ask) -> None:
    """`self_refresh=False`: 403 for itself and nothing happens; another token of the user may."""
    async with CobaltSandbox(self_refresh=False) as sandbox:
        first, second = sandbox.add_user("ada", tokens=2).tokens
        secret = first.secret
        assert (await ask(sandbox, secret, refresh_of(first.id), method="POST")).status == 403
        assert first.secret == secret
        assert (await ask(sandbox, second.secret, refresh_of(first.id), method="POST")).status == 200
        assert first.secret != secret


async def test_a_forbidden_token_refreshes_nothing(ask: Ask) -> None:
    """403, and the secret stays."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        secret = token.secret
        token.forbid()
        assert (await ask(sandbox, secret, refresh_of(token.id), method="POST")).status == 403
        assert token.secret == secret


@pytest.mark.parametrize("header", ["Idempotency-Key", "Mutation-Check"])
async def test_a_repeated_key_is_409_for_five_minutes(ask: Ask, header: str) -> None:
    """The repeat executes nothing and gives no secret; after exactly five minutes the key is new again."""
    async with CobaltSandbox() as sandbox:
        sandbox.clock.freeze()
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        path, headers = refresh_of(token.id), {header: "key-1"}
        assert (await ask(sandbox, helper.secret, path, method="POST", headers=headers)).status == 200
        secret = token.secret
        sandbox.clock.advance(299.9)
        repeat = await ask(sandbox, helper.secret, path, method="POST", headers=headers)
        assert (repeat.status, token.secret) == (409, secret)
        assert secret.encode() not in repeat.body
        other = {"Idempotency-Key": "key-2"}
        assert (await ask(sandbox, helper.secret, path, method="POST", headers=other)).status == 200
        sandbox.clock.advance(0.1)
        assert (await ask(sandbox, helper.secret, path, method="POST", headers=headers)).status == 200


async def test_a_key_belongs_to_its_user_and_covers_all_their_tokens(ask: Ask) -> None:
    """Another user may use the same key; another token of the same user, or another target, may not."""
    async with CobaltSandbox() as sandbox:
        ada, eve = sandbox.add_user("ada", tokens=3), sandbox.add_user("eve")
        headers = {"Idempotency-Key": "same"}
        statuses = [
            (await ask(sandbox, asker.secret, refresh_of(target.id), method="POST", headers=headers)).status
            for asker, target in [
                (ada.tokens[0], ada.tokens[1]),
                (eve.tokens[0], eve.tokens[0]),
                (ada.tokens[2], ada.tokens[0]),
            ]
        ]
        assert statuses == [200, 200, 409]


async def test_a_key_may_be_ignored(ask: Ask) -> None:
    """`idempotency="ignored"`: the repeat is executed like any other request."""
    async with CobaltSandbox(idempotency="ignored") as sandbox:
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        seen = set()
        for _ in range(2):
            headers = {"Idempotency-Key": "same"}
            reply = await ask(sandbox, helper.secret, refresh_of(token.id), method="POST", headers=headers)
            seen.add(reply.json["secret"])
        assert len(seen) == 2


async def test_the_key_is_not_used_up_by_a_request_that_was_throttled(ask: Ask) -> None:
    """A 509 comes before the key is looked at: the same key works when the window is over."""
    async with CobaltSandbox(rate_limit=True) as sandbox:
        helper, token = sandbox.add_user("ada", tokens=2).tokens
        path = refresh_of(token.id)
        statuses = [
            (await ask(sandbox, helper.secret, path, method="POST", headers={"Idempotency-Key": str(number)})).status
            for number in range(21)
        ]
        assert statuses == [200] * 20 + [509]
        sandbox.clock.advance(60)
        headers = {"Idempotency-Key": "20"}
        assert (await ask(sandbox, helper.secret, path, method="POST", headers=headers)).status == 200


@pytest.mark.parametrize(("key_first", "expected"), [(False, 401), (True, 409)])
async def test_either_may_come_first_for_a_dead_secret_with_a_used_key(
    ask: Ask, *, key_first: bool, expected: int
) -> None:
    """`replayed_key_first` decides between 409 and 401; a new key with a dead secret is 401 either way."""
    async with CobaltSandbox(replayed_key_first=key_first) as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old, path, headers = token.secret, refresh_of(token.id), {"Idempotency-Key": "key-1"}
        assert (await ask(sandbox, old, path, method="POST", headers=headers)).status == 200
        assert (await ask(sandbox, old, path, method="POST", headers=headers)).status == expected
        assert (await ask(sandbox, old, path, method="POST")).status == 401
        assert (await ask(sandbox, "wrong", path, method="POST", headers=headers)).status == 401
        assert (await ask(sandbox, old, headers=headers)).status == 401
