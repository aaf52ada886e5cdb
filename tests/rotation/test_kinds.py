"""Arguments, and stores of the caller's own, that are of a wrong kind, or can be known not to work."""

import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cobalt_async.errors import ConfigurationError, UnreadableStoreError
from cobalt_async.rotation import CommandStore, State, plan, resume
from tests.canary import Hunter
from tests.rotation.staging import MemoryStore, Stage, beside, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


async def refused(on: Stage, store: Any, **more: Any) -> str:
    """Why it was; nothing was sent."""
    async with on.client() as cobalt:
        rotation = await on.rotate(cobalt, **{**BRIEF, "store": store, **more})
    assert rotation.state is State.REFUSED, rotation
    assert on.posts == 0
    hunter = Hunter(on.old, on.sibling.secret)
    hunter.look("its words", rotation.why, rotation.advice)
    hunter.look_inside("a rotation", rotation)
    assert hunter.found == []
    return rotation.why


@leaping
async def test_a_store_that_cannot_be_read_back() -> None:
    """Nothing would ever prove it: refused, with the remedy, unless its exit code is to be believed."""
    async with beside() as on:
        why = await refused(on, CommandStore(f"tee {on.folder / 'put'}"))
        assert "command:WRITE >>> READ" in why
        assert "trusted-command:WRITE" in why

        class Blind(MemoryStore):
            trust_exit_code = False

        async def unreadable() -> object:
            raise UnreadableStoreError("a store in memory", "it is so by nature")

        store = Blind(on.old)
        store.instead["read"] = unreadable
        assert "it cannot be read back" in await refused(on, store)
        store.trust_exit_code = True
        async with on.client() as cobalt:
            assert (await on.rotate(cobalt, **{**BRIEF, "store": store})).state is State.SUCCESS
        assert store.text == on.token.secret


@leaping
async def test_a_store_that_holds_the_sibling() -> None:
    """Its living secret would be overwritten."""
    async with beside() as on:
        why = await refused(on, [MemoryStore(on.old), MemoryStore(on.sibling.secret)])
        assert "it holds the sibling's secret" in why


async def test_a_file_that_others_can_read_or_change() -> None:
    """It is a note: the mode stays as it is."""
    for mode in (0o600, 0o640, 0o666):
        async with beside(in_memory=False) as on:
            on.file.chmod(mode)
            async with on.client() as cobalt:
                planned = await plan(cobalt, on.token.id, store=on.store, journal=on.journal, sibling=on.sibling.secret)
            assert ["run chmod 600 on it" in note for note in planned.notes] == [True] * (mode != 0o600)


@pytest.mark.parametrize(
    ("act", "result"),
    [("check", b"7"), ("check", {1}), ("check", 7), ("read", "text"), ("read", b"bytes")],
    ids=str,
)
@leaping
async def test_a_store_that_returns_what_it_should_not(act: str, result: object) -> None:
    """It is said of which kind that is; later on it is a flaw of the store's, and the secret stays in the spool."""
    async with beside() as on:

        class Odd(MemoryStore):
            odd = True

            async def check(self) -> Any:
                return result if self.odd and act == "check" else await super().check()

            async def read(self) -> Any:
                return result if self.odd and act == "read" else await super().read()

        store = Odd(on.old)
        assert f"its {act} gave a" in (why := await refused(on, store))
        assert type(result).__name__ in why
        if act == "read":
            store.odd = False

            async def turns() -> None:
                store.odd = True

            store.instead["write"] = turns
            async with on.client() as cobalt:
                rotation = await on.rotate(cobalt, **{**BRIEF, "store": store})
            assert rotation.state is State.HELD
            assert on.kept() == [on.token.secret]


WRONG: dict[str, Any] = {
    "secret_ref": 5,
    "sibling_ref": b"x",
    "hook": 5,
    "tell": "x",
    "journal": 5,
    "rotation_id": b"x",
    "cobalt": 5,
    "store": None,
}
BOTH = ("hook", "tell", "journal", "store")


@pytest.mark.parametrize("name", WRONG)
@leaping
async def test_an_argument_of_a_wrong_kind(name: str) -> None:
    """Of `rotate`, of `resume`, or of both: a ConfigurationError that names it; no secret is in its frames."""
    async with beside() as on:
        store = MemoryStore(on.old)
        wrong: dict[str, Any] = {name: WRONG[name]}
        if name == "store":
            store.reference = on.old.encode()  # type: ignore[attr-defined]
            wrong = {"store": store}
        async with on.client() as cobalt:
            acts: list[Callable[[], Awaitable[Any]]] = []
            if name in BOTH or name.endswith("_ref"):
                acts.append(lambda: on.rotate(cobalt, **{**BRIEF, "store": store, **wrong}))
            if name in BOTH or name in ("rotation_id", "cobalt"):
                acts.append(lambda: _resume(on, **{"store": store, **wrong}))
            for act in acts:
                with pytest.raises(ConfigurationError, match=f"^{name}: ") as caught:
                    await act()
                hunter = Hunter(on.sibling.secret, on.token.secret)
                error = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
                own = [frame for frame in error.stack if "cobalt_async/" in frame.filename]
                hunter.look("its frames", *(str(frame.locals) for frame in own))
                assert hunter.found == []
        assert on.posts == 0


async def _resume(on: Stage, **given: Any) -> object:
    arguments = {"journal": on.journal, "secret": on.old, "sibling": on.sibling.secret, **given}
    return await resume(arguments.pop("journal"), arguments.pop("rotation_id", None), **arguments)
