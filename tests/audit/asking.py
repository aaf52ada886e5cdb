"""What these tests share: a whole audit as a dict, and waiting for what happens elsewhere."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Literal

from cobalt_async import AsyncCobalt
from cobalt_async.audit import AuditResult, Credential, Verdict, audit
from cobalt_async.testing import CobaltSandbox

ALIVE, DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED = Verdict
UNKNOWN = "of-a-token-that-nobody-has"
"""A secret that gets 401."""


async def verdicts(
    cobalt: AsyncCobalt,
    credentials: Iterable[Credential] | AsyncIterable[Credential],
    *,
    concurrency: int = 8,
    regions: Sequence[Literal["us", "eu"]] = (),
) -> dict[str, AuditResult]:
    """Audit all of them, and give each result by its label; a label comes once."""
    found: dict[str, AuditResult] = {}
    async with audit(cobalt, credentials, concurrency=concurrency, regions=regions) as run:
        async for result in run:
            assert result.label not in found
            found[result.label] = result
    return found


def short(found: dict[str, AuditResult]) -> dict[str, str]:
    """Verdict and reason by label."""
    return {label: f"{result.verdict} {result.reason or ''}".strip() for label, result in found.items()}


def unknown(count: int) -> list[Credential]:
    """Credentials that all get 401."""
    return [Credential(f"unknown {number}", f"{UNKNOWN}-{number}") for number in range(count)]


def asked(sandbox: CobaltSandbox, *people: Credential) -> list[str]:
    """The targets that these credentials' secrets were sent to: no controls."""
    secrets = {f"Bearer {person.secret.reveal()}" for person in people}
    return [seen.path for seen in sandbox.requests if seen.headers["Authorization"] in secrets]


async def until(happened: Callable[[], object]) -> None:
    """Let the loop run until something happened, on it or on another thread."""
    while not happened():  # noqa: ASYNC110 - what happens is a plain call, and nobody sets an event
        await asyncio.sleep(0)


async def controlled(sandbox: CobaltSandbox) -> None:
    """Until one who lives has been asked, and a made-up token before and after it: a next fault meets no control."""
    while len(sandbox.requests) < 3:  # noqa: ASYNC110 - a sandbox tells nobody
        await asyncio.sleep(0.01)
