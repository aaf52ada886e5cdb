"""What the tests of rotations share: a token that is to be rotated, and what became of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import attrs

from cobalt_async.rotation import Journal
from cobalt_async.testing import CobaltSandbox, SandboxToken
from tests.cli.calling import Ended, wait_until

SIBLING = ("--sibling-ref", "env:SIBLING")
ONE_SHOT = ("--accept-one-shot", "--settle", "0")
QUICK = """
import sys
from cobalt_async import Timeouts
from cobalt_async.cli import main, resume, rotate
rotate.TIMEOUTS = resume.TIMEOUTS = Timeouts(refresh={refresh})
sys.exit(main(sys.argv[1:]))
"""
"""The command with another time limit of a refresh, as a script."""


@attrs.frozen
class Rotating:
    """A token, a sibling of it, and the secret that is to be replaced."""

    sandbox: CobaltSandbox
    token: SandboxToken
    sibling: SandboxToken
    old: str
    folder: Path

    @property
    def journal(self) -> Journal:
        return Journal(self.folder / "state" / "cobalt_async")

    @property
    def states(self) -> list[str]:
        """Where each rotation of the journal stands."""
        return [record.state for record in self.journal]

    @property
    def rotation_id(self) -> str:
        """The one rotation's."""
        [record] = self.journal
        return record.rotation_id

    @property
    def posts(self) -> int:
        """How many requests that change anything have arrived."""
        return sum(request.method == "POST" for request in self.sandbox.requests)

    def is_done(self, held: str) -> bool:
        """Whether a store holds the newest secret, which is alive, and the old one is dead."""
        alive = self.sandbox.alive
        return held == self.token.secret != self.old and alive(held) and not alive(self.old)

    def is_silent(self, ended: Ended) -> bool:
        """Whether no secret was printed."""
        texts = (self.old, self.token.secret, self.sibling.secret)
        return not any(text in stream for text in texts for stream in (ended.out, ended.err))

    def when_posted(self, act: Callable[[], object]) -> None:
        """Do something on another thread as soon as the refresh has arrived."""

        def wait() -> None:
            wait_until(lambda: self.posts)
            act()

        threading.Thread(target=wait, daemon=True).start()
