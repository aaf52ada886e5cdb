"""A reference -> the store that it names."""

from ...errors import ConfigurationError
from ...references import UNSHOWABLE, Flaw, split_command
from .commands import BETWEEN, CommandStore
from .env_files import EnvFileStore
from .files import FileStore
from .keyrings import KeyringStore

FORMS = "file:PATH, env:FILE#NAME, keyring:SERVICE/NAME, command:WRITE [>>> READ] or trusted-command:WRITE"


def open_store(reference: str) -> FileStore | EnvFileStore | KeyringStore | CommandStore:
    """The store that a reference names, equal to the one whose `reference` it is; nothing is read or written.

    `file:PATH`, `env:FILE#NAME` (NAME after the last `#`), `keyring:SERVICE/NAME` (NAME after the last slash),
    `command:WRITE`, `command:WRITE >>> READ` (the word `>>>` stands between the commands) or
    `trusted-command:WRITE`. ConfigurationError for anything else; it names the forms.
    """
    if not isinstance(reference, str) or UNSHOWABLE.search(reference):
        del reference  # it may be a secret in the wrong place
        raise ConfigurationError(f"store: a str without control characters, one of {FORMS}")
    kind, _, rest = reference.partition(":")
    rest = rest.lstrip()  # a path may end in a blank
    before, parted, after = rest.rpartition({"env": "#", "keyring": "/"}.get(kind, "\n"))
    del reference
    match kind:
        case "file" if rest:
            return FileStore(rest)
        case "env" if parted and before:
            return EnvFileStore(before, after)
        case "keyring" if parted and before and after:
            return KeyringStore(before, after)
        case "command" | "trusted-command" if rest:
            return _command(rest, trusted=kind == "trusted-command")
    del kind, rest, before, after
    raise ConfigurationError(f"store: it is none of {FORMS}")


def _command(line: str, *, trusted: bool) -> CommandStore:
    words = split_command(line)
    if isinstance(words, Flaw):
        raise ConfigurationError(f"store: {words.text}")
    if BETWEEN not in words:
        return CommandStore(words, trust_exit_code=trusted)
    if trusted:
        raise ConfigurationError(f"store: trusted-command: it takes no {BETWEEN}: what is read back proves more")
    at = words.index(BETWEEN)
    return CommandStore(words[:at], read=words[at + 1 :])
