import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cobalt_async.cli import rotations
from tests.cli.calling import Run
from tests.cli.rotating import ONE_SHOT, SIBLING, Rotating


def test_none(ada: Rotating, run: Run) -> None:
    """It is said, exit code 0, and no folder is made for it."""
    ended = run("rotations")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"No rotations: the journal {ada.journal.path} knows of none.\n"
    assert not ada.journal.path.exists()
    found = json.loads(run("rotations", "--json").out)
    assert found == {"schema_version": 1, "journal": str(ada.journal.path), "rotations": []}


def test_the_list(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest first: id, token, state, age, what to do next, and the name, which moves no cursor."""
    ada.token.rename("\x1b[2Jada")
    assert run("rotate", ada.token.id, "--store", "file:tok", "--journal", "own", *SIBLING).code == 0
    monkeypatch.setenv("COBALT_API_TOKEN", ada.token.secret)
    Path("tok").write_text(ada.token.secret)
    assert run("rotate", ada.token.id, "--store", "command:true >>> cat tok", "--journal", "own", *ONE_SHOT).code == 10
    ended = run("rotations", "--journal", "own")
    assert ended.code == 0
    head, first, second = ended.out.splitlines()
    assert head.split() == ["ROTATION", "TOKEN", "STATE", "AGE", "NEXT", "NAME"]
    assert first.split()[1:] == [ada.token.id, "SUCCESS", first.split()[3], "s", "nothing", "\\x1b[2Jada"]
    assert f"cobalt-async resume {second.split()[0]} --journal own" in second
    assert "HELD" in second
    found = json.loads(run("rotations", "--journal", "own", "--json").out)["rotations"]
    assert [(one["state"], one["finished"]) for one in found] == [("SUCCESS", True), ("HELD", False)]
    assert datetime.fromisoformat(found[0]["started_at"]) <= datetime.now(UTC)


def test_a_lost_one(ada: Rotating, run: Run) -> None:
    """What a person has to do about it is said."""
    assert rotations._next("rot-0", "LOST", None, finished=True) == "make a new token in Cobalt's web app"


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (10_900, "3 h"), (86_400, "1 d"), (9e6, "104 d")],
)
def test_the_age(seconds: float, age: str) -> None:
    """It is told in the largest unit that is full."""
    assert rotations._age(timedelta(seconds=seconds)) == age


def test_a_journal_that_others_can_read(run: Run) -> None:
    """One line says what to do, exit code 2."""
    Path("open").mkdir()
    Path("open").chmod(0o755)
    ended = run("rotations", "--journal", "open")
    assert (ended.code, ended.out) == (2, "")
    assert "run chmod 700" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_user_without_a_home(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells the platform's folder, one line asks for it."""

    def homeless(*_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    ended = run("rotations")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("cobalt-async: journal: this user has no home folder")
