import json
from pathlib import Path

import pytest

from cobalt_async.audit import Verdict
from cobalt_async.cli import progress
from cobalt_async.cli.paths import count_rows, free_name
from cobalt_async.cli.progress import Count
from cobalt_async.testing import CobaltSandbox
from tests.cli.calling import Run, on_a_terminal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _count(total: int | None, done: int = 0) -> tuple[Count, Clock]:
    """A count of which so many were done within a second."""
    clock = Clock()
    count = Count(total, clock=clock)
    for number in range(done):
        count.add(tuple(Verdict)[number % 4])
    clock.now += 1
    return count, clock


def test_a_line_tells_how_far_it_is() -> None:
    """Done of all, how fast, each verdict, who waits, and how long it will take."""
    count, _ = _count(1000, 40)
    assert count.text(0) == "40/1000 · 40/s · 10 alive · 10 dead · 10 forbidden · 10 unknown · 0:24 left"
    assert " · 3 parked · " in count.text(3)


def test_a_line_without_a_total() -> None:
    """Where nobody knows how many will come, or more came than were expected, nothing is foretold."""
    assert _count(None, 40)[0].text(0).startswith("40 done · 40/s")
    assert "left" not in _count(None, 40)[0].text(0)
    assert _count(39, 40)[0].text(0).startswith("40 done")
    assert "left" not in _count(39, 40)[0].text(0)


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    """What a resumed audit knew at once, or a user's closed window, is forgotten by then."""
    count, clock = _count(None, 1000)
    for _ in range(40):
        clock.now += 1
        count.add(Verdict.ALIVE)
        count.text(0)
    assert " 1/s" in count.text(0)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("label,secret\na,b\nc,d\n", 2),
        ("label,secret\na,b\nc,d", 2),
        ('{"label": "a"}\n{"label": "b"}\n', 2),
        ("\ufeff" + '{"label": "a"}', 1),
        ("label,secret\n", 0),
        ("", 0),
    ],
)
def test_rows_are_counted_by_their_line_ends(tmp_path: Path, text: str, rows: int) -> None:
    """Of a regular file, with a header or not."""
    path = tmp_path / "rows"
    path.write_text(text, encoding="utf-8")
    assert count_rows(str(path)) == rows


def test_rows_that_are_not_cheap_to_count(tmp_path: Path) -> None:
    """Of what is no regular file, or is not there, or is large, the number is not known."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate((1 << 28) + 1)
    for path in ("/dev/null", str(tmp_path), str(tmp_path / "none"), str(large)):
        assert count_rows(path) is None


def test_a_free_name(tmp_path: Path) -> None:
    """The first that nothing has, be it a link to nowhere."""
    assert free_name("", "a", ".b") == "a.b"
    (tmp_path / "a.b").symlink_to("nowhere")
    (tmp_path / "a-2.b").mkdir()
    assert free_name(str(tmp_path), "a", ".b") == str(tmp_path / "a-3.b")


def test_a_bar_on_a_terminal(inventory: Path) -> None:
    """Where standard error is a terminal it shows how far it is; standard output is the same as ever."""
    code, out, shown = on_a_terminal("audit", str(inventory), "--format", "jsonl")
    assert code == 0
    assert len([json.loads(line) for line in out.splitlines()]) == 4
    assert b"2/4" in shown
    assert b"2 alive" in shown
    assert b"/s" in shown


def test_a_bar_shows_life_while_nothing_lands(inventory: Path, sandbox: CobaltSandbox) -> None:
    """It is drawn anew although no result comes: here while a second look is waited for."""
    _, _, shown = on_a_terminal("audit", str(inventory))
    assert shown.count(b"2 alive") > 10


@pytest.mark.parametrize("form", ["jsonl", "json", "csv"])
def test_no_bar_where_results_stream_by(inventory: Path, form: str) -> None:
    """On one terminal they would be mixed."""
    code, _, shown = on_a_terminal("audit", str(inventory), "--format", form, both=True)
    assert code == 0
    assert b"/s" not in shown
    assert b"ada 0" in shown


def test_no_bar_where_it_is_quiet(inventory: Path) -> None:
    """`--quiet` shows nothing."""
    assert on_a_terminal("audit", str(inventory), "--quiet")[2] == b""


def test_bad_rows_beside_a_bar(inventory: Path) -> None:
    """A line about a bad row stands above the bar, its control characters written out."""
    path = inventory.rename(inventory.with_name("in\x1b[2Jventory.csv"))
    with path.open("ab") as file:
        file.write(b"bad\n")
    code, _, shown = on_a_terminal("audit", str(path), "--skip-bad-rows")
    assert code == 3
    assert rb"in\x1b[2Jventory.csv, line 6: " in shown


def test_lines_where_there_is_no_terminal(
    inventory: Path, sandbox: CobaltSandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log gets a line now and then, without a colour or a cursor that moves; none with `--quiet`."""
    monkeypatch.setattr(progress, "_EVERY", 0.05)
    sandbox.faults.delay(0.3, times=None)
    ended = run("audit", str(inventory))
    lines = ended.err.splitlines()
    assert lines
    assert all(line.startswith("cobalt-async: ") and "/4 · " in line and line.isprintable() for line in lines)
    assert run("audit", str(inventory), "--quiet").err == ""
