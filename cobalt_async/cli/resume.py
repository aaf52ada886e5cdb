"""`cobalt-async resume`: unfinished rotations to their ends; and the one place that prints a secret."""

import asyncio
import contextlib
import sys
from functools import partial

from attrs import frozen

from cobalt_async import Secret, Timeouts, errors
from cobalt_async.rotation import Journal, Rotation, State, resume, spooled_secret

from .exit_codes import ExitCode
from .interrupts import sigterm_interrupts
from .outcomes import CODES, resume_command, rotation_object, show, show_json, show_rotation, without_secret, worst
from .speaking import complain, tell
from .steps import sentence
from .strays import tell_strays
from .under_way import UnderWay, WatchedJournal
from .wishes import kept_from_programs, read_optional

TIMEOUTS: Timeouts = Timeouts()


@frozen(kw_only=True)
class Options:
    """What the command line asks of `resume`; None where it says nothing."""

    rotation_id: str | None
    journal: str | None
    sibling_ref: str | None
    secret_ref: str | None
    settle: float | None
    quiet: bool
    as_json: bool


def resume_rotations(options: Options) -> int:
    """Finish one, or all that are unfinished; what stands in the way of all is one line and 14."""
    with sigterm_interrupts():
        try:
            old = read_optional(options.secret_ref, "--secret-ref")
            sibling = read_optional(options.sibling_ref, "--sibling-ref")
            with kept_from_programs(old, sibling):
                return asyncio.run(_Resuming(options, old, sibling).run())
        except errors.ConfigurationError as error:
            refused = Rotation(state=State.REFUSED, why=str(error), token_id="", rotation_id=options.rotation_id)
    if options.as_json:
        show_json({"rotations": [rotation_object(refused, options.journal)]})
    return show_rotation(refused, options.journal, as_json=False)


def reveal_secret(rotation_id: str, journal: str | None) -> int:
    """Print the secret that stands in the spool for a rotation, on a terminal and nowhere else."""
    if not sys.stdout.isatty():
        complain("--reveal prints a secret, and only on a terminal; standard output is none")
        return ExitCode.USAGE
    try:
        kept = Journal(journal)
        secret = spooled_secret(kept, rotation_id)
        if secret is not None:
            print(secret.reveal(), flush=True)
            return ExitCode.DONE
        if rotation_id in kept.entries():
            why = f"{rotation_id}: no secret stands in its spool; cobalt-async rotations tells how it ended"
        else:
            why = f"{rotation_id}: no rotation of that id is in {kept.path}"
    except errors.ConfigurationError as error:
        why = str(error)
    tell(f"REFUSED: {why}")
    return ExitCode.REFUSED


async def _followed(reference: str | None) -> Secret | None:
    """The secret that the journal's reference leads to, None where it leads nowhere any more."""
    with contextlib.suppress(errors.ConfigurationError):
        return await asyncio.to_thread(read_optional, reference, "secret")
    return None


class _Resuming:
    """One call of `resume`: its rotations one after the other, each outcome shown as soon as it is known."""

    def __init__(self, options: Options, old: Secret | None, sibling: Secret | None) -> None:
        self._options = options
        self._old = old
        self._sibling = sibling
        self._journal = WatchedJournal(options.journal)
        self._outcomes: list[Rotation] = []

    async def run(self) -> int:
        """All of them, and the worst exit code."""
        options = self._options
        again = partial(resume_command, journal=options.journal)
        if self._journal.entries():
            self._journal.prepare()
            self._journal.sweep()
        waiting = self._journal.waiting() if options.rotation_id is None else [options.rotation_id]
        with UnderWay(self._journal, seconds=TIMEOUTS.refresh, again=again).interrupts:
            while waiting and not self._journal.is_shut:
                await self._resume(waiting.pop(0))
            return self._end(waiting)

    async def _resume(self, rotation_id: str) -> None:
        self._journal.watch(rotation_id)
        rotation = await self._finish(rotation_id)
        self._journal.watch(None)
        self._outcomes.append(rotation)
        if not self._options.as_json:
            show_rotation(rotation, self._options.journal, as_json=False)

    async def _finish(self, rotation_id: str) -> Rotation:
        def say(line: str) -> None:
            if not line.startswith("hook:"):  # it was the business of `rotate`
                complain(f"{rotation_id}: {sentence(line)}")

        state = State.REFUSED
        try:
            entry = self._journal.entries().get(rotation_id)
            old = self._old or await _followed(None if entry is None else entry.intent.secret_ref)
            sibling = self._sibling or await _followed(None if entry is None else entry.intent.sibling_ref)
            with kept_from_programs(old, sibling):
                [rotation] = await resume(
                    self._journal,
                    rotation_id,
                    secret=old,
                    sibling=sibling,
                    settle=self._options.settle,
                    tell=None if self._options.quiet else say,
                )
        except errors.ConfigurationError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - one that breaks off keeps none of the others from their ends
            state, why = State.UNCERTAIN, f"it broke off ({type(error).__name__})"
        else:
            return without_secret(rotation)
        return Rotation(state=state, why=why, token_id="", rotation_id=rotation_id)

    def _end(self, left: list[str]) -> int:
        if self._options.as_json:
            show_json({"rotations": [rotation_object(rotation, self._options.journal) for rotation in self._outcomes]})
        elif not self._outcomes:
            show([f"Nothing to resume: no rotation in {self._journal.path} is unfinished."])
        for rotation_id in left:
            complain(f"interrupted before {rotation_id}: {resume_command(rotation_id, self._options.journal)}")
        strays = tell_strays(self._journal, self._options.journal)
        code = worst([strays, *(CODES[rotation.state] for rotation in self._outcomes)])
        return code or (ExitCode.INTERRUPTED if left else ExitCode.DONE)
