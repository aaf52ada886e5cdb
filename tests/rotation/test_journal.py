import json
import math
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from cobalt_async import AsyncCobalt
from cobalt_async.audit import Credential, Policy, audit
from cobalt_async.errors import ConfigurationError
from cobalt_async.ledger import RotationRecord
from cobalt_async.rotation import FileStore, Journal, State, records, rotate
from cobalt_async.rotation.intent import Intent
from cobalt_async.rotation.journal import Busy, lock_name
from cobalt_async.testing import CobaltSandbox
from tests.canary import Hunter
from tests.rotation.test_records import INTENT


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal that is not there yet."""
    return Journal(tmp_path / "deep" / "journal")


@pytest.fixture
def sandbox() -> Iterator[CobaltSandbox]:
    """One on a thread of its own."""
    with CobaltSandbox() as opened:
        yield opened


def mode(path: Path) -> int:
    """Its permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_it_makes_is_its_owners_alone(journal: Journal) -> None:
    """Folders 0700, files 0600, whatever the umask; nothing is there before it is prepared."""
    assert journal.entries() == {}
    assert not journal.path.exists()
    before = os.umask(0)
    try:
        journal.prepare()
        journal.begin(INTENT)
    finally:
        os.umask(before)
    made = {path.relative_to(journal.path.parent): mode(path) for path in journal.path.parent.rglob("*")}
    assert {str(path): bits for path, bits in made.items()} == {
        "journal": 0o700,
        "journal/journal.jsonl": 0o600,
        "journal/spool": 0o700,
        "journal/locks": 0o700,
        "journal/locks/journal.lock": 0o600,
    }


def test_a_person_can_read_it(journal: Journal) -> None:
    """One JSON line a record, with its time first and its sum last; the second preparation changes nothing."""
    salt = journal.prepare()
    assert journal.prepare() == salt
    journal.append("rot-1", "SENT", n=1, token_id="api_a", by="self")
    head, sent = (journal.path / "journal.jsonl").read_text().splitlines()
    assert json.loads(head)["schema"] == records.SCHEMA
    assert list(json.loads(sent)) == ["at", "rotation", "kind", "n", "token_id", "by", "sum"]


@pytest.mark.parametrize("bits", [0o701, 0o710, 0o720, 0o704, 0o755, 0o777])
def test_a_folder_that_others_can_look_into_is_refused(journal: Journal, bits: int) -> None:
    """By everything that uses it, with the remedy."""
    journal.prepare()
    journal.path.chmod(bits)
    for use in (journal.prepare, journal.entries, journal.check, lambda: list(journal)):
        with pytest.raises(ConfigurationError, match="others may look into it; run chmod 700"):
            use()


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A file, and a symbolic link to a folder."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(ConfigurationError, match="no folder"):
            Journal(tmp_path / name).entries()


