import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cobalt_async import Token
from cobalt_async.audit import AuditResult, Verdict
from cobalt_async.audit.facts import Facts
from cobalt_async.errors import ConfigurationError
from cobalt_async.ledger import Ledger, RotationRecord, fingerprint
from tests.audit.keeping import credential, lists, tell
from tests.canary import hunting
from tests.processes import ending

CANARY = "canary-secret-0123456789"
LABEL = "the label of a credential"
FIXED = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def facts() -> Iterator[Facts]:
    """A store that goes away with the test."""
    with closing(Facts()) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a checkpoint goes."""
    return tmp_path / "run.checkpoint"


def test_what_was_told_is_there(facts: Facts) -> None:
    """A result has a row with what was declared; a query sees what is not yet written."""
    declared = credential("ci", owner="Ada", system="Jenkins", token_id="api_1", region="eu", status="active")
    facts.add(declared, AuditResult("ci", Verdict.ALIVE, region="eu"), 1)
    [row] = facts.query("SELECT label, verdict, user, region, owner, system, token_id, status FROM credential")
    assert row == ("ci", "ALIVE", 1, "eu", "Ada", "Jenkins", "api_1", "active")


def test_tokens_come_back_as_they_were_listed(facts: Facts) -> None:
    """Page by page, in order, each field of each token; a name of any script or none that can be seen."""
    first = [Token("api_1", "CI", "abcd", FIXED), Token("api_2", "日本\0\x1b[2J\u202e")]
    facts.list(1, first)
    facts.list(2, [Token("api_9", "")])
    facts.list(1, [Token("api_3", "later")])
    assert facts.tokens(1) == (*first, Token("api_3", "later"))
    assert facts.tokens(7) == ()


def test_a_mark_is_the_ledgers_fingerprint(facts: Facts) -> None:
    """So that records of rotations and words in names can be compared with secrets."""
    held = credential("ci")
    assert facts.mark(held) == fingerprint(held.secret, facts.salt)
    assert len(facts.mark(held)) == 16


def test_no_label_has_a_secrets_mark(facts: Facts) -> None:
    """Whoever puts a secret into the label's column does not make the two comparable."""
    assert facts.label_mark(CANARY) != facts.mark(credential("ci", CANARY))
    assert next(facts.query("SELECT label_mark(?)", ("ci",))) == (facts.label_mark("ci"),)


def test_rotations_are_put_beside_their_secrets() -> None:
    """`replaced_in` and `issued_in` are the ids of the rotations that a secret has a part in."""
    salt = b"the journal's"
    old, new = (fingerprint(credential("ci", text).secret, salt) for text in ("before", "after"))
    record = RotationRecord(
        rotation_id="r1",
        token_id="api_1",
        state="done",
        finished=True,
        started_at=FIXED,
        updated_at=FIXED,
        salt=salt,
        old=old,
        new=new,
    )
    with closing(Facts(ledger=Ledger([record]))) as facts:
        tell(facts, "one", Verdict.DEAD, secret="before")
        tell(facts, "two", Verdict.ALIVE, 1, secret="after")
        tell(facts, "three", Verdict.ALIVE, 1)
        found = list(facts.query("SELECT label, replaced_in, issued_in FROM credential ORDER BY n"))
    assert found == [("one", "r1", None), ("two", None, "r1"), ("three", None, None)]


@pytest.mark.parametrize(
    "merges", [[(3, 2), (2, 1)], [(2, 1), (3, 2)], [(3, 1), (2, 1)], [(3, 2), (3, 1)], [(3, 2), (2, 1), (3, 1), (1, 3)]]
)
def test_users_who_are_one_have_one_number(facts: Facts, merges: list[tuple[int, int]]) -> None:
    """Whatever way they were found to be one, and in whatever order; each id stands there once, the others stay."""
    for user in (1, 2, 3, 4):
        tell(facts, f"label {user}", Verdict.ALIVE, user)
        lists(facts, user, f"api_{user}", "api_shared" if user < 4 else "api_other")
    for user, same_as in merges:
        facts.merge(user, same_as)
    facts.settle()
    users = dict(facts.query("SELECT label, user FROM credential"))
    assert users["label 1"] == users["label 2"] == users["label 3"] == 1
    assert users["label 4"] == 4
    assert sorted(token.id for token in facts.tokens(1)) == ["api_1", "api_2", "api_3", "api_shared"]
    assert [token.id for token in facts.tokens(4)] == ["api_4", "api_other"]
    assert list(facts.query("SELECT DISTINCT user FROM token ORDER BY user")) == [(1,), (4,)]
    assert facts.last_user() == 4


