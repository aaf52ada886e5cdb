"""A small world around one rotation: Cobalt, the network, the disk, the store and a rival, each of which may fail.

Every place where something may go wrong asks `choose`; a run is the list of what was chosen, and all lists that cost
at most so many faults are enumerated by replaying them (depth first). Secrets are named by token and generation:
`T0` is replaced by `T1`; `O0` is another token of the same user, and `S` the sibling.
"""

from typing import Literal

from attrs import define, field, frozen

from tests.rotation.choices import Oracle


class Death(BaseException):
    """The process is gone, at a named point."""


@frozen(kw_only=True)
class Setting:
    """Which world it is."""

    faults: int = 2
    """How many things go wrong at most."""
    same_id: bool = True
    """The token keeps its id (F14)."""
    key_honoured: bool = True
    """A second request with one key gets 409 (F18)."""
    old_dies: Literal["at once", "late"] = "at once"
    """Late: a replaced secret may answer a while longer, and then no more."""
    right_id: bool = True
    """False: the secret that asks is another token's of the same user."""
    sibling: Literal["none", "lives", "dies"] = "none"
    rival: Literal["none", "self", "sibling"] = "none"
    """Somebody else rotates the same token, with what the store holds, or with a token that never dies."""
    settles: bool = True
    """False: the network may hold a request back for longer than anybody waits."""
    posts: Literal["any", "lost", "answers lost", "throttled"] = "any"
    """All refreshes end so, at no cost: a network that never gets well."""

    def __str__(self) -> str:
        parts = [
            "id stays" if self.same_id else "id changes",
            "" if self.key_honoured else "key ignored",
            "old dies late" if self.old_dies == "late" else "",
            "" if self.right_id else "wrong id",
            "one shot" if self.sibling == "none" else f"sibling {self.sibling}",
            "" if self.rival == "none" else f"rival by {self.rival}",
            "" if self.settles else "the wait is too short",
            "" if self.posts == "any" else f"posts {self.posts}",
        ]
        return ", ".join(part for part in parts if part)


@frozen
class Reply:
    """What came of a refresh: an answer of a status, an answer without its end, nothing, or it never left."""

    kind: Literal["answer", "cut", "silence", "not left"]
    status: int = 0
    secret: str | None = None
    token_id: str | None = None


@frozen
class Request:
    """A refresh on its way."""

    secret: str
    token_id: str
    key: str


_LINGERS = 2  # how often a replaced secret may still answer, in one run
_ALWAYS = {"lost": "request lost", "answers lost": "answer lost", "throttled": "throttled"}
_POSTS = ("ok", "request lost", "answer lost", "delayed", "answer cut", "not left", "throttled", "refused", "twice")


