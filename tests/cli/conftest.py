from collections.abc import Iterator

import pytest

from cobalt_async.cli import main
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import Ended, Run


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has in its environment is none of a test's business; nor how wide its terminal is."""
    for name in ("COBALT_API_TOKEN", "COBALT_BASE_URL", "COBALT_REGION", "FORCE_COLOR", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[CobaltSandbox]:
    """A sandbox on a thread of its own, to which the environment points."""
    with CobaltSandbox() as opened:
        monkeypatch.setenv("COBALT_BASE_URL", opened.url)
        yield opened


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call `main` in this process: exit code, standard output, standard error."""

    def called(*arguments: str) -> Ended:
        code = main(list(arguments))
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    return called
