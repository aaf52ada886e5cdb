import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import cobalt_async
from cobalt_async.audit.engine import agenda
from cobalt_async.cli import main
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import CANARY, Ended, Run
from tests.cli.rotating import Rotating


@pytest.fixture(autouse=True, scope="session")
def _interrupts_arrive() -> Iterator[None]:
    """A shell that runs the suite in the background has SIGINT ignored, and so would every process of these tests."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has in its environment is none of a test's business; nor how wide its terminal is."""
    for name in ("COBALT_API_TOKEN", "COBALT_BASE_URL", "COBALT_REGION", "FORCE_COLOR", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(autouse=True)
def _second_looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, nobody waits five seconds for a second look; in another they do."""
    monkeypatch.setattr(agenda, "SECOND_LOOK", 0.0)


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a command leaves where it runs goes away with the test; a process finds the package from there too."""
    monkeypatch.setenv("PYTHONPATH", str(Path(cobalt_async.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[CobaltSandbox]:
    """A sandbox on a thread of its own, to which the environment points."""
    with CobaltSandbox() as opened:
        monkeypatch.setenv("COBALT_BASE_URL", opened.url)
        yield opened


@pytest.fixture
def inventory(sandbox: CobaltSandbox, tmp_path: Path) -> Path:
    """Two alive, one dead as it should be, one forbidden: nothing that is worse than medium."""
    ada, bob = sandbox.add_user("ada", tokens=2), sandbox.add_user("bob")
    bob.forbid()
    lines = ["label,secret,owner,status", *(f"ada {n},{token.secret},ada," for n, token in enumerate(ada.tokens))]
    lines += [f"bob,{bob.tokens[0].secret},bob,active", f"gone,{CANARY},,retired"]
    path = tmp_path / "inventory.csv"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def ada(sandbox: CobaltSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rotating:
    """A user with two tokens; the first one's secret is in the environment, the journal in the test's folder."""
    for name in ("COBALT_SETTLE_SECONDS", "PYTHON_KEYRING_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    user = sandbox.add_user("ada", tokens=2)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COBALT_API_TOKEN", user.tokens[0].secret)
    monkeypatch.setenv("SIBLING", user.tokens[1].secret)
    return Rotating(sandbox, user.tokens[0], user.tokens[1], user.tokens[0].secret, tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `main` in this process: exit code, standard output, standard error."""

    def called(*arguments: str) -> Ended:
        code = main(list(arguments))
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    return called
