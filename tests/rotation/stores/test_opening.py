from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async.errors import ConfigurationError
from cobalt_async.rotation.stores import CommandStore, EnvFileStore, FileStore, KeyringStore, SecretStore, open_store
from tests.canary import TOKEN, hunting

FORMS = "file:PATH, env:FILE#NAME, keyring:SERVICE/NAME, command:WRITE [>>> READ] or trusted-command:WRITE"
STORES: list[FileStore | EnvFileStore | KeyringStore | CommandStore] = [
    FileStore("/srv/token"),
    FileStore("relative, é #x"),
    FileStore("/srv/a blank at its end "),
    FileStore(f"/{'x' * 200}" * 40),
    EnvFileStore("/srv/a#b/.env", "NAME_1"),
    EnvFileStore(".env", "N"),
    KeyringStore("https://api.us.cobalt.io", "ci"),
    KeyringStore("cobalt", "ada@example.com"),
    CommandStore("vault kv put -mount=secret ci token=-"),
    CommandStore(["sh", "-c", "cat >>> 'a b'"], read=["cat", "a >>> b"]),
    CommandStore("gh secret set X", trust_exit_code=True),
]


@pytest.mark.parametrize("store", STORES, ids=repr)
def test_there_and_back(store: FileStore | EnvFileStore | KeyringStore | CommandStore) -> None:
    """A store's reference opens an equal store, which has the same one."""
    again = open_store(store.reference)
    assert type(again) is type(store)
    assert again == store
    assert hash(again) == hash(store)
    assert again.reference == store.reference
    assert repr(again) == repr(store)


WORDS = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=9).filter(lambda word: word != ">>>"),
    min_size=1,
    max_size=5,
).filter(lambda words: bool(words[0]) and "=" not in words[0])


@given(WORDS, st.none() | WORDS)
def test_every_command_there_and_back(write: list[str], read: list[str] | None) -> None:
    """Whatever the words hold: quotes, blanks, dollars."""
    store = CommandStore(write, read=read)
    assert open_store(store.reference) == store


def test_stores_differ() -> None:
    """By what they are and where they are, and not by how long they may take."""
    assert len(set(STORES)) == len(STORES)
    assert FileStore("/a") != EnvFileStore("/a", "A")
    assert FileStore("/a") != "file:/a"
    assert CommandStore("cat", seconds=1) == CommandStore("cat", seconds=2)


def test_a_relative_path_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference has the whole path, so that it means the same from elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert open_store("file:token").reference == f"file:{tmp_path}/token"
    assert open_store(" env: x/../.env#A ".strip()).reference == f"env:{tmp_path}/.env#A"


def test_each_is_a_secret_store() -> None:
    """The protocol's four coroutines are there, for a type checker as well."""
    stores: list[SecretStore] = [*STORES]
    assert all(hasattr(store, name) for store in stores for name in ("check", "read", "write", "describe"))


@pytest.mark.parametrize(
    "reference",
    ["", ":", "file", "file:", "file: ", "File:x", "vault:x", "env:x", "env:#A", "env:x#", "keyring:x", "keyring:/x",
     "keyring:x/", "command:", "trusted-command:", TOKEN, f"https://{TOKEN}", "trusted:x", "/srv/token"],
)  # fmt: skip
def test_what_is_no_reference(reference: str) -> None:
    """ConfigurationError that names the forms and repeats nothing: it may be a secret in the wrong place."""
    with hunting(TOKEN) as hunter:
        with pytest.raises(ConfigurationError) as caught:
            open_store(reference)
        hunter.look_at_error(caught.value)
    if not reference.startswith("env:x#"):
        assert str(caught.value) == f"store: it is none of {FORMS}"
    assert hunter.found == []


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("file:a\x1b[2J", "one of file:PATH"),
        (7, "store: a str without control characters, one of file:PATH"),
        ("file:folder/", "path: a file, and folder/ is a folder"),
        ("env:.env#A B", "name: of an environment variable"),
        ("command:'x", "a quote is not closed"),
        ("command:A=1 x", "it begins with an assignment"),
        ("command:x >>>", "^read: "),
        ("command:>>> x", "^write: "),
        ("command:a >>> b >>> c", "^read: a word of it is >>>"),
        ("trusted-command:a >>> b", "trusted-command: it takes no >>>"),
    ],
)
def test_a_reference_that_is_wrong(reference: str, said: str) -> None:
    """It says what is."""
    with pytest.raises(ConfigurationError, match=said):
        open_store(reference)
