"""What waits: for a second look, for a rate window to open, or for another's listing to end."""

import heapq
import math
from collections import deque
from collections.abc import Iterable

from ...models import Token
from ...protocol.cursor import Walk
from ...protocol.requests import Request
from ..credential import Credential
from ..verdicts import AuditResult
from .spill import spill, unspill
from .users import Users

SECOND_LOOK = 5.0  # seconds after the first, at least
_MOST_WINDOWS = 32
_TOGETHER = 0.1  # seconds: who is due next waits so long for those that are due soon after


class Job:
    """A credential on its way to a verdict."""

    __slots__ = (
        "asked",
        "credential",
        "found",
        "freed",
        "hint",
        "listing",
        "lists",
        "pages",
        "put_off",
        "refused",
        "refused_at",
        "said",
        "scouts",
        "throttled",
        "user",
    )

    def __init__(self, credential: Credential, hint: int | None = None) -> None:
        self.credential: Credential = credential
        self.hint: int | None = hint  # whose it is likely to be
        self.scouts: int | None = None  # asked to find out whether it, and those before it, are this user's
        self.freed: bool = False  # it waited for somebody's window, and is somebody else's, perhaps
        self.user: int | None = None  # whose it is
        self.said: tuple[AuditResult, ...] = ()  # place by place
        self.pages: int = 0  # read at this place
        self.asked: Request | None = None  # that the first of them answered
        self.lists: bool = False  # for its user, while others of that user wait
        self.listing: Walk | None = None  # where the listing stands, if it is half read
        self.found: dict[str, Token] | None = None  # on the pages of that listing, by id
        self.refused: AuditResult | None = None  # what the first look came to, where this is the second
        self.refused_at: float = math.inf  # when it did
        self.put_off: int = 0  # times, since nobody was seen to live
        self.throttled: int = 0  # times

    def said_no(self, result: AuditResult) -> None:
        """A place did not answer 200 to the end: what is known of it there is nothing that the next one said."""
        self.said = (*self.said, result)
        self.user, self.pages = None, 0
        self.listing, self.found, self.lists = None, None, False

    @property
    def is_strangers(self) -> bool:
        """Whether nothing is known of whose it is, nor of whose it may be."""
        return self.hint is None and self.scouts is None and not self.freed

    @property
    def is_new(self) -> bool:
        """Whether nothing came of it yet."""
        return not (self.said or self.pages or self.refused is not None or self.throttled)