def test_settling_twice(facts: Facts) -> None:
    """What comes after the first time, under a number that is gone by then too, is put in order by the second."""
    lists(facts, 1, "api_1")
    lists(facts, 2, "api_2")
    facts.merge(2, 1)
    facts.settle()
    before = facts.tokens(1)
    tell(facts, "late", Verdict.ALIVE, 2)
    lists(facts, 2, "api_3")
    facts.settle()
    facts.settle()
    assert [token.id for token in facts.tokens(1)] == [*(token.id for token in before), "api_3"]
    assert list(facts.query("SELECT user FROM credential")) == [(1,)]


@pytest.mark.parametrize(
    "where",
    [
        "credential WHERE user = 1",
        "credential WHERE mark = 1",
        "credential WHERE token_id = 1",
        "token WHERE id = 1",
        "token WHERE user = 1",
        "was_token WHERE id = 1",
        "was_token WHERE user = 1",
        "was_credential WHERE mark = 1",
        "was_credential WHERE label_mark = 1",
    ],
)
def test_a_settled_store_answers_by_index(facts: Facts, where: str) -> None:
    """No question of a rule for a mark, a user or an id reads a whole table."""
    facts.settle()
    [*_, plan] = next(facts.query("EXPLAIN QUERY PLAN SELECT * FROM " + where))  # noqa: S608 - the tests' own
    assert plan.startswith("SEARCH"), plan


def test_memory_is_flat(facts: Facts) -> None:
    """Ten times the credentials are not a tenth more memory of Python's, and SQLite's own is bounded by its cache."""

    def fill(start: int, stop: int) -> int:
        for n in range(start, stop):
            tell(facts, f"label {n}", Verdict.ALIVE, n)
            lists(facts, n, f"api_{n}")
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        small, large = fill(0, 1000), fill(1000, 10_000)
    finally:
        tracemalloc.stop()
    assert large - small < 300_000
    assert next(facts.query("PRAGMA cache_size")) == (-2048,)
    assert next(facts.query("PRAGMA temp_store")) == (1,)


def test_a_store_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file of a temporary store has a name, so that none survives the process, however that ends."""
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with closing(Facts()) as facts:
        for n in range(12_000):
            facts.tell(f"name {n}", "x" * 1000)
        assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_its_owners_alone(path: Path) -> None:
    """It holds labels: 0600, whatever the umask, its journal too; and the journal is gone when it is closed."""
    old = os.umask(0)
    try:
        with closing(Facts(path)) as facts:
            for n in range(600):
                tell(facts, f"label {n}", Verdict.ALIVE, 1)
            facts.commit()
            tell(facts, "more", Verdict.ALIVE, 1)
            facts.flush()
            modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == {0o600}
    assert list(path.parent.iterdir()) == [path]


def test_no_secret_is_in_a_checkpoint(path: Path) -> None:
    """Not in the file, not in its journal, and not in the copy that is saved."""
    with closing(Facts(path)) as facts:
        tell(facts, "ci", Verdict.ALIVE, 1, secret=CANARY)
        facts.commit()
        tell(facts, "cd", Verdict.DEAD, secret=f"{CANARY}2")
        facts.flush()
        facts.save(path.with_name("copy"))
        files = [each.read_bytes() for each in path.parent.iterdir()]
    assert len(files) >= 2
    assert not any(CANARY.encode() in text for text in files)


def test_going_on(path: Path) -> None:
    """What has a verdict is known by label and secret, with its user's tokens; the rest is asked again."""
    with closing(Facts(path)) as facts:
        assert not facts.resumed
        salt = facts.salt
        facts.tell("first", b"mark")
        facts.add(credential("ci"), AuditResult("ci", Verdict.ALIVE, region="eu"), 3)
        lists(facts, 3, "api_1", "api_2")
        tell(facts, "dead", Verdict.DEAD)
        tell(facts, "cut", Verdict.NOT_TRIED)
        tell(facts, "doubt", Verdict.INDETERMINATE)
    with closing(Facts(path)) as facts:
        assert facts.resumed
        assert facts.salt == salt
        assert facts.told("first") == b"mark"
        assert facts.told("nothing") is None
        tokens = (Token("api_1", "api_1"), Token("api_2", "api_2"))
        alive = AuditResult("ci", Verdict.ALIVE, tokens=tokens, region="eu", user="user-3")
        assert facts.known(credential("ci")) == (alive, 3)
        assert facts.known(credential("dead")) == (AuditResult("dead", Verdict.DEAD), None)
        for unknown in ("cut", "doubt", "never seen"):
            assert facts.known(credential(unknown)) is None
        assert facts.known(credential("ci", "another secret".replace(" ", "-"))) is None
        assert facts.known(credential("cd", "secret-of-ci")) is None
        assert list(facts.ids()) == [(3, "api_1"), (3, "api_2")]
        assert facts.last_user() == 3
        assert [n for (n,) in facts.query("SELECT COUNT(*) FROM credential")] == [2]


