import asyncio
import logging
import os
import traceback
from collections.abc import Awaitable, Callable

import pytest

from cobalt_async import AsyncCobalt, RefreshedToken, RetryPolicy, Secret, Timeouts, exchange
from cobalt_async.errors import (
    BadRequestError,
    CobaltError,
    ConfigurationError,
    ForbiddenError,
    NoAnswerError,
    NotFoundError,
    NotSentError,
    RateLimitedError,
    RefreshError,
    RefreshInDoubtError,
    RefusedError,
    SecretLostError,
    UnauthorizedError,
    UnreadableError,
)
from cobalt_async.protocol.answers import Response
from cobalt_async.testing import CobaltSandbox
from tests.virtual_time import Desk, FakeTransport, Held, Outcome, Step, answer, now, refreshed, settle, virtually

FRESH = RefreshedToken("api_a", "ci", Secret("new-secret-of-this-test"), None)
BROKEN = NoAnswerError("POST /tokens/api_a/refresh", "the connection broke")
UNSENT = NotSentError("POST /tokens/api_a/refresh", "no connection")


class Shelf:
    """Where a test saves: it keeps what it is given, and does what the test says first."""

    def __init__(self, first: Callable[[], Awaitable[object]] | None = None) -> None:
        self.kept: list[RefreshedToken] = []
        self._first = first

    async def __call__(self, fresh: RefreshedToken) -> None:
        if self._first is not None:
            await self._first()
        self.kept.append(fresh)


async def failing() -> None:
    """A save that cannot."""
    raise PermissionError(13, os.strerror(13))


async def hanging() -> None:
    """A save that never ends."""
    await asyncio.Event().wait()


def desk(*script: Step, timeouts: Timeouts = Timeouts()) -> Desk:
    """The endpoints over a script."""
    return Desk(FakeTransport(*script), timeouts=timeouts)


@virtually
async def test_the_answer_that_fits_is_the_value() -> None:
    """A refresh gives the new token, saves it first, and leaves nothing behind."""
    shelf, at = Shelf(), desk(refreshed())
    assert await at.tokens.refresh("api_a", save=shelf) == FRESH
    assert shelf.kept == [FRESH]
    assert at.refreshes.unclaimed == []


@pytest.mark.parametrize("wrapped", [False, True])
@virtually
async def test_both_shapes_are_read_whatever_was_asked(wrapped: bool) -> None:
    """v1 was asked; v1's shape and v2's are both read (F13); 201 is as good as 200."""
    body = refreshed().body
    body = b'{"resource":' + body + b"}" if wrapped else body
    assert await desk(answer(201, body)).tokens.refresh("api_a") == FRESH


@virtually
async def test_the_new_id_is_the_answers() -> None:
    """The id may change with a refresh (F14): the answer's is the one that counts."""
    fresh = await desk(refreshed(token_id="api_b")).tokens.refresh("api_a")
    assert fresh.id == "api_b"


@pytest.mark.parametrize(
    "step",
    [
        *[answer(status, b"{}") for status in (101, 199, 301, 302, 307, 408, 425, 500, 502, 503, 599, 600)],
        *[answer(status, b'{"message": "no"}') for status in (200, 201, 299)],
        answer(204),
        Response(200, {}, b'{"secret": "new-sec', "the connection ended inside the body", True),
        Response(200, {}, b"", "a body that breaks HTTP's framing"),
        BROKEN,
        UnreadableError("POST /tokens/api_a/refresh", "bytes that are not HTTP"),
    ],
    ids=str,
)
@virtually
async def test_doubt(step: Outcome) -> None:
    """5xx, 408, 425, 1xx, 3xx, what cannot be read, and no whole answer: it may have run; asked once."""
    at = desk(step)
    with pytest.raises(RefreshInDoubtError) as caught:
        await at.tokens.refresh("api_a")
    assert (caught.value.token_id, caught.value.refreshed) == ("api_a", None)
    assert len(at.transport.sent) == 1
    assert at.refreshes.unclaimed == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (405, RefusedError),
        (418, RefusedError),
        (429, RateLimitedError),
        (509, RateLimitedError),
    ],
)
@virtually
async def test_a_no_is_a_no(status: int, kind: type[RefusedError]) -> None:
    """Other 4xx, 418 too, and 429 and 509: it did not run, and is not sent again."""
    at = desk(answer(status))
    with pytest.raises(kind) as caught:
        await at.tokens.refresh("api_a")
    assert type(caught.value) is kind
    assert len(at.transport.sent) == 1


