"""KeyringStore: a secret in the keyring of the system."""

import importlib
import secrets
import threading
from collections.abc import Callable
from typing import Any, cast

from ...errors import ConfigurationError
from ...references import UNSHOWABLE, Flaw, read_secret, shown
from ...secret import Secret
from .blocking import BlockingStore, check_seconds, conflict
from .versions import version_of

_LONGEST = 512  # characters, of a part of the name; a secret may have as many
_MEND = "unlock it or set one up (`keyring --list-backends` shows which there are)"
_NOT_INSTALLED = "it needs the library keyring; pip install 'cobalt-async[keyring]'"


class KeyringStore(BlockingStore):
    """The secret is what the keyring holds for a service and a name, through the library `keyring` (an extra).

    Backends fail in ways of their own: some delete before they add, some cut long values, some say nothing. So the
    new secret is written to the name with `.cobalt-new` after it first and read back, and only then to the name
    itself; whatever happens, the old or the new one can be read under one of the two, and the error says which.
    Every call of the library may take `seconds`; after one that did not answer none follows. There is no
    compare-and-swap: it compares, then writes.
    """

    def __init__(self, service: str, name: str, *, seconds: float = 60.0) -> None:
        for argument, text in (("service", service), ("name", name)):
            if not isinstance(text, str) or not 1 <= len(text.strip()) <= len(text) <= _LONGEST:
                raise ConfigurationError(f"{argument}: a str of 1 to {_LONGEST} characters")
            if UNSHOWABLE.search(text) or text != text.strip():
                raise ConfigurationError(f"{argument}: it begins or ends with a blank, or holds a control character")
        if "/" in name:
            raise ConfigurationError("name: it holds a slash, which parts it from the service; put it into the service")
        check_seconds(seconds)
        self._service = service
        self._user = name
        self._spare = f"{name}.cobalt-new"
        self._seconds = seconds

    @property
    def reference(self) -> str:
        """`keyring:SERVICE/NAME`."""
        return f"keyring:{self._service}/{self._user}"

    @property
    def name(self) -> str:
        """`keyring SERVICE/NAME`."""
        return f"keyring {shown(f'{self._service}/{self._user}')}"

    def _check(self) -> str | Flaw:
        held = self._read()
        if isinstance(held, Flaw):
            return held
        user, probe = f"{self._user}.cobalt-check", Secret(secrets.token_hex(_LONGEST // 2))
        flaw = self._put(user, probe) or self._remove(user)
        return version_of(held) if flaw is None else Flaw(f"{flaw.text}; {user} may be left there, and is no secret")

    def _read(self) -> Secret | Flaw | None:
        return self._get(self._user)

    def _write(self, secret: Secret, expected_version: str | None) -> Flaw | None:
        held = self._get(self._user)
        if isinstance(held, Flaw):
            return held
        spare = self._get(self._spare)
        if held != secret:
            # With nothing under the name and this very secret under the other, an earlier write broke off in between.
            broke_off = held is None and spare == secret
            flaw = None if broke_off else conflict(held, expected_version) or self._put(self._spare, secret)
            if flaw is not None:
                return flaw
            flaw = self._put(self._user, secret)
            if flaw is not None:
                return Flaw(f"{flaw.text}; until it is mended, the new secret is under the name {self._spare}")
            spare = secret
        if spare is not None:
            self._call(lambda keyring: keyring.delete_password(self._service, self._spare))
            # Where that fails, a second copy stays in the same keyring, until the next write replaces it.
        return None

    def _remove(self, user: str) -> Flaw | None:
        """Delete a value, and see that it is gone."""
        said = self._call(lambda keyring: keyring.delete_password(self._service, user))
        left = said if isinstance(said, Flaw) else self._get(user)
        return Flaw(f"what is deleted under the name {user} stays") if isinstance(left, Secret) else left

    def _put(self, user: str, secret: Secret) -> Flaw | None:
        """Set a value and read it back."""
        said = self._call(lambda keyring: keyring.set_password(self._service, user, secret.reveal()))
        if isinstance(said, Flaw):
            return said
        held = self._get(user)
        if isinstance(held, Flaw):
            return held
        if held == secret:
            return None
        instead = "nothing" if held is None else "something else"
        return Flaw(f"what was written under the name {user} is not there, but {instead}: this keyring cannot hold it")

    def _get(self, user: str) -> Secret | Flaw | None:
        text = self._call(lambda keyring: keyring.get_password(self._service, user))
        if isinstance(text, Flaw):
            return text
        if text is None or text == "":
            return None
        # What is no str is told by `read_secret`, as what is no secret.
        found = read_secret(cast("str", text), f"what {user} holds is no secret and would be lost")
        return found if isinstance(found, Flaw) else found.secret

    def _call(self, work: Callable[[Any], object]) -> object:
        """What the library answers, or a Flaw; in a thread that nobody waits for when it hangs."""
        answers: list[object] = []

        def ask() -> None:
            try:
                answers.append(work(importlib.import_module("keyring")))
            except BaseException as error:  # noqa: BLE001 - a backend may raise anything, and say anything with it
                missing = isinstance(error, ModuleNotFoundError) and error.name == "keyring"
                kind = type(error).__name__
                answers.append(Flaw(_NOT_INSTALLED if missing else f"the keyring failed ({kind}); {_MEND}"))

        thread = threading.Thread(target=ask, name="keyring", daemon=True)
        thread.start()
        thread.join(self._seconds)
        return answers[0] if answers else Flaw(f"the keyring did not answer within {self._seconds:g} s; {_MEND}")
