"""The best that any scheduler could do with an audit: an independent reckoning, which knows nothing of ours.

It is told everything that an audit has to find out: which secrets are dead, and which belong to one user.
"""

import math
from collections.abc import Iterable

from attrs import frozen

PAGE = 100  # tokens: what is asked for, and the most that the simulated Cobalt gives (F9 states no maximum)
GAP = 5.0  # seconds between the two 401s that it takes to call a credential dead


@frozen
class User:
    """One user: how many live secrets of theirs are to be audited, and how many tokens they have."""

    live: int  # at least 1
    tokens: int

    @property
    def pages(self) -> int:
        return max(1, math.ceil(self.tokens / PAGE))

    @property
    def requests(self) -> int:
        """Every page once, all with one secret; and one request with each other secret, to see that it lives."""
        return self.pages + self.live - 1


@frozen(kw_only=True)
class Terms:
    """What everybody has to keep to. Times in seconds.

    `per_window`: requests that the audit may make in one window of one user, at least 1. `latency`: the least
    that one request takes. `failing`: the share of answers that say nothing, and that a window counts all the
    same. `slots`: how many requests may be under way at once. `together`: how many living one made-up token may
    vouch for; math.inf where nobody has to.
    """

    per_window: int
    window: float = 60.0
    latency: float = 0.0
    failing: float = 0.0
    slots: float = math.inf
    together: float = math.inf


@frozen
class Optimum:
    """No audit takes fewer requests, nor less time."""

    requests: int
    makespan: float  # seconds


def optimum(users: Iterable[User], *, dead: int, terms: Terms) -> Optimum:
    """The minimum of requests, and the least makespan; reached where there are slots enough and nothing fails.

    Requests. A made-up token has to be refused: 1; and one more for every `together` living, after they were answered,
    where they need somebody to vouch for them. A dead secret has to be refused twice: 2 each. A user's
    listing has to be read to its end, ceil(tokens / 100) pages, each read with the same secret, for nobody
    documents that a cursor serves another one; that secret has been seen alive by then. Each other live secret
    has to be answered once, and no answer speaks of two secrets: live - 1. Where a share f of answers says
    nothing, N that do take N / (1 - f).

    Makespan. Nothing is asked before the made-up token's answer: L, the latency. From there on users stand in
    nobody's way but their own: the run takes as long as its slowest part.
    A user's n requests, c to a window, take k = ceil(n / c) windows. A window lasts W from its first request and
    the next begins with a request too, so that the k-th opens no earlier than (k-1) W, and a request in it takes
    L. Pages follow one another, each cursor out of the page before. Of p pages at most (k-1) c were read in the
    windows before the last, so that the last takes max(1, p - (k-1) c) L; and p pages take p L in any case.
    A dead secret's first 401 comes after L, its second at least 5 s after that.
    With m slots, R requests after the first take ceil(R / m) L at least.

    It is reached, with slots enough and where a window is long enough for its pages (c L <= W): pages go first,
    each as soon as the one before is here, as long as the window has room; what room they leave goes to other
    secrets, all at once; the next window opens the moment the last one closed.
    """
    useful, living, slowest = 1, 0, 0.0
    for user in users:
        useful += user.requests
        living += user.live
        slowest = max(slowest, _alone(user, terms))
    if terms.together < math.inf:
        useful += math.ceil(living / terms.together)
    if dead:
        useful += 2 * dead
        slowest = max(slowest, terms.latency + GAP)
    requests = _with_failures(useful, terms)
    slowest = max(slowest, math.ceil((requests - 1) / terms.slots) * terms.latency)
    return Optimum(requests, terms.latency + slowest)


def _alone(user: User, terms: Terms) -> float:
    """The seconds that a user takes who is asked about from the first moment on."""
    windows = math.ceil(_with_failures(user.requests, terms) / terms.per_window)
    pages_left = user.pages - (windows - 1) * terms.per_window
    return max((windows - 1) * terms.window + max(1, pages_left) * terms.latency, user.pages * terms.latency)


def _with_failures(useful: int, terms: Terms) -> int:
    return math.ceil(useful / (1 - terms.failing) - 1e-9)  # a float a hair above a whole number is that number
