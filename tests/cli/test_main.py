import re
import subprocess
import sys
from pathlib import Path

import pytest

import cobalt_async
from cobalt_async import cli
from cobalt_async.audit import Format
from cobalt_async.cli import audit_options
from cobalt_async.cli.exit_codes import ExitCode
from tests.cli.calling import Ended, Run, run_process

NO_TYPER = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from cobalt_async.cli import main
sys.exit(main([{argument!r}]))
"""


def test_the_version(run: Run) -> None:
    """`--version` prints name and version, and nothing else; what comes after it is not run."""
    for arguments in (("--version",), ("--version", "--version"), ("--version", "rules"), ("--version", "--help")):
        assert run(*arguments) == Ended(0, f"cobalt-async {cobalt_async.__version__}\n", "")


@pytest.mark.parametrize("arguments", [("--version", "--nonsense"), ("audit", "--version"), ("--version=1",)])
def test_the_version_beside_what_is_wrong(run: Run, arguments: tuple[str, ...]) -> None:
    """`--version` does not make a wrong usage right."""
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")


def test_the_version_needs_little() -> None:
    """`--version` loads the package and nothing that a command needs."""
    script = "import sys; from cobalt_async.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "cobalt_async" in loaded
    assert not loaded & {
        "typer",
        "rich",
        "cattrs",
        "sqlite3",
        "cobalt_async.audit",
        "cobalt_async.testing",
        "aiohttp.web",
    }
    assert not loaded & {"cobalt_async.cli.app", "cobalt_async.cli.running"}


def test_the_help_needs_little() -> None:
    """`--help` loads neither the sandbox nor rich's machinery."""
    script = "import sys; from cobalt_async.cli import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "typer" in loaded
    assert not loaded & {"rich.console", "rich.table", "rich.progress", "cobalt_async.testing", "aiohttp.web"}


def test_as_a_module() -> None:
    """`python -m cobalt_async` is the command, under its own name."""
    assert run_process("--version").out == f"cobalt-async {cobalt_async.__version__}\n"
    assert run_process("--help").out.startswith("Usage: cobalt-async [OPTIONS] COMMAND")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra(missing: str) -> None:
    """Without typer or rich, one line says what to install, and the exit code is 2."""
    script = NO_TYPER.format(missing=missing, argument="rules")
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cobalt-async: the command line needs {missing}: pip install 'cobalt-async[cli]'\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_the_version_without_the_extra(missing: str) -> None:
    """Which version is installed is told without typer and rich."""
    script = NO_TYPER.format(missing=missing, argument="--version")
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"cobalt-async {cobalt_async.__version__}\n", "")


def test_another_missing_module_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the extra brings is called missing."""
    monkeypatch.delitem(sys.modules, "cobalt_async.cli.app", raising=False)
    monkeypatch.delattr(cli, "app", raising=False)
    monkeypatch.setitem(sys.modules, "cobalt_async.cli.choice", None)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["rules"])


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("audit",),
        ("diff",),
        ("explain",),
        ("resume",),
        ("rotate",),
        ("rotations",),
        ("rules",),
        ("sandbox",),
        ("tokens",),
        ("tokens", "list"),
    ],
    ids=" ".join,
)
def test_the_help(run: Run, command: tuple[str, ...]) -> None:
    """Each command explains itself, fits in 100 columns, and offers no shell completion."""
    for option in ("--help", "-h"):
        ended = run(*command, option)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(" ".join(("Usage: cobalt-async", *command)))
        assert max(map(len, ended.out.splitlines())) <= 100
        assert "completion" not in ended.out
        assert "..." not in ended.out.partition("\n")[2]


def test_the_formats_are_those_of_the_audit() -> None:
    """`--help` loads no audit, and still offers what that can write."""
    assert [form.value for form in audit_options.FormatName] == [form.value for form in Format]


def test_the_help_tells_the_exit_codes(run: Run) -> None:
    """Whoever writes a script finds them without leaving the terminal."""
    text = " ".join(run("--help").out.split())
    assert (
        "0 done, 1 alerts, 2 usage or configuration, 3 audit incomplete, 4 incomplete with alerts, 5 audit void, "
        "6 a request or the system failed, 130 interrupted"
    ) in text
    assert (
        "10 HELD, 11 UNCERTAIN, 12 LOST, 13 MISMATCH or CONFLICT, 14 REFUSED, nothing was sent, 15 NOT_ROTATED, "
        "130 interrupted before anything was sent"
    ) in text
    assert {int(number) for number in re.findall(r"\b\d+(?= [A-Za-z])", text.partition("Exit codes: ")[2])} == set(
        ExitCode
    )


@pytest.mark.parametrize("command", [("audit",), ("tokens", "list"), ("rotate",)], ids=" ".join)
def test_the_help_tells_what_a_region_beats(run: Run, command: tuple[str, ...]) -> None:
    """Whoever has COBALT_BASE_URL set is told that --region goes elsewhere."""
    assert "data centre, whatever COBALT_BASE_URL says; " in " ".join(run(*command, "--help").out.split())


def test_the_help_tells_what_goes_beyond_the_share(run: Run) -> None:
    """A secret whose user is not known counts into nobody's window."""
    text = " ".join(run("audit", "--help").out.split())
    assert "up to 1; to learn whose a secret is, a few are asked beyond it." in text


