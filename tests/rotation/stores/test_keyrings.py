import contextlib
import importlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.backends import fail, null

from cobalt_async import Secret
from cobalt_async.errors import ConfigurationError, StoreConflictError, StoreError
from cobalt_async.rotation.stores import KeyringStore
from cobalt_async.rotation.stores.versions import NOTHING
from tests.canary import NEW, TOKEN, hunting
from tests.rotation.stores.keeping import NEW_SECRET, OLD_SECRET, refused

SPARE = "ci.cobalt-new"
PROBE = "ci.cobalt-check"


class InMemory(keyring.backend.KeyringBackend):
    """A keyring of the real library's that no system holds; it fails where it is told to."""

    priority = 1  # the library asks every backend for one

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda call, name: None

    def _note(self, call: str, name: str) -> None:
        self.calls.append((call, name))
        self.before(call, name)

    def set_password(self, service: str, username: str, password: str) -> None:
        assert service == "cobalt"
        self._note("set", username)
        self.held[username] = password

    def get_password(self, service: str, username: str) -> str | None:
        self._note("get", username)
        return self.held.get(username)

    def delete_password(self, service: str, username: str) -> None:
        self._note("delete", username)
        if username not in self.held:
            raise keyring.errors.PasswordDeleteError(username)
        del self.held[username]


class DeletesThenAdds(InMemory):
    """As on macOS: the old value is gone when the new one does not get in."""

    fails_for = "ci"

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held.pop(username, None)
        if username == self.fails_for:
            raise keyring.errors.PasswordSetError(f"Can't store {password} on keychain")
        super().set_password(service, username, password)


class Cuts(InMemory):
    """As on Windows: a long value loses its end."""

    length = 20

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[: self.length])


class Swallows(InMemory):
    """As KWallet: a failure is no error."""

    swallowed: tuple[str, ...] = ("ci", SPARE, PROBE)

    def set_password(self, service: str, username: str, password: str) -> None:
        if username not in self.swallowed:
            super().set_password(service, username, password)


class Fallback(InMemory):
    """Deletes nothing, and says that it did."""

    def delete_password(self, service: str, username: str) -> None:
        self._note("delete", username)


