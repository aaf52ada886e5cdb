from collections.abc import AsyncIterator, Callable

import pytest

from cobalt_async import AsyncCobalt, errors
from cobalt_async.audit import AuditResult, Credential, Verdict
from cobalt_async.audit.verdicts import conclude, failed
from cobalt_async.protocol.answers import Response
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import (
    ALIVE,
    DEAD,
    FORBIDDEN,
    INDETERMINATE,
    UNKNOWN,
    controlled,
    short,
    unknown,
    verdicts,
)
from tests.audit.pretend import Pretended, refusal, run_audit
from tests.virtual_time import virtually

HTML = {"Content-Type": "text/html"}
PAGE = {"data": [], "pagination": {"next_page": None, "prev_page": None}}
GOES_ON = {"data": [], "pagination": {"next_page": "/tokens?cursor=abc", "prev_page": None}}


def _live(sandbox: CobaltSandbox, name: str = "live") -> Credential:
    return Credential(name, sandbox.add_user(name).tokens[0].secret)


async def _after(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, misbehave: Callable[[], object], *people: Credential
) -> dict[str, AuditResult]:
    """The results of these, the first of which meets what `misbehave` asks of the sandbox; the controls do not."""

    async def inventory() -> AsyncIterator[Credential]:
        yield _live(sandbox, "before")
        await controlled(sandbox)
        misbehave()
        for person in people:
            yield person

    found = await verdicts(cobalt, inventory(), concurrency=1)
    assert found.pop("before").verdict is ALIVE
    return found


async def test_the_documented_answers(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """200 is ALIVE, 401 is DEAD beside it, 403 is FORBIDDEN, none with a reason."""
    no_access = sandbox.add_user("no access")
    no_access.forbid()
    found = await verdicts(cobalt, [*unknown(1), _live(sandbox), Credential("no access", no_access.tokens[0].secret)])
    assert short(found) == {"unknown 0": "DEAD", "live": "ALIVE", "no access": "FORBIDDEN"}


async def test_an_alive_result_has_all_tokens_of_its_user(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """Every page is read, 100 at a time, and each token comes once; other results have no tokens."""
    user = sandbox.add_user("ada", tokens=230)
    found = await verdicts(cobalt, [Credential("ada", user.tokens[7].secret), *unknown(1)])
    assert [token.id for token in found["ada"].tokens] == [token.id for token in user.tokens]
    assert found["unknown 0"].tokens == ()
    pages = [seen.path for seen in sandbox.requests if user.tokens[7].secret in seen.headers["Authorization"]]
    assert sum("limit=100" in page for page in pages) == 3
    assert 1 <= pages.count("/tokens?limit=1") <= 2  # signs of life, between two looks at the dead one and at the end
    assert all("limit=100" in path for path in pages[:3])


async def test_a_token_on_two_pages_comes_once(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """A listing that shifts while it is read does not double a token."""
    item = {"resource": {"id": "api_a", "name": "n", "last_characters": None, "expire_at": None}}

    def misbehave() -> None:
        sandbox.faults.answer(200, {**GOES_ON, "data": [item]})
        sandbox.faults.answer(200, {**PAGE, "data": [item]})

    found = await _after(sandbox, cobalt, misbehave, *unknown(1))
    assert [token.id for token in found["unknown 0"].tokens] == ["api_a"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, "<p>sign in", HTML), "foreign_answer"),
        ((403, "<p>blocked", HTML), "foreign_answer"),
        ((429, "", {}), "rate_limited"),
        ((509, "", {}), "rate_limited"),
        ((500, "", {}), "server_error"),
        ((503, "", {}), "server_error"),
        ((200, "<p>sign in", HTML), "unreadable"),
        ((200, "{}", {}), "unreadable"),
        ((302, "", {"Location": "/"}), "unreadable"),
        ((404, "", {}), "refused_404"),
        ((418, "", {}), "refused_418"),
    ],
)
async def test_what_is_no_clean_answer_is_indeterminate(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, answer: tuple[int, str, dict[str, str]], reason: str
) -> None:
    """A failed check is never DEAD, FORBIDDEN or ALIVE, and has a reason; the next one is not harmed."""
    odd = Credential("odd", UNKNOWN)
    found = await _after(sandbox, cobalt, lambda: sandbox.faults.answer(*answer), odd, _live(sandbox))
    assert short(found) == {"odd": f"INDETERMINATE {reason}", "live": "ALIVE"}


