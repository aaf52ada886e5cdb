import gc
import os
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from cobalt_async import AsyncCobalt, RetryPolicy
from cobalt_async.errors import ConfigurationError
from cobalt_async.rotation import (
    Binding,
    CommandStore,
    FileStore,
    Journal,
    Rotation,
    RotationClass,
    State,
    plan,
    preflight,
    rotate,
)
from cobalt_async.rotation.journal import lock_name
from cobalt_async.testing import CobaltSandbox
from cobalt_async.testing.world import SandboxToken
from tests.canary import Hunter
from tests.rotation.staging import MemoryStore
from tests.rotation.test_records import INTENT


@define
class Desk:
    """A user with two tokens, and what it takes to rotate the first."""

    sandbox: CobaltSandbox
    cobalt: AsyncCobalt
    token: SandboxToken
    sibling: SandboxToken
    folder: Path
    wish: dict[str, Any]

    async def refused(self, token_id: str | None = None, **more: Any) -> str:
        """Why it was, by `rotate` and by `plan`; nothing was sent, written down or changed."""
        wish = {**self.wish, **more}
        before = [token.secret for token in (self.token, self.sibling)]
        rotation = await rotate(self.cobalt, token_id or self.token.id, **wish)
        assert rotation.state is State.REFUSED
        assert rotation.rotation_id is None
        wish = {name: value for name, value in wish.items() if not name.endswith("_ref")}
        if not any(name.endswith("_ref") for name in more):
            with pytest.raises(ConfigurationError) as caught:
                await plan(self.cobalt, token_id or self.token.id, **wish)
            assert str(caught.value) == rotation.why
        assert {seen.method for seen in self.sandbox.requests} <= {"GET"}
        assert [token.secret for token in (self.token, self.sibling)] == before
        hunter = Hunter(*before)
        hunter.look_inside("a rotation", rotation)
        hunter.look("its words", rotation.why, rotation.advice)
        assert hunter.found == []
        assert rotation.why.isprintable()
        return rotation.why

    async def rotated(self, **more: Any) -> Rotation:
        """A rotation that comes to its good end."""
        rotation = await rotate(self.cobalt, self.token.id, **{**self.wish, **more})
        assert rotation.state is State.SUCCESS, rotation.why
        return rotation


@pytest.fixture
def sandbox() -> Iterator[CobaltSandbox]:
    """One on a thread of its own."""
    with CobaltSandbox() as opened:
        yield opened


@pytest.fixture
async def desk(sandbox: CobaltSandbox, tmp_path: Path) -> AsyncIterator[Desk]:
    """All is as it must be."""
    token, sibling = sandbox.add_user("ada", tokens=2).tokens
    (tmp_path / "secret").write_text(token.secret)
    (tmp_path / "secret").chmod(0o600)
    wish = {
        "store": FileStore(tmp_path / "secret"),
        "journal": Journal(tmp_path / "journal"),
        "sibling": sibling.secret,
    }
    retry = RetryPolicy(tries=1)
    async with AsyncCobalt(token.secret, base_url=sandbox.url, retry=retry) as cobalt:
        yield Desk(sandbox, cobalt, token, sibling, tmp_path, wish)


async def test_all_is_as_it_must_be(desk: Desk) -> None:
    """What the refusals below are told from: a plan that sends nothing and leaves nothing, and then a rotation."""
    planned = await plan(desk.cobalt, desk.token.id, **desk.wish)
    assert (planned.rotation_class, planned.binding) == (RotationClass.RECOVERABLE, Binding.DECLARED)
    assert planned.stores == (f"file {desk.folder / 'secret'}",)
    assert planned.spool == desk.folder / "journal" / "spool"
    assert planned.notes == ()
    assert {path.name for path in desk.folder.iterdir()} <= {"secret", ".secret.cobalt-lock", ".secret.lock"}
    assert {seen.method for seen in desk.sandbox.requests} == {"GET"}
    rotation = await desk.rotated()
    assert (rotation.rotation_class, rotation.binding) == (planned.rotation_class, planned.binding)
    assert (desk.folder / "secret").read_text() == desk.token.secret
    assert sum(seen.method == "POST" for seen in desk.sandbox.requests) == 1


async def test_an_id_that_is_not_listed(desk: Desk) -> None:
    """It is told, so that it can be compared."""
    why = await desk.refused("api_unknown")
    assert why.startswith("api_unknown is not among the 2 tokens of this user; compare the id with the listing")


