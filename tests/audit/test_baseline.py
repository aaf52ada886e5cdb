import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from cobalt_async.audit import Verdict
from cobalt_async.audit.baseline import lines, read_baseline, write_baseline
from cobalt_async.audit.facts import Facts
from cobalt_async.errors import ConfigurationError
from tests.audit.keeping import NOW, lists, saved, tell
from tests.canary import hunting

CANARY = "canary-secret-0123456789"


@pytest.fixture
def facts() -> Iterator[Facts]:
    """A run: Ada with two tokens and two credentials, Bob with one, one that is dead, one in doubt."""
    with closing(Facts()) as opened:
        tell(opened, "ada ci", Verdict.ALIVE, 1)
        tell(opened, "ada cd", Verdict.ALIVE, 1)
        lists(opened, 1, ("api_1", "CI"), ("api_2", "deploy"))
        tell(opened, "bob", Verdict.ALIVE, 2)
        lists(opened, 2, ("api_3", "日本"))
        tell(opened, "gone", Verdict.DEAD, secret=CANARY)
        tell(opened, "doubt", Verdict.INDETERMINATE)
        tell(opened, "no access", Verdict.FORBIDDEN)
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a baseline goes."""
    return tmp_path / "baseline.jsonl"


def test_it_is_for_a_person_to_read(facts: Facts, path: Path) -> None:
    """JSON Lines: who has what, by id and name; then the verdicts; and how much there is."""
    saved(facts, path)
    head, ada, bob, *credentials, end = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(head) == {"cobalt_async_baseline": 1, "made_at": "2026-11-23T12:00:00+00:00",
                                "salt": facts.salt.hex()}  # fmt: skip
    assert ada == '{"user": 1, "tokens": [{"id": "api_1", "name": "CI"}, {"id": "api_2", "name": "deploy"}]}'
    assert bob == '{"user": 2, "tokens": [{"id": "api_3", "name": "日本"}]}'
    found = {line["credential"]: (line["verdict"], line["user"]) for line in map(json.loads, credentials)}
    said = {"ada ci": ("ALIVE", 1), "ada cd": ("ALIVE", 1), "bob": ("ALIVE", 2), "gone": ("DEAD", None),
            "no access": ("FORBIDDEN", None)}  # fmt: skip
    assert found == {facts.label_mark(label).hex(): verdict for label, verdict in said.items()}
    assert json.loads(end)["credentials"] == 5
    assert json.loads(end)["tokens"] == 3
    assert json.loads(end)["users"] == 2


def test_it_holds_no_secret_and_no_label(facts: Facts, path: Path) -> None:
    """Ids and names stand there in clear, secrets and labels as fingerprints."""
    with hunting(CANARY, "ada ci", "no access") as hunter:
        baseline = saved(facts, path)
        hunter.look("file", path.read_text(encoding="utf-8"), baseline)
    assert hunter.found == []
    assert str(facts.salt) not in repr(baseline)


def test_what_is_read_is_what_was_saved(facts: Facts, path: Path) -> None:
    """The counts, the time and the salt; and in `was_…` all tokens and credentials, whatever stood there before."""
    baseline = saved(facts, path)
    assert (baseline.path, baseline.made_at, baseline.salt) == (path, NOW, facts.salt)
    assert (baseline.users, baseline.tokens, baseline.credentials) == (2, 3, 5)
    with closing(Facts(salt=facts.salt)) as later:
        later.write("INSERT INTO was_token VALUES (?, ?, ?)", [("api_1", 7, "before")])
        for _ in range(2):
            baseline.load_into(later)
            later.settle()
        assert sorted(later.query("SELECT * FROM was_token")) == [
            ("api_1", 1, "CI"), ("api_2", 1, "deploy"), ("api_3", 2, "日本"),
        ]  # fmt: skip
        rows = later.query("SELECT label_mark, mark, verdict, user FROM was_credential")
        marks = dict(facts.query("SELECT label, mark FROM credential"))
        assert set(rows) == {
            (facts.label_mark(label), marks[label], verdict, user)
            for label, verdict, user in [("ada ci", "ALIVE", 1), ("ada cd", "ALIVE", 1), ("bob", "ALIVE", 2),
                                         ("gone", "DEAD", None), ("no access", "FORBIDDEN", None)]
        }  # fmt: skip


def test_it_is_there_whole_or_not_at_all(facts: Facts, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the older baseline, and one line that says so; else it is its owner's alone."""
    old = os.umask(0)
    try:
        saved(facts, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigurationError) as caught:
        write_baseline(facts, path, now=NOW + timedelta(days=1))
    assert str(caught.value) == (
        f"{path}: the baseline cannot be saved (No space left on device); name another file, or make room"
    )
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("name", "why"), [(".", "Is a directory"), ("no/file", "No such file"), ("a\0", "null")])
def test_where_it_cannot_be(facts: Facts, tmp_path: Path, name: str, why: str) -> None:
    """A file that cannot be written is one line."""
    facts.settle()
    with pytest.raises(ConfigurationError, match=why):
        write_baseline(facts, tmp_path / name, now=NOW)