@virtually
async def test_what_never_left_is_sent_again_with_the_same_key() -> None:
    """A request that provably never left is repeated, and its key with it; then NotSentError, without doubt."""
    at = desk(UNSENT, UNSENT, refreshed(), *[UNSENT] * 4, answer(401))
    assert await at.tokens.refresh("api_a") == FRESH
    keys = [sent.request.headers["Idempotency-Key"] for sent in at.transport.sent]
    assert len(set(keys)) == 1
    with pytest.raises(NotSentError):
        await at.tokens.refresh("api_a")
    with pytest.raises(UnauthorizedError):  # and not SecretLostError
        await at.tokens.refresh("api_a")
    assert at.transport.sent[-1].request.headers["Idempotency-Key"] not in keys


@pytest.mark.parametrize("status", [401, 404, 409])
@virtually
async def test_a_no_after_doubt_means_that_the_secret_is_lost(status: int) -> None:
    """A later refresh of an id in doubt that gets 401, 404 or 409 is SecretLostError, with advice; also twice."""
    at = desk(BROKEN, answer(status), answer(status))
    with pytest.raises(RefreshInDoubtError):
        await at.tokens.refresh("api_a")
    for _ in range(2):
        with pytest.raises(SecretLostError, match=f"answered {status}") as caught:
            await at.tokens.refresh("api_a")
        assert "api_a" in caught.value.advice


@virtually
async def test_another_no_after_doubt_is_that_no() -> None:
    """403 and 509 tell nothing about an earlier refresh in doubt: it stays in doubt."""
    at = desk(BROKEN, answer(403), answer(429), answer(401))
    with pytest.raises(RefreshInDoubtError):
        await at.tokens.refresh("api_a")
    with pytest.raises(ForbiddenError):
        await at.tokens.refresh("api_a")
    with pytest.raises(RateLimitedError):
        await at.tokens.refresh("api_a", deadline=1.0)
    await asyncio.sleep(61)
    with pytest.raises(SecretLostError):
        await at.tokens.refresh("api_a")


@virtually
async def test_doubt_is_about_one_id_and_ends_with_a_success() -> None:
    """Another id is not in doubt, and an id is no longer when a refresh of it succeeded."""
    at = desk(BROKEN, answer(404), refreshed(), answer(404))
    with pytest.raises(RefreshInDoubtError):
        await at.tokens.refresh("api_a")
    with pytest.raises(NotFoundError):
        await at.tokens.refresh("api_b")
    assert await at.tokens.refresh("api_a") == FRESH
    with pytest.raises(NotFoundError):
        await at.tokens.refresh("api_a")


@virtually
async def test_doubt_is_shared_by_all_views() -> None:
    """The client remembers, whichever of its views asks next."""
    at = desk(BROKEN, answer(401))
    with pytest.raises(RefreshInDoubtError):
        await at.tokens.refresh("api_a")
    with pytest.raises(SecretLostError):
        await at.of(b"another").refresh("api_a")