@pytest.mark.parametrize("token_id", ["api_../../x", " ", "*", "pasted-secret-0123456789"])
async def test_what_is_no_id(desk: Desk, token_id: str) -> None:
    """Nothing is asked for its sake, and it is not repeated: it may be a secret."""
    why = await desk.refused(token_id)
    assert why.startswith("token_id: api_ followed by ASCII letters and digits, as GET /tokens lists it")
    assert desk.sandbox.requests == []
    assert (await rotate(desk.cobalt, token_id, **desk.wish)).token_id == ""


async def test_another_users_id(desk: Desk) -> None:
    """It is not in this user's list."""
    stranger = desk.sandbox.add_user("eve", tokens=1).tokens[0]
    assert "is not among the 2 tokens of this user" in await desk.refused(stranger.id)


async def test_a_secret_that_is_dead_or_of_another_region(desk: Desk) -> None:
    """401: nobody can say which of the three it is."""
    desk.cobalt.use_token("a-secret-that-nobody-knows")
    assert "is refused (401) at" in (why := await desk.refused())
    assert "wrong, dead, or of another region" in why


async def test_a_list_that_does_not_come(desk: Desk) -> None:
    """Cobalt is down: nothing is begun."""
    desk.sandbox.faults.answer(503, times=None)
    assert "cannot be listed" in await desk.refused()


async def test_no_sibling(desk: Desk) -> None:
    """ONE_SHOT is accepted, or refused."""
    why = await desk.refused(sibling=None)
    assert why.startswith("ONE_SHOT: ")
    assert "--accept-one-shot" in why
    assert (await desk.rotated(sibling=None, accept_one_shot=True)).rotation_class is RotationClass.ONE_SHOT


async def test_a_sibling_that_is_none(desk: Desk) -> None:
    """The very secret, another user's, and a dead one."""
    stranger = desk.sandbox.add_user("eve", tokens=1).tokens[0]
    assert "the very secret that is being replaced" in await desk.refused(sibling=desk.token.secret)
    assert "the sibling is another user's" in await desk.refused(sibling=stranger.secret)
    assert "the sibling is refused (401)" in await desk.refused(sibling="nobody-knows-this-one")


async def test_a_binding_that_nobody_vouches_for(desk: Desk) -> None:
    """UNBOUND, and a guess that is not accepted, or that two names allow."""
    assert (await desk.refused(binding=Binding.UNBOUND)).startswith("UNBOUND: nothing proves")
    assert (await desk.refused(binding="GUESSED")).startswith("UNBOUND: ")
    desk.sibling.rename(desk.token.name)
    assert (await desk.refused(binding="GUESSED", accept_guess=True)).startswith("UNBOUND: ")
    desk.sibling.rename("another")
    assert (await desk.rotated(binding="GUESSED", accept_guess=True)).binding is Binding.GUESSED


async def test_a_secret_that_the_journal_knows_by_another_id(desk: Desk) -> None:
    """What we issued ourselves is known; under its own id the binding is PROVEN."""
    await desk.rotated()
    desk.sandbox.requests.clear()
    why = await desk.refused(desk.sibling.id, sibling=None, accept_one_shot=True)
    assert f"the journal knows this secret as {desk.token.id}, not as {desk.sibling.id}" in why
    desk.sandbox.requests.clear()
    assert (await desk.rotated(binding=Binding.UNBOUND)).binding is Binding.PROVEN


async def test_an_earlier_rotation_that_is_not_finished(desk: Desk) -> None:
    """Of this token, here; the remedy names it."""
    journal: Journal = desk.wish["journal"]
    journal.prepare()
    begun = {**INTENT.fields(), "token_id": desk.token.id, "base_url": desk.cobalt.base_url}
    journal.begin(type(INTENT).of("rot-left", begun))
    why = await desk.refused()
    assert why.endswith("finish it first: cobalt-async resume rot-left")
    assert "INTENT" in why


async def test_a_rotation_of_the_same_token_under_way(desk: Desk) -> None:
    """The lock is held by somebody: `plan` would wait for nobody, so it is not asked."""
    journal: Journal = desk.wish["journal"]
    journal.prepare()
    with journal.lock(lock_name(desk.cobalt.base_url, desk.token.id)):
        rotation = await rotate(desk.cobalt, desk.token.id, **desk.wish)
    assert rotation.state is State.REFUSED
    assert "another rotation of this token is under way" in rotation.why


async def test_a_store_that_cannot_be_written(desk: Desk) -> None:
    """A folder that is not there, one that others can write to, and a command that fails."""
    (desk.folder / "open").mkdir()
    (desk.folder / "open").chmod(0o777)
    for path in ("none/secret", "open/secret"):
        assert str(desk.folder / path) in await desk.refused(store=FileStore(desk.folder / path))


