"""What does it take to make models of a page of 10, 100 and 1,000 tokens, beside other ways to read it?

`json.loads` stops at dictionaries; the others make objects and check every type, as ours do.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from importlib import import_module
from importlib.util import find_spec

from cobalt_async import Token
from cobalt_async.protocol import wire

from .costs import Cost, cpus, interleaved
from .figures import Bar, Goal, Row, ratios
from .replacing import core
from .rivals import EXTRA
from .server import choose

ROUNDS = 21  # short: more of them than usual
SIZES = (10, 100, 1000)
TOKENS = 20_000  # decoded in a round, by each side
LOADS, PYDANTIC, SPEED = Goal("<=", 2.0), Goal("<", 1.0), Goal("<=", 1.0)
OURS, FAST, JSON = "cobalt_async", "cobalt_async[speed]", "json.loads"

_RIVALS: Mapping[str, Goal | None] = {"pydantic": PYDANTIC, "msgspec": None}

Read = Callable[[bytes], object]
Costs = Mapping[str, Sequence[Cost]]


def measure(rounds: int | None = None, *, sizes: Sequence[int] = SIZES, tokens: int = TOKENS) -> list[Row]:
    """The rows of this question; `rounds` counted rounds after one that is not counted."""
    here, missing = readers()
    found = []
    for size in sizes:
        found.extend(rows(size, compare(here, page(size), rounds or ROUNDS, max(tokens // size, 1)), missing))
    return found


def readers() -> tuple[dict[str, Read], dict[str, str]]:
    """What reads a page, by name; and for each reader that is not here, what to do about it."""
    here: dict[str, Read] = {OURS: _ours, JSON: json.loads}
    missing = {}
    if find_spec("msgspec") is None:
        missing[FAST] = "msgspec is not installed; pip install 'cobalt-async[speed]'"
    else:
        here[FAST] = _ours
    for name in _RIVALS:
        try:
            here[name] = import_module(f"{__package__}.rivals.page_in_{name}").read
        except ImportError as error:
            missing[name] = f"{error.name or name} is not installed; {EXTRA}"
    return here, missing


def _ours(body: bytes) -> Sequence[Token]:
    return wire.read_page(body).items


def page(size: int) -> bytes:
    """A page of so many tokens, as a server sends it."""
    answer = choose(f"GET /tokens?limit={size} HTTP/1.1\r\nAuthorization: Bearer u1.{size}.x".encode())
    return answer.partition(b"\r\n\r\n")[2]


def compare(here: Mapping[str, Read], body: bytes, rounds: int, count: int) -> dict[str, list[Cost]]:
    """All readers in turn, each `count` times a round."""

    def reading(name: str) -> Callable[[], None]:
        read, way = here[name], core if name == OURS else nullcontext

        def side() -> None:
            with way():
                for _ in range(count):
                    read(body)

        return side

    return interleaved({name: reading(name) for name in here}, rounds=rounds, count=count)


def rows(size: int, costs: Costs, missing: Mapping[str, str]) -> list[Row]:
    """The rows of one size: ours beside each other, and what stands behind it."""
    name = f"decoding {size:,} tokens"
    found = []
    for other, goal in {JSON: LOADS, **_RIVALS}.items():
        question = f"{name}: CPU, {other} = 1"
        if other in costs:
            found.append(Row(question, ratios(cpus(costs[OURS]), cpus(costs[other])), "x", goal))
        else:
            found.append(Row(question, (), "x", goal, missing=missing[other]))
    question = f"{name} with speed: CPU, {JSON} = 1"
    if FAST in costs:
        found.append(Row(question, ratios(cpus(costs[FAST]), cpus(costs[JSON])), "x", SPEED))
    else:
        found.append(Row(question, (), "x", SPEED, missing=missing[FAST]))
    for side, cost in costs.items():
        per_token = tuple(cpu / size for cpu in cpus(cost))
        found.append(Row(f"    CPU per token, {side}", per_token, "us", bar=Bar("CPU per token", f"{size:,}", side)))
    return found