async def test_a_no_to_another_secret_says_nothing_about_the_first() -> None:
    """After doubt, a 401 to a view with another token is about that token; one to the same secret is the loss."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            sandbox.faults.hang_up_after(method="POST")
            with pytest.raises(RefreshInDoubtError):
                await cobalt.tokens.refresh(token.id)
            with pytest.raises(UnauthorizedError):
                await cobalt.with_token("a-secret-that-never-was-one").tokens.refresh(token.id)
            with pytest.raises(SecretLostError, match="by all appearances an earlier one ran"):
                await cobalt.with_token(cobalt._secret or "").tokens.refresh(token.id)


@pytest.mark.parametrize(
    ("response", "kind", "name"),
    [
        (answer(200, b'{"secret":"new-secret-of-this-test"}'), RefreshError, ""),
        (answer(200, refreshed().body.replace(b"null", b"7")), RefreshError, "ci"),
        (Response(200, {}, b'{"secret":"new-secret-of-this-test","na', "cut", True), RefreshError, ""),
        (answer(500, b'{"secret":"new-secret-of-this-test","name":"ci"}'), RefreshInDoubtError, "ci"),
    ],
    ids=["no id", "odd time", "cut", "500"],
)  # fmt: skip
@virtually
async def test_a_whole_secret_in_an_odd_answer_is_saved_and_raised(
    response: Response, kind: type[RefreshError], name: str
) -> None:
    """A complete secret in an answer that does not fit goes through `save`, and is in `.refreshed`."""
    shelf, at = Shelf(), desk(response)
    with pytest.raises(kind) as caught:
        await at.tokens.refresh("api_a", save=shelf)
    assert type(caught.value) is kind
    assert caught.value.refreshed == RefreshedToken("api_a", name, FRESH.secret)
    assert shelf.kept == [caught.value.refreshed]
    assert at.refreshes.unclaimed == []
    assert caught.value.saved
    assert "save has taken the new secret" in str(caught.value)
    assert "nowhere else" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("save", [None, Shelf(failing)], ids=["no save", "save fails"])
@virtually
async def test_a_whole_secret_in_an_odd_answer_that_nobody_saved(save: Shelf | None, status: int) -> None:
    """It stands in `.refreshed` alone, and the error says so; that it ran is said of no 500."""
    at = desk(answer(status, b'{"secret":"new-secret-of-this-test"}'))
    with pytest.raises(RefreshError, match="in .refreshed and nowhere else: store it now") as caught:
        await at.tokens.refresh("api_a", save=save)
    assert isinstance(caught.value, RefreshInDoubtError) is (status == 500)
    assert not caught.value.saved
    assert caught.value.refreshed is not None
    assert ("its save failed (PermissionError: Permission denied)" in str(caught.value)) is (save is not None)
    assert "it ran" not in str(caught.value)


@virtually
async def test_a_save_that_fails_hands_the_secret_to_the_caller() -> None:
    """RefreshError names what the save raised, holds the secret, and chains nothing."""
    at = desk(refreshed())
    with pytest.raises(RefreshError, match="its save failed .PermissionError: Permission denied.; ") as caught:
        await at.tokens.refresh("api_a", save=Shelf(failing))
    assert caught.value.refreshed == FRESH
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert at.refreshes.unclaimed == []


@virtually
async def test_the_text_of_a_failing_save_is_not_repeated() -> None:
    """Whatever a save's exception says may hold the secret: only its kind is told."""
    for failure in (ValueError("new-secret-of-this-test"), OSError(5, "cannot store new-secret-of-this-test")):

        async def tells(failure: Exception = failure) -> None:
            raise failure

        with pytest.raises(RefreshError) as caught:
            await desk(refreshed()).tokens.refresh("api_a", save=Shelf(tells))
        assert "new-secret" not in "".join(traceback.format_exception(caught.value))


@virtually
async def test_a_save_that_hangs_is_ended() -> None:
    """A save has `Timeouts.refresh` seconds; then the caller has the secret."""
    at = desk(refreshed(), timeouts=Timeouts(refresh=7.0))
    with pytest.raises(RefreshError, match="its save did not end within 7 s") as caught:
        await at.tokens.refresh("api_a", save=Shelf(hanging))
    assert (caught.value.refreshed, now()) == (FRESH, 7.0)


@virtually
async def test_a_save_that_cancels_itself_is_a_failed_save() -> None:
    """A CancelledError that comes out of a save by itself is no cancellation of the caller."""

    async def gives_up() -> None:
        raise asyncio.CancelledError

    at = desk(refreshed())
    with pytest.raises(RefreshError, match="its save was cancelled") as caught:
        await at.tokens.refresh("api_a", save=Shelf(gives_up))
    assert caught.value.refreshed == FRESH


