"""When to ask: whose window a request takes from, before that is known and after, and who waits for which window."""

import asyncio
import math
import time
from collections.abc import Mapping

from ...errors import CobaltError, UnauthorizedError
from ...protocol import pace
from ...protocol.answers import Response
from .agenda import Agenda, Job
from .neighbours import Neighbours
from .users import NOBODY, Users

_MOST_THROTTLED = 5  # times that one credential is answered 429 or 509, where it is known whose it is
_MOST_UNKNOWN = 15  # (the same, where it is not: it may have waited for the wrong window)
_PATIENCE = 1.0  # seconds after one who was asked in vain
_MOST_PATIENCE = 10.0  # times that, where so much waits that nobody else is needed
_FREE = 100  # requests in vain, whatever the inventory's size
_ALLOWED = 200  # and one in so many of all that were asked


class Pacing:
    """Charges each request to a window, by what is known of whose it is; `longest` seconds are waited for one."""

    def __init__(self, users: Users, agenda: Agenda, *, longest: float) -> None:
        self.patient_until: float = -math.inf
        self._users = users
        self._agenda = agenda
        self._longest = longest
        self.neighbours: Neighbours = Neighbours(users)
        self._now = asyncio.get_running_loop().time
        self._asked = self._wasted = 0  # of those of whom nothing was known: all, and 509 or beyond our share

    def may_ask(self) -> bool:
        """Whether one of whom nothing is known may be asked now.

        Where many of them were asked in vain, or beyond the share that is ours, and enough others wait: only one after
        the other, and none for a second after another of those; up to ten, where much more waits than is needed.
        """
        if self.neighbours.is_scouting:
            return False
        if self._wasted <= _FREE + self._asked / _ALLOWED or self._agenda.riches() < 1:
            return True
        return not (self.neighbours.out or self._now() < self.patient_until)

    def likely(self, job: Job) -> int | None:
        """Whose a new job is likely to be: by the id that is declared, or by those that were asked just before."""
        token_id = job.credential.token_id
        declared = None if token_id is None else self._users.of(token_id)
        return self.neighbours.guess(job) if declared is None else declared

    def learned(self, job: Job) -> None:
        """A first answer showed whose it is, beside whose it was likely to be.

        Where a scout is of somebody else than those before it, those that were parked last need not wait, perhaps.
        """
        if job.hint is None:
            self._asked += 1
        elif job.user != (likely := self._users.number(job.hint)):
            self._agenda.give_back(likely)
        if self.neighbours.seen(job, job.user) and job.scouts is not None:
            self._agenda.release(self._users.number(job.scouts), self.neighbours.behind)

    def answered(self, job: Job, user: int, sent_at: float, headers: Mapping[str, str]) -> None:
        """An answer told what is left of a window."""
        now = self._now()
        if self._users.answered(user, sent_at, now, headers):
            self._agenda.open(user, now)
        elif job.is_strangers and self._users.left(user) < 0:
            self._waste(now)

    def failed(self, job: Job, error: CobaltError) -> None:
        """No page came, and so no word of what is left to whoever was charged for it; a 401 counts for nobody (F4)."""
        user = job.user or job.hint
        if user is None:
            return
        user = self._users.number(user)
        if job.user is None and isinstance(error, UnauthorizedError):
            self._agenda.give_back(user)
        if self._users.unanswered(user):
            self._agenda.open(user, self._now())

    def park(self, job: Job, response: Response) -> bool:
        """A 429 or 509: the job waits for the window, unless that takes too long.

        Where nothing is known of whose it is, whoever used up a window last is the likeliest.
        """
        now = self._now()
        after = pace.retry_after(response.headers.get("Retry-After"), time.time())
        users = self._users
        user = job.user or users.suspect(now, job.hint)
        is_late = after is not None and after > self._longest  # no window ends then, and nobody waits for it
        if user in (job.user, NOBODY):
            if is_late:
                users.unlimited(user, now)
                self._agenda.open(user, now)
            else:
                users.throttled(user, now, after)
        if job.hint is None:
            self._asked += 1
            if job.is_strangers:
                self._waste(now)
        job.throttled += 1
        most = _MOST_THROTTLED if job.user is not None else _MOST_UNKNOWN
        if is_late or job.throttled >= most or users.opens(user) - now > self._longest:
            return False
        self._agenda.park(job, user)
        return True

    def _waste(self, now: float) -> None:
        self._wasted += 1
        self.patient_until = now + _PATIENCE * min(max(1.0, self._agenda.riches()), _MOST_PATIENCE)
