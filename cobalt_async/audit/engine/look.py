"""One credential at one place: what is asked, and what the answers say."""

import asyncio

from ...client import AsyncCobalt
from ...errors import CobaltError, ConfigurationError
from ...protocol import answers
from ...protocol.answers import THROTTLED, Response
from ...protocol.requests import Request
from ...secret import Secret
from .. import verdicts
from ..verdicts import AuditResult, name_of
from .agenda import Agenda, Job
from .listings import Listings
from .pacing import Pacing
from .places import Place
from .users import Users


class Look:
    """Asks, and learns whose each secret is. A secret of a user whose listing is known costs one request."""

    def __init__(self, cobalt: AsyncCobalt, users: Users, agenda: Agenda, listings: Listings, pacing: Pacing) -> None:
        self._cobalt = cobalt
        self._users = users
        self._agenda = agenda
        self._listings = listings
        self._pacing = pacing
        self._now = asyncio.get_running_loop().time
        self.under_way: int = 0  # credentials that are being asked about for the first time

    async def look(self, job: Job, place: Place) -> AuditResult | None:
        """What a place says of a credential; None where it has to wait first, and is on the agenda."""
        credential, users, pacing, listings = job.credential, self._users, self._pacing, self._listings
        self.under_way += job.refused is None
        try:
            while not listings.knows(job):  # it may end while this one waits for it
                request = listings.request(job)
                if place.is_limited:
                    await place.turn()
                sent_at = self._now()
                try:
                    pacing.neighbours.sent(job)
                    try:
                        response = await self._cobalt._ask(request, credential.secret, place.url)
                    finally:
                        pacing.neighbours.heard(job)
                    if response.status in THROTTLED and pacing.park(job, response):
                        return None
                    page = answers.read_page_unless(
                        request, response, credential.secret, listings.is_enough(request), users.undocumented.look
                    )
                    place.lives(sent_at)
                    listings.bind(job, request, page)
                    if job.pages == 1:
                        pacing.learned(job)
                    if job.user is not None:
                        pacing.answered(job, job.user, sent_at, response.headers)
                    goes_on = listings.goes_on(job, request, page)
                except ConfigurationError:
                    raise  # a bug or a misuse, and so of every credential
                except CobaltError as error:
                    listings.give_up(job)
                    pacing.failed(job, error)
                    return verdicts.failed(credential.label, error, region=place.region, pages=job.pages)
                if not goes_on:
                    break
                if listings.follows(job):
                    return None
                if job.user is not None and not users.take(job.user, self._now()):
                    self._agenda.park(job, job.user)
                    return None
        finally:
            self.under_way -= job.refused is None
        tokens = listings.tokens(job.user)
        return verdicts.alive(credential.label, tokens, region=place.region, user=name_of(job.user))

    async def ask(self, request: Request, secret: Secret, place: Place) -> Response:
        """One bare answer, for a control; who asks has had the place's turn."""
        return await self._cobalt._ask(request, secret, place.url)
