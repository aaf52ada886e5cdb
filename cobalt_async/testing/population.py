"""A believable organisation in a sandbox, and the inventory of secrets that its security team would hold."""

import random
import string
from typing import Final, Literal

import attrs

from . import arguments, people
from .sandbox import CobaltSandbox
from .world import SandboxToken, SandboxUser

Fate = Literal["alive", "dead", "forbidden"]

_LETTERS: Final = string.ascii_letters + string.digits
_ID_LETTERS: Final = 22
_SECRET_LETTERS: Final = 40
_MOST_TOKENS: Final = 30
"""Of one user: two GETs for each stay well below the 100 of a window (F22)."""
_SKEW: Final = 1.4
_DEAD: Final = 0.09
_FORBIDDEN: Final = 0.03
_FORBIDDEN_USERS: Final = 0.01
_UNDECLARED: Final = 0.08
_DULL: Final = 0.2


@attrs.frozen(kw_only=True)
class Population:
    """What was put into the sandbox, and what an audit of `inventory` must find.

    `inventory` holds (label, secret) for each declared credential, in no order; labels are unique. `fates`
    says, in the same order, what becomes of each: "alive" is answered 200, "dead" 401, "forbidden" 403.
    `undeclared` counts living tokens that nobody ever declared. The repr leaves the secrets out.
    """

    inventory: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    fates: tuple[Fate, ...] = attrs.field(repr=False)
    users: int
    alive: int
    dead: int
    forbidden: int
    undeclared: int


@attrs.frozen
class _Declared:
    label: str
    secret: str = attrs.field(repr=False)
    token: SandboxToken


def populate(sandbox: CobaltSandbox, *, users: int = 200, seed: int = 0) -> Population:
    """Add an organisation of so many users to the sandbox, the same for a seed, and give its inventory.

    Most users have one or two tokens, a few have up to 30. Some declared tokens were revoked or refreshed
    elsewhere, some have no access, and some tokens are in nobody's inventory. One GET or two for each
    credential stay within every user's documented window (F22, F23). Into one sandbox a seed goes once:
    ValueError for the second time.
    """
    arguments.whole("users", users, at_least=0)
    arguments.whole("seed", seed, at_least=0)
    source = random.Random(f"population {seed}")
    declared: list[_Declared] = []
    undeclared: list[SandboxToken] = []
    for _ in range(users):
        _settle(sandbox, source, declared, undeclared)
    source.shuffle(declared)
    fates: tuple[Fate, ...] = tuple(_fate(sandbox, entry) for entry in declared)
    return Population(
        inventory=tuple((entry.label, entry.secret) for entry in declared),
        fates=fates,
        users=users,
        alive=fates.count("alive"),
        dead=fates.count("dead"),
        forbidden=fates.count("forbidden"),
        undeclared=len(undeclared),
    )


def _settle(
    sandbox: CobaltSandbox,
    source: random.Random,
    declared: list[_Declared],
    undeclared: list[SandboxToken],
) -> None:
    """Add one person with their tokens, and decide what became of each."""
    person = f"{source.choice(people.FIRST_NAMES)} {source.choice(people.LAST_NAMES)}"
    user = sandbox.add_user(person, tokens=0)
    count = min(_MOST_TOKENS, int(source.paretovariate(_SKEW)))
    for _ in range(count):
        token = _make_token(user, source)
        if source.random() < _UNDECLARED:
            undeclared.append(token)
            continue
        declared.append(_Declared(f"{person} / {token.name} #{len(declared) + 1}", token.secret, token))
        _let_happen(token, source)
    if source.random() < _FORBIDDEN_USERS:
        user.forbid()


def _make_token(user: SandboxUser, source: random.Random) -> SandboxToken:
    words = people.DULL_NAMES if source.random() < _DULL else people.PURPOSES
    token_id = "api_" + "".join(source.choices(_LETTERS, k=_ID_LETTERS))
    return user.add_token(source.choice(words), token_id=token_id, secret=_secret(source))


def _let_happen(token: SandboxToken, source: random.Random) -> None:
    chance = source.random()
    if chance < _DEAD / 2:
        token.revoke()
    elif chance < _DEAD:
        token.refresh(secret=_secret(source))
    elif chance < _DEAD + _FORBIDDEN:
        token.forbid()


def _secret(source: random.Random) -> str:
    return "".join(source.choices(_LETTERS, k=_SECRET_LETTERS))


def _fate(sandbox: CobaltSandbox, entry: _Declared) -> Fate:
    if not sandbox.alive(entry.secret):
        return "dead"
    return "forbidden" if entry.token.forbidden else "alive"
