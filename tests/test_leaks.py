"""No secret leaves by an error, a log, a warning, a traceback, a pickle or a task: the canary is hunted everywhere."""

import asyncio
import json
import logging
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import aiohttp
import pytest

from cobalt_async import AsyncCobalt, RefreshedToken, RetryPolicy, Secret, Timeouts
from cobalt_async.errors import CobaltError, ConfigurationError, PaginationError, RefreshError
from cobalt_async.testing import CobaltSandbox
from tests.canary import NEW, TOKEN, Hunter, hunting
from tests.testing.asking import until
from tests.virtual_time import settle, virtually

Call = Callable[[AsyncCobalt], Coroutine[Any, Any, object]]
Save = Callable[[RefreshedToken], Awaitable[object]]

STATUSES = (
    101, 199, 201, 204, 206, 301, 302, 307, 400, 401, 403, 404, 405, 406, 408, 409, 410, 418, 422, 425,
    451, 500, 501, 502, 503, 504, 599, 600, 999,
)  # fmt: skip
THROTTLED = ((429,), (509,))  # each on a client of its own, whose gate it closes
ECHOES = {
    "nothing": (b"", "application/json"),
    "a JSON echo": (json.dumps({"message": f"bad token {TOKEN}!"}).encode(), "application/json"),
    "half an echo": (json.dumps({"message": f"bad token {TOKEN[3:17]} ({TOKEN[20:]})"}).encode(), "application/json"),
    "an echo in HTML": (f"<html>Authorization: Bearer {TOKEN}</html>".encode(), "text/html"),
    "an echo in text": (f"Authorization: Bearer {TOKEN}".encode(), "text/plain"),
    "a new secret": (json.dumps({"id": "api_a", "name": "ci", "secret": NEW}).encode(), "application/json"),
    "half a new secret": (f'{{"id": "api_a", "name": "ci", "secret": "{NEW[:20]}'.encode(), "application/json"),
    "a secret of a wrong type": (json.dumps({"id": 5, "secret": [NEW], "name": TOKEN}).encode(), "application/json"),
    "rows of wrong types": (
        json.dumps({"data": [{"resource": {"id": [TOKEN], "name": NEW}}], "pagination": NEW}).encode(),
        "application/json",
    ),
    "no UTF-8": (TOKEN.encode() + b"\xff" + NEW.encode(), "application/json"),
    "no JSON": (f'{{"message": {TOKEN} "secret": {NEW}'.encode(), "application/json"),
    "an unknown encoding": (f"{TOKEN} {NEW}".encode(), "application/json"),
}


async def listing(cobalt: AsyncCobalt) -> object:
    """One page."""
    return await cobalt.tokens.list()


async def walking(cobalt: AsyncCobalt) -> object:
    """All tokens."""
    return [token.id async for token in cobalt.tokens.iter()]


async def refreshing(cobalt: AsyncCobalt) -> object:
    """A refresh of a token of somebody's."""
    return await cobalt.tokens.refresh("api_a")


CALLS: tuple[Call, ...] = (listing, walking, refreshing)


@pytest.fixture
async def sandbox() -> AsyncIterator[CobaltSandbox]:
    """A sandbox in which the canary is a token."""
    async with CobaltSandbox() as opened:
        opened.add_user("ada").add_token("canary", secret=TOKEN)
        yield opened


def near(sandbox: CobaltSandbox) -> str:
    """The sandbox by its address, so that no name is looked up."""
    return sandbox.url.replace("localhost", "127.0.0.1")


def client(sandbox: CobaltSandbox, **arguments: Any) -> AsyncCobalt:
    """The canary's client, which retries without waiting."""
    return AsyncCobalt(
        TOKEN, base_url=near(sandbox), **{"retry": RetryPolicy(tries=2, base=0, max_wait=0), **arguments}
    )


async def ends(going: Awaitable[object], hunter: Hunter) -> BaseException | None:
    """How a call ended, searched for the canary on the way."""
    try:
        hunter.look("result", await going)
    except (CobaltError, asyncio.CancelledError, TimeoutError) as error:
        hunter.look_at_error(error)
        return error
    return None