@define
class World:
    """The state of everything, and what may go wrong next."""

    oracle: Oracle
    setting: Setting
    left: int = 0
    """Faults that may still happen."""
    generation: int = 0
    sibling_lives: bool = True
    revoked: set[str] = field(factory=set)
    lingering: set[str] = field(factory=set)
    lingers: int = _LINGERS
    keys: set[str] = field(factory=set)
    under_way: list[Request] = field(factory=list)
    rival: Literal["idle", "writes", "done"] = "idle"
    store: str = "T0"
    version: int = 0
    executed: int = 0
    """Refreshes of ours that ran."""
    sent: int = 0
    by_sibling: int = 0
    used: list[str] = field(factory=list)
    """What went wrong, in order."""

    def __attrs_post_init__(self) -> None:
        self.left = self.setting.faults
        self.store = self.old

    # ---- chance

    def fault(self, what: str, *options: str) -> str:
        """The first option is health; any other is a fault."""
        if self.left <= 0:
            return options[0]
        chosen = options[self.oracle.choose(len(options))]
        if chosen != options[0]:
            self.left -= 1
            self.used.append(f"{what}: {chosen}")
        return chosen

    def either(self, what: str) -> bool:
        """What may be either way at no cost."""
        happens = bool(self.oracle.choose(2))
        if happens:
            self.used.append(what)
        return happens

    def heal(self, *, told: bool) -> None:
        """From now on nothing new goes wrong, and what took its time is over.

        `told`: somebody heard that the id is another token's, and sees to it that the secret dies.
        """
        self.left = self.lingers = 0
        if told:
            self.revoked.add(self.old)

    # ---- Cobalt

    @property
    def old(self) -> str:
        """The secret that is being replaced."""
        return "T0" if self.setting.right_id else "O0"

    @property
    def current(self) -> str:
        """The living secret of the token that is rotated."""
        return f"T{self.generation}"

    @property
    def token_id(self) -> str:
        """The id that the token has now."""
        return "api_t" if self.setting.same_id else f"api_t{self.generation}"

    def recognised(self, secret: str) -> bool:
        """Whether Cobalt knows this secret at this moment."""
        if secret == "S":
            return self.setting.sibling != "none" and self.sibling_lives
        if secret in (self.current, "O0"):
            return secret not in self.revoked
        if secret in self.lingering:
            if self.lingers and self.either(f"{secret} still answers"):
                self.lingers -= 1
                return True
            self.lingering.discard(secret)
        return False

    def _execute(self, request: Request) -> Reply:
        if not self.recognised(request.secret):
            return Reply("answer", 401)
        if self.setting.key_honoured and request.key in self.keys:
            return Reply("answer", 409)
        if request.token_id != self.token_id:
            return Reply("answer", 404)
        self.keys.add(request.key)
        self._replace()
        self.executed += 1
        return Reply("answer", 200, self.current, self.token_id)

    def _replace(self) -> None:
        if self.setting.old_dies == "late":
            self.lingering.add(self.current)
        self.generation += 1

    # ---- the network

    def _tick(self) -> None:
        """Something else may happen first."""
        for request in [*self.under_way]:
            if self.either("what was delayed lands"):
                self.under_way.remove(request)
                self._execute(request)
        if self.setting.sibling == "dies" and self.sibling_lives and self.fault("sibling", "lives", "dies") == "dies":
            self.sibling_lives = False
        self._let_rival(self.setting.rival)

    def _let_rival(self, kind: str) -> None:
        if kind == "none" or self.rival == "done":
            return
        if self.rival == "writes":
            if self.either("the rival writes"):
                self._rival_writes()
        elif (kind == "sibling" or self.store == self.current) and self.fault("rival", "idle", "rotates") != "idle":
            self._replace()
            self.rival = "writes"
            if (
                kind == "sibling"
            ):  # what it does with a token that never dies is no compare-and-swap: it does it at once
                self._rival_writes()

    def _rival_writes(self) -> None:
        self.rival = "done"
        self.store, self.version = self.current, self.version + 1

    def wait(self) -> None:
        """Wait for what is in doubt; long enough, where the setting does not say otherwise."""
        if self.setting.settles:
            self.pass_time()
        else:
            self._tick()

    def pass_time(self) -> None:
        """Long enough for all that is under way: it lands, or is gone; and a rival has come to its end."""
        while self.under_way:
            request = self.under_way.pop(0)
            if self.either("what was delayed lands at last"):
                self._execute(request)
        if self.rival == "writes":
            self._rival_writes()

    def post(self, secret: str, token_id: str, key: str) -> Reply:
        """A refresh."""
        self._tick()
        self.sent += 1
        self.by_sibling += secret == "S"
        request = Request(secret, token_id, key)
        options = _POSTS if self._is_fenced(secret) else _POSTS[:-1]
        happens = _ALWAYS.get(self.setting.posts) or self.fault("refresh", *options)
        match happens:
            case "not left":
                return Reply("not left")
            case "throttled" | "refused":
                return Reply("answer", 509 if happens == "throttled" else 422)
            case "request lost" | "delayed":
                if happens == "delayed":
                    self.under_way.append(request)
                return Reply("silence")
        reply = self._execute(request)
        if happens == "twice":
            self.under_way.append(request)
        if happens == "answer lost":
            return Reply("silence")
        return Reply("cut", reply.status) if happens == "answer cut" else reply

    def _is_fenced(self, secret: str) -> bool:
        """Whether a copy of a refresh that has run is refused: nobody could survive one that is not."""
        return self.setting.key_honoured or (self.setting.old_dies == "at once" and secret == "T0")

    def ask(self, secret: str) -> Literal["alive", "dead", "unclear"]:
        """A reading."""
        self._tick()
        if self.fault(f"question with {secret}", "answered", "no answer") != "answered":
            return "unclear"
        return "alive" if self.recognised(secret) else "dead"

    def listed(self, secret: str) -> list[tuple[str, str]] | Literal["dead", "unclear"]:
        """All tokens, id and name."""
        self._tick()
        if self.fault("list", "answered", "no answer") != "answered":
            return "unclear"
        return self.tokens() if self.recognised(secret) else "dead"

    def tokens(self) -> list[tuple[str, str]]:
        """What a list holds now."""
        sibling = [("api_s", "sibling")] if self.setting.sibling != "none" and self.sibling_lives else []
        return [(self.token_id, "ci"), ("api_o", "other"), *sibling]

    # ---- this machine

    def point(self, name: str) -> None:
        """The process may die here."""
        if self.fault(name, "-", "dies") == "dies":
            raise Death(name)

    def disk(self, what: str) -> Literal["ok", "full", "torn"]:
        """A write to the spool: torn, where the process dies in its middle and the disk lied about the order."""
        chosen = self.fault(what, "ok", "full", "torn")
        return "full" if chosen == "full" else "torn" if chosen == "torn" else "ok"

    def write(self, secret: str, expected: int | None) -> Literal["ok", "failed", "taken"]:
        """Compare and swap."""
        self._let_rival(self.setting.rival)
        if expected is not None and expected != self.version:
            return "taken"
        chosen = self.fault("store", "ok", "fails", "fails after its work")
        if chosen != "fails":
            self.store, self.version = secret, self.version + 1
        return "ok" if chosen == "ok" else "failed"
