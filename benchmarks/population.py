"""Who there is to audit, worked out and not stored: users with their tokens, and dead secrets, in any order.

A secret says whose it is, for the servers of the benchmarks alone: the audit is told nothing.
"""

import itertools
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from cobalt_async.audit import Credential

from .optimum import User

DEAD_EVERY = 20  # one credential in so many is dead

Large = Sequence[tuple[int, int]]  # tokens, and one user in so many

SKEWED: Large = ((1000, 10_000), (200, 1000), (50, 100))
EVEN: Large = ()

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 of them

Named = tuple[int, int]  # a user, or -1 for the dead, and the number of a secret
Order = Callable[["Population", random.Random], Iterator[Named]]


@frozen
class Population:
    """`sizes`: tokens by user, the largest first, each of which is in the inventory; `dead`: dead secrets."""

    sizes: "array[int]" = field(repr=False)
    dead: int

    @property
    def credentials(self) -> int:
        return sum(self.sizes) + self.dead

    @property
    def users(self) -> Iterator[User]:
        """For the reckoning of the optimum."""
        return (User(size, size) for size in self.sizes)

    def inventory(self, order: Order, *, seed: int = 0) -> Iterator[Credential]:
        """The credentials one by one, in that order, dead ones spread among them; nothing is declared of any."""
        dice = random.Random(seed)  # noqa: S311 - chance that can be had again
        for user, number in _spread(order(self, dice), self.dead):
            secret = self.secret(user, number)
            yield Credential(secret[: secret.rindex(".")], secret)

    def secret(self, user: int, number: int) -> str:
        """The text of a secret: whose it is, how many they have, its number, and an ending that tells nothing."""
        mixed = ((user + 2) * 1_000_003 + number) * 2_654_435_761 >> 7
        ending = "".join(_LETTERS[mixed >> shift & 31] for shift in (0, 5, 10, 15))
        return f"dead.{number}.{ending}" if user < 0 else f"u{user}.{self.sizes[user]}.{number}.{ending}"


def population(credentials: int, users: int, large: Large = SKEWED) -> Population:
    """So many of both: users with as many tokens as `large` says, and all others with a few.

    One credential in 20 is dead. ValueError where the users' tokens do not come out at least 1.
    """
    dead = credentials // DEAD_EVERY
    many = [size for size, one_in in large for _ in range(users // one_in)]
    left, others = credentials - dead - sum(many), users - len(many)
    mean = left // others if others else 0
    if mean < 1:
        raise ValueError("more users than tokens are left for them")
    small = array("H", [mean]) * others
    for place in range(left - mean * others):
        small[place] += 1
    for place in range(0, others - 1, 2):  # in pairs, one gains what the other loses
        moved = place // 2 % mean
        small[place] += moved
        small[place + 1] -= moved
    return Population(array("H", sorted([*many, *small], reverse=True)), dead)


def owner_of(label: str) -> int | None:
    """The user whose credential has this label; None for a dead one."""
    return None if label.startswith("dead") else int(label[1 : label.index(".")])


def _in_a_row(users: Iterable[int], sizes: "array[int]") -> Iterator[Named]:
    return ((user, number) for user in users for number in range(sizes[user]))


def _round_robin(people: Population, dice: random.Random) -> Iterator[Named]:
    """Everybody's first secret, then everybody's second, to the last."""
    del dice
    sizes = people.sizes
    for number in range(sizes[0]):
        for user, size in enumerate(sizes):
            if size <= number:
                break  # the largest stand first
            yield user, number


def _shuffled(people: Population, dice: random.Random) -> Iterator[Named]:
    """All secrets in random order: 8 bytes each while it lasts."""
    named = array("Q", (user << 16 | number for user, number in _in_a_row(range(len(people.sizes)), people.sizes)))
    dice.shuffle(named)
    return ((one >> 16, one & 0xFFFF) for one in named)


ORDERS: Mapping[str, Order] = {
    "biggest first": lambda people, dice: _in_a_row(range(len(people.sizes)), people.sizes),
    "round robin": _round_robin,
    "random": _shuffled,
    "biggest last": lambda people, dice: _in_a_row(reversed(range(len(people.sizes))), people.sizes),
}


def _spread(living: Iterator[Named], dead: int) -> Iterator[Named]:
    """A dead secret after every 19 others, and at the end what is left of them."""
    numbers = iter(range(dead))
    while chunk := list(itertools.islice(living, DEAD_EVERY - 1)):
        yield from chunk
        yield from ((-1, number) for number in itertools.islice(numbers, 1))
    yield from ((-1, number) for number in numbers)
