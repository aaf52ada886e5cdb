"""How a rotation ended: for a person, for a program, and as an exit code."""

import json
import re
import shlex
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from attrs import evolve

from cobalt_async.audit import printable
from cobalt_async.rotation import Plan, Rotation, State

from .exit_codes import ExitCode
from .speaking import Told, tell
from .standard_output import drop_output

SCHEMA_VERSION = 1
CODES: dict[State, ExitCode] = {
    State.SUCCESS: ExitCode.DONE,
    State.ADOPTED: ExitCode.DONE,
    State.HELD: ExitCode.HELD,
    State.UNCERTAIN: ExitCode.UNCERTAIN,
    State.LOST: ExitCode.LOST,
    State.MISMATCH: ExitCode.MISMATCH,
    State.CONFLICT: ExitCode.CONFLICT,
    State.REFUSED: ExitCode.REFUSED,
    State.NOT_ROTATED: ExitCode.NOT_ROTATED,
}
_WORST_FIRST = (
    ExitCode.LOST,
    ExitCode.MISMATCH,
    ExitCode.UNCERTAIN,
    ExitCode.HELD,
    ExitCode.NOT_ROTATED,
    ExitCode.REFUSED,
)
_RESUME = re.compile(r"cobalt-async resume rot-[a-z0-9]+")
_DYING = {
    "overlay": "gone with the container",
    "ramfs": "gone when the machine or pod stops",
    "tmpfs": "gone when the machine or pod stops",
}


def worst(codes: Iterable[int]) -> int:
    """The exit code of several outcomes."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), ExitCode.DONE)


def resume_command(rotation_id: str, journal: str | None) -> str:
    """What finishes a rotation, to be copied."""
    return in_journal(f"cobalt-async resume {rotation_id}", journal)


def in_journal(text: str, journal: str | None) -> str:
    """The text, its commands with the option that names the same journal."""
    if journal is None:
        return text
    option = f" --journal {shlex.quote(journal)}"
    return _RESUME.sub(lambda command: command[0] + option, text)


def without_secret(rotation: Rotation) -> Rotation:
    """An outcome whose advice is right for who cannot be given the secret: with this process, it is gone."""
    return evolve(rotation, refreshed=None)


def show_rotation(rotation: Rotation, journal: str | None, *, as_json: bool) -> int:
    """Show an outcome by itself, and give its exit code; one that was refused is a line on standard error."""
    if as_json:
        show_json(rotation_object(rotation, journal))
    if rotation.state is State.REFUSED:
        known = rotation.rotation_id is not None and rotation.rotation_id not in rotation.why
        whose = f"{rotation.rotation_id}: " if known else ""
        tell(f"REFUSED: {whose}{in_journal(rotation.why, journal)}")
    elif not as_json:
        show(rotation_block(rotation, journal))
    return CODES[rotation.state]


def rotation_object(rotation: Rotation, journal: str | None) -> dict[str, Any]:
    """All that is known of an outcome, the secret excepted."""
    return {
        "state": rotation.state.value,
        "exit_code": CODES[rotation.state],
        "rotation_id": rotation.rotation_id,
        "token_id": rotation.token_id,
        "new_token_id": rotation.new_token_id,
        "name": rotation.name,
        "class": None if rotation.rotation_class is None else rotation.rotation_class.value,
        "binding": None if rotation.binding is None else rotation.binding.value,
        "what_happened": in_journal(rotation.why, journal),
        "advice": in_journal(rotation.advice, journal),
        "stores": list(rotation.stores),
        "spool": None if rotation.spool is None else str(rotation.spool),
        "events": list(rotation.events),
        "notes": list(rotation.notes),
    }


def rotation_block(rotation: Rotation, journal: str | None) -> list[str]:
    """An outcome in lines: the state, and below it what a person wants to know, in the order of the questions."""
    rows = [("token", _token(rotation)), ("happened", in_journal(rotation.why, journal))]
    if rotation.rotation_class is not None and rotation.binding is not None:
        rows.insert(1, ("class", f"{rotation.rotation_class}, {rotation.binding}"))
    rows += [("store", store) for store in rotation.stores]
    if rotation.spool is not None:
        rows.append(("spool", str(rotation.spool)))
    rows += [("note", note) for note in rotation.notes]
    rows.append(("next", in_journal(rotation.advice, journal)))
    title = rotation.state if rotation.rotation_id is None else f"{rotation.state}  {rotation.rotation_id}"
    return [title, *_lines(rows)]


def plan_object(plan: Plan) -> dict[str, Any]:
    """All that a dry run found out."""
    return {
        "dry_run": True,
        "token_id": plan.token_id,
        "name": plan.name,
        "class": plan.rotation_class.value,
        "binding": plan.binding.value,
        "stores": list(plan.stores),
        "journal": str(plan.journal),
        "spool": str(plan.spool),
        "file_system": plan.file_system,
        "spool_dies_with_machine": plan.file_system in _DYING,
        "notes": list(plan.notes),
    }


def plan_block(plan: Plan) -> list[str]:
    """What a dry run found out, in lines."""
    fate = _DYING.get(plan.file_system)
    warning = "" if fate is None else f": {fate}, and a secret with it; name a lasting folder by --journal"
    rows = [
        ("token", f"{plan.token_id} ({plan.name})"),
        ("class", f"{plan.rotation_class}, {plan.binding}"),
        *(("store", store) for store in plan.stores),
        ("journal", str(plan.journal)),
        ("spool", f"{plan.spool}, on {plan.file_system}{warning}"),
        *(("note", note) for note in plan.notes),
        ("next", "nothing was changed; the same without --dry-run does it"),
    ]
    return ["DRY RUN", *_lines(rows)]


def show(lines: Iterable[str]) -> None:
    """Lines to standard output; where that takes none, to standard error: no outcome is lost for a closed pipe."""
    shown = [printable(line) for line in lines]
    try:
        print(*shown, sep="\n", flush=True)
    except OSError:
        drop_output()
        sys.stdout = cast(TextIO, Told())  # for what is still to come
        for line in shown:
            tell(line)


def show_json(value: dict[str, Any]) -> None:
    """One object to standard output, a line a key."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **value}, indent=2)
    show(text.splitlines())


def _token(rotation: Rotation) -> str:
    changed = rotation.new_token_id not in (None, rotation.token_id)
    named = f"{rotation.token_id} ({rotation.name})" if rotation.name else rotation.token_id
    return f"{named}, which is {rotation.new_token_id} from now on" if changed else named


def _lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name:9} {text}" for name, text in rows]