def test_only_an_earlier_run_is_known(path: Path) -> None:
    """A row twice in one inventory is asked twice, whether or not the first result is written yet."""
    Facts(path).close()
    with closing(Facts(path)) as facts:
        tell(facts, "ci", Verdict.DEAD)
        facts.commit()
        assert facts.known(credential("ci")) is None


def test_what_is_declared_now_counts(path: Path) -> None:
    """An inventory whose owner, status or date was mended in between is the one that rules go by."""
    with closing(Facts(path)) as facts:
        facts.add(credential("ci", owner="Ada"), AuditResult("ci", Verdict.ALIVE), 1)
    with closing(Facts(path)) as facts:
        now = credential("ci", owner="Bob", status="retired", rotate_by=date(2026, 1, 2))
        assert facts.known(now) is not None
        [row] = facts.query("SELECT owner, status, rotate_by, verdict, user FROM credential")
    assert row == ("Bob", "retired", "2026-01-02", "ALIVE", 1)


def test_who_was_not_read_to_the_end_is_nobody_yet(path: Path) -> None:
    """A listing that a kill cut short is no user's whole listing; a merged user keeps his, under one number."""
    with closing(Facts(path)) as facts:
        tell(facts, "ci", Verdict.ALIVE, 2)
        lists(facts, 2, "api_2")
        lists(facts, 1, "api_1")
        facts.merge(2, 1)
        lists(facts, 5, "api_5")
        tell(facts, "half", Verdict.INDETERMINATE, 5)
    with closing(Facts(path)) as facts:
        assert sorted(facts.ids()) == [(1, "api_1"), (1, "api_2")]
        assert facts.last_user() == 1
        tell(facts, "new", Verdict.ALIVE, 2)
        lists(facts, 2, "api_new")
        facts.settle()
        assert facts.tokens(2) == (Token("api_new", "api_new"),), "a number that is free again means somebody new"


def test_going_on_twice(path: Path) -> None:
    """A checkpoint that was settled, or gone on with before, goes on all the same."""
    for n in range(3):
        with closing(Facts(path)) as facts:
            tell(facts, f"label {n}", Verdict.ALIVE, n + 1)
            lists(facts, n + 1, f"api_{n}")
            facts.settle()
    with closing(Facts(path)) as facts:
        assert all(facts.known(credential(f"label {n}")) for n in range(3))


KILLED = """
import sys, time
from pathlib import Path
from cobalt_async.audit import facts as module
from tests.audit.keeping import lists, tell
from cobalt_async.audit import Verdict
module._AT_RISK = 0.0
facts = module.Facts(Path(sys.argv[1]))
for n in range(10_000_000):
    lists(facts, n + 1, f"api_{n}")
    tell(facts, f"label {n}", Verdict.ALIVE, n + 1)
    facts.keep()
    if n == 700:
        print("far enough", flush=True)
"""


