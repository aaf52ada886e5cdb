"""The house stands: imports run strictly down, and each tool has one room."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import pytest

import cobalt_async

# Who stands on what, from the ground up. A room may import any lower floor, and nothing on its own or above.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_version", "testing"),
    ("secret", "likeness"),
    ("models",),
    ("errors",),
    ("protocol", "ledger", "durable", "references"),
    ("transport",),
    ("turnstile",),
    ("exchange", "must_finish", "successors"),
    ("refreshing",),
    ("tokens", "root"),
    ("client",),
    ("audit", "rotation"),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
# These import nothing of ours at all.
ON_THE_GROUND = {"_version", "must_finish", "testing"}
# These are for some of the rooms above them, not for all.
ONLY_SEEN_BY = {
    "testing": {"cli"},
    "ledger": {"audit", "rotation"},
    "durable": {"audit", "rotation"},
    "references": {"audit", "rotation", "cli"},
}
# These see others through their front doors only: a package, and the names in its `__all__`.
FRONT_DOORS = {
    "cli": {
        "cobalt_async",
        "cobalt_async.audit",
        "cobalt_async.references",
        "cobalt_async.rotation",
        "cobalt_async.testing",
    },
    "__main__": {"cobalt_async", "cobalt_async.cli"},
}
# A tool, the rooms or modules that may use it, and what of it (`""`: all).
TOOLS: dict[str, dict[str, tuple[str, ...]]] = {
    "aiohttp": {
        "transport": ("",),
        "client": ("ClientSession", "TraceConfig"),
        "testing": ("web", "hdrs"),
    },
    "builtins.print": {"cli": ("",), "audit.report": ("",)},
    "cattrs": {"protocol.wire": ("",)},
    "os.fsync": {"durable": ("",)},
    "sqlite3": {"audit.store": ("",)},
    "subprocess": {"references.processes": ("",)},
    "rich": {"cli": ("",), "audit.report": ("",)},
    "typer": {"cli": ("",), "audit.report": ("",)},
}
# cattrs reads types where they are: as text it cannot.
REAL_ANNOTATIONS = {"protocol", "models"}
MAX_LINES = 300

LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


@attrs.frozen
class Module:
    """One file: `name` is `cobalt_async.audit.rules`, `inner` is `audit.rules`, `room` is `audit`."""

    path: Path
    name: str
    is_package: bool
    text: str

    @property
    def inner(self) -> str:
        return self.name.partition(".")[2] or "__init__"

    @property
    def room(self) -> str:
        return self.inner.partition(".")[0]

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))


def read(package: Path) -> dict[str, Module]:
    """Every module under `package`, by its dotted name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = Module(path, name, is_package, path.read_text(encoding="utf-8"))
    return modules


def imports(module: Module) -> Iterator[tuple[int, str, str, str]]:
    """Line, module, imported name (or "") and the name it is bound to, of each import, wherever it stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, "", alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                ups = node.level - module.is_package
                above = module.name.split(".")[: -ups or None]
                source = ".".join([*above, source] if source else above)
            for alias in node.names:
                yield node.lineno, source, alias.name, alias.asname or alias.name


def door(module: Module) -> set[str]:
    """The names that a package's `__all__` offers."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def own_imports(module: Module, modules: Mapping[str, Module]) -> Iterator[tuple[int, str]]:
    """Line and target of each import of ours; the target is a submodule where the name is one."""
    root = module.name.partition(".")[0]
    doors = FRONT_DOORS.get(module.room, set())
    for line, source, name, _ in imports(module):
        if source.partition(".")[0] == root:
            submodule = f"{source}.{name}"
            through_the_door = source in doors and source in modules and name in door(modules[source])
            yield line, submodule if submodule in modules and not through_the_door else source


def wrong_floors(module: Module, modules: Mapping[str, Module]) -> Iterator[tuple[int, str]]:
    """Imports that do not go strictly down."""
    here = module.room
    if here not in LEVEL:
        yield 1, f"`{here}` has no floor yet: give it one in FLOORS"
        return
    for line, target in own_imports(module, modules):
        there = target.partition(".")[2].partition(".")[0] or "__init__"
        if there == here:
            continue
        if LEVEL.get(there, len(FLOORS)) >= LEVEL[here]:
            yield line, f"`{here}` imports `{target}`, which does not stand below it"
        elif here in ON_THE_GROUND:
            yield line, f"`{here}` imports `{target}`, and should import nothing of ours"
        elif here not in ONLY_SEEN_BY.get(there, {here}):
            yield line, f"`{here}` imports `{target}`, which is not for it"
        elif here in FRONT_DOORS and target not in FRONT_DOORS[here]:
            yield line, f"`{here}` imports `{target}`, which is no front door"


