"""What a rotation came to, and what a person must do now."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from ..models import RefreshedToken
from .binding import Binding
from .words import State


class RotationClass(StrEnum):
    """What the worst case costs, told before anything is sent."""

    RECOVERABLE = "RECOVERABLE"
    """Another living token of the same user is at hand: a lost answer costs one more refresh."""
    ONE_SHOT = "ONE_SHOT"
    """None is: a lost answer needs a person in the web app."""
    UNBOUND = "UNBOUND"
    """The secret is not provably the token with that id: refused, because somebody else's token could die."""


WHY: Mapping[State, str] = {
    State.SUCCESS: "the new secret is proved and stored, the old one is dead",
    State.ADOPTED: "somebody else rotated the token, and the store holds their living secret",
    State.HELD: "the new secret is in the spool and not in its store",
    State.UNCERTAIN: "whether the refresh ran is not known",
    State.LOST: "the old secret is dead, and the new one exists nowhere",
    State.MISMATCH: "the old secret outlived the refresh",
    State.CONFLICT: "somebody else changed the token or its store meanwhile",
    State.REFUSED: "a check failed",
    State.NOT_ROTATED: "the refresh did not run",
}
"""What happened, where nothing more is known."""

_NOT_RESUMED = "nothing was done now; mend what is named, then: cobalt-async resume {rotation}"
_WEB_APP = "in Cobalt's web app (profile, API tokens)"
_ADVICE: Mapping[State, str] = {
    State.SUCCESS: "restart what still holds the old secret",
    State.ADOPTED: "nothing; the store holds a living secret that somebody else put there",
    State.HELD: "mend what is named, then: cobalt-async resume {rotation}; do not delete {spool}",
    State.UNCERTAIN: "cobalt-async resume {rotation}, as soon as what is named is mended",
    State.LOST: (
        "{web} revoke {token} ({name}), which died at {when}, make a new token, and put its secret into {stores}"
    ),
    State.MISMATCH: (
        "find whose token {token} is: it was replaced, and its new secret is in {spool}; see it with cobalt-async "
        "resume {rotation} --reveal, put it where it belongs, then remove that file; rotate the old secret, which "
        "lives, under its own id"
    ),
    State.CONFLICT: (
        "ask who changed it; cobalt-async resume {rotation} finishes once what they wrote is dead, and "
        "--reveal shows a secret that is in the spool"
    ),
    State.REFUSED: "nothing was sent; mend what is named and try again",
    State.NOT_ROTATED: "the old secret is as good as before; mend what is named and try again",
}


@frozen(kw_only=True)
class Rotation:
    """How a rotation ended.

    `why` is what happened, in one line. `token_id` is the id asked for ("" where that was none), `new_token_id` the
    one that the token has since. `events` are the steps that were done. `notes` are what did not go as it should and
    changed nothing. `spool` is where the new secret stands while its store does not hold it. `refreshed` is set where
    the new secret stands nowhere but here, because the disk took it as little as the store did: keep it now.
    """

    state: State
    why: str
    token_id: str
    rotation_id: str | None = None
    new_token_id: str | None = None
    name: str = ""
    rotation_class: RotationClass | None = None
    binding: Binding | None = None
    stores: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    spool: Path | None = None
    died_at: str = "an unknown time"
    refreshed: RefreshedToken | None = field(default=None, repr=False)

    @property
    def advice(self) -> str:
        """What to do now, in one line."""
        if self.refreshed is not None:
            return "the new secret is in `.refreshed` of this value and nowhere else: store it now"
        is_begun = self.state is State.REFUSED and self.rotation_id is not None
        return (_NOT_RESUMED if is_begun else _ADVICE[self.state]).format(
            rotation=self.rotation_id,
            token=self.token_id,
            name=self.name,
            when=self.died_at,
            stores=" and ".join(self.stores) or "its store",
            spool=self.spool or "the spool",
            web=_WEB_APP,
        )


@frozen(kw_only=True)
class Plan:
    """What `rotate` would do, after all checks that come before the first request that changes anything."""

    token_id: str
    name: str
    rotation_class: RotationClass
    binding: Binding
    stores: tuple[str, ...]
    journal: Path
    spool: Path
    file_system: str
    notes: tuple[str, ...] = ()