def test_a_journal_file_that_is_a_link_is_refused(journal: Journal, tmp_path: Path) -> None:
    """What somebody planted is neither read nor written."""
    journal.prepare()
    (journal.path / "journal.jsonl").unlink()
    (journal.path / "journal.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigurationError):
        journal.entries()
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP
        journal.append("rot-1", "SENT")
    assert not (tmp_path / "victim").exists()


def test_somebody_elses_folder_is_refused(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it can read it."""
    journal.prepare()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match="another user"):
        journal.entries()


@pytest.mark.parametrize(
    ("system", "state_home", "expected"),
    [
        ("Linux", None, ".local/state/cobalt_async"),
        ("Linux", "", ".local/state/cobalt_async"),
        ("Darwin", None, "Library/Application Support/cobalt_async"),
        ("Linux", "./state", ".local/state/cobalt_async"),
        ("Linux", "elsewhere", "elsewhere/cobalt_async"),
        ("Darwin", "elsewhere", "elsewhere/cobalt_async"),
    ],
)
def test_where_it_is_by_default(
    system: str, state_home: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform's place for what a program must not forget; `$XDG_STATE_HOME` beats it, unless it is relative."""
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((system, *tuple(uname)[1:])))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if state_home is not None:
        monkeypatch.setenv(
            "XDG_STATE_HOME", state_home if state_home in {"", "./state"} else str(tmp_path / state_home)
        )
    assert Journal().path == tmp_path / expected


@pytest.mark.parametrize("home", ["", "somewhere", "./x"])
def test_a_home_that_is_none(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that depends on the folder in which one stands would hide what is unfinished."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    with pytest.raises(ConfigurationError, match="no home folder that begins with /"):
        Journal()


def test_a_file_that_somebody_else_may_have_written(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says leads to refreshes and stores: one that others can write to, or a pipe, is not gone by."""
    journal.prepare()
    file = journal.path / "journal.jsonl"
    for mode in (0o620, 0o602):
        file.chmod(mode)
        with pytest.raises(ConfigurationError, match=f"run chmod 600 {file}"):
            Journal(journal.path).entries()
    file.chmod(0o600)
    owned = os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        found = owned(descriptor)
        return os.stat_result((*tuple(found)[:4], found.st_uid + 1, *tuple(found)[5:]))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", of_another)
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            Journal(journal.path).entries()
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(ConfigurationError, match="no regular file"):
        Journal(journal.path).entries()


def test_a_spool_elsewhere_is_refused(journal: Journal, tmp_path: Path) -> None:
    """A link in its place may lead to where others read, and so may its mode."""
    journal.prepare()
    spool = journal.spool.folder
    spool.chmod(0o755)
    with pytest.raises(ConfigurationError, match=f"run chmod 700 {spool}"):
        journal.prepare()
    spool.rmdir()
    (tmp_path / "elsewhere").mkdir()
    spool.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="it is no folder"):
        journal.prepare()


@pytest.mark.parametrize("salt", ["zz", 5, None, "", "00" * 99])
def test_a_salt_that_is_none(journal: Journal, salt: object) -> None:
    """The next line that has one counts: each intent has it, too; where none does, there is a new one."""
    journal.prepare()
    file = journal.path / "journal.jsonl"
    head = records.write({"kind": "HEAD", "schema": records.SCHEMA, "salt": salt})
    intent = records.write(
        {"at": "2026-11-24T03:00:00+00:00", "rotation": "rot-1", "kind": "INTENT", **INTENT.fields()}
    )
    file.write_bytes(head + intent)
    assert Journal(journal.path).prepare() == INTENT.salt
    file.write_bytes(head)
    assert len(Journal(journal.path).prepare()) == 32


def test_a_journal_of_a_newer_version_is_refused(journal: Journal) -> None:
    """It may say what this one does not understand."""
    journal.prepare()
    with (journal.path / "journal.jsonl").open("ab") as file:
        file.write(records.write({"kind": "HEAD", "schema": 99}))
    with pytest.raises(ConfigurationError, match="newer version"):
        journal.entries()


def test_a_torn_tail_is_closed_and_the_rest_is_read(journal: Journal) -> None:
    """What a crash left of a line; the next one stands on a line of its own."""
    journal.prepare()
    journal.begin(INTENT)
    path = journal.path / "journal.jsonl"
    torn = records.write({"at": "x", "rotation": "rot-1", "kind": "SENT"})[:-9]
    path.write_bytes(path.read_bytes() + torn)
    assert journal.entries()["rot-1"].state == "INTENT"
    journal.append("rot-1", "PROVEN")
    assert journal.entries()["rot-1"].state == "PROVEN"


def test_one_rotation_of_a_user_at_a_time(journal: Journal) -> None:
    """While another token of the same user is being rotated, Busy; another user's is nobody's business."""
    journal.prepare()
    journal.begin(INTENT)
    other = {**INTENT.fields(), "token_id": "api_b"}
    stranger = {**other, "listed": {"api_x": "x"}}
    with journal.lock(lock_name(INTENT.base_url, "api_a")):
        assert journal.is_locked(INTENT)
        with pytest.raises(Busy), journal.lock(lock_name(INTENT.base_url, "api_a")):
            pass
        with pytest.raises(Busy):
            journal.begin(Intent.of("rot-2", other))
        journal.begin(Intent.of("rot-3", stranger))
    assert not journal.is_locked(INTENT)
    journal.begin(Intent.of("rot-2", other))
    assert list(journal.entries()) == ["rot-1", "rot-3", "rot-2"]


def test_a_lock_has_a_name_for_each_token_and_host() -> None:
    """Of letters that any file system takes."""
    names = {
        lock_name("https://api.cobalt.io", "api_a"),
        lock_name("https://api.cobalt.io", "api_b"),
        lock_name("https://api.eu.cobalt.io", "api_a"),
        lock_name("http://127.0.0.1:8000/x/y", "api_a"),
    }
    assert len(names) == 4
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in names)
    assert len(lock_name("https://" + "x" * 999, "api_" + "y" * 999)) < 250


@pytest.mark.parametrize("state", State)
def test_what_a_crash_left_of_a_good_end_is_swept(journal: Journal, state: State) -> None:
    """Never an answer that anybody may still need."""
    journal.prepare()
    journal.begin(INTENT)
    journal.spool.reserve("rot-1", 1)
    journal.spool.keep("rot-1", 1, b"the answer")
    journal.append("rot-1", "ENDED", state=state.value, why="")
    journal.sweep()
    is_swept = not journal.spool.answers("rot-1")
    assert is_swept == (state in {State.SUCCESS, State.ADOPTED, State.NOT_ROTATED})


def test_it_yields_rotation_records(journal: Journal) -> None:
    """One for each rotation, the oldest first."""
    journal.prepare()
    journal.begin(INTENT)
    journal.begin(Intent.of("rot-2", INTENT.fields()))
    assert all(isinstance(record, RotationRecord) for record in journal)
    assert [record.rotation_id for record in journal] == ["rot-1", "rot-2"]


class NineDaysAgo(datetime):
    """A clock that is behind."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "NineDaysAgo":
        return super().now(tz) - timedelta(days=9)


async def test_the_audit_takes_it_as_its_ledger(
    journal: Journal, sandbox: CobaltSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real rotation's record: its old secret is alive after all (CT103), its new one is nine days old (CT601); and
    a rotation that was begun and not ended (CT901).
    """
    token, other = sandbox.add_user("ada", tokens=2).tokens
    old = token.secret
    async with AsyncCobalt(old, base_url=sandbox.url) as cobalt:
        with monkeypatch.context() as patch:
            patch.setattr("cobalt_async.rotation.journal.datetime", NineDaysAgo)
            store = FileStore(tmp_path / "secret")
            rotation = await rotate(cobalt, token.id, store=store, journal=journal, sibling=other.secret)
        assert rotation.state is State.SUCCESS, rotation.why
        journal.begin(Intent.of("rot-left", {**INTENT.fields(), "token_id": other.id}))
        sandbox._world.registry.end_secret(old, at=math.inf)  # a server that forgets what it promised
        people = [Credential("old", old), Credential("new", token.secret)]
        async with audit(cobalt, people, ledger=journal, policy=Policy(rotate_after_days=1)) as run:
            async for _ in run:
                pass
            alerts = run.report().alerts
    found = {(alert.rule, alert.subject) for alert in alerts}
    assert {("CT103", "old"), ("CT601", "new"), ("CT901", other.id)} <= found
    hunter = Hunter(old, token.secret)
    hunter.look("alerts", *alerts)
    assert hunter.found == []
