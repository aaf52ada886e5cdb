"""The table: head line, one row a figure; for a terminal, or for a page. Text in, text out."""

from collections.abc import Sequence

from .figures import Row, verdict

_COLUMNS = ("question", "goal", "median", "range (rounds)", "")


def head(*, cores: int, machine: str, versions: Sequence[tuple[str, str]]) -> str:
    """What the figures were measured on."""
    named = ", ".join(f"{name} {version}" for name, version in versions)
    return f"{cores} core{'' if cores == 1 else 's'}, {machine}, {named}"


def table(rows: Sequence[Row]) -> str:
    """All rows under each other: text to the left, figures to the right."""
    cells = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_COLUMNS))]
    lines = [_line(line, widths) for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths).rstrip(), *lines[1:]])


def markdown(rows: Sequence[Row]) -> str:
    """The rows that have a goal, as a table for a page of Markdown."""
    cells = [(*_COLUMNS[:-1], "verdict"), *(_cells(row) for row in rows if row.goal is not None)]
    lines = [" | ".join(cell.replace("|", r"\|") for cell in line).strip() for line in cells]
    return "\n".join(f"| {line} |" for line in [lines[0], "--- | --: | --: | --: | ---", *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    goal = "-" if row.goal is None else f"{row.goal.relation} {_figure(row.goal.bound)} {row.unit}"
    if not row.values:
        return (row.question, goal, "-", "-", verdict(row))
    rounds = f"{len(row.values)} {row.counted}".rstrip()
    span = f"{_figure(min(row.values))} to {_figure(max(row.values))} ({rounds})"
    return (row.question, goal, f"{_figure(row.median)} {row.unit}", span, verdict(row))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    question, *figures, said = cells
    middle = (figure.rjust(width) for figure, width in zip(figures, widths[1:-1], strict=True))
    return "  ".join([question.ljust(widths[0]), *middle, said]).rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"
