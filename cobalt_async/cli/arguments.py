"""What may be said again of the arguments: a secret that was given where a name belongs is shown to nobody."""

from collections.abc import Iterable
from pathlib import Path

from cobalt_async.audit import looks_like_secret

_STAND_IN = "[an argument that is not repeated here]"


def without_secrets(text: str, arguments: Iterable[str]) -> str:
    """A line with a stand-in for each argument, or value of an option, that looks like a secret and not like a path."""
    for argument in arguments:
        for said in (argument, argument.partition("=")[2]):
            if said in text and looks_like_secret(said) and not _is_path(said):
                text = text.replace(said, _STAND_IN)
    return text


def _is_path(said: str) -> bool:
    """Whether it leads somewhere: a file that is there, or a folder that one would be in."""
    try:
        path = Path(said)
        return path.exists() or (path.parent != Path() and path.parent.is_dir())
    except (OSError, ValueError):
        return False
