"""Whatever is done to two tokens, their stores and their server, in whatever order: no secret is lost in silence."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cobalt_async import AsyncCobalt, RetryPolicy, Secret, Timeouts
from cobalt_async.rotation import FileStore, Journal, Rotation, State, resume, rotate, spooled_secret
from cobalt_async.rotation.points import Point
from cobalt_async.rotation.records import Entry
from cobalt_async.testing import CobaltSandbox
from cobalt_async.testing.world import SandboxToken
from tests.rotation.staging import Fallen, at_points

_WAITS: dict[str, Any] = {"settle": 0.0, "prove_within": 0.02, "old_dead_within": 0.02}
_RETRY = RetryPolicy(tries=2, base=0.0, max_wait=0)
_OLD_LIVES = 30.0  # seconds on the sandbox's clock
FAULTS = st.sampled_from(["", "", "hang up before", "hang up after", "cut", "500 after", "500 before", "422"])
POINTS = st.none() | st.sampled_from([point for point in Point if point is not Point.CHECKED])


@define
class Kept:
    """A token, the store that its secret is in, and what was last said of it."""

    token: SandboxToken
    store: Path
    said: State = State.NOT_ROTATED
    touched: bool = False
    """A person, or somebody else's program, changed it since."""
    over: frozenset[str] = frozenset()
    """Rotations of a token that was there before."""


def _is_in(entry: Entry, kept: Kept) -> bool:
    """Whether a rotation is about what stands in this store."""
    return entry.intent.stores[0].reference == f"file:{kept.store}"