def test_a_kill_leaves_a_whole_checkpoint(path: Path) -> None:
    """After kill -9 in the middle of its writing, what was committed is there: each result with its user's tokens."""
    command = [sys.executable, "-c", KILLED, str(path)]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"far enough\n"
        process.send_signal(signal.SIGKILL)
    with closing(Facts(path)) as facts:
        assert facts.resumed
        known = [facts.known(credential(f"label {n}")) for n in range(700)]
    assert all(
        found is not None and found[0].tokens == (Token(f"api_{n}", f"api_{n}"),) for n, found in enumerate(known)
    )


def test_results_are_safe_within_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept after a second takes all before it to the disk; sooner than that nothing is written."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with closing(Facts(path)) as facts:
        tell(facts, "one", Verdict.DEAD)
        facts.keep()
        assert _rows_on_disk(path) == 0
        now[0] += 1
        tell(facts, "two", Verdict.DEAD)
        facts.keep()
        assert _rows_on_disk(path) == 2


def _rows_on_disk(path: Path) -> int:
    """How many results a reader would find if the writer was killed now."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as base:
        count: int = base.execute("SELECT COUNT(*) FROM credential").fetchone()[0]
    return count


def test_a_leftover_journal_of_another_file_is_no_harm(path: Path) -> None:
    """Whoever deletes a checkpoint of a killed run and not its journal starts anew, and nothing of then comes back."""
    with closing(Facts(path)) as facts:
        tell(facts, "old", Verdict.DEAD)
        facts.commit()
        facts.write("UPDATE credential SET label = 'torn'", [()])
        (path.parent / "kept").write_bytes((path.parent / f"{path.name}-journal").read_bytes())
    path.unlink()
    (path.parent / "kept").rename(path.parent / f"{path.name}-journal")
    with closing(Facts(path)) as facts:
        assert not facts.resumed
        assert list(facts.query("SELECT label FROM credential")) == []


def _text(path: Path) -> None:
    path.write_text("label,secret\n" * 100)


def _database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE credential (n)")
        base.commit()


def _change(path: Path, script: str) -> None:
    Facts(path).close()
    with closing(sqlite3.connect(path)) as base:
        base.executescript(script)


def _newer(path: Path) -> None:
    _change(path, "PRAGMA user_version = 2")


def _without_a_table(path: Path) -> None:
    _change(path, "DROP TABLE alias")


def _without_its_salt(path: Path) -> None:
    _change(path, "DELETE FROM about WHERE name = 'salt'")


def _cut(path: Path) -> None:
    with closing(Facts(path)) as facts:
        for n in range(2000):
            tell(facts, f"label {n}", Verdict.DEAD)
    os.truncate(path, path.stat().st_size // 2)


def _scribbled(path: Path) -> None:
    _cut(path)
    with path.open("r+b") as file:
        file.seek(20_000)
        file.write(b"\xff" * 8000)


def _scribbled_where_nobody_looks(path: Path) -> None:
    with closing(Facts(path)) as facts:
        facts.write("INSERT INTO was_token VALUES (?, 1, 'here')", [(f"api_{n}",) for n in range(2000)])
    pages = path.read_bytes()
    start = pages.index(b"here") // 4096 * 4096
    path.write_bytes(pages[:start] + b"\xff" * 4096 + pages[start + 4096 :])


def _folder(path: Path) -> None:
    path.mkdir()


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_text, "it is no checkpoint; name one that an audit made"),
        (_database, "it is no checkpoint; name one that an audit made"),
        (_newer, "a newer version of cobalt_async made it; upgrade, or"),
        (_without_a_table, "it is damaged; start anew, with another file"),
        (_without_its_salt, "it is damaged; start anew, with another file"),
        (_cut, "it is damaged; start anew, with another file"),
        (_scribbled, "it is damaged; start anew, with another file"),
        (_scribbled_where_nobody_looks, "it is damaged; start anew, with another file"),
        (_folder, "it cannot be used (it is no regular file); name another file"),
        (_link_to_nothing, "it cannot be used (it is no regular file); name another file"),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint(path: Path, made: object, why: str) -> None:
    """One line that names the file, what is wrong and what to do; the file stays as it is."""
    assert callable(made)
    made(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(ConfigurationError) as caught:
        Facts(path)
    assert str(caught.value).startswith(f"checkpoint {path}: {why}")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert (path.read_bytes() if path.is_file() else None) == before


@pytest.mark.parametrize(
    ("name", "why"), [("no/such/folder", "No such file"), ("a\0b", "null"), ("a" * 300, "too long")]
)
def test_where_no_checkpoint_can_be(tmp_path: Path, name: str, why: str) -> None:
    """A name that no file can have is said before anything is asked."""
    with pytest.raises(ConfigurationError, match=why):
        Facts(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory", "日本 100%"])
def test_a_name_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No name means something else to SQLite than the file it is."""
    monkeypatch.chdir(tmp_path)
    with closing(Facts(Path(name))) as facts:
        tell(facts, "ci", Verdict.DEAD)
    with closing(Facts(Path(name))) as facts:
        assert facts.known(credential("ci")) is not None
    assert os.listdir(tmp_path) == [name]


