"""The names of files that an audit is given: what is wrong with them is said before anything is asked."""

import os
from pathlib import Path

import pytest

from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import Run

OPTIONS = ("--policy", "--baseline", "--save-baseline", "--checkpoint", "--resume", "--out")


def refused(run: Run, *arguments: str) -> str:
    """The one line of a call that ended at once."""
    ended = run("audit", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    return ended.err.removeprefix("cobalt-async: ").rstrip("\n")


@pytest.mark.parametrize("option", [*OPTIONS, "FILE"])
def test_an_empty_name(option: str, inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """A variable of the shell that is not set is no wish to go on without."""
    before = sorted(inventory.parent.iterdir())
    arguments = [""] if option == "FILE" else [str(inventory), option, ""]
    assert refused(run, *arguments).startswith(f"{option}: the name is empty")
    assert sandbox.requests == []
    assert sorted(inventory.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("inventory.csv", "--save-baseline", "./inventory.csv"), ("FILE", "--save-baseline")),
        (("inventory.csv", "--save-baseline", "link"), ("FILE", "--save-baseline")),
        (("inventory.csv", "--save-baseline", "hard link"), ("FILE", "--save-baseline")),
        (("inventory.csv", "--checkpoint", "inventory.csv"), ("FILE", "--checkpoint")),
        (("inventory.csv", "--resume", "inventory.csv"), ("FILE", "--resume")),
        (("inventory.csv", "--policy", "inventory.csv"), ("FILE", "--policy")),
        (("inventory.csv", "--baseline", "inventory.csv"), ("FILE", "--baseline")),
        (("report.csv", "--format", "csv", "--out", "."), ("FILE", "--out")),
        (("inventory.csv", "--checkpoint", "new", "--save-baseline", "new"), ("--save-baseline", "--checkpoint")),
        (("inventory.csv", "--resume", "old", "--save-baseline", "old"), ("--save-baseline", "--resume")),
        (("inventory.csv", "--policy", "old", "--save-baseline", "old"), ("--policy", "--save-baseline")),
        (
            ("inventory.csv", "--save-baseline", "o/report.json", "--format", "json", "--out", "o"),
            ("--save-baseline", "--out"),
        ),
        (("inventory.csv", "--checkpoint", "o/report.txt", "--out", "o"), ("--checkpoint", "--out")),
    ],
    ids=lambda value: " ".join(value) if len(value) > 2 else "",
)
def test_two_names_of_one_file(
    arguments: tuple[str, ...], options: tuple[str, str], inventory: Path, sandbox: CobaltSandbox, run: Run
) -> None:
    """Neither is overwritten by the other, whatever way leads there; the line names both options."""
    for name in ("report.csv", "old"):
        Path(name).write_text(inventory.read_text())
    Path("link").symlink_to(inventory)
    os.link(inventory, "hard link")
    before = {path: path.read_text() for path in inventory.parent.iterdir()}
    line = refused(run, *arguments)
    assert line.startswith(f"{options[0]} ")
    assert f" and {options[1]} " in line
    assert line.endswith(" are the same file; name another for one of them")
    assert sandbox.requests == []
    assert {path: path.read_text() for path in inventory.parent.iterdir()} == before


def test_a_report_of_another_format_is_another_file(run: Run, inventory: Path) -> None:
    """An inventory beside the reports is in nobody's way."""
    inventory.rename("report.csv")
    assert run("audit", "report.csv", "--format", "json", "--out", ".").code == 0


def test_no_checkpoint(inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """What is no checkpoint is not gone on with."""
    Path("old").write_text(inventory.read_text())
    assert refused(run, "inventory.csv", "--resume", "old").startswith("checkpoint old: ")
    assert sandbox.requests == []


def test_a_device_is_no_place_for_a_baseline(inventory: Path, sandbox: CobaltSandbox, run: Run) -> None:
    """A pipe, or whatever a link leads to that is no file, is not replaced, and that is said at once."""
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    for name in ("pipe", "link"):
        assert refused(run, str(inventory), "--save-baseline", name).startswith(f"--save-baseline {name}: it cannot be")
    assert Path("pipe").is_fifo()
    assert Path("link").is_symlink()
    assert sandbox.requests == []
