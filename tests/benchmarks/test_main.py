from collections.abc import Sequence

import pytest

from benchmarks.__main__ import QUESTIONS, main
from benchmarks.figures import Goal, Row


def quick(rounds: int | None) -> Sequence[Row]:
    """A question that says how often it was asked."""
    return [Row("quick", (2.0,) * (rounds or 5), "x", Goal("<=", 1.0))]


def broken(rounds: int | None) -> Sequence[Row]:
    """A question that cannot be asked."""
    raise RuntimeError(f"no answer in {rounds} rounds")


def test_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name all are asked and one table is printed; a goal that is missed fails nothing."""
    assert main(["--rounds", "3"], {"one": quick, "two": quick}) == 0
    printed = capsys.readouterr().out
    assert "Python 3." in printed.splitlines()[0]
    assert "aiohttp" in printed.splitlines()[0]
    assert printed.count("(3)  short by 1.00 x") == 2


def test_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A name asks that question alone."""
    assert main(["two"], {"one": broken, "two": quick}) == 0
    assert "(5)" in capsys.readouterr().out


def test_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A question that fails is shown and named, the others are asked all the same, and the exit code is 1."""
    assert main([], {"one": broken, "two": quick}) == 1
    captured = capsys.readouterr()
    assert "RuntimeError: no answer" in captured.err
    assert "quick" in captured.out
    assert captured.out.endswith("could not be asked: one (see above)\n")


@pytest.mark.parametrize("arguments", [["nope"], ["--rounds", "0"], ["--rounds", "x"], ["--quickly"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name or a wrong option is one line and exit code 2, and nothing is asked."""
    with pytest.raises(SystemExit) as exit_info:
        main(arguments, {"one": broken})
    assert exit_info.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_questions() -> None:
    """Each question goes by the name of its file."""
    for name, question in QUESTIONS.items():
        assert question.__module__ == f"benchmarks.{name}"