def test_no_command_offers_a_secret_as_an_argument(run: Run) -> None:
    """Secrets come from the environment, a file or standard input: no option takes one."""
    text = "".join(
        run(*command, "--help").out for command in (("audit",), ("rotate",), ("resume",), ("tokens", "list"))
    )
    assert {"--token", "--secret", "--api-token"}.isdisjoint(text.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("non\nsense", "\x1b[31m"),
        ("tokens", "lst"),
        ("--nonsense",),
        ("audit", "--nonsense"),
        ("audit", "a.csv", "b.csv"),
        ("audit", "a.csv", "--format", "xml"),
        ("audit", "a.csv", "--format", "json", "--format", "csv"),
        ("audit", "a.csv", "--fail-on", "sometimes"),
        ("audit", "a.csv", "--checkpoint", "a", "--resume", "b"),
        ("audit", "a.csv", "--share", "much"),
        ("audit", "a.csv", "--concurrency", "many"),
        ("audit", "a.csv", "--rate", "fast"),
        ("audit", "a.csv", "--region", "mars"),
        ("audit",),
        ("audit", "a.csv", "--sandbox"),
        ("diff", "a"),
        ("explain",),
        ("resume", "rot-a", "rot-b"),
        ("resume", "--reveal"),
        ("resume", "rot-a", "--reveal", "--json"),
        ("rotate",),
        ("rotate", "api_a"),
        ("rotate", "--store", "file:a"),
        ("rotate", "api_a", "--store", "file:a", "--settle", "-1"),
        ("rotate", "api_a", "--store", "file:a", "--settle", "soon"),
        ("rotate", "api_a", "--store", "file:a", "--region", "mars"),
        ("rotations", "rot-a"),
        ("rules", "CT301"),
        ("tokens", "refresh", "api_a"),
        ("sandbox", "--port", "65536"),
        ("sandbox", "--users", "0"),
    ],
    ids=" ".join,
)
def test_a_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    """It is exit code 2, and one line that says what is wrong and how to learn how it is used."""
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(r"cobalt-async: \S[^\n]{9,} \(how it is used: cobalt-async( [a-z]+)* --help\)\n", ended.err)
    assert ended.err.isprintable() or ended.err.rstrip("\n").isprintable()


@pytest.mark.parametrize("command", [(), ("tokens",)], ids=" ".join)
def test_a_name_that_has_commands_under_it(run: Run, command: tuple[str, ...]) -> None:
    """Given none, it shows them on standard error; nothing was done, and that is exit code 2."""
    ended = run(*command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == run(*command, "--help").out


SECRET = "ctok_live_Zx81kQ2mVb7Lr4TnW9yEa6Hd"


@pytest.mark.parametrize(
    "arguments",
    [
        (SECRET,),
        ("tokens", "list", SECRET),
        ("tokens", "list", "--token-file", SECRET),
        ("tokens", "list", f"--token-file={SECRET}"),
        ("audit", SECRET),
        ("audit", "--sandbox", "--policy", SECRET),
        ("audit", "--sandbox", "--rate", SECRET),
        ("diff", SECRET, SECRET),
        ("resume", SECRET),
        ("rules", SECRET),
        ("rotate", "api_a", "--store", "file:a", f"--settle={SECRET}"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(SECRET, "SECRET"),
)
def test_a_secret_that_was_given_as_a_name(run: Run, arguments: tuple[str, ...]) -> None:
    """Whoever pastes a token where a file or a number belongs does not find it in the log of their job."""
    ended = run(*arguments)
    assert ended.code in (2, 14)
    assert SECRET not in ended.out + ended.err
    assert ended.err.count("\n") == 1


def test_a_path_that_looks_random_is_told(run: Run, tmp_path: Path) -> None:
    """A name in a folder that is there is a path, whatever it looks like."""
    path = str(tmp_path / SECRET)
    assert f"cobalt-async: {path}: it cannot be read" in run("audit", path).err


@pytest.mark.parametrize("command", ["audit --sandbox", "--version"])
def test_standard_output_that_is_closed(command: str) -> None:
    """Nowhere to write to is one line and exit code 2."""
    done = subprocess.run(
        ("/bin/sh", "-c", f'"$0" -m cobalt_async {command} >&-', sys.executable),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        2,
        "cobalt-async: standard output is closed; there is nowhere to write to\n",
    )


def test_standard_error_that_is_closed() -> None:
    """What would be said there is lost, and is not printed among the results."""
    done = subprocess.run(
        ("/bin/sh", "-c", '"$0" -m cobalt_async audit no-such-file 2>&-', sys.executable),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["--version", *(f"audit --sandbox --format {form}" for form in Format)])
def test_a_disk_that_is_full(command: str) -> None:
    """It is one line and exit code 2, and no traceback, now or when Python ends."""
    with Path("/dev/full").open("wb") as full:
        arguments = (sys.executable, "-m", "cobalt_async", *command.split())
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "cobalt-async: cannot write to standard output: No space left on device\n"