@pytest.mark.parametrize(
    "name", ["\x1b[2J", "a\nb", "\u202e", "\x9b", "\x7f", "\u2028", "\U000e0001", '"\\', "日本 é \U0001f600", "\0", ""]
)
def test_a_name_is_shown_and_kept(path: Path, name: str) -> None:
    """What a terminal would obey is written out, what a person can read stays; and it comes back as it was."""
    with closing(Facts()) as facts:
        tell(facts, "ci", Verdict.ALIVE, 1)
        lists(facts, 1, ("api_1", name))
        baseline = saved(facts, path)
        text = path.read_text(encoding="utf-8")
        baseline.load_into(facts)
        assert list(facts.query("SELECT name FROM was_token")) == [(name,)]
    assert text.replace("\n", "").isprintable()
    assert not name.isprintable() or json.dumps(name, ensure_ascii=False) in text


def test_users_with_many_tokens_have_several_lines(path: Path) -> None:
    """At most a hundred tokens on one, and not more than a person scrolls through; together they are one user."""
    with closing(Facts()) as facts:
        tell(facts, "ci", Verdict.ALIVE, 1)
        lists(facts, 1, *(f"api_{n}" for n in range(250)))
        tell(facts, "cd", Verdict.ALIVE, 2)
        lists(facts, 2, *((f"api_long{n}", "x" * 1000) for n in range(70)))
        baseline = saved(facts, path)
    assert (baseline.users, baseline.tokens) == (2, 320)
    listed = [json.loads(line) for line in path.read_text().splitlines()[1:-3]]
    assert [(line["user"], len(line["tokens"])) for line in listed] == [
        (1, 100), (1, 100), (1, 50), (2, 66), (2, 4),
    ]  # fmt: skip


