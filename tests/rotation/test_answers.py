"""Whatever the answer to the one request is: cut, bent, wrapped, huge, or of any status."""

import gzip
import itertools
import json
from typing import Any

import pytest

from cobalt_async import RetryPolicy
from cobalt_async.rotation import State
from tests.rotation.staging import TALLY, Stage, beside, leaping

PROMPT: dict[str, Any] = {"settle": 1.0, "prove_within": 1.0, "old_dead_within": 1.0}
PATIENT = RetryPolicy(base=0.01, cap=0.05)
NEW = "Zz9" * 12


def refresh_body(on: Stage, secret: str = NEW, *, version: str = "v1") -> bytes:
    """The documented answer."""
    inner = {"id": on.token.id, "secret": secret, "name": on.token.name, "expire_at": None}
    return json.dumps({"resource": inner} if version == "v2" else inner, separators=(",", ":")).encode()


class Bringing:
    """Have the sandbox's next refresh of this token bring the secret NEW, so that an answer can be written before."""

    def __init__(self, on: Stage) -> None:
        registry = on.sandbox._world.registry
        self._give = registry.give_secret
        self._wishes = [NEW]
        registry.give_secret = self._next  # type: ignore[method-assign]

    def _next(self, holder: Any, *, wish: str | None = None) -> str:
        return self._give(holder, wish=wish or (self._wishes.pop() if self._wishes else None))


async def rotated(on: Stage, **arguments: Any) -> Any:
    """A rotation from beginning to end, judged by what is true."""
    async with on.client(**arguments.pop("client", {})) as cobalt:
        rotation = await on.rotate(cobalt, **{**PROMPT, **arguments})
        if rotation.why != "the new secret is refused":  # then it was never one, and nothing is said of another
            on.check(rotation)
        return rotation


@pytest.mark.parametrize(
    ("version", "has_sibling"), [("v1", False), ("v1", True), ("v2", False)], ids=["one shot", "sibling", "v2"]
)
@leaping
async def test_the_answer_is_cut_at_every_byte(version: str, has_sibling: bool) -> None:
    """A whole secret in it is used; without one a sibling recovers it, and a single token is lost and said to be."""
    async with beside(api_version=version) as on:
        length = len(refresh_body(on, version=version))
    for at in range(length + 1):
        async with beside(api_version=version) as on:
            Bringing(on)
            body = refresh_body(on, version=version)
            on.sandbox.faults.cut(at, method="POST")
            arguments = {} if has_sibling else {"sibling": None}
            rotation = await rotated(on, client={"api_version": version}, **arguments)
            is_whole = body[:at].find(f'"{NEW}"'.encode()) > 0
            assert rotation.state == ("SUCCESS" if has_sibling or is_whole else "LOST"), at
            assert on.posts == (1 if is_whole or not has_sibling else 2), at
            TALLY["bytes cut"] += 1


@pytest.mark.parametrize("has_sibling", [False, True], ids=["one shot", "sibling"])
@leaping
async def test_each_byte_of_the_answer_is_bent(has_sibling: bool) -> None:
    """A secret that is bent is never alive, so it is never stored."""
    async with beside() as on:
        length = len(refresh_body(on))
    for at in range(0, length, 3 if has_sibling else 1):
        async with beside() as on:
            Bringing(on)
            body = bytearray(refresh_body(on))
            body[at] ^= 0x05
            on.sandbox.faults.answer(200, bytes(body), executed=True, method="POST")
            rotation = await rotated(on, **({} if has_sibling else {"sibling": None}))
            if NEW.encode() not in body:
                assert rotation.state != "SUCCESS" or has_sibling
                assert on.stored != NEW
            assert rotation.state in ("SUCCESS", "HELD", "LOST"), at
            TALLY["bytes bent"] += 1


