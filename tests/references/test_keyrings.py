import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from cobalt_async.audit import Credential
from tests.audit.inventories import CANARY, flaw_of, only_row, rows_of
from tests.canary import TOKEN, hunting


class InMemory(keyring.backend.KeyringBackend):
    """A keyring of the real library's that no system holds."""

    priority = 1  # the library asks every backend for one

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))


@contextlib.contextmanager
def _using(backend: keyring.backend.KeyringBackend) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


@pytest.fixture
def in_memory() -> Iterator[InMemory]:
    """The real library, over a backend in memory."""
    backend = InMemory()
    with _using(backend):
        yield backend


@pytest.mark.parametrize(
    ("reference", "service", "name"),
    [
        ("keyring:cobalt/ci", "cobalt", "ci"),
        ("keyring: cobalt/ci ", "cobalt", "ci"),
        ("keyring:https://api.us.cobalt.io/ci", "https://api.us.cobalt.io", "ci"),
        ("keyring:our vault/ada@example.com", "our vault", "ada@example.com"),
        ("keyring:Ж/日本", "Ж", "日本"),
        ("keyring:a:b/c", "a:b", "c"),
    ],
)
def test_a_secret_in_the_keyring(reference: str, service: str, name: str, in_memory: InMemory) -> None:
    """`keyring:SERVICE/NAME` asks the library, NAME after the last slash; it exposes nothing."""
    in_memory.set_password(service, name, TOKEN)
    assert only_row(reference) == Credential("ci", TOKEN)


@pytest.mark.parametrize("reference", ["keyring:cobalt", "keyring:/ci", "keyring:cobalt/", "keyring:/"])
def test_half_a_name(reference: str, in_memory: InMemory) -> None:
    """Both parts are needed, or the row is bad, and the keyring is not asked."""
    in_memory.held = {("", "ci"): CANARY, ("cobalt", ""): CANARY}
    assert flaw_of(only_row(reference)).startswith("secret_ref: keyring:SERVICE/NAME takes both")


@pytest.mark.usefixtures("in_memory")
def test_the_keyring_holds_nothing() -> None:
    """It says under which name, and how a secret gets there."""
    assert flaw_of(only_row("keyring:cobalt/ci")) == (
        "secret_ref: keyring cobalt/ci: it holds nothing under this name; `keyring set` puts it there"
    )


@pytest.mark.parametrize("text", ["", "two words canary", "canary\n", "canary" * 100])
def test_the_keyring_holds_no_token(text: str, in_memory: InMemory) -> None:
    """It is a bad row, and nothing of it is told."""
    in_memory.set_password("cobalt", "ci", text)
    assert flaw_of(only_row("keyring:cobalt/ci")).startswith("secret_ref: keyring cobalt/ci: a token")


def test_there_is_no_backend() -> None:
    """On a machine without a keyring the library's own backend fails, and so does the row, in one line."""
    from keyring.backends import fail

    with _using(fail.Keyring()):  # type: ignore[no-untyped-call]
        assert flaw_of(only_row("keyring:cobalt/ci")) == (
            "secret_ref: the keyring failed (NoKeyringError); "
            "unlock it or set one up (`keyring --list-backends` shows which there are)"
        )


@pytest.mark.parametrize(
    "error", [keyring.errors.KeyringLocked(CANARY), OSError(CANARY), RuntimeError(CANARY), ImportError(CANARY)]
)
def test_the_backend_fails(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises is named by its class alone: what it says may hold anything."""

    def fail(service: str, name: str) -> str:
        raise error

    with hunting(TOKEN, CANARY) as hunter:
        monkeypatch.setattr(keyring, "get_password", fail)
        row = only_row("keyring:cobalt/ci")
        assert f"failed ({type(error).__name__})" in flaw_of(row)
        hunter.look("row", row)
    assert hunter.found == []


def test_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install; rows that need no keyring are read."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    bad, good = rows_of("label,secret,secret_ref\nci,,keyring:cobalt/ci\ncd,x,\n")
    assert flaw_of(bad) == (
        "secret_ref: keyring: references need the library keyring; pip install 'cobalt-async[keyring]'"
    )
    assert good == Credential("cd", "x")


def test_the_library_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that it misses in its turn is not taken for the library itself."""

    def fail(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named 'jeepney' for {CANARY}", name="jeepney")

    monkeypatch.setattr("cobalt_async.references.keyrings.importlib.import_module", fail)
    assert "the keyring failed (ModuleNotFoundError)" in flaw_of(only_row("keyring:cobalt/ci"))


@pytest.mark.parametrize("value", [b"canary", 7, ["canary"]])
def test_a_backend_that_answers_oddly(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no str is no secret."""
    fake = types.ModuleType("keyring")
    fake.get_password = lambda service, name: value  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert f"a token is a str, not {type(value).__name__}" in flaw_of(only_row("keyring:cobalt/ci"))


def test_the_library_is_imported_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a keyring: reference nothing asks for it."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert rows_of("label,secret_ref\nci,command:echo x\n") == [Credential("ci", "x")]