@pytest.mark.parametrize(("status", "verdict"), [(401, "DEAD"), (403, "FORBIDDEN")])
@virtually
async def test_an_empty_body_is_cobalts_too(status: int, verdict: str) -> None:
    """401 and 403 without a body count as with JSON: no error body is documented (F21)."""
    world = Pretended()
    world.instead["secret-1"] = lambda _: Response(status, {}, b"")
    found, _, _ = await run_audit(world, [Credential("bare", "secret-1"), *world.user("ada")])
    assert short(found) == {"bare": verdict, "ada 0": "ALIVE"}


@virtually
async def test_a_refusal_that_is_another_the_second_time() -> None:
    """A 401 that becomes a 403, or the other way round, is neither: something on the way has changed."""
    world = Pretended()
    for label, first, second in (("a", 401, 403), ("b", 403, 401)):
        world.instead[f"secret-{label}"] = _turning(first, second)
    found, _, _ = await run_audit(
        world, [*(Credential(label, f"secret-{label}") for label in "ab"), *world.user("ada")]
    )
    assert short(found) == {"a": "INDETERMINATE changed_midway", "b": "INDETERMINATE changed_midway", "ada 0": "ALIVE"}


def _turning(first: int, second: int) -> Callable[[float], Response]:
    answers = iter([refusal(first)])
    return lambda _: next(answers, refusal(second))


async def test_no_answer(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """A connection that ends without an answer is INDETERMINATE(no_answer)."""
    found = await _after(sandbox, cobalt, sandbox.faults.hang_up_before, *unknown(1))
    assert short(found) == {"unknown 0": "INDETERMINATE no_answer"}


async def test_not_sent(unused_tcp_port: int) -> None:
    """Where nobody listens, INDETERMINATE(not_sent)."""
    from cobalt_async import RetryPolicy

    url = f"http://127.0.0.1:{unused_tcp_port}"
    async with AsyncCobalt(base_url=url, retry=RetryPolicy(tries=1)) as cobalt:
        assert short(await verdicts(cobalt, unknown(1))) == {"unknown 0": "INDETERMINATE not_sent"}


async def test_a_listing_that_cannot_be_followed(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """A 200 with an unsafe next_page is not ALIVE: the list is not whole."""
    page = {"data": [], "pagination": {"next_page": "https://elsewhere.example/tokens", "prev_page": None}}
    found = await _after(
        sandbox, cobalt, lambda: sandbox.faults.answer(200, page), Credential("odd", UNKNOWN), *unknown(1)
    )
    assert short(found) == {"odd": "INDETERMINATE pagination", "unknown 0": "DEAD"}
    assert found["odd"].tokens == ()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_in_the_middle_of_a_listing(sandbox: CobaltSandbox, cobalt: AsyncCobalt, status: int) -> None:
    """A token that was answered 200 and then refused contradicts itself: no verdict."""

    def misbehave() -> None:
        sandbox.faults.answer(200, GOES_ON)
        sandbox.faults.answer(status)

    assert short(await _after(sandbox, cobalt, misbehave, *unknown(1))) == {"unknown 0": "INDETERMINATE changed_midway"}


def test_regions_together() -> None:
    """ALIVE anywhere wins; then doubt, so that nothing is dead on half the evidence; then FORBIDDEN."""
    order = (ALIVE, INDETERMINATE, FORBIDDEN, DEAD)
    results = {verdict: AuditResult("x", verdict) for verdict in order}
    for first in order:
        for second in order:
            expected = min(first, second, key=order.index)
            assert conclude([results[first], results[second]]).verdict is expected


def test_an_error_that_no_listing_raises_is_a_bug() -> None:
    """What has no verdict is raised, not called indeterminate."""
    error = errors.RefreshInDoubtError("api_a", "no answer")
    with pytest.raises(errors.RefreshInDoubtError):
        failed("x", error, region=None, pages=0)


def test_a_verdict_is_its_name_in_capitals() -> None:
    """A verdict is a str, and reads the same everywhere."""
    assert [f"{verdict}" for verdict in Verdict] == [
        "ALIVE",
        "DEAD",
        "FORBIDDEN",
        "INDETERMINATE",
        "NOT_TRIED",
    ]