@virtually
async def test_a_save_that_is_no_coroutine_is_a_failed_save() -> None:
    """A plain function's None cannot be awaited: the caller has the secret all the same."""
    kept: list[RefreshedToken] = []
    with pytest.raises(RefreshError, match="its save failed .TypeError.") as caught:
        await desk(refreshed()).tokens.refresh("api_a", save=kept.append)  # type: ignore[arg-type]
    assert caught.value.refreshed == FRESH


@virtually
async def test_what_cannot_be_called_is_no_save() -> None:
    """A wrong `save`, and a wrong id, are told before anything is sent."""
    at = desk()
    with pytest.raises(ConfigurationError, match="^save: "):
        await at.tokens.refresh("api_a", save="file.txt")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="^token_id: "):
        await at.tokens.refresh("../..")
    with pytest.raises(ConfigurationError, match="^deadline: "):
        await at.tokens.refresh("api_a", deadline=0)
    assert at.transport.sent == []


@virtually
async def test_cancelled_before_it_left_nothing_happened() -> None:
    """While the request waits for its turn, a cancellation ends it: nothing was sent, nothing is in doubt."""
    at = desk(answer(509), answer(401))
    with pytest.raises(RateLimitedError):
        await at.tokens.refresh("api_a", deadline=1.0)
    parked = asyncio.create_task(at.tokens.refresh("api_a"))
    await settle()
    parked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parked
    assert now() == 0.0
    assert len(at.transport.sent) == 1
    await asyncio.sleep(61)
    with pytest.raises(UnauthorizedError):
        await at.tokens.refresh("api_a")


@virtually
async def test_cancelled_after_it_left_the_answer_is_waited_for_and_saved() -> None:
    """Once the request may have left, a cancelled caller waits for the answer and the save, then is cancelled."""
    held, shelf = Held(refreshed()), Shelf()
    at = desk(held)
    caller = asyncio.create_task(at.tokens.refresh("api_a", save=shelf))
    await held.arrived.wait()
    for _ in range(3):
        caller.cancel()
        await settle()
    assert not caller.done()
    held.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert shelf.kept == [FRESH]
    assert at.refreshes.unclaimed == []


@virtually
async def test_cancelled_inside_the_save_it_is_saved() -> None:
    """A cancellation does not tear the save apart."""
    began, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        began.set()
        await go.wait()

    shelf, at = Shelf(slow), desk(refreshed())
    caller = asyncio.create_task(at.tokens.refresh("api_a", save=shelf))
    await began.wait()
    caller.cancel()
    await settle()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert shelf.kept == [FRESH]
    assert at.refreshes.unclaimed == []


@pytest.mark.parametrize("save", [None, Shelf(failing), Shelf(hanging)], ids=["none", "failing", "hanging"])
@virtually
async def test_a_secret_for_a_cancelled_caller_is_unclaimed(save: Shelf | None) -> None:
    """Without a save, or when it fails or hangs, what arrives for a cancelled caller is kept."""
    held = Held(refreshed())
    at = desk(held)
    caller = asyncio.create_task(at.tokens.refresh("api_a", save=save))
    await held.arrived.wait()
    caller.cancel()
    held.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert at.refreshes.unclaimed == [FRESH]


@virtually
async def test_a_caller_cancelled_as_the_answer_arrives_loses_nothing() -> None:
    """Cancelled at any step of the loop around the answer: the secret was returned, saved, or is unclaimed."""
    for turns in range(12):
        held = Held(refreshed())
        at = desk(held)
        caller = asyncio.create_task(at.tokens.refresh("api_a"))
        await held.arrived.wait()
        held.go.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        caller.cancel()
        try:
            assert await caller == FRESH
            assert at.refreshes.unclaimed == []
        except asyncio.CancelledError:
            assert at.refreshes.unclaimed == [FRESH]