def uses(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of all that is imported, and of each use of it; other names are builtins."""
    bound = {}
    for line, source, name, alias in imports(module):
        whole = f"{source}.{name}" if name else source
        bound[alias] = whole if name or alias != source.partition(".")[0] else alias
        yield line, whole
    for node in ast.walk(module.tree):
        attributes: list[str] = []
        base = node
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            yield base.lineno, ".".join([bound.get(base.id, f"builtins.{base.id}"), *attributes])


def strays(module: Module) -> Iterator[tuple[int, str]]:
    """Tools outside their room."""
    for line, used in uses(module):
        for tool, rooms in TOOLS.items():
            if used != tool and not used.startswith(f"{tool}."):
                continue
            what = used[len(tool) + 1 :]
            parts = [allowed for room, allowed in rooms.items() if f"{module.inner}.".startswith(f"{room}.")]
            if not parts:
                yield line, f"`{tool}` is used outside of {' and '.join(rooms)}"
            elif what and not any(f"{what}.".startswith(f"{part}.") or not part for part in parts[0]):
                yield (
                    line,
                    f"`{used}` is not for `{module.inner}`: of {tool} it may use {', '.join(parts[0])}",
                )
        if used == "__future__.annotations" and module.room in REAL_ANNOTATIONS:
            yield line, "`from __future__ import annotations` hides the types from cattrs"


def cycles(modules: Mapping[str, Module]) -> Iterator[tuple[Module, int, str]]:
    """Imports that are part of a ring inside a folder."""
    graph = {
        name: {there: line for line, there in own_imports(module, modules) if there in modules}
        for name, module in modules.items()
    }

    def reachable(start: str) -> list[str]:
        seen = [start]
        for name in seen:  # it grows as it goes
            seen += [to for to in graph[name] if modules[to].room == modules[start].room and to not in seen]
        return seen

    for name, module in modules.items():
        for there, line in graph[name].items():
            if modules[there].room == module.room and name in reachable(there):
                yield module, line, f"`{module.inner}` imports `{there}`, which imports it in turn"


def findings(package: Path) -> list[str]:
    """All that is wrong under `package`, as `file:line: what`, in order."""
    modules = read(package)
    found = [(module, line, what) for module, line, what in cycles(modules)]
    for module in modules.values():
        found += [(module, line, what) for line, what in (*wrong_floors(module, modules), *strays(module))]
        lines = len(module.text.splitlines())
        if lines > MAX_LINES:
            found.append((module, lines, f"{lines} lines: at most {MAX_LINES}"))
    places = {(module.path.relative_to(package).as_posix(), line, what) for module, line, what in found}
    return [f"{file}:{line}: {what}" for file, line, what in sorted(places)]


def test_the_house_stands() -> None:
    """No module of the package imports upwards, and no tool is out of its room."""
    assert findings(Path(next(iter(cobalt_async.__path__)))) == []


SOUND = {
    "__init__.py": "from . import errors\nfrom .client import Client\n__all__ = ['Client', 'errors']\n",
    "__main__.py": "from .cli import main\nprint_me = main\n",
    "_version.py": "__version__ = '1'\n",
    "audit/__init__.py": "from .engine import audit\n__all__ = ['audit']\n",
    "audit/engine.py": "from ..ledger import Record\nfrom . import rules\n",
    "audit/report/table.py": "from rich.table import Table\nprint(Table)\n",
    "audit/rules.py": "from cobalt_async import errors\n",
    "cli/__init__.py": "def main():\n    import typer\n    from cobalt_async import Client, errors\n",
    "cli/audit.py": "from cobalt_async.audit import audit\nfrom cobalt_async.testing import CobaltSandbox\n",
    "client.py": "import aiohttp\nfrom .secret import Secret\ndef go(session: aiohttp.ClientSession): ...\n",
    "errors.py": "from .secret import Secret\n",
    "ledger.py": "from .errors import Oops\n",
    "must_finish.py": "import asyncio\n",
    "protocol/wire.py": "import cattrs\nfrom ..errors import Oops\n",
    "durable.py": "import os\nos.fsync(3)\n",
    "references/processes.py": "import subprocess\nfrom ..secret import Secret\n",
    "secret.py": "def reveal(rich): rich.text\n",
    "testing/__init__.py": "from .sandbox import CobaltSandbox\n__all__ = ['CobaltSandbox']\n",
    "testing/sandbox.py": "from aiohttp import web\nweb.Application()\n",
    "transport.py": "from aiohttp import ClientSession\nfrom .protocol import wire\n",
}


def house(folder: Path, **changed: str) -> Path:
    """A small sound package under `folder`, with some files put on top."""
    package = folder / "cobalt_async"
    for name, text in {**SOUND, **changed}.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package


def test_a_sound_house_has_no_findings(tmp_path: Path) -> None:
    """What the rules allow is allowed: doors, tools in their rooms, imports that go down."""
    assert findings(house(tmp_path)) == []


@pytest.mark.parametrize(
    ("file", "text", "line", "what"),
    [
        ("secret.py", "\nfrom .models import Token\n", 2, "not stand below"),
        ("models.py", "def f():\n    from cobalt_async import client\n", 2, "not stand below"),
        ("errors.py", "if TYPE_CHECKING:\n    import cobalt_async.transport\n", 2, "not stand below"),
        ("errors.py", "from . import Client\n", 1, "not stand below"),
        ("protocol/cursor.py", "from ..ledger import Record\n", 1, "not stand below"),
        ("exchange.py", "from . import must_finish\n", 1, "not stand below"),
        ("audit/rules.py", "from cobalt_async.rotation import rotate\n", 1, "not stand below"),
        ("rotation/rotate.py", "from ..audit import engine\n", 1, "not stand below"),
        ("client.py", "from cobalt_async.cli import main\n", 1, "not stand below"),
        ("tokens.py", "from .helpers import thing\n", 1, "not stand below"),
        ("must_finish.py", "from .errors import Oops\n", 1, "nothing of ours"),
        ("testing/pages.py", "from ..secret import Secret\n", 1, "not stand below"),
        ("audit/engine.py", "from ..testing import CobaltSandbox\n", 1, "not for it"),
        ("client.py", "from .ledger import Record\n", 1, "not for it"),
        ("client.py", "from .references import Secret\n", 1, "not for it"),
        ("durable.py", "from .references import Secret\n", 1, "not stand below"),
        ("cli/tokens.py", "from cobalt_async.client import Client\n", 1, "no front door"),
        ("cli/tokens.py", "from cobalt_async import Client, client\n", 1, "no front door"),
        ("cli/tokens.py", "from ..audit import audit, rules\n", 1, "no front door"),
        ("__main__.py", "from .audit import audit\n", 1, "no front door"),
        ("utils.py", "", 1, "no floor yet"),
        ("utils/__init__.py", "", 1, "no floor yet"),
        ("audit/rules.py", "import json\nfrom .engine import audit\n", 2, "imports it in turn"),
        ("testing/sandbox.py", "def f():\n    from . import CobaltSandbox\n", 2, "imports it in turn"),
        ("protocol/answers.py", "from cattrs.gen import make_dict_structure_fn\n", 1, "`cattrs` is used"),
        ("exchange.py", "import aiohttp\n", 1, "`aiohttp` is used"),
        ("client.py", "import aiohttp\naiohttp.ClientTimeout()\n", 2, "`aiohttp.ClientTimeout` is not"),
        ("client.py", "from aiohttp import ClientError\n", 1, "`aiohttp.ClientError` is not"),
        ("testing/faults.py", "from aiohttp import ClientSession\n", 1, "`aiohttp.ClientSession` is not"),
        ("rotation/stores.py", "import os as system\n\nsystem.fsync(3)\n", 3, "`os.fsync` is used"),
        ("audit/baseline.py", "from os import fsync\n", 1, "`os.fsync` is used"),
        ("audit/engine.py", "import subprocess\n", 1, "`subprocess` is used"),
        ("audit/engine.py", "import typer\n", 1, "`typer` is used"),
        ("client.py", "from rich.table import Table\n", 1, "`rich` is used"),
        ("audit/rules.py", "def f():\n    print('hello')\n", 2, "`builtins.print` is used"),
        ("models.py", "from __future__ import annotations\n", 1, "hides the types"),
        ("protocol/wire.py", "from __future__ import annotations\n", 1, "hides the types"),
        ("client.py", "\n" * 301, 301, "at most 300"),
    ],
)
def test_each_rule_can_fail(tmp_path: Path, file: str, text: str, line: int, what: str) -> None:
    """A violation in a sound house is found, once, by file and line; a ring names its other imports too."""
    found = findings(house(tmp_path, **{file: text}))
    [here] = [finding for finding in found if finding.startswith(f"{file}:{line}: ")]
    assert what in here
    assert all("imports it in turn" in finding for finding in found if finding != here)
