"""Each user's listing is read once, by one of that user's secrets, while that user's others wait for it."""

from collections.abc import Callable, Sequence

from ...models import Page, Token
from ...protocol import requests
from ...protocol.cursor import Walk
from ...protocol.requests import Request, Version
from ..facts import Facts
from .agenda import Agenda, Job
from .at_hand import AtHand
from .users import Users

_PAGE = 100  # tokens (F10)
_MOST_PAGES = 10_000
_MOST_TOKENS = 1_000_000


class Listings:
    """What to ask next for a job, what a page says of it, and who follows whom.

    Who reads a listing has `job.lists`; others of that user follow, until it was read to its end or one of them has
    to begin anew. Nobody follows where the listing is known to its end.
    """

    def __init__(self, users: Users, agenda: Agenda, facts: Facts, *, version: Version) -> None:
        self.first: Request = requests.list_tokens(limit=_PAGE, version=version)
        self.probe: Request = requests.list_tokens(limit=1, version=version)
        self._users = users
        self._agenda = agenda
        self._facts = facts
        self._version: Version = version
        self._following: dict[int, list[Job]] = {}  # by user whose listing is under way
        self._at_hand = AtHand(facts)

    @property
    def waiting(self) -> int:
        """How many follow."""
        return sum(map(len, self._following.values()))

    def knows(self, job: Job) -> bool:
        """Whether the listing of its user, if that is known, was read to its end."""
        if job.user is None:
            return False
        job.user = self._users.number(job.user)
        return self._users.is_whole(job.user)

    def tokens(self, user: int | None) -> tuple[Token, ...]:
        """All that a user has, as far as it was listed."""
        return () if user is None else self._at_hand.tokens(user)

    def request(self, job: Job) -> Request:
        """The next page of its listing; one token where that is enough to tell whose it is; else the first page."""
        if job.listing is not None:
            return job.listing.request
        is_brief = job.refused is not None or (
            job.hint is not None and self._users.is_whole(self._users.number(job.hint))
        )
        return self.probe if is_brief and not job.pages else self.first

    def is_enough(self, request: Request) -> Callable[[str], bool]:
        """Whether the id of a first token says all that an answer to this request can."""
        return self._is_at_hand if request is self.first else self._is_listed

    def bind(self, job: Job, request: Request, page: Page | str) -> None:
        """Whose the job is, by a page or by the id that was enough of it."""
        job.pages += 1
        if job.pages == 1:
            job.asked = request
        if isinstance(page, str):
            job.user = self._users.of(page)
        elif page.items:
            job.user = self._bound(job, page, is_first=request is self.first)
        elif job.user is not None:
            job.user = self._users.number(job.user)

    def goes_on(self, job: Job, request: Request, page: Page | str) -> bool:
        """Whether there is more to ask, or to wait for; `bind` comes before."""
        if job.user is not None and self._users.is_whole(job.user):
            if job.user in self._following:
                self._free_followers(job.user)
            return False
        if isinstance(page, str):
            return False
        if job.found is not None:
            job.found.update((token.id, token) for token in page.items)
        if page.next_page is None:
            self._complete(job, page)
            return False
        if job.user in self._following and not job.lists:
            return True
        if request is self.probe:  # of one of many, perhaps, who were taken for somebody else's: one of them lists
            if job.user is not None:
                self._begin(job)
            return True
        if job.listing is None:
            self._begin(job)
            job.found = {token.id: token for token in page.items}
            job.listing = Walk(
                self.first,
                limit=_PAGE,
                cursor=None,
                max_pages=_MOST_PAGES,
                max_items=_MOST_TOKENS,
                version=self._version,
            )
        job.listing.turn(page, delivered=len(page.items))
        return True

    def follows(self, job: Job) -> bool:
        """Whether somebody else reads its user's listing: then it waits for that."""
        if job.user is None or job.lists or job.user not in self._following:
            return False
        self._following[job.user].append(job)
        return True

    def give_up(self, job: Job) -> None:
        """A listing stops before its end: another of the same user has to begin anew."""
        if job.lists and job.user is not None:
            user = self._users.number(job.user)
            if followers := self._following.pop(user, []):
                heir = followers.pop(0)
                heir.lists, self._following[user] = True, followers
                self._agenda.resume((heir,))
        job.listing, job.found, job.lists = None, None, False

    def drain(self) -> list[Job]:
        """All that follow, and wait no more."""
        jobs = [job for jobs in self._following.values() for job in jobs]
        self._following.clear()
        return jobs

    def _is_listed(self, token_id: str) -> bool:
        """Whether a token is of a user whose listing is known."""
        user = self._users.of(token_id)
        return user is not None and self._users.is_whole(user)

    def _is_at_hand(self, token_id: str) -> bool:
        """Whether a token is of a user whose listing is in memory: else the answer, which has it, is read for it."""
        user = self._users.of(token_id)
        return user is not None and user in self._at_hand

    def _bound(self, job: Job, page: Page, *, is_first: bool) -> int:
        """Whose these tokens are; those that are new to a listing that is known already are put on record."""
        users = self._users
        user, new, others = users.bind(page.items, job.user)
        for other in others:
            self._facts.merge(other, user)
            self._at_hand.drop(other)
            self._agenda.merge(other, user)
            if other in self._following:
                self._following.setdefault(user, []).extend(self._following.pop(other))
        if users.is_whole(user):
            if others:
                new = self._unlisted(job, page, (user, *others))
            if new:
                self._record(user, new)
            elif is_first and page.next_page is None and not others:
                self._at_hand.keep(user, page.items)
        return user

    def _unlisted(self, job: Job, page: Page, users: Sequence[int]) -> list[Token]:
        """What was seen, perhaps for a while as another user's, and is in the listing of none of these."""
        seen = {token.id: token for token in (*(job.found or {}).values(), *page.items)}
        for user in users:
            for token in self._facts.tokens(user):
                seen.pop(token.id, None)
        return list(seen.values())

    def _begin(self, job: Job) -> None:
        """This one reads the listing."""
        job.lists = True
        if job.user is not None:
            self._following.setdefault(job.user, [])

    def _complete(self, job: Job, page: Page) -> None:
        """This was the last page."""
        user = job.user
        if user is None:
            return
        self._users.complete(user)
        found = {token.id: token for token in page.items} if job.found is None else job.found
        tokens = tuple(found.values())
        self._record(user, tokens)
        self._at_hand.keep(user, tokens)
        job.listing, job.found, job.lists = None, None, False
        self._free_followers(user)

    def _record(self, user: int, tokens: Sequence[Token]) -> None:
        self._facts.list(user, tokens)
        self._users.tokens += len(tokens)
        self._at_hand.drop(user)

    def _free_followers(self, user: int) -> None:
        self._agenda.resume(self._following.pop(user, ()))