@virtually
async def test_a_timeout_around_a_refresh_keeps_the_secret() -> None:
    """`asyncio.timeout` around a refresh rings when the answer is in safety, and not before."""
    held = Held(refreshed())
    at = desk(held)

    async def impatient() -> None:
        async with asyncio.timeout(5):
            await at.tokens.refresh("api_a")

    caller = asyncio.create_task(impatient())
    await asyncio.sleep(60)
    held.go.set()
    with pytest.raises(TimeoutError):
        await caller
    assert at.refreshes.unclaimed == [FRESH]


@virtually
async def test_a_failure_for_a_cancelled_caller_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Where nobody is left to raise at, a warning tells how the refresh ended."""
    held = Held(answer(503))
    at = desk(held)
    caller = asyncio.create_task(at.tokens.refresh("api_a"))
    await held.arrived.wait()
    caller.cancel()
    held.go.set()
    with caplog.at_level(logging.WARNING, "cobalt_async"), pytest.raises(asyncio.CancelledError):
        await caller
    assert any("after its caller was cancelled: refresh of api_a" in record.getMessage() for record in caplog.records)


@virtually
async def test_the_log_says_where_an_unsaved_secret_is(caplog: pytest.LogCaptureFixture) -> None:
    """Where a save failed for a cancelled caller, the log names `unclaimed`, since nobody holds the error."""
    held = Held(refreshed())
    at = desk(held)
    caller = asyncio.create_task(at.tokens.refresh("api_a", save=Shelf(failing)))
    await held.arrived.wait()
    caller.cancel()
    held.go.set()
    with caplog.at_level(logging.WARNING, "cobalt_async"), pytest.raises(asyncio.CancelledError):
        await caller
    assert "unclaimed" in caplog.text
    assert "in .refreshed and nowhere else" not in caplog.text


@virtually
async def test_the_loop_going_down_leaves_doubt_and_no_loss() -> None:
    """When the protected task itself is torn down, the id is in doubt, and a secret that had come is unclaimed."""
    held = Held(refreshed())
    at = desk(held, answer(401))
    caller = asyncio.create_task(at.tokens.refresh("api_a"))
    await held.arrived.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    with pytest.raises(SecretLostError):
        await at.tokens.refresh("api_a")


@virtually
async def test_the_loop_going_down_in_a_save_keeps_the_secret() -> None:
    """When the protected task is torn down inside the save, the secret is unclaimed."""
    began = asyncio.Event()

    async def torn() -> None:
        began.set()
        await hanging()

    at = desk(refreshed())
    caller = asyncio.create_task(at.tokens.refresh("api_a", save=Shelf(torn)))
    await began.wait()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert at.refreshes.unclaimed == [FRESH]


@virtually
async def test_two_refreshes_of_one_token_run_one_after_the_other() -> None:
    """The second leaves when the first has its answer and is saved; another id does not wait."""
    first, other = Held(refreshed("first-secret")), Held(refreshed("other-secret", "api_b"))
    at = desk(first, other, refreshed("second-secret"))
    one = asyncio.create_task(at.tokens.refresh("api_a"))
    await first.arrived.wait()
    two = asyncio.create_task(at.tokens.refresh("api_a"))
    three = asyncio.create_task(at.tokens.refresh("api_b"))
    await other.arrived.wait()
    await settle()
    assert [sent.request.target for sent in at.transport.sent] == ["/tokens/api_a/refresh", "/tokens/api_b/refresh"]
    first.go.set()
    other.go.set()
    assert (await one).secret == Secret("first-secret")
    assert (await two).secret == Secret("second-secret")
    assert (await three).secret == Secret("other-secret")


@virtually
async def test_a_refresh_behind_one_in_doubt_knows_it() -> None:
    """Two at once, the first in doubt: the second's 401 is SecretLostError, for it ran."""
    first = Held(BROKEN)
    at = desk(first, answer(401))
    one = asyncio.create_task(at.tokens.refresh("api_a"))
    await first.arrived.wait()
    two = asyncio.create_task(at.tokens.refresh("api_a"))
    await settle()
    first.go.set()
    with pytest.raises(RefreshInDoubtError):
        await one
    with pytest.raises(SecretLostError):
        await two


