"""One credential at one place: what is asked, and what the answers say."""

import asyncio
from collections.abc import Sequence

from attrs import evolve

from ...client import AsyncCobalt
from ...errors import CobaltError, ConfigurationError
from ...models import Page, Token
from ...protocol import answers, requests
from ...protocol.answers import THROTTLED, Response
from ...protocol.cursor import Walk
from ...protocol.requests import Request
from ...secret import Secret
from .. import verdicts
from ..facts import Facts
from ..verdicts import AuditResult, name_of
from .agenda import Agenda, Job
from .at_hand import AtHand
from .pacing import Pacing
from .places import Place
from .users import Users

_PAGE = 100  # tokens (F10)
_MOST_PAGES = 10_000
_MOST_TOKENS = 1_000_000


class Look:
    """Asks, learns whose each secret is, and lists each user once.

    A secret of a user whose listing is known costs one request. One secret of a user reads the listing to its
    end; others of that user wait for it meanwhile.
    """

    def __init__(self, cobalt: AsyncCobalt, users: Users, agenda: Agenda, facts: Facts) -> None:
        self._cobalt = cobalt
        self.pacing: Pacing = Pacing(users, agenda, longest=cobalt._retry.max_wait)
        self._users = users
        self._agenda = agenda
        self._facts = facts
        self._retry = evolve(cobalt._retry, max_wait=0.0)
        self._first = requests.list_tokens(limit=_PAGE, version=cobalt._version)
        self._probe = requests.list_tokens(limit=1, version=cobalt._version)
        self._following: dict[int, list[Job]] = {}  # by user whose listing is under way
        self._at_hand = AtHand(facts)
        self._now = asyncio.get_running_loop().time

    @property
    def waiting(self) -> int:
        """How many wait for another's listing."""
        return sum(map(len, self._following.values()))

    async def look(self, job: Job, place: Place) -> AuditResult | None:
        """What a place says of a credential; None where it has to wait first, and is on the agenda."""
        credential, users, pacing = job.credential, self._users, self.pacing
        while job.user is None or not users.is_whole(job.user):  # its listing may end while it waits for that
            request = self._request(job)
            if place.is_limited:
                await place.turn()
            sent_at = self._now()
            try:
                pacing.neighbours.sent(job)
                try:
                    response = await self._cobalt._ask(request, credential.secret, place.url, self._retry)
                finally:
                    pacing.neighbours.heard(job)
                if response.status in THROTTLED and pacing.park(job, response):
                    return None
                is_enough = self._is_at_hand if request is self._first else self._is_listed
                page = answers.read_page_unless(
                    request, response, credential.secret, is_enough, users.undocumented.look
                )
                place.lives(sent_at)
                goes_on = self._learn(job, request, page, response, sent_at)
            except ConfigurationError:
                raise  # a bug or a misuse, and so of every credential
            except CobaltError as error:
                self._give_up(job)
                pacing.failed(job, error)
                return verdicts.failed(credential.label, error, region=place.region, pages=job.pages)
            if not goes_on:
                break
            if job.user is not None and not job.lists and job.user in self._following:
                self._following[job.user].append(job)
                return None
            if job.user is not None and not users.take(job.user, self._now()):
                self._agenda.park(job, job.user)
                return None
        tokens = () if job.user is None else self._at_hand.tokens(job.user)
        return verdicts.alive(credential.label, tokens, region=place.region, user=name_of(job.user))

    async def ask(self, secret: Secret, place: Place) -> Response:
        """One bare answer to `limit=1`, for a control; who asks has had the place's turn."""
        return await self._cobalt._ask(self._probe, secret, place.url, self._retry)

    def drain(self) -> list[Job]:
        """All that wait for another's listing, and wait no more."""
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

    def _request(self, job: Job) -> Request:
        """The next page of its listing; one token where that is enough to tell whose it is; else the first page."""
        if job.listing is not None:
            return job.listing.request
        is_brief = job.refused or (job.hint is not None and self._users.is_whole(job.hint))
        return self._probe if is_brief and not job.pages else self._first

    def _learn(self, job: Job, request: Request, page: Page | str, response: Response, sent_at: float) -> bool:
        """Whose it is, and what that user has; whether there is more to ask, or to wait for."""
        users = self._users
        if isinstance(page, str):
            job.user = users.of(page)
        elif page.items:
            job.user = self._bind(page, job.user, is_first=request is self._first)
        job.pages += 1
        if job.pages == 1:
            self.pacing.learned(job)
        if job.user is not None:
            self.pacing.answered(job, job.user, sent_at, response.headers)
            if users.is_whole(job.user):
                return False
        return not isinstance(page, str) and self._read_on(job, request, page)

    def _read_on(self, job: Job, request: Request, page: Page) -> bool:
        """Where a listing goes on; whether it does."""
        if job.found is not None:
            job.found.update((token.id, token) for token in page.items)
        if page.next_page is None:
            self._complete(job, page)
            return False
        if job.user in self._following and not job.lists:
            return True
        if request is self._probe:  # of one of many, perhaps, who were taken for somebody else's: one of them lists
            if job.user is not None:
                job.lists = True
                self._following.setdefault(job.user, [])
            return True
        if job.listing is None:
            job.lists, job.found = True, {token.id: token for token in page.items}
            job.listing = Walk(
                self._first,
                limit=_PAGE,
                cursor=None,
                max_pages=_MOST_PAGES,
                max_items=_MOST_TOKENS,
                version=self._cobalt._version,
            )
            if job.user is not None:
                self._following.setdefault(job.user, [])
        job.listing.turn(page, delivered=len(page.items))
        return True

    def _bind(self, page: Page, user: int | None, *, is_first: bool) -> int:
        """Whose these tokens are; those that are new to a listing that is known already are put on record."""
        users = self._users
        user, new, others = users.bind(page.items, user)
        if users.is_whole(user):
            if new:
                self._record(user, new)
            elif is_first and page.next_page is None and not others:
                self._at_hand.keep(user, page.items)
        for other in others:
            self._facts.merge(other, user)
            self._at_hand.drop(other)
            if other in self._following:
                self._following.setdefault(user, []).extend(self._following.pop(other))
        return user

    def _complete(self, job: Job, page: Page) -> None:
        """This was the last page."""
        user = job.user
        if user is None:
            return
        self._users.complete(user)
        tokens = page.items if job.found is None else tuple(job.found.values())
        self._record(user, tokens)
        self._at_hand.keep(user, tokens)
        job.listing, job.found, job.lists = None, None, False
        self._agenda.resume(self._following.pop(user, ()))

    def _record(self, user: int, tokens: Sequence[Token]) -> None:
        self._facts.list(user, tokens, start=self._users.tokens)
        self._users.tokens += len(tokens)
        self._at_hand.drop(user)

    def _give_up(self, job: Job) -> None:
        """A listing stops before its end: another of the same user has to begin anew."""
        if job.lists and job.user is not None:
            followers = self._following.pop(self._users.number(job.user), [])
            if followers:
                self._following[job.user] = followers[1:]
                followers[0].lists = True
                self._agenda.resume(followers[:1])
        job.listing, job.found, job.lists = None, None, False