class Agenda:
    """Jobs that wait. Times are the event loop's. A job that was not asked about yet takes little room."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._ready: deque[Job] = deque()
        self._later: deque[tuple[float, Job]] = deque()  # in order, since all wait equally long
        self._again: deque[Job] = deque()  # second looks that wait no more
        self._for_life: deque[Job] = deque()  # until somebody is seen to live, about in the order of their first looks
        self._parked: dict[int, deque[Job | bytes]] = {}
        self._openings: list[tuple[float, int]] = []  # a heap: one entry or more for each user who is parked
        self._given_back: deque[int] = deque()  # to these users, a request each
        self.parked: int = 0

    def __len__(self) -> int:
        return len(self._ready) + self.looking_again + self.parked

    @property
    def looking_again(self) -> int:
        """How many wait for their second look."""
        return len(self._later) + len(self._for_life) + len(self._again)

    def resume(self, jobs: Iterable[Job]) -> None:
        """These have nothing more to wait for."""
        self._ready.extend(jobs)

    def look_again(self, job: Job, now: float) -> None:
        """A second look at this, in five seconds."""
        self._later.append((now + SECOND_LOOK, job))

    @property
    def waits_for_life(self) -> bool:
        """Whether any of them waits for somebody to be seen alive."""
        return bool(self._for_life)

    def wait_for_life(self, job: Job) -> None:
        """A second look at this tells nothing before somebody was seen to live, or nobody can be."""
        self._for_life.append(job)

    def wait_no_more(self, until: float) -> None:
        """Somebody was, since the first looks that came to an end until then; or nobody can be."""
        while self._for_life and self._for_life[0].refused_at <= until:
            self._again.append(self._for_life.popleft())

    def park(self, job: Job, user: int) -> None:
        """This waits for a window to open: its user's, or whose it is likely to be, or NOBODY's."""
        job.hint = user or None
        queue = self._parked.get(user)
        if queue is None:
            queue = self._parked[user] = deque()
            heapq.heappush(self._openings, (self._users.opens(user), user))
        if job.is_new:
            queue.append(spill(job.credential))
        elif job.listing is None:
            queue.append(job)
        else:
            queue.appendleft(job)  # a listing that is half read goes first
        self.parked += 1

    def next(self, now: float) -> Job | None:
        """A job that is due; None where there is none now."""
        if self._ready:
            return self._ready.popleft()
        if self._again:
            return self._again.popleft()
        if self._later and self._later[0][0] <= now:
            return self._later.popleft()[1]
        while self._given_back:
            user = self._given_back.popleft()
            if self._parked.get(user) and self._users.take(user, now):
                return self._pop(user)
        while self._openings and self._openings[0][0] <= now:
            user = self._openings[0][1]
            if not self._parked.get(user):
                self._parked.pop(user, None)
                heapq.heappop(self._openings)
            elif self._users.take(user, now):
                return self._pop(user)
            else:
                heapq.heapreplace(self._openings, (self._users.opens(user), user))
        return None

    def is_due(self, now: float) -> bool:
        """Whether there may be a job now."""
        if self._ready or self._again or self._given_back:
            return True
        return any(waiting and waiting[0][0] <= now for waiting in (self._later, self._openings))

    def due(self) -> float | None:
        """When to look for a job next; None where nothing waits."""
        if self._ready or self._again or self._given_back:
            return 0.0
        later = self._later[0][0] + _TOGETHER if self._later else math.inf
        opening = self._openings[0][0] if self._openings else math.inf
        due = min(later, opening)
        return None if due == math.inf else due

    def drain(self) -> list[Job]:
        """All that wait, which wait no more."""
        jobs = [*self._ready, *self._again, *(job for _, job in self._later), *self._for_life]
        for user, queue in self._parked.items():
            jobs.extend(self._unpacked(packed, user) for packed in queue)
        self._ready.clear()
        self._later.clear()
        self._for_life.clear()
        self._again.clear()
        self._parked.clear()
        self._openings.clear()
        self._given_back.clear()
        self.parked = 0
        return jobs

    def riches(self) -> float:
        """How many times over what waits would use up a good part, a quarter, of the windows that it waits for.

        Of no more than a few windows: once they open and what waited is asked, there is nothing to wait for any more.
        """
        windows = min(len(self._parked), _MOST_WINDOWS)
        return 4 * self.parked / (windows * self._users.usual_window) if windows else 0.0

    def open(self, user: int, now: float) -> None:
        """More of this user's window may be used than was known before."""
        if user in self._parked:
            heapq.heappush(self._openings, (now, user))

    def release(self, user: int, count: int) -> None:
        """The latest that were parked for a user are somebody else's, perhaps: they need not wait."""
        queue = self._parked.get(user, deque())
        for _ in range(min(count, len(queue))):
            packed = queue[-1]
            if isinstance(packed, Job) and packed.user is not None:
                break  # it is known to be this user's, and so are those that were parked before it, perhaps
            job = self._unpacked(queue.pop(), user)
            job.hint, job.freed = None, True
            self._ready.appendleft(job)
            self.parked -= 1

    def merge(self, gone: int, user: int) -> None:
        """Two users turned out to be one: who waits for the window of the one waits for that of the other."""
        if queue := self._parked.pop(gone, None):
            waiting = self._parked.get(user)
            if waiting is None:
                self._parked[user] = queue
                heapq.heappush(self._openings, (self._users.opens(user), user))
            else:
                waiting.extend(queue)

    def give_back(self, user: int) -> None:
        """A request that this user was charged for was another's."""
        self._users.give_back(user)
        self._given_back.append(user)

    def _pop(self, user: int) -> Job:
        self.parked -= 1
        return self._unpacked(self._parked[user].popleft(), user)

    def _unpacked(self, packed: Job | bytes, user: int) -> Job:
        return packed if isinstance(packed, Job) else Job(unspill(packed), user or None)
