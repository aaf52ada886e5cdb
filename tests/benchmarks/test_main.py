import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import pictures
from benchmarks.__main__ import LONG, QUESTIONS, main
from benchmarks.figures import Bar, Goal, Row


def quick(rounds: int | None) -> Sequence[Row]:
    """A question that says how often it was asked."""
    return [Row("quick", (2.0,) * (rounds or 5), "x", Goal("<=", 1.0)), Row("    behind", (7.0,), "us")]


def broken(rounds: int | None) -> Sequence[Row]:
    """A question that cannot be asked."""
    raise RuntimeError(f"no answer in {rounds} rounds")


@pytest.fixture
def kept(tmp_path: Path) -> list[str]:
    """The arguments that keep what is written out of the checkout."""
    return ["--results", str(tmp_path / "results")]


def test_all(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name all are asked and one table is printed; a goal that is missed fails nothing."""
    assert main([*kept, "--rounds", "3"], {"one": quick, "two": quick}) == 0
    printed = capsys.readouterr().out
    assert "Python 3." in printed.splitlines()[0]
    assert "aiohttp" in printed.splitlines()[0]
    assert printed.count("(3)  short by 1.00 x") == 2
    assert "skipped" not in printed


def test_one(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A name asks that question alone; the others are named as skipped."""
    assert main([*kept, "two"], {"one": broken, "two": quick}) == 0
    printed = capsys.readouterr().out
    assert "(5)" in printed
    assert "skipped: one\n" in printed


def test_one_fails(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A question that fails is shown and named, the others are asked all the same, and the exit code is 1."""
    assert main(kept, {"one": broken, "two": quick}) == 1
    captured = capsys.readouterr()
    assert "RuntimeError: no answer" in captured.err
    assert "quick" in captured.out
    assert captured.out.endswith("could not be asked: one (see above)\n")


def test_quick(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--quick` asks with 3 rounds, names what it skips for its length, and says that it is not to be quoted."""
    assert main([*kept, "--quick"], {"makespan": broken, "two": quick}) == 0
    printed = capsys.readouterr().out
    assert "(3)" in printed
    assert "skipped: makespan\n" in printed
    assert "fewer than 11 rounds" in printed
    assert main([*kept, "--rounds", "11", "two"], {"two": quick}) == 0
    assert "fewer than" not in capsys.readouterr().out


def test_goals(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--goals` prints the rows that have a goal, and no other; all are kept."""
    assert main([*kept, "--goals"], {"two": quick}) == 0
    assert "behind" not in capsys.readouterr().out
    assert len(json.loads((Path(kept[1]) / "two.json").read_text("utf-8"))["rows"]) == 2


def test_markdown(kept: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--markdown` prints the rows that have a goal as a table for a page; all are kept."""
    assert main([*kept, "--markdown"], {"two": quick}) == 0
    printed = capsys.readouterr().out
    assert "| quick | <= 1.00 x | 2.00 x | 2.00 to 2.00 (5) | short by 1.00 x |" in printed.splitlines()
    assert "behind" not in printed
    assert len(json.loads((Path(kept[1]) / "two.json").read_text("utf-8"))["rows"]) == 2


def test_no_matplotlib(kept: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib figures are kept all the same, and one line says what to install."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(pictures, "import_module", missing)
    pictured = [Row("a", (1.0,), "us", bar=Bar("panel", "group", "owner"))]
    assert main(kept, {"two": lambda _: pictured}) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.endswith("; no pictures: matplotlib is not installed; pip install 'cobalt-async[bench]'")
    assert (Path(kept[1]) / "two.json").exists()


@pytest.mark.parametrize("arguments", [["nope"], ["--rounds", "0"], ["--rounds", "x"], ["--quickly"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name or a wrong option is one line and exit code 2, and nothing is asked."""
    with pytest.raises(SystemExit) as exit_info:
        main(arguments, {"one": broken})
    assert exit_info.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_questions() -> None:
    """Each question goes by the name of its file, and what takes long is among them."""
    for name, question in QUESTIONS.items():
        assert question.__module__ == f"benchmarks.{name}"
    assert set(QUESTIONS) >= LONG
