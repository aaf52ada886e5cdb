"""The words of the protocol: the steps that a rotation takes, what they may end in, and how it may stand.

states.py puts them together.
"""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """How a rotation ended, or where it stands."""

    SUCCESS = "SUCCESS"
    """The new secret is proved and stands in every store."""
    ADOPTED = "ADOPTED"
    """Somebody else rotated the token; what they put into the store is alive, and stays."""
    HELD = "HELD"
    """The new secret is safe in the spool, and not in its store."""
    UNCERTAIN = "UNCERTAIN"
    """Whether the refresh ran is not known; nothing else was changed."""
    LOST = "LOST"
    """The old secret is dead, and the new one exists nowhere."""
    MISMATCH = "MISMATCH"
    """The old secret outlived the refresh: the id is another token's. The new secret stays in the spool."""
    CONFLICT = "CONFLICT"
    """Somebody else changed the token or the store meanwhile; what they wrote was not touched."""
    REFUSED = "REFUSED"
    """A check before the refresh failed; nothing was sent."""
    NOT_ROTATED = "NOT_ROTATED"
    """The refresh did not run; the old secret is as good as before."""


FINISHED = frozenset({State.SUCCESS, State.ADOPTED, State.LOST, State.MISMATCH, State.REFUSED, State.NOT_ROTATED})
"""Where nothing is left that `resume` should try by itself."""

OVER = frozenset({State.SUCCESS, State.ADOPTED, State.NOT_ROTATED})
"""Where the spool is not needed any more, and `resume` has nothing to do even where it is asked to."""


class Step(StrEnum):
    """What the driver does next."""

    SEND = "SEND"
    """Ask for the refresh with the old secret itself, which makes it a compare-and-swap."""
    WATCH = "WATCH"
    """Watch the store for what a rival that was faster will put there."""
    LOOK = "LOOK"
    """Look for an answer in the spool."""
    ASK_STORE = "ASK_STORE"
    """Look whether the store holds a secret newer than this rotation, and whether it is alive."""
    SETTLE = "SETTLE"
    """Wait until no request that is in doubt can still arrive."""
    PROBE_OLD = "PROBE_OLD"
    """Ask with the old secret, again for a while where it is refused: nothing is called lost for one 401."""
    WATCH_AGAIN = "WATCH_AGAIN"
    """As WATCH, before a secret is called lost, or refreshed once more: somebody may have been at it meanwhile."""
    FIND = "FIND"
    """Find the token in the sibling's list: by its id, or the one new id with its name."""
    RECOVER = "RECOVER"
    """Ask for the refresh once more, with the sibling."""
    SETTLE_RECOVERY = "SETTLE_RECOVERY"
    """As SETTLE, between two recoveries."""
    QUIET = "QUIET"
    """As SETTLE, before a secret is proved that a sibling's request in doubt could still kill."""
    PROVE = "PROVE"
    """Ask with the new secret, again for a while where it is refused."""
    CHECK_OLD = "CHECK_OLD"
    """Ask with the old secret, again for a while where it still answers."""
    PROVE_AGAIN = "PROVE_AGAIN"
    """Ask with the new secret once more: a request in doubt, or somebody else, could have killed it before the old one
    died."""
    STORE = "STORE"
    """Write the secret to every store; one that holds it already does what a killed process left undone."""
    ASK_RIVAL = "ASK_RIVAL"
    """Ask with the secret that stands in the store in place of the old one."""
    OVERWRITE = "OVERWRITE"
    """Write over a dead secret that somebody put there."""
    READ_BACK = "READ_BACK"
    """Read every store."""
    HOOK = "HOOK"
    """Run the caller's hook; how it ends is reported and changes nothing."""
    COMMIT = "COMMIT"
    """Write down that it is done, and remove the spool."""


class Seen(StrEnum):
    """What a step ended in."""

    # of a refresh
    NEW = "NEW"
    """A whole new secret is in hand."""
    NOT_LEFT = "NOT_LEFT"
    """It never left this machine."""
    NO = "NO"
    """An answer that says it did not run."""
    THROTTLED = "THROTTLED"
    """It did not run: the rate window is used up. The next try waits until it opens, or never leaves."""
    DENIED = "DENIED"
    """401: not by this request; an earlier one, or a rival's, has replaced the secret."""
    UNKNOWN = "UNKNOWN"
    """It may have run."""
    # of a question
    ALIVE = "ALIVE"
    DEAD = "DEAD"
    LATE = "LATE"
    """Dead, and not at once: what was proved before may be dead as well by now."""
    UNCLEAR = "UNCLEAR"
    """No answer, or none that can be believed."""
    MISSING = "MISSING"
    """The secret to ask with is not at hand."""
    # of a search
    FOUND = "FOUND"
    """What was looked for; in a store: the secret that this rotation brought, alive."""
    NOTHING = "NOTHING"
    NEVER_SENT = "NEVER_SENT"
    """The journal says that nothing had left."""
    # of the stores
    WRITTEN = "WRITTEN"
    SAME = "SAME"
    """Every store holds the new secret, or is trusted to."""
    OTHER = "OTHER"
    """A store holds something else, cannot be read, or failed."""
    TAKEN = "TAKEN"
    """Compare-and-swap: a store was changed by somebody else."""
    # of the rest
    DONE = "DONE"


_NO = dict.fromkeys((400, 403, 404, 405, 406, 410, 418, 422), Seen.NO)
_ANSWERS: Mapping[int, Seen] = {**_NO, 401: Seen.DENIED, 429: Seen.THROTTLED, 509: Seen.THROTTLED}


def of_answer(status: int, *, has_secret: bool) -> Seen:
    """What an answer to the refresh says; `has_secret`: a whole new secret stands in it.

    A 4xx that the documents do not name says nothing; 409 says that this key was seen before (F18), which may have
    been an earlier try.
    """
    return Seen.NEW if has_secret else _ANSWERS.get(status, Seen.UNKNOWN)