def test_a_name_that_no_line_can_hold(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read again is not written."""
    monkeypatch.setattr(lines, "LONGEST", 300)
    with closing(Facts()) as facts:
        tell(facts, "ci", Verdict.ALIVE, 1)
        lists(facts, 1, ("api_1", "x" * 300))
        facts.settle()
        with pytest.raises(ConfigurationError, match="not saved, for a token's name is longer than a line may be"):
            write_baseline(facts, path, now=NOW)
    assert not path.exists()


def test_one_label_has_one_line(path: Path) -> None:
    """Where an inventory has one twice, the first that has a verdict counts; and a listing that was cut does not."""
    with closing(Facts()) as facts:
        tell(facts, "ci", Verdict.NOT_TRIED)
        tell(facts, "ci", Verdict.DEAD, secret="one")
        tell(facts, "ci", Verdict.FORBIDDEN, secret="two")
        tell(facts, "half", Verdict.INDETERMINATE, 5)
        lists(facts, 5, "api_5")
        baseline = saved(facts, path)
        baseline.load_into(facts)
        assert [verdict for (verdict,) in facts.query("SELECT verdict FROM was_credential")] == ["DEAD"]
    assert (baseline.users, baseline.tokens) == (0, 0)


Mend = Callable[[list[bytes]], bytes]


def _signed(rows: list[bytes]) -> bytes:
    """The lines, with a last one that fits them: what somebody made by hand."""
    *rows, end = rows
    told = json.loads(end)
    found = [json.loads(row) for row in rows]
    told["users"] = len({line["user"] for line in found if "tokens" in line})
    told["tokens"] = sum(len(line["tokens"]) for line in found if isinstance(line.get("tokens"), list))
    told["credentials"] = sum("credential" in line for line in found)
    told["sha256"] = hashlib.sha256(b"".join(rows)).hexdigest()
    return b"".join(rows) + json.dumps(told).encode() + b"\n"


def _with(number: int, **changed: object) -> Mend:
    """Other values on a line, counted from 1."""

    def mend(rows: list[bytes]) -> bytes:
        rows[number - 1] = json.dumps({**json.loads(rows[number - 1]), **changed}).encode() + b"\n"
        return b"".join(rows)

    return mend


EDITED = "it was edited or damaged; save it anew with --save-baseline"
BAD: dict[str, tuple[Mend, str]] = {
    "empty": (lambda _: b"", ", line 1: it is empty; it was cut short"),
    "an inventory": (lambda _: b"label,secret\nci,x\n", ", line 1: it is no baseline; name a file that"),
    "a report": (lambda _: b'{\n"schema_version": 1', ", line 1: it is no baseline; name a file that"),
    "binary": (lambda _: bytes(range(256)) * 100, ", line 1: it is no baseline; name a file that"),
    "newer": (_with(1, cobalt_async_baseline=2), ", line 1: it is of schema 2, and this version reads 1; upgrade"),
    "older": (_with(1, cobalt_async_baseline=0), ", line 1: cobalt_async_baseline is no whole number"),
    "schema of another type": (_with(1, cobalt_async_baseline=True), ", line 1: cobalt_async_baseline is no whole"),
    "one line": (lambda rows: rows[0], ", line 2: the last line is missing; it was cut short"),
    "no last line": (lambda rows: b"".join(rows[:-1]), ", line 9: the last line is missing; it was cut short"),
    "cut in a line": (lambda rows: b"".join(rows)[:-200], ", line 8: it has no end; it was cut short"),
    "cut by a byte": (lambda rows: b"".join(rows)[:-1], ", line 9: it has no end; it was cut short"),
    "more": (lambda rows: b"".join([*rows, rows[-1]]), ", line 10: it stands in the wrong place, or twice"),
    "a blank line": (lambda rows: b"".join([*rows, b"\n"]), f", line 10: it is no JSON object; {EDITED}"),
    "a line is missing": (lambda rows: b"".join(rows[:3] + rows[4:]), ", line 8: what stands before it is not what"),
    "edited": (_with(2, tokens=[{"id": "api_1", "name": "CI"}, {"id": "api_2", "name": "other"}]), ", line 9: what"),
    "other counts": (_with(9, tokens=4), ", line 9: what stands before it is not what was saved"),
    "twice a credential": (lambda rows: _signed([*rows[:5], rows[4], *rows[5:]]), ", line 6: it stands in the wrong"),
    "twice a user": (lambda rows: _signed([*rows[:3], rows[1], *rows[3:]]), ", line 4: it stands in the wrong"),
    "out of order": (lambda rows: _signed([*rows[:3], rows[4], rows[3], *rows[5:]]), ", line 5: it stands in the"),
    "two heads": (lambda rows: _signed([rows[0], *rows]), ", line 2: it stands in the wrong place, or twice"),
    "not UTF-8": (lambda rows: b"".join([rows[0], b'{"user": "\xff"}\n']), ", line 2: it is not UTF-8"),
    "not JSON": (lambda rows: b"".join([rows[0], b'{"user": 1, \n']), ", line 2: it is no JSON object"),
    "deep": (lambda rows: b"".join([rows[0], b"[" * 100_000, b"\n"]), ", line 2: it is no JSON object"),
    "a list": (lambda rows: b"".join([rows[0], b"[]\n"]), ", line 2: it is no JSON object"),
    "a huge line": (lambda rows: rows[0] + b"x" * (9 << 20), ", line 2: it is longer than 8 MiB"),
    "a huge line with an end": (lambda rows: rows[0] + b"x" * (9 << 20) + b"\n", ", line 2: it is longer than 8 MiB"),
    "unknown line": (lambda rows: b"".join([rows[0], b'{"secret": "x"}\n']), ", line 2: it is none of the lines"),
    "more in the head": (_with(1, extra=1), ", line 1: it is none of the lines that a baseline has"),
    "no salt": (_with(1, salt="00"), ", line 1: salt is not 64 hexadecimal digits"),
    "no time": (_with(1, made_at="today"), ", line 1: made_at is no time with its zone"),
    "no zone": (_with(1, made_at="2026-11-23T12:00:00"), ", line 1: made_at is no time with its zone"),
    "a time of another type": (_with(1, made_at=7), ", line 1: made_at is no time with its zone"),
    "a time before time": (_with(1, made_at="0001-01-01T00:00:00+12:00"), ", line 1: made_at is no time"),
    "user of another type": (_with(2, user="1"), ", line 2: user is no whole number from 1 on"),
    "user 0": (_with(2, user=0), ", line 2: user is no whole number from 1 on"),
    "user True": (_with(2, user=True), ", line 2: user is no whole number from 1 on"),
    "a user beyond numbers": (_with(2, user=1 << 64), ", line 2: user is no whole number from 1 on"),
    "no tokens": (_with(2, tokens=[]), ", line 2: tokens is no list of tokens"),
    "tokens of another type": (_with(2, tokens={}), ", line 2: tokens is no list of tokens"),
    "no token": (_with(2, tokens=["api_1"]), ", line 2: a token has an id and a name, and nothing else"),
    "an id of another type": (_with(2, tokens=[{"id": 1, "name": "CI"}]), ", line 2: a token's id or name is no text"),
    "half a character": (_with(2, tokens=[{"id": "api_1", "name": "\ud800"}]), ", line 2: a token's id or name is no"),
    "a label in clear": (_with(5, credential="ada ci"), ", line 5: credential is not 32 hexadecimal digits"),
    "capitals": (_with(5, secret="A" * 32), ", line 5: secret is not 32 hexadecimal digits"),
    "no verdict": (_with(5, verdict="INDETERMINATE"), ", line 5: verdict is none of ALIVE, DEAD, FORBIDDEN"),
    "a verdict of another type": (_with(5, verdict=["ALIVE"]), ", line 5: verdict is none of ALIVE, DEAD, FORBIDDEN"),
    "a user of a credential": (_with(5, user="1"), ", line 5: user is no whole number from 1 on"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_sound_baseline(facts: Facts, path: Path, case: str) -> None:
    """One line that names the file, its line, what is wrong and what to do; never what stands there."""
    mend, why = BAD[case]
    saved(facts, path)
    path.write_bytes(mend(path.read_bytes().splitlines(keepends=True)))
    with pytest.raises(ConfigurationError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}{why}")
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A folder, a pipe, a name that no file has: one line, and nobody waits for a pipe."""
    os.mkfifo(tmp_path / "pipe")
    for name, why in ((".", "no regular file"), ("pipe", "no regular file"), ("no", "No such file"), ("a\0", "null")):
        with pytest.raises(ConfigurationError, match=f"it cannot be read .*{why}.*; name a baseline"):
            read_baseline(tmp_path / name)


def test_one_id_twice(facts: Facts, path: Path) -> None:
    """It cannot be two users'; that is seen before an audit begins to compare."""
    saved(facts, path)
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(_signed([*rows[:2], rows[2].replace(b"api_3", b"api_1"), *rows[3:]]))
    baseline = read_baseline(path)
    with pytest.raises(ConfigurationError, match="api_1 stands in it twice; save it anew"):
        baseline.load_into(facts)


def test_a_file_that_changed_in_between(facts: Facts, path: Path) -> None:
    """What was checked is what is used: another baseline in its place, or none, is an error."""
    baseline = saved(facts, path)
    write_baseline(facts, path, now=NOW + timedelta(days=1))
    with pytest.raises(ConfigurationError, match="it was changed while it was in use; start again"):
        baseline.load_into(facts)
    path.unlink()
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        baseline.load_into(facts)


def test_another_salt(facts: Facts, path: Path) -> None:
    """Fingerprints under another salt say nothing, and are not loaded."""
    baseline = saved(facts, path)
    with closing(Facts()) as other:
        with pytest.raises(
            ConfigurationError, match="its salt is not this audit's; give it to an audit from its start"
        ):
            baseline.load_into(other)


def test_times_are_utc(facts: Facts, path: Path) -> None:
    """Whatever zone the clock had, and whatever zone stands in the file."""
    facts.settle()
    write_baseline(facts, path, now=datetime(2026, 11, 23, 14, tzinfo=timezone(timedelta(hours=2))))
    assert b"2026-11-23T12:00:00+00:00" in path.read_bytes()
    assert read_baseline(path).made_at == NOW
    assert read_baseline(path).made_at.tzinfo is UTC


def test_it_is_read_by_a_string_too(facts: Facts, path: Path) -> None:
    """A str, a Path or anything that names a file."""
    baseline = saved(facts, path)
    assert read_baseline(str(path)) == baseline
