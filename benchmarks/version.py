"""How long does `cobalt-async --version` take beside `import aiohttp`, each in a process of its own?"""

from importlib.util import find_spec

from .costs import Cost
from .figures import Goal, Row, differences
from .importing import cost, run

ROUNDS = 21  # as for imports
GOAL = Goal("<=", 100.0)

_QUESTION = "cobalt-async --version: time beyond import aiohttp"


def measure(rounds: int | None = None) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    if find_spec("typer") is None:
        missing = "typer is not installed; pip install 'cobalt-async[cli]'"
        return [Row(_QUESTION, (), "ms", GOAL, missing=missing)]
    pairs = [(run("-m", "cobalt_async", "--version"), cost("aiohttp")) for _ in range((rounds or ROUNDS) + 1)][1:]
    return rows(pairs)


def rows(pairs: list[tuple[Cost, Cost]]) -> list[Row]:
    ours, bare = ([pair[side].wall * 1e3 for pair in pairs] for side in (0, 1))
    return [
        Row(_QUESTION, differences(ours, bare), "ms", GOAL),
        Row("    time", tuple(ours), "ms"),
        Row("    time, import aiohttp", tuple(bare), "ms"),
    ]
