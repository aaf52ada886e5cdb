"""One credential at one place: what is asked, and what the answers say."""

import asyncio
import math
import time
from collections.abc import Sequence

from attrs import evolve

from ...client import AsyncCobalt
from ...errors import CobaltError, ConfigurationError, UnauthorizedError
from ...models import Page, Token
from ...protocol import answers, pace, requests
from ...protocol.answers import THROTTLED, Response
from ...protocol.cursor import Walk
from ...protocol.requests import Request
from ...secret import Secret
from .. import verdicts
from ..facts import Facts
from ..verdicts import AuditResult, name_of
from .agenda import Agenda, Job
from .at_hand import AtHand
from .neighbours import SCOUT, Neighbours
from .places import Place
from .users import NOBODY, Users

_PAGE = 100  # tokens (F10)
_MOST_PAGES = 10_000
_MOST_TOKENS = 1_000_000
_MOST_THROTTLED = 5  # times that one credential is answered 429 or 509, where it is known whose it is
_MOST_UNKNOWN = 15  # (the same, where it is not: it may have waited for the wrong window)
_PATIENCE = 1.0  # seconds after one who was asked in vain
_FREE = 100  # requests in vain, whatever the inventory's size
_MOST_DOUBTS = 10  # runs that a refused scout ends: a few find the large users, and more would ask in vain


