"""A question's figures as a picture: bars with their ranges, for a light page and a dark one alike.

The ground is transparent, and text and bars have tones that stand out from white and from black.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .figures import Row
from .rivals import EXTRA

MISSING = f"matplotlib is not installed; {EXTRA}"

_INK = "#7d7d7d"
_TONES = ("#1f8a70", "#4f86c6", "#9aa5b1", "#d9822b", "#b565a7", "#c0504d")
_STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "cobalt_async",  # the same figures give the same file
    "font.size": 10,
    **{f"{part}.color": _INK for part in ("text", "xtick", "ytick")},
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_THICK = 0.8  # what the bars of a group take of its room


def draw(name: str, rows: Sequence[Row], folder: Path) -> Path | None:
    """Draw the rows that have a place in the picture; its path, None where none has. ImportError without matplotlib."""
    panels: dict[str, dict[str, dict[str, Row]]] = {}
    for row in rows:
        if row.bar is not None and row.values:
            panels.setdefault(row.bar.panel, {}).setdefault(row.bar.owner, {})[row.bar.group] = row
    if not panels:
        return None
    matplotlib, canvas = import_module("matplotlib"), import_module("matplotlib.figure")
    path = folder / f"{name}.svg"
    with matplotlib.rc_context(_STYLE):
        groups = max(len(group_names(owners)) for owners in panels.values())
        bars = max(len(owners) for owners in panels.values())
        size = (9.0, (0.9 + groups * (0.25 + 0.2 * bars)) * len(panels) + 0.6)
        figure = canvas.Figure(figsize=size, layout="constrained")
        for axes, (panel, owners) in zip(figure.subplots(len(panels), squeeze=False).flat, panels.items(), strict=True):
            _panel(axes, panel, owners)
        if bars > 1:
            handles, labels = figure.axes[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", ncols=3)
        figure.savefig(path, transparent=True, metadata={"Date": None})
    return path


def group_names(owners: Mapping[str, Mapping[str, Row]]) -> list[str]:
    """The groups of a panel, in the order of the rows."""
    return list(dict.fromkeys(group for bars in owners.values() for group in bars))


def _panel(axes: Any, panel: str, owners: Mapping[str, Mapping[str, Row]]) -> None:  # noqa: ANN401 - untyped where it is missing
    names = group_names(owners)
    thick = _THICK / len(owners)
    unit = ""
    for number, (owner, bars) in enumerate(owners.items()):
        places = [names.index(group) + (number + 0.5) * thick - _THICK / 2 for group in bars]
        medians = [row.median for row in bars.values()]
        spans = (
            [row.median - min(row.values) for row in bars.values()],
            [max(row.values) - row.median for row in bars.values()],
        )
        tone = _TONES[number % len(_TONES)]
        axes.barh(
            places, medians, thick, xerr=spans, color=tone, label=owner, error_kw={"ecolor": _INK, "elinewidth": 1}
        )
        unit = next(iter(bars.values())).unit
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(panel if unit == "/s" else f"{panel}, {unit}")