class Rotations(RuleBasedStateMachine):
    """Two tokens of one user and a guardian, which is the sibling; each with a store of its own, one journal."""

    def __init__(self) -> None:
        super().__init__()
        self.exits = contextlib.ExitStack()
        self.folder = Path(self.exits.enter_context(tempfile.TemporaryDirectory()))
        self.runner = self.exits.enter_context(asyncio.Runner())
        self.journal = Journal(self.folder / "journal")

    @initialize(new_ids=st.booleans(), late=st.booleans(), version=st.sampled_from(["v1", "v2"]))
    def begin(self, new_ids: bool, late: bool, version: Any) -> None:
        """A server of this kind."""
        self.late = late
        self.sandbox = self.exits.enter_context(
            CobaltSandbox(version, refreshed_id="new" if new_ids else "same", old_secret_lives=_OLD_LIVES * late)
        )
        self.sandbox.clock.freeze()
        self.version = version
        self.user = self.sandbox.add_user("ada", tokens=3)
        self.kept = [Kept(token, self.folder / f"secret-{token.id}") for token in self.user.tokens[:2]]
        self.guardian = self.user.tokens[2]
        for kept in self.kept:
            kept.store.write_text(kept.token.secret)

    def teardown(self) -> None:
        """Close all."""
        self.exits.close()

    # ---- what is done

    @rule(which=st.integers(0, 1), sibling=st.booleans(), fault=FAULTS, dies_at=POINTS)
    def rotates(self, which: int, sibling: bool, fault: str, dies_at: Point | None) -> None:
        """One of them, with something going wrong; the process may die on the way."""
        kept = self.kept[which]
        with self.going_wrong(fault):
            before = len(self.sandbox.requests)
            token_id = kept.token.id
            told = next(iter(self.in_a_process(dies_at, self.rotate(kept, sibling))), None)
            posts = [seen for seen in self.sandbox.requests[before:] if seen.method == "POST"]
        self.heard(told)
        if told is not None:
            assert told.token_id == token_id
            assert told.state is not State.REFUSED or not posts
            assert told.state is not State.SUCCESS or fault or len(posts) == 1

    @rule(which=st.integers(0, 1), sibling=st.booleans(), fault=FAULTS, dies_at=POINTS)
    def rotates_and_resumes(self, which: int, sibling: bool, fault: str, dies_at: Point | None) -> None:
        """What most people would do."""
        self.rotates(which, sibling, fault, dies_at)
        self.resumes(with_sibling=sibling)

    @precondition(lambda self: self.is_unfinished())
    @rule(with_sibling=st.booleans())
    def resumes(self, with_sibling: bool) -> None:
        """Everything that is not finished, on a healthy network; each comes to an end, or says who must act."""
        self.sandbox.clock.advance(2 * _OLD_LIVES)
        for told in self.in_a_process(None, self.resume(with_sibling)):
            self.heard(told)
            kept = self.of(told)
            is_ours = not kept.touched and told.rotation_id not in kept.over
            if is_ours and (with_sibling or told.rotation_class == "ONE_SHOT"):
                assert told.state not in {State.HELD, State.UNCERTAIN, State.CONFLICT}, told
                assert told.state is not State.MISMATCH or self.late, told  # it sent again, and time stands still

    @precondition(lambda self: self.is_unfinished())
    @rule(dies_at=POINTS)
    def resumes_and_dies(self, dies_at: Point | None) -> None:
        """On the way."""
        for told in self.in_a_process(dies_at, self.resume(with_sibling=True)):
            self.heard(told)

    @rule(seconds=st.sampled_from([1.0, 2 * _OLD_LIVES]))
    def time_passes(self, seconds: float) -> None:
        """Old secrets die."""
        self.sandbox.clock.advance(seconds)

    @precondition(lambda self: not self.is_unfinished())
    @rule(which=st.integers(0, 1), what=st.sampled_from(["rotates", "rotates", "revokes", "adds"]))
    def somebody_else(self, which: int, what: str) -> None:
        """Another program that rotates, or a person in the web app, who may give a new token an old one's name."""
        kept = self.kept[which]
        if what == "adds":
            self.user.add_token(kept.token.name)
        elif kept.token.alive:
            kept.touched = True
            if what == "rotates":
                kept.token.refresh()
            else:
                kept.token.revoke()

    @precondition(lambda self: any(kept.said is State.LOST or kept.touched for kept in self.kept))
    @rule()
    def a_person_follows_the_advice(self) -> None:
        """Makes a new token and puts its secret into the store; what is unfinished of the old one stays so."""
        for kept in self.kept:
            if kept.said is State.LOST or kept.touched:
                kept.token.revoke()
                kept.token = self.user.add_token(f"new {len(self.user.tokens)}")
                kept.store.write_text(kept.token.secret)
                kept.said, kept.touched, kept.over = State.NOT_ROTATED, False, frozenset(self.journal.entries())

    # ---- what must hold

    @invariant()
    def nothing_is_lost_in_silence(self) -> None:
        """The living secret stands in the store or in the spool; or the journal says that it may not."""
        for kept in getattr(self, "kept", ()):
            if kept.touched or not kept.token.alive:
                continue
            held = {kept.store.read_text(), *self.spooled()}
            alive = kept.token.secret in held
            assert alive or kept.said in {State.LOST, State.UNCERTAIN}, kept
            if kept.said in {State.SUCCESS, State.ADOPTED, State.NOT_ROTATED}:
                assert kept.store.read_text() == kept.token.secret, kept
            if kept.said is State.LOST:
                assert not alive, kept

    # ---- how

    def is_unfinished(self) -> bool:
        """Whether there is anything to resume."""
        return any(not entry.finished for entry in self.journal.entries().values())

    def spooled(self) -> set[str]:
        """All secrets that stand in the spool."""
        found = (spooled_secret(self.journal, name) for name in self.journal.entries())
        return {secret.reveal() for secret in found if secret is not None}

    def heard(self, told: Rotation | None = None) -> None:
        """Remember what was said of a token; where a process died, what the journal says."""
        if told is not None and told.state is not State.REFUSED:
            self.of(told).said = told.state
        for rotation_id, entry in self.journal.entries().items() if told is None else ():
            for kept in self.kept:
                if rotation_id not in kept.over and _is_in(entry, kept):
                    kept.said = State(entry.state) if entry.finished else State.UNCERTAIN

    def of(self, told: Rotation) -> Kept:
        """Whose rotation it was."""
        entry = self.journal.entries()[told.rotation_id or ""]
        [kept] = [kept for kept in self.kept if _is_in(entry, kept)]
        return kept

    def in_a_process(self, dies_at: Point | None, work: Any) -> list[Rotation]:
        """What came of it; nothing where it died."""

        def reached(point: Point) -> None:
            if point is dies_at:
                raise Fallen(point)

        with at_points(reached):
            try:
                return list(self.runner.run(work))
            except Fallen:
                return []

    def client(self, secret: str) -> AsyncCobalt:
        """A client of a process of its own."""
        timeouts = Timeouts(refresh=5.0)
        url = self.sandbox.url
        return AsyncCobalt(secret, base_url=url, api_version=self.version, retry=_RETRY, timeouts=timeouts)

    async def rotate(self, kept: Kept, sibling: bool) -> list[Rotation]:
        async with self.client(kept.store.read_text()) as cobalt:
            told = await rotate(
                cobalt,
                kept.token.id,
                store=FileStore(kept.store),
                journal=self.journal,
                sibling=self.guardian.secret if sibling else None,
                accept_one_shot=not sibling,
                **_WAITS,
            )
            return [told]

    async def resume(self, with_sibling: bool) -> list[Rotation]:
        sibling = self.guardian.secret if with_sibling else None
        told: list[Rotation] = []
        for name, entry in self.journal.entries().items():
            if not entry.finished:
                given = self.sandbox._world.registry._by_secret  # the person at the keyboard still has the old one
                secret = next((old for old in given if entry.fingerprint(Secret(old)) == entry.intent.old), None)
                async with self.client(self.guardian.secret) as cobalt:
                    told += await resume(self.journal, name, cobalt=cobalt, secret=secret, sibling=sibling, **_WAITS)
        return told

    @contextlib.contextmanager
    def going_wrong(self, fault: str) -> Iterator[None]:
        """For one rotation."""
        faults = self.sandbox.faults
        match fault:
            case "hang up before":
                faults.hang_up_before(method="POST")
            case "hang up after":
                faults.hang_up_after(method="POST")
            case "cut":
                faults.cut(30, method="POST")
            case "500 after" | "500 before":
                faults.answer(500, executed=fault == "500 after", method="POST")
            case "422":
                faults.answer(422, method="POST")
        yield
        faults.clear()


TestRotations = Rotations.TestCase
"""Claim: whatever is done in whatever order, the machine's invariants hold."""
TestRotations.settings = settings(
    max_examples=40, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
