"""A secret in the keyring of the system, through the library `keyring` (the extra of that name)."""

import importlib

from .flaw import Flaw, shown
from .found import Found, read_secret

_NOT_INSTALLED = "keyring: references need the library keyring; pip install 'cobalt-async[keyring]'"
_MEND = "unlock it or set one up (`keyring --list-backends` shows which there are)"


def read_keyring(place: str) -> Found | Flaw:
    """What the keyring holds for SERVICE/NAME; NAME begins after the last slash, for a service is often a URL."""
    service, _, name = place.rpartition("/")
    if not service or not name:
        return Flaw("keyring:SERVICE/NAME takes both, with a slash between; NAME begins after the last one")
    try:
        text = importlib.import_module("keyring").get_password(service, name)
    except ModuleNotFoundError as error:
        return Flaw(_NOT_INSTALLED if error.name == "keyring" else _failed(error))
    except Exception as error:  # noqa: BLE001 - a backend may raise anything, and say anything with it
        return Flaw(_failed(error))
    if text is None:
        return Flaw(f"keyring {shown(place)}: it holds nothing under this name; `keyring set` puts it there")
    return read_secret(text, f"keyring {shown(place)}")


def _failed(error: Exception) -> str:
    return f"the keyring failed ({type(error).__name__}); {_MEND}"
