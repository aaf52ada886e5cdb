"""The protocol as a table: what was seen at a step, and what follows. Pure; nothing else decides.

A rotation begins at SEND, a resumed one at LOOK. Each step is an act of the driver's, which ends in one of the
words of Seen; TABLE names the next step, or the State in which the rotation ends. Where that depends on what went
before, a row has an If, which asks one of the Facts.
"""

from collections.abc import Mapping

from attrs import evolve, frozen

from .words import Seen, State, Step

MOST_SENDS = 3
"""How often one run of the driver asks for a refresh with the old secret, and with the sibling, each."""


@frozen(kw_only=True)
class Facts:
    """What went before, as far as a decision depends on it."""

    doubt: bool = False
    """A refresh may have run whose answer is not in hand."""
    recovery_in_doubt: bool = False
    """A refresh with the sibling may have, and may still run."""
    sibling: bool = False
    """A sibling is at hand."""
    had_sibling: bool = False
    """One was when the rotation began."""
    proven: bool = False
    """The binding of id and secret needs no proof by the old secret's death, or the old one was seen dead before."""
    in_hand: bool = False
    """A new secret came; of a resumed rotation the journal says so, until LOOK has looked."""
    adopted: bool = False
    """The new secret was found in the store."""
    refused: bool = False
    """A new secret is in hand and was refused: the refresh ran, or Cobalt answered nonsense."""
    outlived: bool = False
    """The old secret was seen alive long after the refresh, once: from then on its death proves nothing."""
    resumed: bool = False
    sends: int = 0
    recoveries: int = 0

    @property
    def may_send(self) -> bool:
        """Whether this run may ask once more with the old secret."""
        return self.sends < MOST_SENDS

    @property
    def may_recover(self) -> bool:
        """Whether this run may ask once more with the sibling."""
        return self.recoveries < MOST_SENDS

    def after(self, step: Step, seen: Seen) -> "Facts":
        """What is known once a step has ended so."""
        if step is Step.SEND:
            return evolve(
                self,
                sends=self.sends + 1,
                doubt=self.doubt or seen is Seen.UNKNOWN,
                in_hand=self.in_hand or seen is Seen.NEW,
            )
        if step is Step.RECOVER:
            unknown = seen is Seen.UNKNOWN
            return evolve(
                self,
                recoveries=self.recoveries + 1,
                doubt=self.doubt or unknown,
                recovery_in_doubt=self.recovery_in_doubt or unknown,
                in_hand=self.in_hand or seen is Seen.NEW,
            )
        if step is Step.LOOK:
            found = seen is Seen.FOUND
            return evolve(self, in_hand=found, doubt=self.doubt or (self.in_hand and not found))
        if step is Step.FIND and seen is Seen.DEAD:
            return evolve(self, sibling=False, had_sibling=False)
        if step in (Step.QUIET, Step.SETTLE_RECOVERY):
            return evolve(self, recovery_in_doubt=False)
        if step in (Step.ASK_STORE, Step.WATCH, Step.WATCH_AGAIN):
            return evolve(self, adopted=seen is Seen.ALIVE)
        if step is Step.PROVE and seen is Seen.DEAD:
            return evolve(self, refused=True)
        return self


@frozen
class If:
    """Which of two follows, by one of the Facts."""

    fact: str
    then: "Next"
    otherwise: "Next"


Next = Step | State | If

_LOST = If("sibling", Step.FIND, If("had_sibling", State.UNCERTAIN, State.LOST))
_PROVE = If("recovery_in_doubt", Step.QUIET, Step.PROVE)
_NOT_SENT = If("doubt", State.UNCERTAIN, State.NOT_ROTATED)
_RESOLVE = Step.ASK_STORE
_SEND = If("may_send", Step.SEND, State.UNCERTAIN)

