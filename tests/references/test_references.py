import os
import socket
import threading
from pathlib import Path

import pytest

from cobalt_async.audit import Credential, read_inventory
from cobalt_async.errors import ConfigurationError
from cobalt_async.references import Flaw, read_reference
from tests.audit.inventories import CANARY, flaw_of, only_row, rows_of, unprivileged


def _file(path: Path, text: bytes = b"from-file\n", mode: int = 0o600) -> Path:
    path.write_bytes(text)
    path.chmod(mode)
    return path


PASTED = "s7KK8fQ2mZp4Xw9Lc3Rt6Vb1Nd5Hg0Jy8TuEkAiO"  # looks like a secret, and stands where a name belongs


@pytest.mark.parametrize("reference", ["env:CI_TOKEN", " env:CI_TOKEN ", "env: CI_TOKEN"])
def test_a_variable_of_the_environment(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:NAME` is the value of that variable, which exposes nothing."""
    monkeypatch.setenv("CI_TOKEN", "from-env")
    assert only_row(reference) == Credential("ci", "from-env")


def test_a_row_takes_either() -> None:
    """With both columns, each row fills in one of them; what else it declares is the same."""
    first, second = rows_of("label,secret,secret_ref,owner\nci,,command:echo one,Ada\ncd,two,,Bob\n")
    assert first == Credential("ci", "one", owner="Ada")
    assert second == Credential("cd", "two", owner="Bob")


@pytest.mark.parametrize(
    "reference",
    [CANARY, "env", "env:", "env: ", "ENV:X", ":", ":x", f"vault:{CANARY}", f"https://{CANARY}", "file:", "command:  "],
)
def test_no_reference(reference: str) -> None:
    """What is none of the four forms is a bad row that lists them and repeats nothing."""
    flaw = flaw_of(only_row(reference))
    assert flaw == "secret_ref: it is none of env:NAME, file:PATH, keyring:SERVICE/NAME or command:PROGRAM ARGUMENTS"


@pytest.mark.parametrize(
    ("reference", "flaw"),
    [
        (f"env:{CANARY}", "env:NAME takes the name of an environment variable"),
        (f"env:A{CANARY}=x", "env:NAME takes the name"),
        ("env:" + "A" * 65, "env:NAME takes the name"),
        ("env:\u0410BC", "env:NAME takes the name"),
        ("env:NOT_SET_ANYWHERE", "the environment variable NOT_SET_ANYWHERE is not set"),
        ("env:EMPTY_TOKEN", "the environment variable EMPTY_TOKEN is empty"),
        ("env:BAD_TOKEN", "environment variable BAD_TOKEN: a token is printable ASCII"),
        (f"file:a\x1b[2J{CANARY}", "it holds a control character"),
        ("file:" + "x" * 5000, "at most 4096 characters, this one has 5005"),
    ],
)
def test_a_reference_that_leads_nowhere(reference: str, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a bad row that says why."""
    monkeypatch.setenv("EMPTY_TOKEN", "")
    monkeypatch.setenv("BAD_TOKEN", f"{CANARY}\n")
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    assert flaw_of(only_row(reference)).startswith(f"secret_ref: {flaw}")


@pytest.mark.parametrize("text", [b"from-file", b"from-file\n", b"from-file\r\n"])
def test_a_file(text: bytes, tmp_path: Path) -> None:
    """`file:PATH` is what stands in it, without one line end; only its owner can read it: it exposes nothing."""
    path = _file(tmp_path / "a secret, é", text)
    assert only_row(f"file:{path}") == Credential("ci", "from-file")


def test_where_a_relative_path_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the inventory's folder, wherever the process is; at the working directory for a stream."""
    (tmp_path / "away" / "deep").mkdir(parents=True)
    _file(tmp_path / "away" / "token", b"near-the-inventory")
    _file(tmp_path / "token", b"near-the-process")
    _file(tmp_path / "away" / "i.csv", b"label,secret_ref\nci,file:token\ncd,file:../token\n")
    monkeypatch.chdir(tmp_path)
    for source in ("away/i.csv", tmp_path / "away" / "i.csv"):
        assert list(read_inventory(source)) == [
            Credential("ci", "near-the-inventory"),
            Credential("cd", "near-the-process"),
        ]
    assert only_row("file:token") == Credential("ci", "near-the-process")
    monkeypatch.chdir(tmp_path / "away")
    with read_inventory("i.csv") as inventory:
        assert next(inventory) == Credential("ci", "near-the-inventory")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_can_read_or_write(mode: int, tmp_path: Path) -> None:
    """It is no error: the credential says by which path it is exposed; the inventory's own mode counts for nothing."""
    path = _file(tmp_path / "token", mode=mode)
    link = tmp_path / "link"
    link.symlink_to(path)
    _file(tmp_path / "i.csv", b"label,secret_ref\nci,file:token\ncd,file:link\n", 0o644)
    assert list(read_inventory(tmp_path / "i.csv")) == [
        Credential("ci", "from-file", exposed=str(path)),
        Credential("cd", "from-file", exposed=str(link)),
    ]


def test_files_that_hold_no_secret(tmp_path: Path) -> None:
    """Missing, empty, too long, or with more than a secret in it: the path is named, and what to do."""
    missing = tmp_path / "missing"
    assert flaw_of(only_row(f"file:{missing}")) == (
        f"secret_ref: file {missing}: it cannot be read (No such file or directory); mend the path or the permissions"
    )
    for text, flaw in (
        (b"", "it is empty; name a file that holds the secret and nothing else"),
        (b"\n", "it is empty; name"),
        (b" \r\n", "it is empty; name"),
        (f"{CANARY}\n\n".encode(), "a token is printable ASCII"),
        (f"user {CANARY}\n".encode(), "a token is printable ASCII"),
        (f"\ufeff{CANARY}".encode(), "a token is printable ASCII"),
        (f"{CANARY}\0".encode(), "a token is printable ASCII"),
        (f"{CANARY}é".encode("latin-1"), "a token is printable ASCII"),
        (CANARY.encode() * 30, "a token has 1 to 512 characters"),
        (b"x" * 4096, "a token has 1 to 512 characters, this one has 4096"),
        (b"x" * 4097, "it is longer than 4096 bytes; name a file"),
    ):
        path = _file(tmp_path / "token", text)
        assert flaw_of(only_row(f"file:{path}")).startswith(f"secret_ref: file {path}: {flaw}")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """Of a terabyte no more is read than shows that it is too long."""
    path = _file(tmp_path / "huge", b"")
    os.truncate(path, 2**40)
    assert "it is longer than 4096 bytes" in flaw_of(only_row(f"file:{path}"))


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    """A folder, a device, a socket, a FIFO that nobody writes to: a bad row at once, and nothing waits."""
    os.mkfifo(tmp_path / "fifo")
    for path, kind in (
        (tmp_path, "a folder"),
        ("/dev/zero", "no regular file"),
        (tmp_path / "fifo", "no regular file"),
    ):
        assert flaw_of(only_row(f"file:{path}")) == (
            f"secret_ref: file {path}: it is {kind}; name a file that holds the secret and nothing else"
        )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "socket: it cannot be read" in flaw_of(only_row(f"file:{tmp_path / 'socket'}"))


def test_a_fifo_that_somebody_writes_to(tmp_path: Path) -> None:
    """It is no file either, and what is written stays with the writer."""
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "fifo", os.O_WRONLY)
    os.write(writer, CANARY.encode())
    assert "no regular file" in flaw_of(only_row(f"file:{tmp_path / 'fifo'}"))
    assert os.read(reader, 100) == CANARY.encode()
    os.close(reader)
    os.close(writer)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """No permission, a ring of links, a name that no system has: the path is named, and the system's word for it."""
    with unprivileged() as folder:
        path = _file(folder / "token", mode=0)
        assert f"file {path}: it cannot be read (Permission denied)" in flaw_of(only_row(f"file:{path}"))
    ring = tmp_path / "ring"
    ring.symlink_to(ring)
    assert f"file {ring}: it cannot be read (Too many levels of symbolic links)" in flaw_of(only_row(f"file:{ring}"))
    long = f"/{'x' * 2000}/{'y' * 2000}"
    flaw = flaw_of(only_row(f"file:{long}"))
    assert flaw.startswith(f"secret_ref: file /{'x' * 79}…{'y' * 80}: it cannot be read (File name too long)")


def test_a_file_that_fails_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that breaks is a bad row, and its descriptor is closed."""
    path = _file(tmp_path / "token")

    def fail(descriptor: int, size: int) -> bytes:
        opened.append(descriptor)
        raise OSError(5, "Input/output error")

    opened: list[int] = []
    monkeypatch.setattr(os, "read", fail)
    assert "it cannot be read (Input/output error)" in flaw_of(only_row(f"file:{path}"))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_reference_is_followed_when_its_row_is_asked_for(tmp_path: Path) -> None:
    """Not before: a file that appears in time is read, and none is read of a row that is bad for another reason."""
    path = _file(
        tmp_path / "i.csv", b"label,secret_ref,status\nci,file:a,\ncd,file:b,\nci,file:pipe,\nce,file:pipe,odd\n"
    )
    _file(tmp_path / "a")
    os.mkfifo(tmp_path / "pipe")
    with read_inventory(path) as inventory:
        assert isinstance(next(inventory), Credential)
        _file(tmp_path / "b")
        assert isinstance(next(inventory), Credential)
        assert flaw_of(next(inventory)) == "its label stands on line 2 already"
        assert "status" in flaw_of(next(inventory))


def test_a_reference_is_followed_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the thread that reads, and on no other."""
    used: list[threading.Thread] = []

    def note(path: str) -> Flaw:
        used.append(threading.current_thread())
        return Flaw(path)

    monkeypatch.setattr("cobalt_async.references.references.read_secret_file", note)
    thread = threading.Thread(target=only_row, args=("file:x",))
    thread.start()
    thread.join()
    assert used == [thread]


@pytest.mark.parametrize(
    "reference",
    ["env:{}", "file:{}", "file:away/{}", "file:{}/token", "keyring:{}/ada", "keyring:cobalt/{}", "command:{}"],
)
def test_a_secret_in_the_place_of_a_name_is_not_repeated(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a row, nor of what takes one reference; where it leads to nothing, that is said."""
    monkeypatch.setattr("keyring.get_password", lambda service, name: None)
    flaw = flaw_of(only_row(reference.format(PASTED)))
    with pytest.raises(ConfigurationError) as caught:
        read_reference(reference.format(PASTED), argument="--secret-ref")
    for told in (flaw, str(caught.value)):
        assert PASTED[:8] not in told
        assert PASTED[-8:] not in told
        assert "[not repeated here: it looks like a secret]" in told


def test_what_is_there_is_named(tmp_path: Path) -> None:
    """A file may be called like a secret; of a path that leads nowhere the folders that are there are told."""
    empty = _file(tmp_path / PASTED, b"")
    assert flaw_of(only_row(f"file:{empty}")).startswith(f"secret_ref: file {empty}: it is empty")
    assert flaw_of(only_row(f"file:{tmp_path}/{PASTED[::-1]}/x")).startswith(f"secret_ref: file {tmp_path}/[not repea")
