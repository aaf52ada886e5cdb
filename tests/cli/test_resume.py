import json
import os
from functools import partial
from pathlib import Path

import pytest

from cobalt_async import rotation
from cobalt_async.cli import resume, rotate
from tests.cli.calling import Run, on_a_terminal, started, wait_until
from tests.cli.rotating import ONE_SHOT, SIBLING, Rotating


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nobody waits half a minute for a rival, or for a secret to die."""
    monkeypatch.setattr(rotate, "rotate", partial(rotation.rotate, prove_within=1, old_dead_within=0.1))
    monkeypatch.setattr(resume, "resume", partial(rotation.resume, prove_within=1, old_dead_within=0.1))


@pytest.fixture
def held(ada: Rotating, run: Run) -> Rotating:
    """A rotation that is HELD, because what its store was told lands nowhere; `mend` makes that right."""
    Path("tok").write_text(ada.old)
    script = ada.folder / "put"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o700)
    assert run("rotate", ada.token.id, "--store", f"command:{script} >>> cat tok", *SIBLING).code == 10
    return ada


def _mend(held: Rotating) -> None:
    (held.folder / "put").write_text(f"#!/bin/sh\ncat > {held.folder / 'tok'}\n")


def test_nothing_to_do(ada: Rotating, run: Run) -> None:
    """It is said, exit code 0, and no folder is made for it."""
    ended = run("resume")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"Nothing to resume: no rotation in {ada.journal.path} is unfinished.\n"
    assert not ada.journal.path.exists()
    assert json.loads(run("resume", "--json").out) == {"schema_version": 1, "rotations": []}


def test_what_is_finished_is_nothing_to_do(ada: Rotating, run: Run) -> None:
    """A rotation that succeeded is left alone; asked for by its id, it is told again."""
    assert run("rotate", ada.token.id, "--store", "file:tok", *SIBLING).code == 0
    assert run("resume").out.startswith("Nothing to resume")
    ended = run("resume", ada.rotation_id)
    assert ended.code == 0
    assert ended.out.startswith(f"SUCCESS  {ada.rotation_id}\n")
    assert ada.posts == 1


@pytest.mark.parametrize("by_id", [False, True])
def test_a_held_secret_reaches_its_store(held: Rotating, run: Run, by_id: bool) -> None:
    """As long as the store is broken it stays HELD; once it is mended, `resume` finishes it."""
    words = ("resume", held.rotation_id) if by_id else ("resume",)
    assert run(*words).code == 10
    _mend(held)
    ended = run(*words)
    assert ended.code == 0
    assert ended.out.startswith(f"SUCCESS  {held.rotation_id}\n")
    assert all(line.startswith(f"cobalt-async: {held.rotation_id}: ") for line in ended.err.splitlines())
    assert held.is_done(Path("tok").read_text())
    assert held.is_silent(ended)
    assert not any((held.journal.path / "spool").iterdir())


def test_programs_are_not_given_the_secrets(held: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the journal's references lead to are kept from a store's commands, whatever they are called."""
    monkeypatch.setenv("SAME_SECRET", f"Bearer {held.old}")
    (held.folder / "put").write_text(f"#!/bin/sh\nenv > {held.folder / 'shown'}\ncat > {held.folder / 'tok'}\n")
    assert run("resume").code == 0
    shown = Path("shown").read_text()
    assert "PATH=" in shown
    assert not any(secret in shown for secret in (held.old, held.token.secret, held.sibling.secret))
    assert os.environ["SAME_SECRET"] == f"Bearer {held.old}"


def test_no_hook_runs_and_that_is_said(ada: Rotating, run: Run) -> None:
    """`resume` does not know the hook of `rotate`: whoever named one runs it."""
    Path("tok").write_text(ada.old)
    put = ada.folder / "put"
    put.write_text("#!/bin/sh\nexit 0\n")
    put.chmod(0o700)
    words = ("--store", f"command:{put} >>> cat tok", "--hook", f"touch {ada.folder / 'hooked'}", *SIBLING)
    assert run("rotate", ada.token.id, *words).code == 10
    _mend(ada)
    ended = run("resume")
    assert ended.code == 0
    assert "  note      no hook ran: run now what was to follow, if anything was" in ended.out.splitlines()
    assert not Path("hooked").exists()