def test_another_baselines_salt(path: Path) -> None:
    """A checkpoint that was begun with one salt cannot go on with another; with the same or none given it does."""
    Facts(path, salt=b"1" * 32).close()
    with pytest.raises(ConfigurationError, match="begun with another baseline, or with none; give that one, or"):
        Facts(path, salt=b"2" * 32)
    Facts(path, salt=b"1" * 32).close()
    Facts(path).close()


US, EU = "https://api.us.cobalt.io", "https://api.eu.cobalt.io"


def test_a_checkpoint_is_of_the_hosts_that_were_asked(path: Path) -> None:
    """It goes on with the same ones in any order; with others, more or fewer it is refused and stays as it is."""
    with closing(Facts(path, asked=(US, EU))) as facts:
        tell(facts, "doubt", Verdict.INDETERMINATE)
    before = path.read_bytes()
    for asked, named in (((US,), US), ((EU,), EU), ((US, EU, "http://127.0.0.1:1"), "http://127.0.0.1:1 and ")):
        with pytest.raises(ConfigurationError) as caught:
            Facts(path, asked=asked)
        held = f"checkpoint {path}: it holds what {EU} and {US} answered, and this run asks {named}"
        assert str(caught.value).startswith(held)
        assert str(caught.value).endswith("; ask there, or name another file")
        assert path.read_bytes() == before
    with closing(Facts(path, asked=(EU, US))) as facts:
        assert facts.resumed


def test_a_saved_checkpoint_is_of_its_hosts_too(tmp_path: Path) -> None:
    """What an interrupted run saves says where it was asked."""
    with closing(Facts(asked=(US,))) as facts:
        facts.save(tmp_path / "copy")
    with pytest.raises(ConfigurationError, match="it holds what"):
        Facts(tmp_path / "copy", asked=(EU,))


def test_a_checkpoint_that_does_not_say_where(path: Path) -> None:
    """One of an older version goes on anywhere, as it always did."""
    Facts(path, asked=(US,)).close()
    with closing(sqlite3.connect(path)) as base:
        base.execute("DELETE FROM about WHERE name = 'asked'")
        base.commit()
    for asked in ((EU,), (US,)):
        with closing(Facts(path, asked=asked)) as facts:
            assert facts.resumed


OPENED = "import sys\nfrom pathlib import Path\nfrom cobalt_async.audit.facts import Facts\nFacts(Path(sys.argv[1]))"


def test_one_run_at_a_time(path: Path) -> None:
    """Who opens a checkpoint that a run has open is told at once, in this process and in another."""
    with closing(Facts(path)) as facts:
        with pytest.raises(ConfigurationError, match="another process has it open; wait for that one"):
            Facts(path)
        done = subprocess.run([sys.executable, "-c", OPENED, str(path)], capture_output=True, check=False)
        tell(facts, "ci", Verdict.DEAD)
    assert b"another process has it open" in done.stderr.splitlines()[-1]


