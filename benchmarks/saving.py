"""What a question said, kept beside the code: one JSON file a question."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .figures import Row, verdict

FOLDER = Path(__file__).with_name("results")


def save(name: str, rows: Sequence[Row], *, measured_on: str, folder: Path = FOLDER) -> Path:
    """Write a question's rows, each with the figures of all counted rounds; the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    found = {"question": name, "measured_on": measured_on, "rows": [_row(row) for row in rows]}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def _row(row: Row) -> Mapping[str, Any]:
    figures: dict[str, Any] = {"question": row.question.strip(), "unit": row.unit, "verdict": verdict(row)}
    if row.goal is not None:
        figures["goal"] = f"{row.goal.relation} {row.goal.bound:g}"
    if row.values:
        figures.update(median=row.median, least=min(row.values), most=max(row.values), rounds=list(row.values))
    return figures