WRAPPED: dict[str, Any] = {
    "junk before": lambda body: (b"<!-- proxy -->" + body, {}),
    "junk after": lambda body: (body + b"\n\n<!-- proxy -->", {}),
    "a byte order mark": lambda body: (b"\xef\xbb\xbf" + body, {}),
    "gzip": lambda body: (gzip.compress(body), {"Content-Encoding": "gzip"}),
    "gzip that nothing says": lambda body: (gzip.compress(body), {}),
    "another type": lambda body: (body, {"Content-Type": "text/html"}),
    "deep": lambda body: (b'{"data":' + body + b"}", {}),
    "a list": lambda body: (b"[" + body + b"]", {}),
    "a null name": lambda body: (body.replace(b'"ada 1"', b"null"), {}),
    "a strange id": lambda body: (body.replace(b'"api_', b'"other/'), {}),
    "more around it": lambda body: (body[:-1] + b', "more": "' + b"x" * 300_000 + b'"}', {}),
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("status", [200, 201, 500])
@leaping
async def test_a_whole_secret_is_found(name: str, status: int) -> None:
    """In whatever it is wrapped and whatever the status says, but for a 4xx: it lives, so it is the one."""
    async with beside() as on:
        Bringing(on)
        body, headers = WRAPPED[name](refresh_body(on))
        on.sandbox.faults.answer(status, body, headers, executed=True, method="POST")
        rotation = await rotated(on, sibling=None)
        if name == "gzip that nothing says":
            assert rotation.state in ("SUCCESS", "LOST")
        else:
            assert rotation.state == "SUCCESS", rotation
            assert on.posts == 1


@leaping
async def test_an_echo_of_the_old_secret_is_none() -> None:
    """Nor is one of the sibling's: neither is what replaces the old one."""
    for secret_of, status in itertools.product(("token", "sibling"), (200, 500)):
        async with beside() as on:
            echo = on.old if secret_of == "token" else on.sibling.secret
            on.sandbox.faults.answer(status, refresh_body(on, echo), executed=True, method="POST")
            rotation = await rotated(on)
            assert rotation.state == "SUCCESS", (secret_of, status, rotation)
            assert on.stored not in (on.old, on.sibling.secret)


@leaping
async def test_a_huge_answer() -> None:
    """What comes after a megabyte is not read; the secret at its beginning is used."""
    async with beside() as on:
        Bringing(on)
        on.sandbox.faults.answer(200, refresh_body(on) + b" " * 3_000_000, executed=True, method="POST")
        assert (await rotated(on, sibling=None)).state == "SUCCESS"


NOT_RUN = {400, 403, 404, 405, 406, 410, 418, 422}


@pytest.mark.parametrize("has_run", [False, True], ids=["it did not run", "it ran"])
@leaping
async def test_each_status_at_the_first_try(has_run: bool) -> None:
    """A no is believed where the documents name it; all else is found out, and what is said is true."""
    for status in (*range(300, 309), *range(400, 600)):
        if has_run and status in NOT_RUN | {429, 509, 401}:
            continue  # an answer that is a lie: nothing could be said of it
        async with beside() as on:
            on.sandbox.faults.answer(status, {"message": "no"}, executed=has_run, method="POST")
            client = {"retry": PATIENT}
            rotation = await rotated(on, client=client)
            expected = State.NOT_ROTATED if status in NOT_RUN | {401} else State.SUCCESS
            assert rotation.state is expected, (status, rotation)
            TALLY["statuses tried"] += 1


@leaping
async def test_each_status_after_a_doubt() -> None:
    """Then a no says nothing of the first try: never NOT_ROTATED."""
    for status in range(400, 600):
        async with beside() as on:
            on.sandbox.faults.hang_up_before(method="POST")
            on.sandbox.faults.answer(status, {"message": "no"}, method="POST")
            rotation = await rotated(on, client={"retry": PATIENT})
            assert rotation.state is State.SUCCESS, (status, rotation)
            assert on.posts == 3
            TALLY["statuses tried"] += 1


@leaping
async def test_a_status_that_never_ends() -> None:
    """A refresh that is always answered so ends, and what is said of it is true."""
    for status in (400, 401, 408, 409, 425, 429, 500, 503, 509, 302, 201):
        async with beside() as on:
            on.sandbox.faults.answer(status, {"message": "no"}, method="POST", times=None)
            rotation = await rotated(on, client={"retry": PATIENT})
            assert rotation.state in (State.NOT_ROTATED, State.UNCERTAIN), (status, rotation)
            assert on.posts <= 6
            on.sandbox.faults.clear()
            async with on.client() as cobalt:
                again = await on.resume(cobalt, **PROMPT)
            assert (again is None) == (rotation.state is State.NOT_ROTATED)
            if again is not None:
                assert again.state is State.SUCCESS
                on.check(again)
