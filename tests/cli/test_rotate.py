import json
import os
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from cobalt_async import rotation
from cobalt_async.cli import hooks, outcomes, rotate, steps
from cobalt_async.rotation import Binding, Plan, Rotation, RotationClass, State
from cobalt_async.rotation.states import TABLE
from tests.cli.calling import COMMAND, PATIENCE, Run, started
from tests.cli.rotating import ONE_SHOT, SIBLING, Rotating


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nobody waits half a minute for a rival, or for a secret to die."""
    monkeypatch.setattr(rotate, "rotate", partial(rotation.rotate, prove_within=1, old_dead_within=0.1))


def test_a_rotation(ada: Rotating, run: Run) -> None:
    """The steps go to standard error, the outcome to standard output; the store holds the living secret."""
    ended = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"SUCCESS  {ada.rotation_id}",
        f"  token     {ada.token.id} (ada 1)",
        "  class     RECOVERABLE, DECLARED",
        "  happened  the new secret is proved and stored, the old one is dead",
        f"  store     file {ada.folder / 'tok'}",
        "  next      restart what still holds the old secret",
    ]
    assert ended.err.splitlines() == [
        "cobalt-async: refreshed, and the answer is on the disk",
        "cobalt-async: proved: the new secret is alive",
        "cobalt-async: the old secret is dead",
        "cobalt-async: stored",
        "cobalt-async: read back: every store holds the new secret",
        "cobalt-async: done",
    ]
    assert ada.is_done(Path("tok").read_text())
    assert ada.posts == 1
    assert ada.is_silent(ended)


def test_the_sentences_are_of_steps_that_there_are() -> None:
    """Each line that is told in other words is one that a rotation tells."""
    told = {f"{step.lower().replace('_', ' ')}: {seen.lower().replace('_', ' ')}" for step, seen in TABLE}
    assert set(steps.SENTENCES) <= told


def test_quiet(ada: Rotating, run: Run) -> None:
    """Only the outcome is said."""
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING)
    assert (ended.code, ended.err) == (0, "")


def test_several_stores_at_once(ada: Rotating, run: Run) -> None:
    """Each of them holds the new secret, and each has its line; the rest of a .env file stays."""
    Path(".env").write_text(f"# mine\nCOBALT_API_TOKEN={ada.old}\nOTHER=1\n")
    script = ada.folder / "put"
    script.write_text('#!/bin/sh\ncat > "$1"\n')
    script.chmod(0o700)
    Path("vault").touch()
    stores = ("file:tok", "env:.env#COBALT_API_TOKEN", f"command:{script} vault >>> cat vault")
    ended = run("rotate", ada.token.id, *(word for store in stores for word in ("--store", store)), *SIBLING)
    assert ended.code == 0
    assert ada.is_done(Path("tok").read_text())
    assert ada.is_done(Path("vault").read_text())
    assert Path(".env").read_text() == f"# mine\nCOBALT_API_TOKEN={ada.token.secret}\nOTHER=1\n"
    assert len([line for line in ended.out.splitlines() if line.startswith("  store ")]) == 3


def test_the_secret_by_reference(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--secret-ref` leads to the secret; the journal has the place, readable from any folder, for `resume`."""
    monkeypatch.delenv("COBALT_API_TOKEN")
    Path("tok").write_text(ada.old)
    assert run("rotate", ada.token.id, "--secret-ref", "file:tok", "--store", "file:tok", *SIBLING).code == 0
    assert ada.is_done(Path("tok").read_text())
    [entry] = ada.journal.entries().values()
    assert (entry.intent.secret_ref, entry.intent.sibling_ref) == (f"file:{ada.folder / 'tok'}", "env:SIBLING")


def test_the_secret_from_the_environment_is_on_record_by_name(ada: Rotating, run: Run) -> None:
    """The journal has `env:COBALT_API_TOKEN`, and no secret."""
    assert run("rotate", ada.token.id, "--store", "file:tok", *ONE_SHOT).code == 0
    [entry] = ada.journal.entries().values()
    assert (entry.intent.secret_ref, entry.intent.sibling_ref) == ("env:COBALT_API_TOKEN", None)
    text = (ada.journal.path / "journal.jsonl").read_text()
    assert not any(secret in text for secret in (ada.old, ada.token.secret))


def test_one_shot_must_be_accepted(ada: Rotating, run: Run) -> None:
    """Without a sibling it is refused, unless `--accept-one-shot` says that a lost answer is a lost token."""
    ended = run("rotate", ada.token.id, "--store", "file:tok")
    assert ended.code == 14
    assert "--accept-one-shot" in ended.err
    accepted = run("rotate", ada.token.id, "--store", "file:tok", "--accept-one-shot")
    assert accepted.code == 0
    assert "  class     ONE_SHOT, DECLARED" in accepted.out


