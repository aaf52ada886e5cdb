"""A process goes on while its token is rotated under it."""

import asyncio
import itertools
from typing import Any

import pytest

from cobalt_async import AsyncCobalt, Secret, errors
from cobalt_async.rotation import State
from cobalt_async.rotation.points import Point
from cobalt_async.successors import Successors
from tests.rotation.staging import MemoryStore, Stage, at_points, beside, falling, leaping

BRIEF: dict[str, Any] = {"settle": 0.5, "prove_within": 0.5, "old_dead_within": 0.5}


def gets(on: Stage, secret: str) -> int:
    """How many readings bore this secret."""
    return sum(
        seen.method == "GET" and seen.headers["Authorization"] == f"Bearer {secret}" for seen in on.sandbox.requests
    )


@leaping
async def test_the_client_uses_the_new_secret() -> None:
    """The one whose own token it was; another one keeps its own."""
    async with beside() as on:
        async with on.client() as cobalt:
            view, other = cobalt.with_token(on.old), cobalt.with_token(on.other.secret)
            assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
            assert cobalt._secret == Secret(on.token.secret)
            assert other._secret == Secret(on.other.secret)
            on.sandbox.requests.clear()
            assert (await cobalt.tokens.list()).items
            assert gets(on, on.old) == 0
            assert (await view.tokens.list()).items  # a view that was made before is told by its 401
            assert (gets(on, on.old), gets(on, on.token.secret)) == (1, 2)
            assert [token.id async for token in view.tokens.iter(limit=1)]


@leaping
async def test_a_reading_of_another_client_is_not_sent_again() -> None:
    """What a client does not know of, it cannot go on with: one 401, and no more."""
    async with beside() as on:
        async with on.client() as cobalt, on.client() as stranger:
            await on.rotate(cobalt, **BRIEF)
            on.sandbox.requests.clear()
            with pytest.raises(errors.UnauthorizedError):
                await stranger.tokens.list()
            assert len(on.sandbox.requests) == 1


@leaping
async def test_a_reading_in_the_middle_waits() -> None:
    """It meets its 401 while nothing is proved yet, waits until something is, and goes on with that, once."""
    async with beside() as on:
        async with on.client() as cobalt:
            view = cobalt.with_token(on.old)
            readings: list[asyncio.Task[Any]] = []

            def reached(point: Point) -> None:
                if point is Point.RECEIVED:
                    readings.extend(asyncio.ensure_future(each.tokens.list(limit=5)) for each in (cobalt, view))

            with at_points(reached):
                rotation = await on.rotate(cobalt, **BRIEF)
            assert rotation.state is State.SUCCESS
            assert len(readings) == 2
            for reading in readings:
                assert (await reading).items
            again = [seen for seen in on.sandbox.requests if seen.path == "/tokens?limit=5"]
            assert len(again) == 4  # each was refused once, and sent once more


@leaping
async def test_a_deadline_bounds_the_wait() -> None:
    """It is an answer in time, and then the 401 that it was; without one `max_wait` is the bound."""
    async with beside() as on:
        loop = asyncio.get_running_loop()
        waited: dict[str, float] = {}
        async with on.client() as cobalt:

            async def read(name: str, **arguments: Any) -> None:
                began = loop.time()
                with pytest.raises(errors.UnauthorizedError):
                    await cobalt.with_token(on.old).tokens.list(**arguments)
                waited[name] = loop.time() - began

            with cobalt._replacing(Secret(on.old)):
                on.token.refresh()
                await asyncio.gather(read("deadline", deadline=3.0), read("none"))
            await read("afterwards")
        assert 2.5 < waited["deadline"] < 3.5
        assert 110 < waited["none"] < 130  # RetryPolicy.max_wait
        assert waited["afterwards"] < 0.5


