"""Whose a credential is likely to be, by those that stand beside it: inventories are often sorted."""

from .agenda import Job
from .users import Users

_RUN = 8  # of one user in a row, before a next one is expected
SCOUT = 16  # one in so many is asked all the same, while a window is used up; fewer in a long run
_OF_A_RUN = 8  # one for so much of a run as stands before it: an eighth


class Neighbours:
    """A guess, and nothing is concluded from it but when to ask, and with which limit."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._user: int | None = None
        self._run = 0
        self._unasked = self._since = 0  # of this run: all, and since the last scout
        self.out: int = 0  # asked right now, of those of whom nothing is known
        self.behind: int = 0  # how many stand between the last scout and the one before
        self._scout: Job | None = None

    def seen(self, job: Job, user: int | None) -> bool:
        """An answer showed whose this one is; True where those parked before it may be somebody else's too."""
        if self._user is not None:
            self._user = self._users.number(self._user)
        if user is None or user != self._user:
            self._user, self._run = user, 0
            self._unasked = self._since = 0
        self._run += 1
        return job.scouts is not None and self._users.number(job.scouts) != user

    @property
    def is_scouting(self) -> bool:
        """Whether a scout is out, whose answer tells whether the run goes on."""
        return self._scout is not None

    def guess(self, job: Job) -> int | None:
        """Who has this one, if it is like those before; None for one that is to be asked to find out."""
        if self._user is None or self._run < _RUN:
            return None
        self._user = self._users.number(self._user)
        if self._users.left(self._user) > self.out:
            return self._user
        self._unasked += 1
        self._since += 1
        if self._since < max(SCOUT, self._unasked // _OF_A_RUN):
            return self._user
        self.behind, self._since = self._since - 1, 0
        self._scout = job
        job.scouts = self._user
        return None

    def sent(self, job: Job) -> None:
        """This one is being asked; who is likely to have it has been charged for it, if somebody is."""
        self.out += job.hint is None

    def heard(self, job: Job) -> None:
        """Whatever came of it, this one is back."""
        self.out -= job.hint is None
        if job is self._scout:
            self._scout = None