def holders(hunter: Hunter, cobalt: AsyncCobalt) -> None:
    """Search the client, its view and what they hold."""
    for thing in (cobalt, cobalt.with_token(TOKEN), cobalt.tokens, cobalt.unclaimed, cobalt._root):
        hunter.look_inside("client", thing)
    hunter.look_at_tasks()


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("call", CALLS)
async def test_no_status_and_no_body_makes_it_leak(sandbox: CobaltSandbox, call: Call, echo: str) -> None:
    """Whatever status comes with whatever echo of token and new secret, neither is found anywhere."""
    body, kind = ECHOES[echo]
    headers = {"Content-Type": kind, "X-Echo": TOKEN, "Set-Cookie": f"session={TOKEN}"}
    if echo == "an unknown encoding":
        headers["Content-Encoding"] = "br"
    with hunting(TOKEN, NEW) as hunter:
        for statuses in ((200, *STATUSES), *THROTTLED):
            async with client(sandbox) as cobalt:
                for status in statuses:
                    sandbox.faults.answer(status, body, headers, times=None)
                    await ends(call(cobalt), hunter)
                    sandbox.faults.clear()
                holders(hunter, cobalt)
    assert hunter.found == []


FRESH = f'{{"id":"api_a","name":"ci","secret":"{NEW}"}}'.encode()
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 64\r\n\r\n"
RAW = {
    "rubbish": f"{TOKEN} {NEW}\r\n\r\n".encode(),
    "a broken status line": f"HTTP/1.1 {TOKEN} {NEW}\r\n\r\n".encode(),
    "a broken header": f"HTTP/1.1 200 OK\r\n{TOKEN}\r\nX: {NEW}\r\n\r\n".encode(),
    "a broken length": f"HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}\r\n\r\n{NEW}".encode(),
    "a broken chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{TOKEN}\r\n{NEW}\r\n".encode(),
    "one byte too many": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%bx" % (len(FRESH), FRESH),
    "no length": f'HTTP/1.1 200 OK\r\n\r\n{{"id":"api_a","name":"ci","secret":"{NEW}"'.encode(),
    "a broken gzip": GZIP + (TOKEN + NEW).encode(),
    "a header of 100 kB": b"HTTP/1.1 200 OK\r\nX-Echo: " + TOKEN.encode() * 4000 + b"\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("bytes_name", RAW)
@pytest.mark.parametrize("call", CALLS)
async def test_no_bytes_make_it_leak(sandbox: CobaltSandbox, call: Call, bytes_name: str) -> None:
    """What is no HTTP, or broken HTTP, is told in words and without a byte of it."""
    with hunting(TOKEN, NEW) as hunter:
        async with client(sandbox) as cobalt:
            sandbox.faults.raw(RAW[bytes_name], times=None)
            await ends(call(cobalt), hunter)
            holders(hunter, cobalt)
    assert hunter.found == []


@pytest.mark.parametrize("call", CALLS)
async def test_no_connection_that_ends_makes_it_leak(sandbox: CobaltSandbox, call: Call) -> None:
    """Hung up on before, after, and in the middle of an answer."""
    token = sandbox.users[0].tokens[0]
    with hunting(TOKEN, NEW) as hunter:
        async with client(sandbox) as cobalt:
            faults = [sandbox.faults.hang_up_before, sandbox.faults.hang_up_after]
            faults += [partial(sandbox.faults.cut, at) for at in (0, 1, 20, 60, 90)]
            for fault in faults:
                fault(times=None)
                await ends(call(cobalt), hunter)
                sandbox.faults.clear()
            holders(hunter, cobalt)
    assert hunter.found == []
    assert token.secret


@pytest.mark.parametrize("call", CALLS)
@virtually
async def test_no_time_that_runs_out_makes_it_leak(call: Call) -> None:
    """Held back and dripped answers, and deadlines, end in errors that hold nothing."""
    async with CobaltSandbox() as sandbox:
        sandbox.add_user("ada").add_token("canary", secret=TOKEN)
        body = f'{{"message": "{TOKEN} {NEW}", "secret": "{NEW}"}}'
        with hunting(TOKEN, NEW) as hunter:
            async with client(sandbox) as cobalt:
                sandbox.faults.delay(500, times=None)
                await ends(call(cobalt), hunter)
                sandbox.faults.clear()
                sandbox.faults.drip(3, 5.0, times=None)
                await ends(call(cobalt), hunter)
                sandbox.faults.clear()
                sandbox.faults.raw(f"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{body}".encode(), times=None)
                await ends(call(cobalt), hunter)
                holders(hunter, cobalt)
        assert hunter.found == []


@pytest.mark.parametrize("call", CALLS)
@virtually
async def test_no_cancellation_makes_it_leak(call: Call) -> None:
    """Cancelled before, while and after the answer comes, in any step of the loop: nothing is found."""
    page = json.dumps({"data": [{"resource": {"id": TOKEN, "name": NEW}}], "secret": NEW}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    with hunting(TOKEN, NEW) as hunter:
        for steps in range(0, 60, 3):
            async with CobaltSandbox() as sandbox:
                sandbox.add_user("ada").add_token("canary", secret=TOKEN)
                async with client(sandbox, timeouts=Timeouts(refresh=5)) as cobalt:
                    sandbox.faults.raw(head + page, times=None)
                    caller = asyncio.create_task(call(cobalt))
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    hunter.look_at_tasks()
                    caller.cancel()
                    await ends(caller, hunter)
                    holders(hunter, cobalt)
    assert hunter.found == []


@virtually
async def test_a_cancellation_inside_a_body_does_not_leak() -> None:
    """A reading that is cancelled with half a body in hand: no frame of the traceback shows the bytes."""
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{TOKEN} {NEW}".encode())
        await writer.drain()
        arrived.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with hunting(TOKEN, NEW) as hunter:
        async with AsyncCobalt(TOKEN, base_url=url) as cobalt:
            caller = asyncio.create_task(cobalt.tokens.list())
            await arrived.wait()
            await settle()
            caller.cancel()
            assert isinstance(await ends(caller, hunter), asyncio.CancelledError)
    server.close()
    await settle()
    assert hunter.found == []


async def nothing(fresh: RefreshedToken) -> None:
    """A save that goes well."""


async def quotes(fresh: RefreshedToken) -> None:
    """A save that fails and tells."""
    raise ValueError(fresh.secret.reveal())


async def quotes_as_the_system(fresh: RefreshedToken) -> None:
    """A save that fails like the system and tells."""
    raise OSError(5, f"cannot store {fresh.secret.reveal()}", fresh.secret.reveal())


async def chains(fresh: RefreshedToken) -> None:
    """A save that fails out of a failure that tells."""
    raise PermissionError(13, os.strerror(13)) from ValueError(fresh.secret.reveal())


async def gives_up(fresh: RefreshedToken) -> None:
    """A save that cancels itself, and tells."""
    raise asyncio.CancelledError(fresh.secret.reveal())


async def hangs(fresh: RefreshedToken) -> None:
    """A save that never ends, with the secret in its hand."""
    text = fresh.secret.reveal()
    await asyncio.Event().wait()
    del text


@pytest.mark.parametrize("save", [nothing, quotes, quotes_as_the_system, chains, gives_up, hangs])
@pytest.mark.parametrize("is_cancelled", [False, True])
@virtually
async def test_no_failing_save_makes_it_leak(save: Save, is_cancelled: bool) -> None:
    """Whatever a save raises, and whoever is cancelled meanwhile, the new secret is only in `.refreshed`."""
    async with CobaltSandbox() as sandbox:
        sandbox.add_user("ada").add_token("canary", secret=TOKEN)
        with hunting(TOKEN, NEW) as hunter:
            async with client(sandbox, timeouts=Timeouts(refresh=9)) as cobalt:
                sandbox.faults.answer(200, {"id": "api_a", "name": "ci", "secret": NEW})
                caller = asyncio.create_task(cobalt.tokens.refresh("api_a", save=save))
                if is_cancelled:
                    await until(lambda: sandbox.requests)
                    caller.cancel()
                error = await ends(caller, hunter)
                if isinstance(error, RefreshError):
                    assert error.refreshed is not None
                    assert error.refreshed.secret == Secret(NEW)
                holders(hunter, cobalt)
        assert hunter.found == []


BAD_TOKENS = (
    f"{TOKEN}\n",
    f" {TOKEN}",
    f"{TOKEN} {NEW}",
    f"{TOKEN}\0",
    f"{TOKEN}é",
    TOKEN * 20,
    [TOKEN],
    TOKEN.encode(),
)


@pytest.mark.parametrize("token", BAD_TOKENS, ids=range(len(BAD_TOKENS)))
async def test_no_wrong_token_makes_it_leak(monkeypatch: pytest.MonkeyPatch, token: Any) -> None:
    """A malformed token, wherever it is given, is not repeated: not in the message, and in no frame of ours."""
    cobalt = AsyncCobalt("another-token")
    ways: list[Callable[[], object]] = [
        lambda: AsyncCobalt(token),
        lambda: cobalt.with_token(token),
        lambda: cobalt.use_token(token),
        lambda: Secret(token),
    ]
    if isinstance(token, str) and "\0" not in token:
        monkeypatch.setenv("COBALT_API_TOKEN", token)
        ways.append(AsyncCobalt)
    with hunting(TOKEN, NEW) as hunter:
        for way in ways:
            with pytest.raises(ValueError, match="a token ") as caught:
                way()
            hunter.look_at_error(caught.value)
    assert hunter.found == []


async def test_no_other_wrong_argument_makes_it_leak() -> None:
    """A good token beside a wrong argument stays hidden."""
    wrong: list[dict[str, Any]] = [
        {"base_url": "x"},
        {"region": "x"},
        {"api_version": "x"},
        {"session": "x"},
        {"ssl": False},
        {"proxy": "x"},
        {"timeouts": 1},
        {"retry": 1},
        {"max_connections": 0},
        {"max_page_bytes": 0},
    ]
    with hunting(TOKEN) as hunter:
        for arguments in wrong:
            with pytest.raises(ConfigurationError) as caught:
                AsyncCobalt(TOKEN, **arguments)
            hunter.look_at_error(caught.value)
        cobalt = AsyncCobalt(TOKEN)
        for call in CALLS:
            with pytest.raises(ConfigurationError) as caught:
                await call(cobalt)
            hunter.look_at_error(caught.value)
        wrong_calls: list[Awaitable[object]] = [
            cobalt.tokens.list(limit=0),
            cobalt.tokens.list(cursor=" "),
            cobalt.tokens.refresh("x"),
        ]
        for going in wrong_calls:
            with pytest.raises(ConfigurationError) as caught:
                await going
            hunter.look_at_error(caught.value)
    assert hunter.found == []


async def test_an_unsafe_next_page_is_not_quoted(sandbox: CobaltSandbox) -> None:
    """The error for a next_page that is not followed says nothing of it; the page itself is the caller's."""
    unsafe = {"data": [], "pagination": {"next_page": f"https://evil.test/{TOKEN}?cursor={NEW}"}}
    with hunting(TOKEN, NEW) as hunter:
        async with client(sandbox) as cobalt:
            for call in (listing, walking):
                sandbox.faults.answer(200, unsafe)
                with pytest.raises(PaginationError) as caught:
                    await call(cobalt)
                hunter.look("error", caught.value, caught.value.args, vars(caught.value))
    assert hunter.found == []


async def test_a_lost_connection_does_not_leak() -> None:
    """Nobody there, and a proxy that is not there: told without what would have been sent, or the proxy's password."""
    proxies: list[dict[str, Any]] = [{}, {"proxy": "http://user:word-of-the-proxy@127.0.0.1:9"}]
    words = Hunter("word-of-the-proxy")
    with hunting(TOKEN) as hunter:
        for arguments in proxies:
            async with AsyncCobalt(
                TOKEN, base_url="http://127.0.0.1:9", retry=RetryPolicy(tries=2, base=0), **arguments
            ) as cobalt:
                for call in CALLS:
                    error = await ends(call(cobalt), hunter)
                    assert error is not None
                    words.look("error", error, error.args, cobalt)
                holders(hunter, cobalt)
    assert hunter.found == words.found == []


@virtually
async def test_what_nobody_took_is_warned_of_without_it() -> None:
    """The warning at close names the id of an unclaimed secret, and never the secret."""
    async with CobaltSandbox() as sandbox:
        sandbox.add_user("ada").add_token("canary", secret=TOKEN)
        with hunting(TOKEN, NEW) as hunter:
            async with client(sandbox) as cobalt:
                sandbox.faults.answer(200, {"id": "api_a", "name": "ci", "secret": NEW})
                caller = asyncio.create_task(cobalt.tokens.refresh("api_a"))
                await until(lambda: sandbox.requests)
                caller.cancel()
                await ends(caller, hunter)
                assert len(cobalt.unclaimed) == 1
                holders(hunter, cobalt)
        assert hunter.found == []


# --- the hunter itself


def caught(error: BaseException) -> BaseException:
    """An exception that was raised here."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - whatever was given
        raise error
    return raised.value


class Telling(CobaltError):
    """A mutant: an error that quotes what it was given in its text alone."""

    def __init__(self, token: str) -> None:
        super().__init__("nothing to see")
        self._token = list(token)

    def __str__(self) -> str:
        return f"the token {''.join(self._token)} is wrong"


def chained() -> BaseException:
    """A mutant: an error that hides its context from the traceback, and keeps it."""
    error = ConfigurationError("token: wrong")
    error.__context__ = ValueError(TOKEN)
    error.__suppress_context__ = True
    return error


MUTANTS: dict[str, Callable[[], BaseException]] = {
    "text": lambda: Telling(TOKEN),
    "args": lambda: ConfigurationError("token", TOKEN),
    "part": lambda: ConfigurationError(f"token {TOKEN[:12]}…"),
    "context": chained,
    "note": lambda: _noted(ConfigurationError("x")),
    "attribute": lambda: _with_attribute(ConfigurationError("x")),
    "group": lambda: ExceptionGroup("some", [ValueError(TOKEN)]),
    "frame": lambda: _in_our_frame({"headers": {"Authorization": TOKEN}}),
    "container in a frame": lambda: _in_our_frame([TOKEN]),
    "object in a frame": lambda: _in_our_frame(Plain()),
}


class Plain:
    """An object whose repr tells nothing, and whose attribute does."""

    def __init__(self) -> None:
        self.text = TOKEN


def _noted(error: BaseException) -> BaseException:
    error.add_note(f"with {TOKEN}")
    return error


def _with_attribute(error: BaseException) -> BaseException:
    error.token = TOKEN  # type: ignore[attr-defined]
    return error


def _in_our_frame(local: object) -> BaseException:
    """An error out of a function that looks as if it stood in our package, with this local."""
    import cobalt_async

    code = compile("def f(local):\n    raise ValueError('x')", f"{cobalt_async.__path__[0]}/mutant.py", "exec")
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - the only way to a frame whose file lies in our package
    with pytest.raises(ValueError, match="x") as raised:
        space["f"](local)
    return raised.value


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_hunter_finds_it_in_an_error(mutant: str) -> None:
    """An error that leaks in any of these ways makes the hunter cry."""
    hunter = Hunter(TOKEN)
    hunter.look_at_error(caught(MUTANTS[mutant]()))
    assert hunter.found


def test_the_hunter_is_quiet_about_a_secret() -> None:
    """An error beside a Secret, in args, attributes and frames, is no leak."""
    hunter = Hunter(TOKEN)
    fresh = RefreshedToken("api_a", "ci", Secret(TOKEN))
    hunter.look_at_error(caught(RefreshError("api_a", "its save failed", refreshed=fresh)))
    hunter.look_at_error(_in_our_frame(fresh))
    hunter.look_at_error(_in_our_frame([Secret(TOKEN)]))
    assert hunter.found == []


async def test_the_hunter_hears_logs_warnings_and_tasks() -> None:
    """A log line of any logger, an argument of it, a warning, a task's name: each is found."""
    leaks: list[Callable[[], None]] = [
        lambda: logging.getLogger("anybody.at.all").debug("token %s", TOKEN),
        lambda: logging.getLogger("cobalt_async").info("x", extra={"token": TOKEN}),
        lambda: warnings.warn(f"token {TOKEN}", RuntimeWarning, stacklevel=2),
    ]
    for leak in leaks:
        with hunting(TOKEN) as hunter:
            leak()
        assert hunter.found
    with hunting(TOKEN) as hunter:
        task = asyncio.create_task(asyncio.sleep(0), name=f"list with {TOKEN}")
        hunter.look_at_tasks()
        await task
    assert hunter.found


async def test_the_hunter_would_cry_at_aiohttp(sandbox: CobaltSandbox) -> None:
    """What aiohttp raises by itself does hold the token: the hunt is not for nothing."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    hunter = Hunter(TOKEN)
    sandbox.faults.answer(500)
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{sandbox.url}/tokens") as answer:
        try:
            answer.raise_for_status()
        except aiohttp.ClientResponseError as error:
            hunter.look_at_error(error)
    assert hunter.found