TABLE: Mapping[tuple[Step, Seen], Next] = {
    (Step.SEND, Seen.NEW): _PROVE,
    (Step.SEND, Seen.NOT_LEFT): _NOT_SENT,
    (Step.SEND, Seen.NO): If("doubt", _RESOLVE, State.NOT_ROTATED),
    (Step.SEND, Seen.THROTTLED): If("may_send", Step.SEND, _NOT_SENT),
    (Step.SEND, Seen.DENIED): If("doubt", _RESOLVE, Step.WATCH),
    (Step.SEND, Seen.UNKNOWN): _RESOLVE,
    (Step.WATCH, Seen.ALIVE): Step.STORE,
    (Step.WATCH, Seen.FOUND): Step.CHECK_OLD,
    (Step.WATCH, Seen.NOTHING): Step.PROBE_OLD,
    (Step.WATCH, Seen.UNCLEAR): Step.PROBE_OLD,
    (Step.LOOK, Seen.NEVER_SENT): State.NOT_ROTATED,
    # Of a secret that once outlived the refresh, nothing is sent, asked or stored any more: a person must.
    (Step.LOOK, Seen.FOUND): If("outlived", State.MISMATCH, _PROVE),
    (Step.LOOK, Seen.NOTHING): If("outlived", State.MISMATCH, Step.ASK_STORE),
    (Step.LOOK, Seen.UNCLEAR): State.UNCERTAIN,  # what cannot be read may be the secret
    (Step.ASK_STORE, Seen.ALIVE): If("recovery_in_doubt", Step.SETTLE, Step.STORE),
    (Step.ASK_STORE, Seen.FOUND): If("recovery_in_doubt", Step.SETTLE, Step.CHECK_OLD),
    (Step.ASK_STORE, Seen.NOTHING): Step.SETTLE,
    (Step.ASK_STORE, Seen.UNCLEAR): Step.SETTLE,
    (Step.SETTLE, Seen.DONE): Step.PROBE_OLD,
    # Never NOT_ROTATED once a refresh may have left: the old secret may die late. Sending again fences it.
    (Step.PROBE_OLD, Seen.ALIVE): If("doubt", _SEND, If("refused", _SEND, State.NOT_ROTATED)),
    (Step.PROBE_OLD, Seen.DEAD): If("doubt", Step.WATCH_AGAIN, State.CONFLICT),
    (Step.PROBE_OLD, Seen.UNCLEAR): State.UNCERTAIN,
    (Step.PROBE_OLD, Seen.MISSING): State.UNCERTAIN,
    (Step.WATCH_AGAIN, Seen.ALIVE): Step.STORE,
    (Step.WATCH_AGAIN, Seen.FOUND): Step.CHECK_OLD,
    (Step.WATCH_AGAIN, Seen.NOTHING): _LOST,
    (Step.WATCH_AGAIN, Seen.UNCLEAR): State.UNCERTAIN,
    (Step.FIND, Seen.FOUND): If("may_recover", Step.RECOVER, State.UNCERTAIN),
    (Step.FIND, Seen.NOTHING): State.UNCERTAIN,
    (Step.FIND, Seen.DEAD): Step.WATCH_AGAIN,  # as if there had been none
    (Step.FIND, Seen.UNCLEAR): State.UNCERTAIN,
    (Step.RECOVER, Seen.NEW): _PROVE,
    (Step.RECOVER, Seen.NOT_LEFT): State.UNCERTAIN,
    (Step.RECOVER, Seen.NO): State.UNCERTAIN,
    (Step.RECOVER, Seen.THROTTLED): If("may_recover", Step.RECOVER, State.UNCERTAIN),
    (Step.RECOVER, Seen.DENIED): State.UNCERTAIN,
    (Step.RECOVER, Seen.UNKNOWN): Step.SETTLE_RECOVERY,
    (Step.SETTLE_RECOVERY, Seen.DONE): Step.FIND,
    (Step.QUIET, Seen.DONE): Step.PROVE,
    (Step.PROVE, Seen.ALIVE): Step.CHECK_OLD,
    (Step.PROVE, Seen.DEAD): If("resumed", Step.ASK_STORE, If("doubt", Step.ASK_STORE, State.HELD)),
    (Step.PROVE, Seen.UNCLEAR): State.HELD,
    (Step.CHECK_OLD, Seen.DEAD): If("doubt", Step.PROVE_AGAIN, Step.STORE),
    (Step.CHECK_OLD, Seen.LATE): Step.PROVE_AGAIN,
    (Step.CHECK_OLD, Seen.ALIVE): State.MISMATCH,
    (Step.CHECK_OLD, Seen.UNCLEAR): State.HELD,
    (Step.CHECK_OLD, Seen.MISSING): If("proven", Step.STORE, State.HELD),
    (Step.PROVE_AGAIN, Seen.ALIVE): Step.STORE,
    (Step.PROVE_AGAIN, Seen.DEAD): Step.ASK_STORE,
    (Step.PROVE_AGAIN, Seen.UNCLEAR): State.HELD,
    (Step.STORE, Seen.WRITTEN): Step.READ_BACK,
    (Step.STORE, Seen.OTHER): Step.READ_BACK,  # a store may fail after it has done its work
    (Step.STORE, Seen.TAKEN): If("resumed", Step.ASK_RIVAL, State.CONFLICT),
    (Step.ASK_RIVAL, Seen.DEAD): Step.OVERWRITE,
    (Step.ASK_RIVAL, Seen.ALIVE): State.CONFLICT,
    (Step.ASK_RIVAL, Seen.UNCLEAR): State.CONFLICT,
    (Step.ASK_RIVAL, Seen.MISSING): State.CONFLICT,
    (Step.OVERWRITE, Seen.WRITTEN): Step.READ_BACK,
    (Step.OVERWRITE, Seen.OTHER): Step.READ_BACK,
    (Step.OVERWRITE, Seen.TAKEN): State.CONFLICT,
    (Step.READ_BACK, Seen.SAME): Step.HOOK,
    (Step.READ_BACK, Seen.OTHER): State.HELD,
    (Step.HOOK, Seen.DONE): Step.COMMIT,
    (Step.COMMIT, Seen.DONE): If("adopted", State.ADOPTED, State.SUCCESS),
}


def after(step: Step, seen: Seen, facts: Facts) -> Step | State:
    """What follows; `facts` are those after the step."""
    following = TABLE[step, seen]
    while isinstance(following, If):
        following = following.then if getattr(facts, following.fact) else following.otherwise
    return following