class Look:
    """Asks, learns whose each secret is, and lists each user once.

    A secret of a user whose listing is known costs one request. One secret of a user reads the listing to its
    end; others of that user wait for it meanwhile.
    """

    def __init__(self, cobalt: AsyncCobalt, users: Users, agenda: Agenda, facts: Facts) -> None:
        self._cobalt = cobalt
        self._users = users
        self._agenda = agenda
        self._facts = facts
        self._retry = evolve(cobalt._retry, max_wait=0.0)
        self._longest = cobalt._retry.max_wait
        self._first = requests.list_tokens(limit=_PAGE, version=cobalt._version)
        self._probe = requests.list_tokens(limit=1, version=cobalt._version)
        self._following: dict[int, list[Job]] = {}  # by user whose listing is under way
        self._at_hand = AtHand(facts)
        self._now = asyncio.get_running_loop().time
        self._doubts = 0  # times that a scout was refused though its user had something left
        self._asked = self._wasted = 0  # of those of whom nothing was known: all, and 509 or beyond our share
        self.patient_until: float = -math.inf
        self._neighbours = Neighbours(users)

    def may_ask(self, now: float, *, sparingly: bool) -> bool:
        """Whether one of whom nothing is known may be asked now.

        `sparingly`: where many of them were asked in vain, or beyond the share that is ours, only one after the other,
        and none for a second after another of those.
        """
        if self._neighbours.is_scouting:
            return False
        is_wasteful = self._wasted > _FREE + self._asked / 100
        return not (sparingly and is_wasteful and (self._neighbours.out or now < self.patient_until))

    def likely(self, job: Job) -> int | None:
        """Whose a new job is likely to be: by the id that is declared, or by those that were asked just before."""
        token_id = job.credential.token_id
        declared = None if token_id is None else self._users.of(token_id)
        return self._neighbours.guess(job) if declared is None else declared

    @property
    def waiting(self) -> int:
        """How many wait for another's listing."""
        return sum(map(len, self._following.values()))

    async def look(self, job: Job, place: Place) -> AuditResult | None:
        """What a place says of a credential; None where it has to wait first, and is on the agenda."""
        now = self._now
        label, secret = job.credential.label, job.credential.secret
        while not self._is_known(job):
            request = self._request(job)
            if place.is_limited:
                await place.turn()
            sent_at = now()
            try:
                self._neighbours.sent(job)
                try:
                    response = await self._cobalt._ask(request, secret, place.url, self._retry)
                finally:
                    self._neighbours.heard(job)
                if response.status in THROTTLED and self._park(job, response, now()):
                    return None
                is_enough = self._is_at_hand if request is self._first else self._is_listed
                page = answers.read_page_unless(request, response, secret, is_enough, self._users.undocumented.look)
                place.lives(sent_at)
                goes_on = self._learn(job, request, page, response, sent_at)
            except ConfigurationError:
                raise  # a bug or a misuse, and so of every credential
            except CobaltError as error:
                self._give_up(job)
                self._settle(job, error, now())
                return verdicts.failed(label, error, region=place.region, pages=job.pages)
            if not goes_on:
                break
            if job.user is not None and not job.lists and job.user in self._following:
                self._following[job.user].append(job)
                return None
            if job.user is not None and not self._users.take(job.user, now()):
                self._agenda.park(job, job.user)
                return None
        tokens = () if job.user is None else self._at_hand.tokens(job.user)
        return verdicts.alive(label, tokens, region=place.region, user=name_of(job.user))

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

    def _is_known(self, job: Job) -> bool:
        """Whether its listing came to an end while it waited for that."""
        return job.user is not None and self._users.is_whole(job.user)

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
            self._compare(job)
        if job.user is not None:
            now = self._now()
            if users.answered(job.user, sent_at, now, response.headers):
                self._agenda.open(job.user, now)
            elif job.hint is None and users.left(job.user) < 0:
                self._waste(now)
        if isinstance(page, str) or (job.user is not None and users.is_whole(job.user)):
            return False
        return self._read_on(job, request, page)

    def _compare(self, job: Job) -> None:
        """Whose it is, beside whose it was likely to be."""
        self._asked += job.hint is None
        self._end_run(job)
        if job.hint is not None and job.user != job.hint:
            self._agenda.give_back(self._users.number(job.hint))

    def _end_run(self, job: Job) -> None:
        """It is of somebody else than those before it, perhaps: then those that were parked last need not wait."""
        if self._neighbours.seen(job, job.user) and job.scouts is not None:
            self._agenda.release(self._users.number(job.scouts), SCOUT - 1)

    def _read_on(self, job: Job, request: Request, page: Page) -> bool:
        """Where a listing goes on; whether it does."""
        if job.found is not None:
            job.found.update((token.id, token) for token in page.items)
        if page.next_page is None:
            self._complete(job, page)
            return False
        if request is self._probe or (job.user in self._following and not job.lists):
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

    def _settle(self, job: Job, error: CobaltError, now: float) -> None:
        """No page came, and so no word of what is left to whoever was charged for it; a 401 counts for nobody (F4)."""
        user = job.user or job.hint
        if user is None:
            return
        user = self._users.number(user)
        if job.user is None and isinstance(error, UnauthorizedError):
            self._agenda.give_back(user)
        if self._users.unanswered(user):
            self._agenda.open(user, now)

    def _park(self, job: Job, response: Response, now: float) -> bool:
        """A 429 or 509: the job waits for the window, unless that takes too long.

        Where nothing is known of whose it is, whoever used up a window last is the likeliest; and a scout for a user
        who has something left is somebody else's.
        """
        after = pace.retry_after(response.headers.get("Retry-After"), time.time())
        users = self._users
        user = job.user or users.suspect(now, job.hint)
        if user in (job.user, NOBODY):
            users.throttled(user, now, after)
        if job.hint is None:
            self._asked += 1
            self._waste(now)
        is_strangers = job.scouts is not None and not users.is_spent(users.number(job.scouts))
        if is_strangers and self._doubts < _MOST_DOUBTS:
            self._doubts += 1
            self._end_run(job)
        job.throttled += 1
        most = _MOST_THROTTLED if job.user is not None else _MOST_UNKNOWN
        if job.throttled >= most or users.opens(user) - now > self._longest:
            return False
        self._agenda.park(job, user)
        return True

    def _waste(self, now: float) -> None:
        self._wasted += 1
        self.patient_until = now + _PATIENCE