def test_json(ada: Rotating, run: Run) -> None:
    """One object has all of it, the secret excepted."""
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--json", "--quiet", *SIBLING)
    found = json.loads(ended.out)
    assert found.pop("events")[0] == "SEND: NEW"
    assert found == {
        "schema_version": 1,
        "state": "SUCCESS",
        "exit_code": 0,
        "rotation_id": ada.rotation_id,
        "token_id": ada.token.id,
        "new_token_id": ada.token.id,
        "name": "ada 1",
        "class": "RECOVERABLE",
        "binding": "DECLARED",
        "what_happened": "the new secret is proved and stored, the old one is dead",
        "advice": "restart what still holds the old secret",
        "stores": [f"file {ada.folder / 'tok'}"],
        "spool": None,
        "notes": [],
    }
    assert ada.is_silent(ended)


def test_another_place(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--base-url` says where the token lives."""
    monkeypatch.delenv("COBALT_BASE_URL")
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--base-url", ada.sandbox.url, *SIBLING)
    assert ended.code == 0


def test_another_journal(ada: Rotating, run: Run) -> None:
    """`--journal` is a folder of its own, and the commands that are advised name it."""
    Path("my own").mkdir(mode=0o700)
    ada.sandbox.faults.answer(503, method="POST", executed=True)
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--journal", "my own", "--settle", "0", *SIBLING)
    assert ended.code == 0  # the sibling has recovered it
    assert (ada.folder / "my own" / "journal.jsonl").exists()
    assert not ada.journal.path.exists()
    command = outcomes.resume_command("rot-0a", "my own")
    assert shlex.split(command) == ["cobalt-async", "resume", "rot-0a", "--journal", "my own"]


def test_a_dry_run(ada: Rotating, run: Run) -> None:
    """It says what would be done, changes nothing, leaves nothing, and sends nothing but readings."""
    before = sorted(ada.folder.rglob("*"))
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--dry-run", *SIBLING)
    assert (ended.code, ended.err) == (0, "")
    spool = ada.journal.path / "spool"
    lines = ended.out.splitlines()
    assert lines[:4] == [
        "DRY RUN",
        f"  token     {ada.token.id} (ada 1)",
        "  class     RECOVERABLE, DECLARED",
        f"  store     file {ada.folder / 'tok'}",
    ]
    assert lines[4] == f"  journal   {ada.journal.path}"
    assert lines[5].startswith(f"  spool     {spool}, on ")
    assert {request.method for request in ada.sandbox.requests} == {"GET"}
    assert sorted(ada.folder.rglob("*")) == before
    found = json.loads(run("rotate", ada.token.id, "--store", "file:tok", "--dry-run", "--json", *SIBLING).out)
    assert (found["dry_run"], found["spool"]) == (True, str(spool))


@pytest.mark.parametrize(("system", "fate"), [("tmpfs", "machine or pod"), ("overlay", "container"), ("ext4", None)])
def test_a_dry_run_says_where_a_spool_dies(system: str, fate: str | None) -> None:
    """A spool on tmpfs dies with the machine, on overlay with the container: it is said plainly."""
    plan = Plan(
        token_id="api_a",
        name="a",
        rotation_class=RotationClass.ONE_SHOT,
        binding=Binding.DECLARED,
        stores=(),
        journal=Path("/j"),
        spool=Path("/j/spool"),
        file_system=system,
        notes=("something",),
    )
    [line] = [line for line in outcomes.plan_block(plan) if line.startswith("  spool")]
    assert (f"{fate}" in line and "--journal" in line) if fate else line == "  spool     /j/spool, on ext4"
    assert outcomes.plan_object(plan)["spool_dies_with_machine"] is (fate is not None)
    assert "  note      something" in outcomes.plan_block(plan)


def test_a_dry_run_refuses_as_well(ada: Rotating, run: Run) -> None:
    """What a rotation would be refused for, is exit code 14 here too."""
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--dry-run")
    assert (ended.code, ended.out) == (14, "")
    assert ended.err.startswith("REFUSED: ONE_SHOT: ")


def _show_environment(folder: Path) -> str:
    script = folder / "show"
    script.write_text('#!/bin/sh\nenv > shown\ncat /proc/$$/cmdline >> shown 2>&1\nexit "$1"\n')
    script.chmod(0o700)
    return str(script)


def test_the_hook(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the ids in its environment, and neither secret, under whatever name they are there."""
    monkeypatch.setenv("SAME_SECRET", f"Bearer {ada.old}")
    hook = f"{_show_environment(ada.folder)} 0"
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--hook", hook, *SIBLING)
    assert ended.code == 0
    shown = Path("shown").read_text()
    for line in (f"ROTATION_ID={ada.rotation_id}", f"TOKEN_ID={ada.token.id}", f"NEW_TOKEN_ID={ada.token.id}"):
        assert f"COBALT_{line}\n" in shown
    assert not any(secret in shown for secret in (ada.old, ada.token.secret, ada.sibling.secret))
    assert "COBALT_API_TOKEN" not in shown
    assert os.environ["SAME_SECRET"] == f"Bearer {ada.old}"
    assert "cobalt-async: the hook has ended" in ended.err


@pytest.mark.parametrize(("words", "flaw"), [("{show} 3", "exit code is 3"), ("/no/such", "cannot be started")])
def test_a_hook_that_fails(ada: Rotating, run: Run, words: str, flaw: str) -> None:
    """It is a note, and the rotation stands."""
    hook = words.format(show=_show_environment(ada.folder))
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--hook", hook, *SIBLING)
    assert ended.code == 0
    assert ada.is_done(Path("tok").read_text())
    [note] = [line for line in ended.out.splitlines() if line.startswith("  note")]
    assert flaw in note
    assert note.endswith("the rotation stands all the same")


def test_a_hook_that_hangs(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time limit it is ended."""
    monkeypatch.setattr(hooks, "_SECONDS", 0.2)
    ended = run("rotate", ada.token.id, "--store", "file:tok", "--hook", "sleep 3600", *SIBLING)
    assert ended.code == 0
    assert "the hook: it did not end within 0.2 s" in ended.out


def test_programs_are_not_given_the_secret(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a store have it neither among their arguments nor in their environment."""
    monkeypatch.setenv("MINE", ada.old)
    show = _show_environment(ada.folder)
    write = f"command:sh -c '{show} 0; cat > tok' >>> sh -c '{show} 0; cat tok'"
    Path("tok").write_text(ada.old)
    ended = run("rotate", ada.token.id, "--store", write, "--secret-ref", "env:MINE", *SIBLING)
    assert ended.code == 0, ended
    shown = Path("shown").read_text()
    assert not any(secret in shown for secret in (ada.old, ada.token.secret, ada.sibling.secret))


def _held(ada: Rotating) -> None:
    Path("tok").write_text(ada.old)


def _unclear(ada: Rotating) -> None:
    ada.sandbox.faults.hang_up_after(method="POST")
    ada.sandbox.faults.delay(0, method="GET")
    ada.sandbox.faults.answer(503, method="GET", times=None)


def _conflicting(ada: Rotating) -> None:
    ada.sandbox.faults.delay(0.5, method="POST")
    ada.when_posted(lambda: Path("tok").write_text("somebody-elses"))


def _adopted(ada: Rotating) -> None:
    ada.sandbox.faults.answer(401, method="POST")
    ada.when_posted(lambda: Path("tok").write_text(ada.token.refresh()))


OUTCOMES = {
    "ADOPTED": (0, _adopted, "file:tok"),
    "HELD": (10, _held, "command:true >>> cat tok"),
    "UNCERTAIN": (11, _unclear, "file:tok"),
    "LOST": (12, lambda ada: ada.sandbox.faults.hang_up_after(method="POST"), "file:tok"),
    "CONFLICT": (13, _conflicting, "file:tok"),
    "NOT_ROTATED": (15, lambda ada: ada.sandbox.faults.answer(403, method="POST"), "file:tok"),
}


@pytest.mark.parametrize("state", OUTCOMES)
def test_each_outcome_has_its_exit_code(ada: Rotating, run: Run, state: str) -> None:
    """The block begins with the state and ends with what to do; the secret is in neither."""
    code, arrange, store = OUTCOMES[state]
    arrange(ada)
    ended = run("rotate", ada.token.id, "--store", store, *ONE_SHOT)
    assert ended.code == code, ended
    lines = ended.out.splitlines()
    assert lines[0] == f"{state}  {ada.rotation_id}"
    assert lines[-1].startswith("  next      ")
    assert ada.is_silent(ended)
    assert ada.states == [state]
    if state == "HELD":
        assert "  spool     " in ended.out
        assert f"cobalt-async resume {ada.rotation_id}" in lines[-1]


def test_the_wrong_id(ada: Rotating, run: Run) -> None:
    """Where the old secret outlives the refresh it was another token's: MISMATCH, 13, and the store is not touched."""
    ended = run("rotate", ada.sibling.id, "--store", "file:tok", "--accept-one-shot")
    assert ended.code == 13
    assert ended.out.startswith("MISMATCH  rot-")
    assert not Path("tok").exists()
    assert ada.is_silent(ended)
    assert f" cobalt-async resume {ada.rotation_id} --reveal " in run("rotations").out
    assert f"MISMATCH  {ada.rotation_id}" in (again := run("resume")).out
    assert (again.code, run("rotate", ada.token.id, "--store", "file:tok", "--accept-one-shot").code) == (13, 0)
    assert ada.token.secret == Path("tok").read_text()


def test_every_state_has_an_exit_code() -> None:
    """The table is whole, and the worst of several is by the documented order."""
    assert set(outcomes.CODES) == set(State)
    order = [12, 13, 11, 10, 15, 14, 0]
    assert [outcomes.worst(order[at:]) for at in range(len(order))] == order
    assert outcomes.worst([]) == 0


BAD = {
    "an unknown id": (("api_nobodys", "--store", "file:tok"), "not among the 2 tokens of this user"),
    "the secret as the id": (("{old}", "--store", "file:tok"), "TOKEN_ID holds the secret itself"),
    "a store that cannot be written": (("{id}", "--store", "file:/proc/tok"), "cannot be written"),
    "a folder that others can write to": (("{id}", "--store", "file:open/tok"), "others can write to its folder"),
    "a store that does not parse": (("{id}", "--store", "nonsense"), "store: it is none of file:PATH"),
    "the secret as a store": (("{id}", "--store", "{old}"), "store: it is none of file:PATH"),
    "the secret in a store": (("{id}", "--store", "command:cat {old}"), "holds the secret itself"),
    "a journal that others can read": (("{id}", "--store", "file:tok", "--journal", "open"), "run chmod 700"),
    "no journal": (("{id}", "--store", "file:tok", "--journal", ""), "its path is empty"),
    "another region": (("{id}", "--store", "file:tok", "--base-url", "{foreign}"), "of another region"),
    "two places": (("{id}", "--store", "file:tok", "--region", "eu", "--base-url", "{foreign}"), "not both"),
    "no such variable": (("{id}", "--store", "file:tok", "--secret-ref", "env:NONE"), "--secret-ref: the environment"),
    "no such sibling": (("{id}", "--store", "file:tok", "--sibling-ref", "file:none"), "--sibling-ref: file ./none: "),
    "no such reference": (("{id}", "--store", "file:tok", "--sibling-ref", "?"), "--sibling-ref: it is none of"),
    "itself as the sibling": (("{id}", "--store", "file:tok", "--sibling-ref", "env:COBALT_API_TOKEN"), "the very"),
    "a stranger as the sibling": (("{id}", "--store", "file:tok", "--sibling-ref", "env:STRANGER"), "another user's"),
    "a hook that does not parse": (("{id}", "--store", "file:tok", "--hook", "'"), "--hook: a quote is not closed"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("dry", [False, True], ids=["rotate", "dry-run"])
def test_bad_input(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch, what: str, dry: bool) -> None:
    """It is REFUSED in one line with the remedy, exit code 14; nothing was sent, and no secret is shown."""
    words, flaw = BAD[what]
    other = "http://127.0.0.1" + ada.sandbox.url.removeprefix("http://localhost")
    if what == "another region":
        ada.sandbox.faults.answer(401, method="GET", times=None)
    monkeypatch.setenv("STRANGER", ada.sandbox.add_user("bob").tokens[0].secret)
    Path("open").mkdir(mode=0o777)
    Path("open").chmod(0o777)
    filled = [word.format(id=ada.token.id, old=ada.old, foreign=other) for word in words]
    whole = ("rotate", *filled, "--accept-one-shot", *(("--dry-run",) if dry else ()))
    ended = run(*whole)
    assert (ended.code, ended.out) == (14, "")
    as_json = run(*whole, "--json")
    assert flaw in json.loads(as_json.out).get("what_happened", "")
    assert ada.is_silent(as_json)
    assert ended.err.startswith("REFUSED: ")
    assert flaw in ended.err
    assert len(ended.err.splitlines()) == 1
    assert ada.posts == 0
    assert ada.is_silent(ended)


def test_no_secret_at_all(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how to give one."""
    monkeypatch.delenv("COBALT_API_TOKEN")
    ended = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert (ended.code, ended.out) == (14, "")
    assert ended.err == "REFUSED: no secret to replace: set COBALT_API_TOKEN, or say where it stands by --secret-ref\n"


def test_the_settling_time_of_the_environment(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$COBALT_SETTLE_SECONDS` stands for `--settle`; one that is no number is refused by its name."""
    monkeypatch.setenv("COBALT_SETTLE_SECONDS", "soon")
    ended = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert (ended.code, ada.posts) == (14, 0)
    assert ended.err.startswith("REFUSED: $COBALT_SETTLE_SECONDS: ")
    monkeypatch.setenv("COBALT_SETTLE_SECONDS", "0.5")
    ada.sandbox.faults.hang_up_after(method="POST")
    recovered = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert recovered.code == 0
    assert "waiting 0 s" in recovered.err
    assert ada.is_done(Path("tok").read_text())
    assert ada.posts == 2


def test_an_unfinished_rotation_of_the_token(ada: Rotating, run: Run) -> None:
    """Another is refused, and the line names the command that finishes the first, whatever journal it is in."""
    _held(ada)
    own = ("--journal", "own")
    store = ("--store", "command:true >>> cat tok")
    assert run("rotate", ada.token.id, *store, *own, *ONE_SHOT).code == 10
    ended = run("rotate", ada.token.id, *store, *own, *ONE_SHOT, "--json")
    assert ended.code == 14
    assert ended.err.startswith(f"REFUSED: an earlier rotation of {ada.token.id} stands at HELD")
    assert ended.err.endswith("--journal own\n")
    assert json.loads(ended.out)["state"] == "REFUSED"
    assert ada.posts == 1


def test_two_at_once(ada: Rotating) -> None:
    """Of two processes that rotate one token, one wins and the other is refused."""
    ada.sandbox.faults.delay(1, method="POST")
    words = ("rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING)
    with started(*words) as one, started(*words) as other:
        written = [process.communicate(timeout=PATIENCE) for process in (one, other)]
        assert sorted((one.returncode, other.returncode)) == [0, 14]
    assert ada.posts == 1
    assert ada.is_done(Path("tok").read_text())
    [refused] = [err.decode() for _, err in written if err]
    assert refused.startswith("REFUSED: ")


def test_what_breaks_off_is_for_resume(ada: Rotating, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is no traceback once a refresh may have left: UNCERTAIN, and how to go on."""

    async def broken(*words: object, journal: rotation.Journal, **options: object) -> Rotation:
        journal.prepare()
        journal.append("rot-0a", "INTENT")
        raise KeyError(ada.old)

    monkeypatch.setattr(rotate, "rotate", broken)
    ended = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert ended.code == 11
    assert "it broke off (KeyError)" in ended.out
    assert "cobalt-async resume rot-0a" in ended.out
    assert ada.is_silent(ended)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_standard_output_that_takes_nothing(ada: Rotating) -> None:
    """The outcome goes to standard error, and the exit code stays that of the rotation."""
    words = (*COMMAND, "rotate", ada.token.id, "--store", "file:tok", "--quiet", *SIBLING)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0
    assert done.stderr.startswith("SUCCESS  rot-")
    assert ada.is_done(Path("tok").read_text())


def test_names_from_outside_are_harmless(ada: Rotating, run: Run) -> None:
    """A token's name moves no cursor."""
    ada.token.rename("\x1b[2J\nevil")
    ended = run("rotate", ada.token.id, "--store", "file:tok", *SIBLING)
    assert ended.code == 0
    assert "(\\x1b[2J\\nevil)" in ended.out
    assert "\x1b" not in ended.out


def test_help_needs_no_rotation() -> None:
    """`rotate --help` loads neither the rotation nor aiohttp."""
    script = "import sys; from cobalt_async.cli import main; main(['rotate', '--help']); print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert "cobalt_async.rotation" not in done.stdout.split()


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["told", "quiet"])
@pytest.mark.parametrize(
    "where", ["2>/dev/full", "2>&-", ">/dev/full", ">/dev/full 2>&-", ">/dev/full 2>/dev/full"], ids=str
)
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")
def test_where_nobody_hears_of_it(ada: Rotating, where: str, quiet: tuple[str, ...]) -> None:
    """An outcome that cannot be told is the same outcome, and has its exit code."""
    words = ("rotate", ada.token.id, "--store", "file:tok", *SIBLING, *quiet)
    shell = ("/bin/sh", "-c", f'exec "$@" {where}', "sh", *COMMAND, *words)
    done = subprocess.run(shell, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert ada.is_done(Path("tok").read_text(encoding="utf-8"))
    assert (b"SUCCESS" in done.stdout) is (">/dev/full" not in where or where.startswith("2>"))
    assert (b"SUCCESS" in done.stderr) is (where == ">/dev/full")