async def test_a_store_of_ones_own_that_fails(desk: Desk) -> None:
    """Its text may hold a secret, so only the error's name is shown."""
    store = MemoryStore(desk.token.secret)

    async def fail() -> None:
        raise RuntimeError(desk.token.secret)

    store.instead["check"] = fail
    assert "its check failed (RuntimeError); mend it" in await desk.refused(store=store)


async def test_several_stores_of_which_one_cannot_be_written(desk: Desk) -> None:
    """All of them must be."""
    stores = [desk.wish["store"], FileStore(desk.folder / "none" / "secret")]
    assert str(desk.folder / "none") in await desk.refused(store=stores)


async def test_a_reference_that_holds_the_secret_itself(desk: Desk) -> None:
    """What the journal writes down names a secret, and is none."""
    for name in ("secret_ref", "sibling_ref"):
        for text in (desk.token.secret, f"file:/{desk.sibling.secret}"):
            assert "holds the secret itself" in await desk.refused(**{name: text})
    store = CommandStore(["echo", desk.token.secret])
    assert "holds the secret itself" in await desk.refused(store=store)


async def test_a_journal_that_others_can_read(desk: Desk) -> None:
    """The remedy is the command that mends it."""
    (desk.folder / "journal").mkdir()
    (desk.folder / "journal").chmod(0o755)
    assert f"run chmod 700 {desk.folder / 'journal'}" in await desk.refused()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_journal_where_nothing_can_be_written(desk: Desk) -> None:
    """Its folder cannot be made."""
    (desk.folder / "closed").mkdir(mode=0o500)
    assert "the journal cannot be used" in await desk.refused(journal=Journal(desk.folder / "closed" / "journal"))


async def test_a_system_without_modes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows: nothing there keeps a file one's own, or makes a rename last."""
    with monkeypatch.context() as patch:
        patch.setattr(preflight, "os", type("os", (), {"name": "nt"}))
        assert "no file modes" in await desk.refused()


async def test_what_a_store_holds_already_is_said(desk: Desk) -> None:
    """Another secret than the old one: a note, and it is overwritten."""
    (desk.folder / "secret").write_text("something-else-altogether")
    rotation = await desk.rotated()
    assert "it holds another secret than the one being replaced, and will be overwritten" in rotation.notes[0]
    assert (desk.folder / "secret").read_text() == desk.token.secret


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"store": 5}, "store"),
        ({"store": []}, "store"),
        ({"store": [object()]}, "store"),
        ({"journal": "/x"}, "journal"),
        ({"binding": "SURE"}, "binding"),
        ({"sibling": 5}, "sibling"),
        ({"settle": -1}, "settle"),
        ({"settle": float("nan")}, "settle"),
        ({"prove_within": "1"}, "prove_within"),
        ({"old_dead_within": -1.0}, "old_dead_within"),
    ],
    ids=str,
)
async def test_an_argument_of_a_wrong_kind(desk: Desk, wrong: dict[str, Any], named: str) -> None:
    """A mistake in the program: a ConfigurationError that names the argument, before anything is asked."""
    with pytest.raises(ConfigurationError, match=f"^{named}"):
        await rotate(desk.cobalt, desk.token.id, **{**desk.wish, **wrong})
    assert desk.sandbox.requests == []


async def test_a_client_that_is_none_or_has_no_token(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to replace."""
    monkeypatch.delenv("COBALT_API_TOKEN", raising=False)
    for cobalt in (None, AsyncCobalt(base_url=desk.sandbox.url)):
        with pytest.raises(ConfigurationError, match="^cobalt"):
            await rotate(cobalt, desk.token.id, **desk.wish)  # type: ignore[arg-type]


async def test_a_client_that_is_not_open(desk: Desk) -> None:
    """A mistake in the program too: before anything is asked or made, and nothing is left that was never awaited."""
    closed = AsyncCobalt(desk.token.secret, base_url=desk.sandbox.url)
    async with closed:
        pass
    for cobalt, says in ((AsyncCobalt(desk.token.secret, base_url=desk.sandbox.url), "not open"), (closed, "closed")):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(ConfigurationError, match=says):
                await rotate(cobalt, desk.token.id, **desk.wish)
            gc.collect()
        assert told == []
    assert desk.sandbox.requests == []
    assert not (desk.folder / "journal").exists()


async def test_settle_by_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$COBALT_SETTLE_SECONDS` is a number of seconds, or refused."""
    monkeypatch.setenv("COBALT_SETTLE_SECONDS", "soon")
    with pytest.raises(ConfigurationError, match="COBALT_SETTLE_SECONDS: a finite number"):
        await rotate(desk.cobalt, desk.token.id, **desk.wish)
    monkeypatch.setenv("COBALT_SETTLE_SECONDS", "200")
    await desk.rotated()