@virtually
async def test_cancelled_behind_another_refresh_nothing_is_sent() -> None:
    """A refresh that waits for another of its token has not left: a cancellation ends it at once."""
    first = Held(refreshed())
    at = desk(first)
    one = asyncio.create_task(at.tokens.refresh("api_a"))
    await first.arrived.wait()
    two = asyncio.create_task(at.tokens.refresh("api_a"))
    await settle()
    two.cancel()
    with pytest.raises(asyncio.CancelledError):
        await two
    first.go.set()
    assert await one == FRESH
    assert len(at.transport.sent) == 1


@virtually
async def test_a_deadline_counts_behind_another_refresh() -> None:
    """A refresh that waits for another of its token does not wait past its deadline."""
    first = Held(refreshed())
    at = desk(first)
    one = asyncio.create_task(at.tokens.refresh("api_a"))
    await first.arrived.wait()
    two = asyncio.create_task(at.tokens.refresh("api_a", deadline=5.0))
    await asyncio.sleep(6)
    is_over = two.done()
    first.go.set()
    await one
    with pytest.raises(NotSentError):
        await two
    assert is_over


@virtually
async def test_the_locks_are_forgotten() -> None:
    """However many tokens are refreshed, nothing is kept of those that went well."""
    at = desk(*[refreshed() for _ in range(50)])
    for number in range(50):
        await at.tokens.refresh(f"api_{number}")
    assert len(at.refreshes._locks) == 0
    assert len(at.refreshes._doubts) == 0


@virtually
async def test_closing_waits_for_refreshes_under_way() -> None:
    """What `aclose` waits for: the refresh, its save, and the secret in safety."""
    held = Held(refreshed())
    at = desk(held)
    caller = asyncio.create_task(at.tokens.refresh("api_a"))
    await held.arrived.wait()
    caller.cancel()
    waiting = asyncio.create_task(at.refreshes.close())
    await settle()
    assert not waiting.done()
    held.go.set()
    await waiting
    assert at.refreshes.unclaimed == [FRESH]
    with pytest.raises(asyncio.CancelledError):
        await caller


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("ids", ["same", "new"])
@pytest.mark.parametrize("served", ["v1", "v2"])
async def test_a_refresh_over_real_http(version: str, ids: str, served: str) -> None:
    """Whatever version is asked and answered, whether the id changes: the secret works, the old one does not."""
    async with CobaltSandbox(served, refreshed_id=ids) as sandbox:  # type: ignore[arg-type]
        token = sandbox.add_user("ada", tokens=2).tokens[1]
        old = token.secret
        keeper = sandbox.users[0].tokens[0].secret
        async with AsyncCobalt(keeper, base_url=sandbox.url, api_version=version) as cobalt:  # type: ignore[arg-type]
            fresh = await cobalt.tokens.refresh(token.id)
            assert fresh == RefreshedToken(token.id, token.name, Secret(token.secret), None)
            assert len((await cobalt.with_token(fresh.secret).tokens.list()).items) == 2
            with pytest.raises(UnauthorizedError):
                await cobalt.with_token(old).tokens.list()


async def test_a_refresh_that_was_executed_and_hung_up_on_is_in_doubt_and_then_lost() -> None:
    """Executed, but no answer: in doubt; asked again with the dead secret: lost, and the caller is told what to do."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            sandbox.faults.hang_up_after(method="POST")
            with pytest.raises(RefreshInDoubtError):
                await cobalt.tokens.refresh(token.id)
            with pytest.raises(SecretLostError):
                await cobalt.tokens.refresh(token.id)
        assert [request.method for request in sandbox.requests] == ["POST", "POST"]


async def test_a_refresh_that_was_not_executed_goes_well_the_second_time() -> None:
    """Hung up on before it ran: in doubt, since nobody can know; the next one is answered and clears it."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            sandbox.faults.hang_up_before(method="POST")
            with pytest.raises(RefreshInDoubtError):
                await cobalt.tokens.refresh(token.id)
            fresh = await cobalt.tokens.refresh(token.id)
            assert fresh.secret.reveal() == token.secret


