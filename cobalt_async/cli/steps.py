"""The steps of a rotation in sentences, for whoever watches."""

SENTENCES: dict[str, str] = {
    "send: new": "refreshed, and the answer is on the disk",
    "send: unknown": "the refresh was sent, and no answer with a new secret came",
    "send: not left": "the refresh did not leave this machine",
    "send: no": "the refresh was refused",
    "send: throttled": "the rate limit is used up: waiting for its next window",
    "send: denied": "the refresh was answered 401: somebody else may have been faster",
    "watch: alive": "somebody else put a living secret into the store",
    "watch: nothing": "nobody else put a living secret into the store",
    "look: found": "an answer with a new secret is in the spool",
    "look: nothing": "no new secret is in the spool",
    "look: never sent": "nothing had been sent",
    "ask store: alive": "the store holds a newer secret, and it is alive",
    "ask store: nothing": "the store holds no newer secret",
    "settle: done": "no request can still arrive",
    "probe old: alive": "the old secret is alive",
    "probe old: dead": "the old secret is dead",
    "find: found": "the sibling sees the token",
    "recover: new": "refreshed once more with the sibling, and the answer is on the disk",
    "prove: alive": "proved: the new secret is alive",
    "prove: dead": "the new secret is refused",
    "check old: dead": "the old secret is dead",
    "check old: late": "the old secret is dead by now",
    "check old: alive": "the old secret still answers",
    "prove again: alive": "proved once more: the new secret is alive",
    "store: written": "stored",
    "read back: same": "read back: every store holds the new secret",
    "hook: done": "the hook has ended",
    "commit: done": "done",
}
"""What `rotate` and `resume` tell of a step -> a sentence; other lines are sentences already, or clear enough."""


def sentence(line: str) -> str:
    """A line of theirs, for people."""
    return SENTENCES.get(line, line)