def test_a_copy_is_a_checkpoint(tmp_path: Path, facts: Facts) -> None:
    """`save` makes a file that goes on; the run that it was taken from goes on too, without it."""
    tell(facts, "ci", Verdict.ALIVE, 1)
    lists(facts, 1, "api_1")
    copy = tmp_path / "copy"
    old = os.umask(0)
    try:
        facts.save(copy)
    finally:
        os.umask(old)
    tell(facts, "later", Verdict.DEAD)
    facts.save(tmp_path / "second")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["copy", "second"]
    with closing(Facts(copy)) as again:
        assert again.resumed
        assert again.salt == facts.salt
        assert again.known(credential("ci")) is not None
        assert again.known(credential("later")) is None


def test_saving_where_it_stands(path: Path) -> None:
    """A checkpoint that is saved to its own name is committed, and goes on in the same file."""
    with closing(Facts(path)) as facts:
        tell(facts, "one", Verdict.DEAD)
        facts.save(path.parent / ".." / path.parent.name / path.name)
        assert _rows_on_disk(path) == 1
        tell(facts, "two", Verdict.DEAD)
    with closing(Facts(path)) as facts:
        assert facts.known(credential("two")) is not None


def test_saving_beside_a_killed_runs_journal(tmp_path: Path, facts: Facts) -> None:
    """A journal that waits for another file would be played back into this one: it is not put in its place."""
    (tmp_path / "copy-journal").write_bytes(b"x" * 1000)
    with pytest.raises(ConfigurationError, match="copy-journal: it is of a run that was killed; resume that one"):
        facts.save(tmp_path / "copy")
    assert os.listdir(tmp_path) == ["copy-journal"]


def test_saving_where_nothing_can_be_saved(tmp_path: Path, facts: Facts) -> None:
    """One line, and the store goes on."""
    for path, why in ((tmp_path / "no" / "copy", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationError, match=why) as caught:
            facts.save(path)
        assert caught.value.__cause__ is caught.value.__context__ is None
    tell(facts, "ci", Verdict.DEAD)
    facts.save(tmp_path / "copy")


def test_a_full_disk(path: Path) -> None:
    """It is said in one line, once, without a label, and what was committed before is whole."""
    with hunting(CANARY, LABEL) as hunter:
        facts = Facts(path)
        tell(facts, "one", Verdict.DEAD)
        facts.commit()
        list(facts.query("PRAGMA max_page_count = 20"))
        with pytest.raises(ConfigurationError) as caught:
            for n in range(20_000):
                tell(facts, f"{LABEL} {n}", Verdict.DEAD, secret=CANARY)
        assert str(caught.value) == f"checkpoint {path}: there is no room left on its disk; make room there"
        assert caught.value.__cause__ is caught.value.__context__ is None
        hunter.look("message", str(caught.value), caught.value.args)
        facts.close()
    assert hunter.found == []
    with closing(Facts(path)) as facts:
        assert facts.known(credential("one")) is not None


def test_a_full_disk_of_a_temporary_store(facts: Facts) -> None:
    """It says where the store is, for nobody gave it a name."""
    list(facts.query("PRAGMA max_page_count = 20"))
    with pytest.raises(ConfigurationError, match=r"\$TMPDIR.*: there is no room left on its disk"):
        for n in range(20_000):
            tell(facts, f"label {n}", Verdict.DEAD)


def test_a_bug_is_no_configuration(facts: Facts) -> None:
    """A wrong statement is SQLite's own exception: nobody could mend it by another file."""
    with pytest.raises(sqlite3.OperationalError):
        facts.query("SELECT nothing FROM nowhere")
    facts.close()
    with pytest.raises(sqlite3.ProgrammingError):
        facts.query("SELECT 1")


def test_reading_trouble_comes_in_the_middle_too(path: Path) -> None:
    """A page that cannot be read halfway through a query is the same one line."""
    with closing(Facts(path)) as facts:
        for n in range(5000):
            tell(facts, f"{LABEL} {n} {'x' * 900}", Verdict.DEAD, secret=CANARY)
        facts.commit()
        list(facts.query("PRAGMA cache_size = 10"))
        found = facts.query("SELECT label FROM credential")
        next(found)
        os.truncate(path, 100_000)
        with pytest.raises(ConfigurationError, match="it is damaged|cannot be read"):
            list(found)