@pytest.mark.parametrize("at_byte", range(0, 120, 7))
async def test_wherever_the_answer_is_cut_a_secret_is_whole_or_in_doubt(at_byte: int) -> None:
    """A cut body gives the whole secret in `.refreshed`, or doubt: never half a secret, never silence."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            sandbox.faults.cut(at_byte)
            try:
                fresh: RefreshedToken | None = await cobalt.tokens.refresh(token.id)
            except RefreshInDoubtError as error:
                fresh = error.refreshed
                assert fresh is None
            except RefreshError as error:
                fresh = error.refreshed
                assert fresh is not None
            assert fresh is None or fresh.secret.reveal() == token.secret


async def test_the_key_is_a_new_one_for_each_refresh() -> None:
    """Each refresh has a key of its own, so that none is a repeat (F17, F18)."""
    async with CobaltSandbox() as sandbox:
        tokens = sandbox.add_user("ada", tokens=3).tokens
        async with AsyncCobalt(tokens[0].secret, base_url=sandbox.url) as cobalt:
            for token in tokens[1:] * 2:
                await cobalt.tokens.refresh(token.id)
        keys = {request.headers["Idempotency-Key"] for request in sandbox.requests}
        assert len(keys) == 4


async def test_a_token_that_may_not_refresh_itself_is_forbidden() -> None:
    """Where Cobalt refuses that (nobody has observed it yet): ForbiddenError, and the secret lives."""
    async with CobaltSandbox(self_refresh=False) as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        async with AsyncCobalt(token.secret, base_url=sandbox.url) as cobalt:
            with pytest.raises(ForbiddenError):
                await cobalt.tokens.refresh(token.id)
            assert len((await cobalt.tokens.list()).items) == 1


def test_every_end_of_a_refresh_is_an_error_of_ours() -> None:
    """What a refresh raises on purpose stands under one root."""
    assert issubclass(RefreshError, CobaltError)


@virtually
async def test_a_refresh_keeps_its_users_window() -> None:
    """The new secret is the old one's user: a window that is used up stays so for both."""
    at = desk(refreshed(), answer(509))
    await at.tokens.refresh("api_a")
    new = at.refreshes.exchange.user_of(FRESH.secret)
    with pytest.raises(RateLimitedError):
        await at.tokens.refresh("api_a")
    with pytest.raises(RateLimitedError):
        await at.of(new).refresh("api_a", deadline=1.0)
    assert len(at.transport.sent) == 2


@virtually
async def test_windows_stay_bounded_through_any_number_of_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tokens are rotated through one client, no more windows are kept than for any other use."""
    number = 60
    monkeypatch.setattr(exchange, "_MOST_GATES", 100)
    at = desk(*[refreshed(f"new-secret-{place}") for place in range(number)])
    for place in range(number):
        await at.of(b"%d" % place).refresh(f"api_{place}")
    assert len(at.refreshes.exchange._turnstiles) <= 100


@virtually
async def test_s07_no_try_is_made_with_a_key_of_more_than_five_minutes() -> None:
    """However patient the policy, the last try with one Idempotency-Key is within 300 s of the first (F17)."""
    gone = NotSentError("POST /tokens/api_a/refresh", "no connection")
    patient = RetryPolicy(tries=10, base=100, cap=100)
    desk = Desk(FakeTransport(*[gone] * 9, refreshed()), retry=patient, dice=lambda: 0.9)
    with pytest.raises(NotSentError):
        await desk.tokens.refresh("api_a")
    assert desk.transport.times == [0.0, 90.0, 180.0, 270.0]
    assert len({sent.request.headers["Idempotency-Key"] for sent in desk.transport.sent}) == 1