@contextlib.contextmanager
def using(backend: Any) -> Iterator[Any]:
    """The library's own API over this backend."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield backend
    finally:
        keyring.set_keyring(before)


@pytest.fixture
def backend() -> Iterator[InMemory]:
    """A sound keyring that holds the old secret."""
    with using(InMemory()) as sound:
        sound.held["ci"] = TOKEN
        yield sound


def store(**limits: float) -> KeyringStore:
    """The store that the tests write to."""
    return KeyringStore("cobalt", "ci", **limits)


async def test_a_rotation(backend: InMemory) -> None:
    """Checked, read, written and read back; nothing else is left in the keyring."""
    version = await store().check()
    assert backend.held == {"ci": TOKEN}
    assert await store().read() == OLD_SECRET
    await store().write(NEW_SECRET, version)
    assert await store().read() == NEW_SECRET
    assert backend.held == {"ci": NEW}
    assert await store().describe() == "keyring cobalt/ci"


async def test_the_order(backend: InMemory) -> None:
    """The new secret is proved under the other name before the name itself is touched."""
    await store().write(NEW_SECRET, None)
    written = [call for call in backend.calls if call[0] != "get" or call[1] == SPARE]
    assert written == [("get", SPARE), ("set", SPARE), ("get", SPARE), ("set", "ci"), ("delete", SPARE)]
    assert backend.calls[-2] == ("get", "ci")


@pytest.mark.parametrize("held", [{}, {"ci": ""}])
async def test_nothing_there(backend: InMemory, held: dict[str, str]) -> None:
    """An empty value is nothing."""
    backend.held = held
    assert await store().read() is None
    assert await store().check() == NOTHING
    await store().write(NEW_SECRET, NOTHING)
    assert backend.held == {"ci": NEW}


async def test_the_check_is_a_real_write(backend: InMemory) -> None:
    """Under another name, as long as a secret may be, read back and deleted; the name itself is only read."""
    sizes: list[int] = []
    backend.before = lambda call, name: sizes.append(len(backend.held.get(PROBE, "")))
    await store().check()
    assert [call for call in backend.calls if call[1] == PROBE] == [
        ("set", PROBE), ("get", PROBE), ("delete", PROBE), ("get", PROBE)
    ]  # fmt: skip
    assert {name for call, name in backend.calls if call != "get"} == {PROBE}
    assert max(sizes) == 512


async def test_compare_then_write(backend: InMemory) -> None:
    """What somebody else put there since the check stays; the same secret again is no conflict."""
    version = await store().check()
    for spare in ({}, {SPARE: NEW}):
        backend.held = {"ci": "of-somebody-else", **spare}
        with pytest.raises(StoreConflictError, match="another secret than before"):
            await store().write(NEW_SECRET, version)
        assert backend.held == {"ci": "of-somebody-else", **spare}
    backend.held = {}
    with pytest.raises(StoreConflictError, match="nothing any more"):
        await store().write(NEW_SECRET, version)
    backend.held = {"ci": NEW, SPARE: NEW}
    await store().write(NEW_SECRET, version)
    assert backend.held == {"ci": NEW}


async def test_it_deletes_then_fails_to_add() -> None:
    """The name holds nothing, the other name the new secret, and the error says so; the next write finishes it."""
    with using(DeletesThenAdds()) as backend:
        backend.held["ci"] = TOKEN
        version = await store().check()
        with hunting(TOKEN, NEW) as hunter:
            told = await refused(store().write(NEW_SECRET, version), hunter)
        assert hunter.found == []
        assert "the keyring failed (PasswordSetError)" in told
        assert f"the new secret is under the name {SPARE}" in told
        assert backend.held == {SPARE: NEW}
        assert f"is under the name {SPARE}" in await refused(store().write(NEW_SECRET, version))
        assert backend.held == {SPARE: NEW}  # the only copy is not written again
        backend.fails_for = ""
        with pytest.raises(StoreConflictError):
            await store().write(Secret("another-than-was-begun"), version)
        await store().write(NEW_SECRET, version)
        assert backend.held == {"ci": NEW}


async def test_it_deletes_then_fails_to_add_the_other_name() -> None:
    """The name itself was not touched."""
    with using(DeletesThenAdds()) as backend:
        backend.held["ci"] = TOKEN
        backend.fails_for = SPARE
        assert "(PasswordSetError)" in await refused(store().write(NEW_SECRET, None))
        assert backend.held == {"ci": TOKEN}


async def test_it_cuts_long_values() -> None:
    """`check` finds it, with a value as long as a secret may be; and so does a write, before the name is touched."""
    with using(Cuts()) as backend:
        backend.held["ci"] = TOKEN
        assert "is not there, but something else: this keyring cannot hold it" in await refused(store().check())
        assert "something else" in await refused(store().write(NEW_SECRET, None))
        assert backend.held["ci"] == TOKEN


@pytest.mark.parametrize("swallowed", [("ci", SPARE, PROBE), ("ci",)])
async def test_it_swallows_errors(swallowed: tuple[str, ...]) -> None:
    """What was not written is not there when it is read back; the old secret is."""
    with using(Swallows()) as backend:
        backend.held["ci"] = TOKEN
        backend.swallowed = swallowed
        told = await refused(store().write(NEW_SECRET, None))
        assert backend.held["ci"] == TOKEN
        assert ("this keyring cannot hold it" in told) or (SPARE in told and backend.held[SPARE] == NEW)
        if PROBE in swallowed:
            assert "is not there, but nothing" in await refused(store().check())


async def test_it_fails_after_success(backend: InMemory) -> None:
    """An error for a write that happened is an error; the next write finds the secret and tidies up."""

    def failing(call: str, name: str) -> None:
        if (call, name) == ("set", "ci"):
            backend.held["ci"] = NEW
            raise OSError("late")

    version = await store().check()
    backend.before = failing
    await refused(store().write(NEW_SECRET, version))
    backend.before = lambda *_: None
    await store().write(NEW_SECRET, version)
    assert backend.held == {"ci": NEW}


@pytest.mark.parametrize("step", range(7))
@pytest.mark.parametrize("effect", [False, True])
async def test_it_breaks_anywhere(backend: InMemory, step: int, effect: bool) -> None:
    """Whichever call fails, with or without its effect: the old or the new secret is under one of the two names."""
    count = 0

    def failing(call: str, name: str) -> None:
        nonlocal count
        count += 1
        if count == step + 1:
            if call == "set":
                backend.held.pop(name, None)
                if effect:
                    backend.held[name] = NEW
            elif call == "delete" and effect:
                backend.held.pop(name, None)
            raise RuntimeError(f"{TOKEN} {NEW}")

    version = await store().check()
    backend.before = failing
    with hunting(TOKEN, NEW) as hunter, contextlib.suppress(StoreError):
        await store().write(NEW_SECRET, version)
    assert hunter.found == []
    assert {TOKEN, NEW} & {backend.held.get("ci"), backend.held.get(SPARE)}
    backend.before = lambda *_: None
    await store().write(NEW_SECRET, version)
    assert backend.held["ci"] == NEW
    assert backend.held.get(SPARE) in {None, NEW}


@pytest.mark.parametrize("call", ["get", "set", "delete"])
async def test_it_hangs(backend: InMemory, call: str) -> None:
    """Its time is up, an error says so, no further call follows, and nobody waits for it at the end."""
    go = threading.Event()
    before = set(threading.enumerate())

    def hanging(called: str, name: str) -> None:
        if called == call:
            go.wait(60)

    backend.before = hanging
    began = time.monotonic()
    told = await refused(store(seconds=0.2).check())
    assert "the keyring did not answer within 0.2 s; unlock it or set one up" in told
    assert time.monotonic() - began < 20
    assert backend.calls[-1][0] == call
    hung = [thread for thread in threading.enumerate() if thread not in before and thread.name == "keyring"]
    assert [thread.daemon for thread in hung] == [True]
    go.set()
    hung[0].join(60)


@pytest.mark.parametrize(
    "error", [keyring.errors.KeyringLocked(TOKEN), OSError(TOKEN), SystemExit(TOKEN), KeyboardInterrupt(TOKEN)]
)
async def test_it_raises_anything(backend: InMemory, error: BaseException) -> None:
    """Whatever a backend raises is named by its class alone: what it says may hold anything."""

    def failing(call: str, name: str) -> None:
        raise error

    backend.before = failing
    with hunting(TOKEN, NEW) as hunter:
        for doing in (store().check(), store().read(), store().write(NEW_SECRET, None)):
            assert f"the keyring failed ({type(error).__name__})" in await refused(doing, hunter)
    assert hunter.found == []


async def test_there_is_no_backend() -> None:
    """The library's own stand-ins, one that fails and one that does nothing, are no store."""
    with using(fail.Keyring()):  # type: ignore[no-untyped-call]
        assert "the keyring failed (NoKeyringError)" in await refused(store().check())
    with using(null.Keyring()):  # type: ignore[no-untyped-call]
        assert "is not there, but nothing" in await refused(store().check())
        assert "is not there, but nothing" in await refused(store().write(NEW_SECRET, NOTHING))


