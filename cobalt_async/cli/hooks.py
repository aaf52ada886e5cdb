"""The command that runs once the stores are proved."""

import asyncio

from attrs import define

from cobalt_async import errors
from cobalt_async.references import Flaw, Processes, split_command
from cobalt_async.rotation import Rotation

_SECONDS = 60.0


@define
class Hook:
    """What `rotate` awaits as its hook; `flaw` is what went wrong."""

    words: list[str]
    flaw: str | None = None

    async def __call__(self, rotation: Rotation) -> None:
        """Run the command, with the ids in its environment and no secret."""
        ids = {
            "COBALT_ROTATION_ID": rotation.rotation_id or "",
            "COBALT_TOKEN_ID": rotation.token_id,
            "COBALT_NEW_TOKEN_ID": rotation.new_token_id or rotation.token_id,
        }
        flaw = await asyncio.to_thread(Processes(_SECONDS).run, self.words, ids)
        if flaw is not None:
            self.flaw = f"the hook: {flaw.text}; the rotation stands all the same"


def read_hook(line: str) -> Hook:
    """The hook that a line names; ConfigurationError where it names none."""
    words = split_command(line)
    if isinstance(words, Flaw):
        raise errors.ConfigurationError(f"--hook: {words.text.removeprefix('command: ')}")
    return Hook(words)
