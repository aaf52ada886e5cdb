"""Who has which tokens. Pure state that is told the time; safe to use from any thread."""

import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from . import arguments
from .registry import Registry


class World:
    """All users and tokens of one sandbox. Whoever reads and then writes holds `lock`."""

    def __init__(
        self, *, now: Callable[[], float], source: random.Random, old_secret_lives: float, new_ids: bool
    ) -> None:
        self.lock: AbstractContextManager[bool] = threading.RLock()
        self.now = now
        self.old_secret_lives = old_secret_lives
        self.new_ids = new_ids
        self.registry: Registry[SandboxToken] = Registry(source=source)
        self._users: list[SandboxUser] = []

    @property
    def users(self) -> tuple["SandboxUser", ...]:
        """All users, in the order in which they were added."""
        return tuple(self._users)

    def add_user(self, name: str, *, tokens: int) -> "SandboxUser":
        """Add a person with this many tokens, named `NAME 1`, `NAME 2` …; names need not be unique."""
        user = SandboxUser(self, arguments.text("name", name))
        for number in range(1, arguments.whole("tokens", tokens, at_least=0) + 1):
            user.add_token(f"{name} {number}")
        with self.lock:
            self._users.append(user)
        return user

    def holder(self, secret: str) -> "SandboxToken | None":
        """Find the token that this secret opens now; None for an unknown secret and for a dead one."""
        lease = self.registry.by_secret(secret)
        if lease is None or not lease.holder.alive or self.now() >= lease.dies_at:
            return None
        return lease.holder

    def former_holder(self, secret: str) -> "SandboxToken | None":
        """Find the token that this secret opens or once opened; None for a secret never given out."""
        lease = self.registry.by_secret(secret)
        return None if lease is None else lease.holder


class SandboxToken:
    """One personal API token as the sandbox holds it; `user.add_token()` makes them.

    A refresh changes this same object: `secret` is always the newest one, and `id` follows where ids change
    (F14). The repr leaves the secret out; `secret` itself is a plain str, for this is a kit for tests.
    """

    __slots__ = ("_alive", "_forbidden", "_id", "_name", "_secret", "_user", "_world")

    def __init__(
        self, world: World, user: "SandboxUser", name: str, *, secret: str | None, token_id: str | None
    ) -> None:
        self._world = world
        self._user = user
        self._name = arguments.text("name", name)
        self._alive = True
        self._forbidden = False
        self._id = world.registry.give_id(self, wish=token_id)
        try:
            self._secret = world.registry.give_secret(self, wish=secret)
        except ValueError:
            world.registry.drop_id(self._id)
            raise

    def __repr__(self) -> str:
        """Show id, name and state; never the secret."""
        return f"<SandboxToken {self._id} {self._name!r} {'alive' if self._alive else 'revoked'}>"

    @property
    def id(self) -> str:
        """`api_` and 22 ASCII letters and digits (F7)."""
        return self._id

    @property
    def name(self) -> str:
        """The name; not unique (F11)."""
        return self._name

    @property
    def secret(self) -> str:
        """The newest secret: printable ASCII without blanks. It works while the token is alive."""
        return self._secret

    @property
    def alive(self) -> bool:
        """False once revoked. A forbidden token is alive: it is known, and answered 403."""
        return self._alive

    @property
    def forbidden(self) -> bool:
        """Whether 403 is answered to it, by `token.forbid()` or by `user.forbid()`."""
        return self._forbidden or self._user.forbidden

    @property
    def user(self) -> "SandboxUser":
        """The user to whom it belongs."""
        return self._user

    def revoke(self) -> None:
        """Revoke it, as in the web app (F16): 401 from now on, and gone from the listing. Twice is once."""
        with self._world.lock:
            if self._alive:
                self._alive = False
                self._world.registry.drop_id(self._id)

    def rename(self, name: str) -> None:
        """Rename it, as in the web app (F11, F16)."""
        self._name = arguments.text("name", name)

    def forbid(self) -> None:
        """Answer 403 to every request with this token from now on."""
        self._forbidden = True

    def allow(self) -> None:
        """Take `forbid` back; a user who is forbidden stays so."""
        self._forbidden = False

    def refresh(self, *, secret: str | None = None) -> str:
        """Refresh it without a request, as somebody elsewhere would, and give the new secret.

        The old secret dies at once, or after `old_secret_lives` seconds. RuntimeError for a revoked token;
        ValueError for a `secret` that was given out before or that no header could carry.
        """
        world = self._world
        with world.lock:
            if not self._alive:
                message = f"token {self._id} is revoked and cannot be refreshed"
                raise RuntimeError(message)
            old, self._secret = self._secret, world.registry.give_secret(self, wish=secret)
            world.registry.end_secret(old, at=world.now() + world.old_secret_lives)
            if world.new_ids:
                world.registry.drop_id(self._id)
                self._id = world.registry.give_id(self)
            return self._secret


class SandboxUser:
    """One person at Cobalt with their tokens; `sandbox.add_user()` makes them."""

    __slots__ = ("_forbidden", "_name", "_tokens", "_world")

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self._tokens: list[SandboxToken] = []
        self._forbidden = False

    def __repr__(self) -> str:
        """Show the name and how many tokens there are."""
        return f"<SandboxUser {self._name!r} with {len(self._tokens)} tokens>"

    @property
    def name(self) -> str:
        """What the test calls them; the API never tells it (F27)."""
        return self._name

    @property
    def tokens(self) -> tuple[SandboxToken, ...]:
        """Every token they ever had, oldest first; revoked ones stay, so that `tokens[0]` stays the same."""
        return tuple(self._tokens)

    @property
    def forbidden(self) -> bool:
        """Whether 403 is answered to all their tokens."""
        return self._forbidden

    def add_token(
        self, name: str | None = None, *, secret: str | None = None, token_id: str | None = None
    ) -> SandboxToken:
        """Make a token, as in the web app (F16); what is not given is made up.

        ValueError for a secret or an id that was given out before, or that does not look like one.
        """
        with self._world.lock:
            called = name if name is not None else f"{self._name} {len(self._tokens) + 1}"
            token = SandboxToken(self._world, self, called, secret=secret, token_id=token_id)
            self._tokens.append(token)
            return token

    def forbid(self) -> None:
        """Answer 403 to every request with a token of this user from now on."""
        self._forbidden = True

    def allow(self) -> None:
        """Take `forbid` back; a token that was forbidden by itself stays so."""
        self._forbidden = False