def test_quiet_and_json(held: Rotating, run: Run) -> None:
    """One object has all outcomes; `--quiet` tells no steps."""
    ended = run("resume", "--json", "--quiet")
    assert (ended.code, ended.err) == (10, "")
    [found] = json.loads(ended.out)["rotations"]
    assert (found["state"], found["exit_code"], found["rotation_id"]) == ("HELD", 10, held.rotation_id)
    assert found["spool"].startswith(str(held.journal.path / "spool"))
    assert held.is_silent(ended)


def test_the_place_is_the_journals(held: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks where the rotation began, whatever the environment says by now."""
    monkeypatch.setenv("COBALT_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("COBALT_REGION", "eu")
    _mend(held)
    assert run("resume").code == 0


def test_the_secret_and_the_sibling_from_elsewhere(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--secret-ref` and `--sibling-ref` stand for what has left the places that the journal knows."""
    ada.sandbox.faults.hang_up_after(method="POST")
    ada.sandbox.faults.delay(0, times=2, method="GET")
    ada.sandbox.faults.answer(503, method="GET", times=None)
    assert run("rotate", ada.token.id, "--store", "file:tok", "--settle", "0", *SIBLING).code == 11
    ada.sandbox.faults.clear()
    for name in ("COBALT_API_TOKEN", "SIBLING"):
        Path(name).write_text(os.environ[name])
        monkeypatch.delenv(name)
    assert run("resume", "--settle", "0").code == 11
    ended = run("resume", "--settle", "0", "--secret-ref", "file:COBALT_API_TOKEN", "--sibling-ref", "file:SIBLING")
    assert ended.code == 0, ended
    assert ada.is_done(Path("tok").read_text())
    assert ada.is_silent(ended)


def test_the_worst_of_several(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its block, the oldest first; one that is refused is a line, and keeps none of the others from theirs."""
    Path("tok").write_text(ada.old)
    assert run("rotate", ada.token.id, "--store", "command:true >>> cat tok", *ONE_SHOT).code == 10
    bob = ada.sandbox.add_user("bob").tokens[0]
    Path("bobs").write_text(bob.secret)
    monkeypatch.setenv("COBALT_API_TOKEN", bob.secret)
    assert run("rotate", bob.id, "--store", "command:true >>> cat bobs", *ONE_SHOT).code == 10
    first, second = ada.journal.entries()
    Path("tok").write_text(ada.token.secret)  # a person has put it there
    ended = run("resume", "--quiet")
    assert ended.code == 10
    assert [line for line in ended.out.splitlines() if not line.startswith(" ")] == [
        f"SUCCESS  {first}",
        f"HELD  {second}",
    ]
    with ada.journal.lock(rotation.journal.lock_name(ada.sandbox.url, bob.id)):
        busy = run("resume", second, "--quiet")
    assert (busy.code, busy.out) == (14, "")
    assert busy.err == f"REFUSED: {second}: another process is at it; wait for that one\n"


@pytest.mark.parametrize(
    ("words", "flaw"),
    [
        (("resume", "rot-0"), "rot-0: no rotation of that id is in "),
        (("resume", "--journal", "open"), "run chmod 700"),
        (("resume", "--secret-ref", "env:NONE"), "--secret-ref: the environment variable NONE is not set"),
        (("resume", "--sibling-ref", "?"), "--sibling-ref: it is none of"),
        (("resume", "rot-0", "--reveal"), ""),
    ],
)
def test_bad_input(ada: Rotating, run: Run, words: tuple[str, ...], flaw: str) -> None:
    """One line says what to do, exit code 14."""
    Path("open").mkdir()
    Path("open").chmod(0o755)
    ended = run(*words)
    if "--reveal" in words:
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == "cobalt-async: --reveal prints a secret, and only on a terminal; standard output is none\n"
        return
    assert (ended.code, ended.out) == (14, "")
    assert ended.err.startswith("REFUSED: ")
    assert flaw in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("resume", "rot-{}"), ("rotations", "--journal", "{}"), ("resume", "--journal", "{}")]
)
def test_a_secret_where_a_name_belongs(ada: Rotating, run: Run, words: tuple[str, ...]) -> None:
    """It is not repeated, and no folder of its name is made."""
    ended = run(*(word.format(ada.old) for word in words))
    assert (ended.code, ended.out) == (2, "")
    assert ada.is_silent(ended)
    assert not Path(ada.old).exists()


def test_refused_as_json(ada: Rotating, run: Run) -> None:
    """What is refused is an object too."""
    ended = run("resume", "rot-0", "--json")
    [found] = json.loads(ended.out)["rotations"]
    assert (ended.code, found["state"], found["rotation_id"]) == (14, "REFUSED", "rot-0")


def test_what_breaks_off(held: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is no traceback: UNCERTAIN, and it can be resumed."""

    async def broken(*words: object, **options: object) -> tuple[rotation.Rotation, ...]:
        raise KeyError(held.token.secret)

    monkeypatch.setattr(resume, "resume", broken)
    ended = run("resume")
    assert ended.code == 11
    assert "it broke off (KeyError)" in ended.out
    assert held.is_silent(ended)


def test_reveal(held: Rotating, run: Run) -> None:
    """On a terminal, the secret in the spool is printed, alone; nothing is asked, and it stays."""
    asked = len(held.sandbox.requests)
    code, _, shown = on_a_terminal("resume", held.rotation_id, "--reveal", both=True)
    assert (code, shown.decode().strip()) == (0, held.token.secret)
    assert len(held.sandbox.requests) == asked
    assert any((held.journal.path / "spool").iterdir())
    _mend(held)
    assert run("resume").code == 0
    code, _, shown = on_a_terminal("resume", held.rotation_id, "--reveal", both=True)
    assert code == 14
    assert shown.decode().startswith("REFUSED: ")
    assert held.token.secret not in shown.decode()


def test_what_a_crash_left_of_a_success_is_swept(ada: Rotating, run: Run) -> None:
    """The living secret goes from the spool, though nothing is to be resumed."""
    assert run("rotate", ada.token.id, "--store", "file:tok", *SIBLING).code == 0
    spool = ada.journal.path / "spool"
    (spool / f"{ada.rotation_id}.1.raw").write_text(ada.token.secret)
    ended = run("resume")
    assert (ended.code, ended.out.partition(":")[0]) == (0, "Nothing to resume")
    assert not any(spool.iterdir())


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_an_answer_that_the_journal_does_not_know(held: Rotating, run: Run, how: str) -> None:
    """It is told which file it is, and how to see it; exit code 11, and it is never swept."""
    rotation_id, journal = held.rotation_id, held.journal.path / "journal.jsonl"
    [file] = (held.journal.path / "spool").iterdir()
    if how == "gone":
        journal.unlink()
    else:
        journal.write_bytes(journal.read_bytes().replace(b'"INTENT"', b'"INTENS"'))
    for words in (("resume",), ("rotations",), ("resume", rotation_id), ("resume", "--json"), ("rotations", "--json")):
        ended = run(*words)
        assert ended.code == 11, words
        assert f"{file}: the journal does not know its rotation" in ended.err
        assert f"cobalt-async resume {rotation_id} --reveal" in ended.err
        assert held.is_silent(ended)
    code, _, shown = on_a_terminal("resume", rotation_id, "--reveal", both=True)
    assert (code, shown.decode().strip()) == (0, held.token.secret)
    file.write_bytes(bytes(100))  # room that was reserved and never needed
    assert run("rotations").code == run("resume").code == 0


def test_reveal_of_nothing(ada: Rotating) -> None:
    """An unknown id, and a journal that cannot be read, are one line each."""
    Path("open").mkdir()
    for words in (("rot-0",), ("rot-0", "--journal", "open")):
        code, _, shown = on_a_terminal("resume", *words, "--reveal", both=True)
        assert (code, len(shown.decode().splitlines())) == (14, 1)
        assert shown.startswith(b"REFUSED: ")


@pytest.mark.parametrize("sent", [False, True], ids=["before the answer", "with the answer in the spool"])
def test_kill_9(ada: Rotating, run: Run, sent: bool) -> None:
    """A rotation that was killed is listed, and one `resume` without a word more brings it to a good end."""
    store = "file:tok"
    if sent:
        Path("tok").write_text(ada.old)
        put = ada.folder / "put"
        put.write_text("#!/bin/sh\nsleep 3600\n")
        put.chmod(0o700)
        store = f"command:{put} >>> cat tok"
    else:
        ada.sandbox.faults.delay(3600, method="POST")
    with started("rotate", ada.token.id, "--store", store, *SIBLING) as process:
        wait_until(lambda: "OLD_DEAD" in ada.states if sent else ada.posts)
        process.kill()
        process.wait()
    assert run("rotations").out.splitlines()[1].startswith(ada.rotation_id)
    if sent:
        _mend(ada)
    ended = run("resume", "--settle", "0")
    assert ended.code == 0, ended
    assert ada.is_done(Path("tok").read_text())
    assert ada.posts == (1 if sent else 2)
    assert ada.is_silent(ended)
