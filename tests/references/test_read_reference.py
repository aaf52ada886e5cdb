from pathlib import Path

import keyring
import pytest

from cobalt_async import Secret
from cobalt_async.errors import ConfigurationError
from cobalt_async.references import read_reference
from tests.canary import TOKEN, hunting


def test_each_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable, a file beside `folder`, the keyring, a command: each gives its secret."""
    (tmp_path / "token").write_text("from-file\n")
    monkeypatch.setenv("CI_TOKEN", "from-env")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"from-{service}-{name}")
    assert read_reference("env:CI_TOKEN") == Secret("from-env")
    assert read_reference("file:token", folder=str(tmp_path)) == Secret("from-file")
    assert read_reference("keyring:a/b") == Secret("from-a-b")
    assert read_reference("command:echo from-command") == Secret("from-command")


def test_a_relative_path_starts_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder it is the working directory."""
    (tmp_path / "token").write_text("from-file")
    monkeypatch.chdir(str(tmp_path))
    assert read_reference("file:token") == Secret("from-file")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:NOT_SET_ANYWHERE", "the environment variable NOT_SET_ANYWHERE is not set"),
        (TOKEN, "it is none of env:NAME, file:PATH, keyring:SERVICE/NAME or command:PROGRAM ARGUMENTS"),
        (f"command:false {TOKEN}", "command false: its exit code is 1; run it by hand to see why"),
        (f"command:true {TOKEN}", "command true: it wrote nothing to its standard output"),
        ("command:sleep 60", "command sleep: it did not end within 0.2 s, and was ended"),
        (7, "a str, not int"),
        ([TOKEN], "a str, not list"),
    ],
)
def test_no_secret(reference: str, message: str) -> None:
    """ConfigurationError, one line that begins with the argument's name and repeats no secret."""
    with hunting(TOKEN) as hunter:
        with pytest.raises(ConfigurationError) as caught:
            read_reference(reference, seconds=0.2)
        assert str(caught.value) == f"secret_ref: {message}"
        hunter.look_at_error(caught.value)
        with pytest.raises(ConfigurationError, match="^sibling_ref: "):
            read_reference(reference, seconds=0.2, argument="sibling_ref")
    assert hunter.found == []


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), "1", True])
def test_no_time_limit(seconds: float) -> None:
    """`seconds` is more than 0 and finite."""
    with pytest.raises(ConfigurationError, match="seconds: more than 0 and finite"):
        read_reference("env:X", seconds=seconds)
