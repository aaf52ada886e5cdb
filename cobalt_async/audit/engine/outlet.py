"""Verdicts on their way out: on record, and from there to whoever takes them."""

from collections import deque
from collections.abc import Callable, Iterable

from ..credential import Credential
from ..facts import Facts
from ..verdicts import AuditResult, Verdict
from .places import Place


class Outlet:
    """Puts verdicts on record and tells them; `landed` are those that nobody has taken yet.

    `taken` counts credentials that were read and are neither handed out nor put aside: the window. `on_change` is
    called when there is something to take.
    """

    def __init__(self, where: tuple[Place, ...], facts: Facts, *, on_change: Callable[[], None]) -> None:
        self.landed: deque[AuditResult] = deque()
        self.taken: int = 0
        self._places = where
        self._facts = facts
        self._on_change = on_change

    def hand_out(self) -> AuditResult:
        """The next verdict that was told."""
        self.taken -= 1
        return self.landed.popleft()

    def recall(self, credential: Credential) -> bool:
        """Tell what an earlier run knew of a credential, if it did."""
        known = self._facts.known(credential) if self._facts.resumed else None
        if known is None:
            return False
        result, user = known
        for place in self._places:
            if result.verdict is Verdict.ALIVE and place.region == result.region:
                place.has_living(credential.secret, user)
        self.tell(result)
        return True

    def tell(self, result: AuditResult) -> None:
        """Hand out a verdict that is on record."""
        self.landed.append(result)
        self._on_change()

    def land(self, credential: Credential, result: AuditResult, user: int | None = None) -> None:
        """A verdict that is final."""
        self._facts.add(credential, result, user)
        self._facts.keep()
        self.tell(result)

    def put_aside(self) -> None:
        """One credential has to wait, outside of the window."""
        self.taken -= 1

    def land_together(self, found: Iterable[tuple[Credential, AuditResult, int | None]]) -> None:
        """Verdicts that are final, of credentials that were put aside."""
        for credential, result, user in found:
            self.taken += 1
            self._facts.add(credential, result, user)
            self.landed.append(result)
        self._facts.keep()
        if self.landed:
            self._on_change()
