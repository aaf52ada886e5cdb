"""CommandStore: a secret that a command puts away."""

import os
import shlex
import shutil
from collections.abc import Sequence

from ...errors import ConfigurationError, UnreadableStoreError
from ...references import UNSHOWABLE, Flaw, Processes, read_command, shown, split_command
from ...secret import Secret
from .blocking import BlockingStore, check_seconds, conflict
from .versions import version_of

BETWEEN = ">>>"  # between the commands of a reference


class CommandStore(BlockingStore):
    """The secret goes to the standard input of the command `write`: its text alone, without a line end.

    A command is a line, split into words as a shell does, or the words themselves; no shell runs it. It has no
    terminal, the environment without COBALT_API_TOKEN, and `seconds` to end, then it is killed with all that it
    started. What it writes goes nowhere. A command line that holds the secret itself is refused.

    Exit code 0 proves nothing: the command `read` writes what is held to its standard output (nothing: none), with
    or without a line end. Without it `check` sees only that the program is there, there is no version, and `read` is
    an UnreadableStoreError; then a rotation is refused, unless `trust_exit_code=True` says that it may take exit code
    0 for a proof. There is no compare-and-swap: with `read` it compares, then writes.
    """

    def __init__(
        self,
        write: str | Sequence[str],
        *,
        read: str | Sequence[str] | None = None,
        trust_exit_code: bool = False,
        seconds: float = 30.0,
    ) -> None:
        if read is not None and trust_exit_code:
            raise ConfigurationError("trust_exit_code: for a store without `read`; what is read back proves more")
        check_seconds(seconds)
        self._write_words = _words("write", write)
        self._read_words = None if read is None else _words("read", read)
        self._trusts = bool(trust_exit_code)
        self._seconds = seconds

    @property
    def trust_exit_code(self) -> bool:
        """Whether exit code 0 is to be taken for a proof."""
        return self._trusts

    @property
    def reference(self) -> str:
        """`command:WRITE`, `command:WRITE >>> READ` or `trusted-command:WRITE`."""
        kind = "trusted-command" if self._trusts else "command"
        read = "" if self._read_words is None else f" {BETWEEN} {shlex.join(self._read_words)}"
        return f"{kind}:{shlex.join(self._write_words)}{read}"

    @property
    def name(self) -> str:
        """`command PROGRAM`: the arguments may hold what is nobody's business."""
        return f"command {shown(self._write_words[0])}"

    async def read(self) -> Secret | None:
        """What it holds now, None where there is nothing; UnreadableStoreError without a command that reads it."""
        if self._read_words is None:
            raise UnreadableStoreError(self.name, "no command that reads it was given")
        return await super().read()

    def _check(self) -> str | Flaw | None:
        for words in filter(None, (self._write_words, self._read_words)):
            if shutil.which(words[0]) is None:
                return Flaw(f"{shown(words[0])} is no program; it is looked for by its path or in $PATH")
        if self._read_words is None:
            return None
        held = self._read()
        return held if isinstance(held, Flaw) else version_of(held)

    def _read(self) -> Secret | Flaw | None:
        if self._read_words is None:
            return None
        found = read_command(self._read_words, Processes(self._seconds))
        if isinstance(found, Flaw):
            return Flaw(f"reading it back: {found.text}")
        return None if found is None else found.secret

    def _write(self, secret: Secret, expected_version: str | None) -> Flaw | None:
        if any(secret.reveal() in word for word in (*self._write_words, *(self._read_words or ()))):
            return Flaw("its command line holds the secret itself, for all to see; it is given on the standard input")
        if self._read_words is not None:
            held = self._read()
            if isinstance(held, Flaw) or held == secret:
                return held if isinstance(held, Flaw) else None
            differs = conflict(held, expected_version)
            if differs is not None:
                return differs
        return Processes(self._seconds).feed(self._write_words, secret)


def _words(argument: str, command: str | Sequence[str]) -> tuple[str, ...]:
    """The words of a command; ConfigurationError, which repeats none of them, where it is none."""
    if not isinstance(command, Sequence) or not all(isinstance(word, str) for word in command):
        raise ConfigurationError(f"{argument}: a line, or a sequence of words that begins with a program")
    words = split_command(command if isinstance(command, str) else shlex.join(command))
    if isinstance(words, Flaw):
        raise ConfigurationError(f"{argument}: {words.text}")
    if BETWEEN in words or any(UNSHOWABLE.search(word) for word in words):
        raise ConfigurationError(f"{argument}: a word of it is {BETWEEN}, or holds a control character or a line end")
    program = os.path.abspath(words[0]) if os.sep in words[0] else words[0]  # to mean the same from elsewhere
    return (program, *words[1:])
