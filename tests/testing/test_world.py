import re

import pytest

from cobalt_async.testing import CobaltSandbox
from tests.testing.asking import Ask


def test_ids_and_secrets_look_as_documented() -> None:
    """An id is `api_` and 22 letters and digits; a secret is printable ASCII; no two are alike."""
    tokens = CobaltSandbox().add_user("ada", tokens=50).tokens
    assert all(re.fullmatch(r"api_[A-Za-z0-9]{22}", token.id) for token in tokens)
    assert all(re.fullmatch(r"[!-~]{20,}", token.secret) for token in tokens)
    assert len({token.id for token in tokens} | {token.secret for token in tokens}) == 100


def test_a_seed_repeats_and_no_seed_does_not() -> None:
    """The same seed gives the same ids and secrets; without one they are never the same."""

    def drawn(seed: int | None) -> list[tuple[str, str]]:
        return [(token.id, token.secret) for token in CobaltSandbox(seed=seed).add_user("ada", tokens=3).tokens]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(None) != drawn(None)


async def test_reading_changes_no_secret_to_come(ask: Ask) -> None:
    """With a seed, listing pages in between does not change the secrets drawn later."""
    async with CobaltSandbox(page_size=1, seed=1) as read, CobaltSandbox(page_size=1, seed=1) as unread:
        ada = read.add_user("ada", tokens=2)
        assert (await ask(read, ada.tokens[0].secret)).next_page
        same = unread.add_user("ada", tokens=2)
        assert ada.add_token().secret == same.add_token().secret


def test_no_repr_shows_a_secret() -> None:
    """The repr of a token, a user and a sandbox holds no secret."""
    sandbox = CobaltSandbox()
    user = sandbox.add_user("ada")
    token = user.tokens[0]
    shown = f"{token!r} {user!r} {sandbox!r} {sandbox.users!r} {sandbox.clock!r} {sandbox.faults!r}"
    assert token.secret not in shown
    assert token.id in shown


async def test_a_revoked_token_dies_and_is_not_listed(ask: Ask) -> None:
    """Revoking answers 401 from then on and hides the token; `user.tokens` still has it. Twice is once."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=3)
        gone, other, _ = user.tokens
        gone.revoke()
        gone.revoke()
        assert (await ask(sandbox, gone.secret)).status == 401
        assert (await ask(sandbox, other.secret)).names == ["ada 2", "ada 3"]
        assert user.tokens[0] is gone
        assert (gone.alive, sandbox.alive(gone.secret)) == (False, False)
        assert (other.alive, sandbox.alive(other.secret)) == (True, True)
        assert "revoked" in repr(gone)
        with pytest.raises(RuntimeError, match=f"token {gone.id} is revoked"):
            gone.refresh()


async def test_a_renamed_token_is_listed_by_its_new_name(ask: Ask) -> None:
    """Names can change, and need not be unique."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=2)
        user.tokens[0].rename("ada 2")
        assert (await ask(sandbox, user.tokens[0].secret)).names == ["ada 2", "ada 2"]


async def test_forbidding_answers_403_until_it_is_allowed_again(ask: Ask) -> None:
    """A token or a whole user can be forbidden; both stay alive and listed, and both can be allowed again."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=2)
        first, second = user.tokens
        first.forbid()
        assert (await ask(sandbox, first.secret)).status == 403
        assert (await ask(sandbox, second.secret)).names == ["ada 1", "ada 2"]
        assert (first.alive, first.forbidden, second.forbidden) == (True, True, False)
        user.forbid()
        assert (await ask(sandbox, second.secret)).status == 403
        assert second.forbidden
        user.allow()
        assert [(await ask(sandbox, token.secret)).status for token in user.tokens] == [403, 200]
        first.allow()
        assert (await ask(sandbox, first.secret)).status == 200
        assert sandbox.alive(first.secret)


async def test_a_refresh_elsewhere_changes_the_same_object(ask: Ask) -> None:
    """`token.refresh()` is what a colleague did: the object shows the new secret, the old one gets 401."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        assert token.refresh() == token.secret != old
        assert [(await ask(sandbox, secret)).status for secret in (old, token.secret)] == [401, 200]


async def test_a_secret_and_an_id_can_be_chosen(ask: Ask) -> None:
    """A test can plant a canary: its own secret and id, for a new token and for a refresh."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=0)
        token = user.add_token("mine", secret="canary-1", token_id="api_Mine")
        assert (token.id, token.name, token.secret, token.user) == ("api_Mine", "mine", "canary-1", user)
        token.refresh(secret="canary-2")
        assert (await ask(sandbox, "canary-2")).names == ["mine"]
        assert not sandbox.alive("canary-1")


@pytest.mark.parametrize("secret", ["", "two words", "né", "tab\t", "x" * 513, "taken"])
def test_a_secret_that_cannot_be_is_refused(secret: str) -> None:
    """Blanks, non-ASCII, nothing, too much, or one given out before: ValueError without the value."""
    user = CobaltSandbox().add_user("ada", tokens=0)
    user.add_token(secret="taken", token_id="api_First")
    with pytest.raises(ValueError, match=r"^secret ") as caught:
        user.add_token(secret=secret, token_id="api_Second")
    assert not secret or secret == "taken" or secret not in str(caught.value)
    assert user.add_token(token_id="api_Second").id == "api_Second"


@pytest.mark.parametrize("token_id", ["api_", "tok_1", "api_a/b", "api_é", "api_First"])
def test_an_id_that_cannot_be_is_refused(token_id: str) -> None:
    """An id that does not look like one, or is in use: ValueError."""
    user = CobaltSandbox().add_user("ada", tokens=0)
    user.add_token(token_id="api_First")
    with pytest.raises(ValueError, match=r"^token_id "):
        user.add_token(token_id=token_id)


def test_wrong_names_and_numbers_are_named() -> None:
    """A name must be a str with something in it that UTF-8 can carry, `tokens` a whole number."""
    sandbox = CobaltSandbox()
    for name in ("", 5, None, "\ud800"):
        with pytest.raises(ValueError, match=r"^name must be"):
            sandbox.add_user(name)  # type: ignore[arg-type]
    for tokens in (-1, True, "3"):
        with pytest.raises(ValueError, match=r"^tokens must be"):
            sandbox.add_user("ada", tokens=tokens)  # type: ignore[arg-type]
    token = sandbox.add_user("ada").tokens[0]
    with pytest.raises(ValueError, match=r"^name must be"):
        token.rename("")
    assert [user.name for user in sandbox.users] == ["ada"]