async def test_it_does_not_delete() -> None:
    """`check` says what it could not take away again; a write leaves a second copy, and that is all."""
    with using(Fallback()) as backend:
        assert f"what is deleted under the name {PROBE} stays; {PROBE} may be left there" in await refused(
            store().check()
        )
        await store().write(NEW_SECRET, None)
        assert (backend.held["ci"], backend.held[SPARE]) == (NEW, NEW)


async def test_it_holds_no_secret(backend: InMemory) -> None:
    """A value that is none is not overwritten."""
    backend.held["ci"] = "two words"
    for doing in (store().check(), store().read(), store().write(NEW_SECRET, None)):
        assert "what ci holds is no secret and would be lost" in await refused(doing)
    backend.held["ci"] = 7  # type: ignore[assignment]
    assert "a token is a str, not int" in await refused(store().read())


async def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install; making the store needs nothing."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "it needs the library keyring; pip install 'cobalt-async[keyring]'" in await refused(store().check())


async def test_the_library_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that it misses in its turn is not taken for the library itself."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(TOKEN, name="jeepney")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert "the keyring failed (ModuleNotFoundError)" in await refused(store().check())


async def test_no_secret_leaks(backend: InMemory, caplog: pytest.LogCaptureFixture) -> None:
    """In no repr, log, error, or name in the keyring."""
    caplog.set_level(logging.DEBUG)
    with hunting(TOKEN, NEW) as hunter:
        kept = store()
        version = await kept.check()
        await kept.write(NEW_SECRET, version)
        hunter.look("store", kept, kept.reference, version, vars(kept), backend.calls)
        await refused(kept.write(OLD_SECRET, version), hunter)
    assert hunter.found == []


@pytest.mark.parametrize(
    ("service", "name"),
    [("", "ci"), ("cobalt", ""), (" ", "ci"), ("cobalt", " ci"), ("cobalt", "a/b"), ("a\nb", "ci"),
     ("cobalt", "x" * 513),     (7, "ci"), ("cobalt", None)],
)  # fmt: skip
def test_no_name(service: Any, name: Any) -> None:
    """A service and a name are texts that a reference can hold."""
    with pytest.raises(ConfigurationError, match=r"^(service|name): "):
        KeyringStore(service, name)
    with pytest.raises(ConfigurationError, match="seconds: more than 0"):
        store(seconds=0)
