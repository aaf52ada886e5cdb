from benchmarks.figures import Goal, Row
from benchmarks.table import head, markdown, table

MET = Row("cost", (1.0, 1.05, 1.2), "x", Goal("<=", 1.1))
SHORT = Row("memory", (25.0, 31.0), "MB", Goal("<", 20.0))
BEHIND = Row("    rate", (2500.0,), "/s")
MISSING = Row("speed", (), "x", Goal(">=", 3.0), missing="get it")


def test_rows() -> None:
    """A row holds question, goal, median, range, how many rounds, and what follows from them."""
    lines = [line.split("  ") for line in table([MET, SHORT, BEHIND, MISSING]).splitlines()[2:]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ["cost", "<= 1.10 x", "1.05 x", "1.00 to 1.20 (3)", "met"],
        ["memory", "< 20.0 MB", "28.0 MB", "25.0 to 31.0 (2)", "short by 8.00 MB"],
        ["rate", "-", "2,500 /s", "2,500 to 2,500 (1)"],
        ["speed", ">= 3.00 x", "-", "-", "not measured: get it"],
    ]


def test_what_is_counted() -> None:
    """Figures that are no rounds of a clock's say what they are of."""
    assert table([Row("makespan", (1.0,), "x", counted="seed")]).endswith("1.00 x  1.00 to 1.00 (1 seed)")


def test_markdown() -> None:
    """A page gets the rows that have a goal, those too that could not be measured; a bar does not end a cell."""
    odd = Row("a | b", (1.0,), "x", Goal("<=", 2.0))
    assert markdown([MET, BEHIND, MISSING, odd]).splitlines() == [
        "| question | goal | median | range (rounds) | verdict |",
        "| --- | --: | --: | --: | --- |",
        "| cost | <= 1.10 x | 1.05 x | 1.00 to 1.20 (3) | met |",
        "| speed | >= 3.00 x | - | - | not measured: get it |",
        r"| a \| b | <= 2.00 x | 1.00 x | 1.00 to 1.00 (1) | met |",
    ]


def test_no_rows() -> None:
    """A table of nothing is its heading."""
    assert table([]).splitlines()[0].startswith("question")


def test_head() -> None:
    """The head line says what the figures were measured on."""
    assert head(cores=2, machine="Linux x86_64", versions=[("Python", "3.11.7"), ("aiohttp", "3.14.5")]) == (
        "2 cores, Linux x86_64, Python 3.11.7, aiohttp 3.14.5"
    )
    assert head(cores=1, machine="x", versions=[]).startswith("1 core, ")