@leaping
async def test_an_unrelated_401_is_not_delayed() -> None:
    """Of a token that nobody is rotating; nor is a reading that is answered."""
    async with beside() as on:
        async with on.client() as cobalt:
            on.other.revoke()
            loop = asyncio.get_running_loop()
            with cobalt._replacing(Secret(on.old)):
                began = loop.time()
                with pytest.raises(errors.UnauthorizedError):
                    await cobalt.with_token(on.other.secret).tokens.list()
                assert (await cobalt.tokens.list()).items
                assert loop.time() - began < 0.5


@leaping
async def test_a_refresh_is_never_sent_again() -> None:
    """Only readings are: a POST with the old secret is refused, and that is told."""
    async with beside() as on:
        async with on.client() as cobalt:
            view = cobalt.with_token(on.old)
            assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
            posts = on.posts
            with pytest.raises(errors.UnauthorizedError):
                await view.tokens.refresh(on.token.id)
            assert on.posts == posts + 1


@leaping
async def test_rotations_in_a_row() -> None:
    """A view with the first secret finds the last, over however many; and asks twice, not once for each."""
    async with beside() as on:
        async with on.client() as cobalt:
            first = cobalt.with_token(on.old)
            for _ in range(5):
                assert (await on.rotate(cobalt, **BRIEF)).state is State.SUCCESS
            on.sandbox.requests.clear()
            assert (await first.tokens.list()).items
            assert len(on.sandbox.requests) == 2
            successors = cobalt._root.refreshes.successors
            secrets = [Secret(f"secret-number-{number}") for number in range(3_000)]
            for old, new in itertools.pairwise(secrets):
                with successors.replacing(old) as replacement:
                    replacement.settle(new)
            assert await successors.of(secrets[0], 1e9) == secrets[-1]  # no deeper for being longer


@leaping
async def test_round_and_round() -> None:
    """Secrets that come back lead nowhere, and not round for ever."""
    successors = Successors(lambda secret: secret.reveal().encode())
    one, two = Secret("one"), Secret("two")
    for old, new in ((one, two), (two, one)):
        with successors.replacing(old) as replacement:
            replacement.settle(new)
    assert await successors.of(one, 1e9) == one


@leaping
async def test_nothing_grows() -> None:
    """Of 10,000 replacements the oldest go; one that came to nothing leaves nothing."""
    async with beside() as on:
        async with on.client() as cobalt:
            successors = cobalt._root.refreshes.successors
            on.sandbox.faults.answer(403, {}, method="POST")
            assert (await on.rotate(cobalt, **BRIEF)).state is State.NOT_ROTATED
            assert len(successors._replacements) == 0
            for number in range(10_100):
                with successors.replacing(Secret(f"old-{number}")) as replacement:
                    replacement.settle(Secret(f"new-{number}"))
            assert len(successors._replacements) == 10_000
            assert await successors.of(Secret("old-0"), 1e9) is None


@leaping
async def test_it_goes_on_after_a_resumption() -> None:
    """As after a rotation."""
    async with beside() as on:
        async with on.client() as cobalt:
            with falling(Point.KEPT):
                await on.rotate(cobalt, **BRIEF)
            again = await on.resume(cobalt, **BRIEF)
            assert again is not None
            assert again.state is State.SUCCESS
            assert cobalt._secret == Secret(on.token.secret)
            assert (await cobalt.tokens.list()).items


@leaping
async def test_it_does_not_go_on_with_what_is_not_proved() -> None:
    """After MISMATCH the old secret stays in use; a client without a token gets none."""
    async with beside() as on:
        async with on.client() as cobalt:
            assert (await on.rotate(cobalt, token_id=on.other.id, **BRIEF)).state is State.MISMATCH
            assert cobalt._secret == Secret(on.old)
            assert (await cobalt.tokens.list()).items
    async with beside() as on:
        async with on.client() as cobalt:
            with falling(Point.OLD_DEAD):
                await on.rotate(cobalt, **BRIEF)
        async with AsyncCobalt(base_url=on.url) as bare:
            again = await on.resume(bare, secret=None, store=MemoryStore("of somebody else"), **BRIEF)
            assert again is not None
            assert not bare.has_token
