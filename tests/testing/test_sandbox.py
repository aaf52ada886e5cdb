import asyncio
import contextlib
import errno
import http.client
import logging
import socket
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from cobalt_async.testing import CobaltSandbox, RateLimit
from cobalt_async.testing.endpoints import Endpoints
from cobalt_async.testing.messages import Answer, SeenRequest
from cobalt_async.testing.serving import Serving
from tests.testing.asking import V1, Ask, head_of, off_the_wire, refresh_of, until


def get_status(sandbox: CobaltSandbox, secret: str) -> int:
    """List tokens with a blocking client, and give the status."""
    connection = http.client.HTTPConnection("localhost", urlsplit(sandbox.url).port)
    try:
        connection.request("GET", "/tokens", headers={"Accept": V1, "Authorization": f"Bearer {secret}"})
        return connection.getresponse().status
    finally:
        connection.close()


def accepts(host: str, port: int) -> bool:
    """Whether anything listens there."""
    try:
        socket.create_connection((host, port)).close()
    except OSError:
        return False
    return True


async def test_it_serves_on_the_running_loop(ask: Ask) -> None:
    """`async with` gives an open sandbox without another thread, and its port is closed afterwards."""
    async with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada", tokens=3)
        assert (await ask(sandbox, user.tokens[0].secret)).names == ["ada 1", "ada 2", "ada 3"]
        assert "cobalt-sandbox" not in {thread.name for thread in threading.enumerate()}
        port = urlsplit(sandbox.url).port
    assert port is not None
    assert not accepts("127.0.0.1", port)


def test_it_serves_on_a_thread_of_its_own() -> None:
    """Plain `with` serves blocking code, and leaves no thread and no open port."""
    before = threading.enumerate()
    with CobaltSandbox() as sandbox:
        user = sandbox.add_user("ada")
        assert get_status(sandbox, user.tokens[0].secret) == 200
        assert get_status(sandbox, "wrong") == 401
        assert [thread.name for thread in threading.enumerate() if thread not in before] == ["cobalt-sandbox"]
        port = urlsplit(sandbox.url).port
    assert port is not None
    assert threading.enumerate() == before
    assert not accepts("127.0.0.1", port)


async def test_plain_with_works_inside_a_running_loop(ask: Ask) -> None:
    """In a notebook a loop runs already: plain `with` serves beside it."""
    with CobaltSandbox() as sandbox:
        assert (await ask(sandbox, sandbox.add_user("ada").tokens[0].secret)).status == 200


@pytest.mark.parametrize("flags", [[], ["-X", "dev"]], ids=["plain", "dev"])
def test_it_leaves_no_warning(flags: list[str]) -> None:
    """Both ways end without a leaked socket, loop or thread, warnings being errors and asyncio debugging."""
    program = (
        "import asyncio, gc, http.client, threading\n"
        "from urllib.parse import urlsplit\n"
        "from cobalt_async.testing import CobaltSandbox\n"
        "with CobaltSandbox() as sandbox:\n"
        "    idle = http.client.HTTPConnection('localhost', urlsplit(sandbox.url).port)\n"
        "    idle.request('GET', '/tokens'); print(idle.getresponse().read()[:1])\n"
        "idle.close()\n"
        "async def main():\n"
        "    async with CobaltSandbox() as sandbox: print(sandbox.url)\n"
        "asyncio.run(main()); gc.collect(); print(threading.active_count())\n"
    )
    command = [sys.executable, "-W", "error", *flags, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "1"


def test_a_second_time_is_refused() -> None:
    """A sandbox opens once: while it is open and after it closed, a RuntimeError says so."""
    sandbox = CobaltSandbox()
    with sandbox:
        with pytest.raises(RuntimeError, match="CobaltSandbox is open"):
            sandbox.__enter__()
        assert get_status(sandbox, "wrong") == 401
    with pytest.raises(RuntimeError, match="CobaltSandbox is closed"):
        sandbox.__enter__()


async def test_a_second_time_is_refused_on_the_loop_too() -> None:
    """`async with` opens once as well, and its refusal leaves the open one alone."""
    async with CobaltSandbox() as sandbox:
        with pytest.raises(RuntimeError, match="is open"):
            await sandbox.__aenter__()
    with pytest.raises(RuntimeError, match="is closed"):
        await sandbox.__aenter__()


def test_there_is_no_url_before_it_opens() -> None:
    """The url before opening is a RuntimeError; after closing it stays readable."""
    sandbox = CobaltSandbox()
    with pytest.raises(RuntimeError, match="no url before"):
        _ = sandbox.url
    with sandbox:
        url = sandbox.url
    assert sandbox.url == url
    assert "closed" in repr(sandbox)


def test_a_port_can_be_chosen_and_a_taken_one_is_named() -> None:
    """`port=` is the port; a taken one is a RuntimeError that names it, and the sandbox may try again."""
    with CobaltSandbox() as first:
        port = urlsplit(first.url).port
        assert port is not None
        second = CobaltSandbox(port=port)
        before = threading.enumerate()
        with pytest.raises(RuntimeError, match=f"port {port} on localhost"):
            second.__enter__()
        assert threading.enumerate() == before
    with second:
        assert second.url == first.url == f"http://localhost:{port}"


async def test_a_taken_port_is_named_on_the_loop_too() -> None:
    """`async with` on a taken port is the same RuntimeError, and leaves the sandbox closable."""
    async with CobaltSandbox() as first:
        port = urlsplit(first.url).port
        assert port is not None
        with pytest.raises(RuntimeError, match=f"port {port} on localhost"):
            await CobaltSandbox(port=port).__aenter__()


def test_both_addresses_of_localhost_answer() -> None:
    """Every address that `localhost` has here reaches the sandbox."""
    with CobaltSandbox() as sandbox:
        port = urlsplit(sandbox.url).port
        assert port is not None
        addresses = {str(found[4][0]) for found in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
        assert all(accepts(address, port) for address in addresses)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"api_version": "v3"}, "api_version"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": True}, "page_size"),
        ({"page_size": "10"}, "page_size"),
        ({"rate_limit": False}, "rate_limit"),
        ({"rate_limit": 100}, "rate_limit"),
        ({"port": -1}, "port"),
        ({"port": 65_536}, "port"),
        ({"seed": "ada"}, "seed"),
        ({"refreshed_id": "other"}, "refreshed_id"),
        ({"idempotency": None}, "idempotency"),
        ({"replayed_key_first": 1}, "replayed_key_first"),
        ({"next_page_keeps_limit": "no"}, "next_page_keeps_limit"),
        ({"old_secret_lives": -1}, "old_secret_lives"),
        ({"old_secret_lives": float("nan")}, "old_secret_lives"),
        ({"old_secret_lives": float("inf")}, "old_secret_lives"),
        ({"self_refresh": 0}, "self_refresh"),
        ({"limit_status": 503}, "limit_status"),
        ({"limit_status": 509.0}, "limit_status"),
        ({"retry_after": 5}, "retry_after"),
        ({"max_limit": 0}, "max_limit"),
        ({"over_max_limit": "clamped"}, "over_max_limit"),
        ({"unauthorized_limit": -1}, "unauthorized_limit"),
        ({"last_characters": "hidden"}, "last_characters"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    """Each switch refuses what it does not know with a ValueError that begins with its name."""
    with pytest.raises(ValueError, match=f"^{named} must be"):
        CobaltSandbox(**arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"get": 0}, "get"),
        ({"mutate": 1.5}, "mutate"),
        ({"window": 0}, "window"),
        ({"window": "60"}, "window"),
    ],
    ids=str,
)
def test_a_wrong_rate_limit_is_named(arguments: dict[str, Any], named: str) -> None:
    """RateLimit refuses a budget below one and a window that is not above 0."""
    with pytest.raises(ValueError, match=f"^{named} must be"):
        RateLimit(**arguments)


async def test_requests_are_seen_as_they_stood_on_the_wire(ask: Ask) -> None:
    """Method, raw target and headers are kept, refused requests too; headers are found in any case."""
    async with CobaltSandbox() as sandbox:
        await ask(sandbox, "wrong", "/tokens?cursor=a%20b&limit=5", headers={"X-Probe": "1"})
        await ask(sandbox, None, "/nowhere", method="DELETE")
        first, second = sandbox.requests
        assert (first.method, first.path) == ("GET", "/tokens?cursor=a%20b&limit=5")
        assert first.headers["authorization"] == "Bearer wrong"
        assert first.headers["x-PROBE"] == "1"
        assert (second.method, second.path) == ("DELETE", "/nowhere")
        assert "Authorization" not in second.headers
        assert "wrong" not in repr(sandbox.requests)
        sandbox.requests.clear()
        assert sandbox.requests == []


async def test_only_the_newest_requests_are_kept(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is bounded: the oldest go first."""
    monkeypatch.setattr("cobalt_async.testing.sandbox._REQUESTS_KEPT", 3)
    async with CobaltSandbox() as sandbox:
        for number in range(5):
            await ask(sandbox, None, f"/{number}")
        assert [seen.path for seen in sandbox.requests] == ["/2", "/3", "/4"]


async def test_closing_waits_for_no_delay_and_no_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers under way when the sandbox closes end at once, where they are."""
    monkeypatch.setattr("cobalt_async.testing.serving._PATIENCE", 3600.0)
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        sandbox.faults.delay(3600)
        late = asyncio.create_task(off_the_wire(sandbox, secret))
        await until(lambda: not sandbox.faults.pending)
        sandbox.faults.drip(1, 3600)
        dripping = asyncio.create_task(off_the_wire(sandbox, secret))
        await until(lambda: not sandbox.faults.pending)
    assert await late == b""
    assert (await dripping).endswith(b"\r\n\r\n{")


@pytest.mark.parametrize("turns", range(6))
async def test_closing_forgets_no_connection_that_has_just_come(turns: int) -> None:
    """However far the loop got with accepting it, a connection is closed with the sandbox."""
    async with CobaltSandbox() as sandbox:
        came = socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port or 0), timeout=10)
        for _ in range(turns):
            await asyncio.sleep(0)
    with came, contextlib.suppress(ConnectionResetError):
        assert came.recv(1) == b""


async def test_it_goes_on_accepting_after_the_machine_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too many files open a connection waits, the error is told to the loop, and then all goes on."""
    accept, failures, told = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")], []

    def failing(listener: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr("cobalt_async.testing.door._PAUSE", 0.0)
    monkeypatch.setattr(socket.socket, "accept", failing)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    async with CobaltSandbox() as sandbox:
        assert (await ask(sandbox, "wrong")).status == 401
    assert [type(error) for error in told] == [OSError]


async def test_closing_waits_for_no_client_that_does_not_read() -> None:
    """An answer that its client never reads ends with the sandbox, and no socket is left."""
    size = 50_000_000
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(200, b"x" * size)
        came = socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port or 0), timeout=10)
        came.sendall(head_of("GET", "/tokens", "any") + b"\r\n")
        await until(lambda: not sandbox.faults.pending)
    with came:
        arrived = 0
        while piece := came.recv(1_000_000):
            arrived += len(piece)
    assert 0 < arrived < size


def test_closing_the_thread_waits_for_no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds for the thread: it is gone although an answer was held back for an hour."""
    monkeypatch.setattr("cobalt_async.testing.serving._PATIENCE", 3600.0)
    with CobaltSandbox() as sandbox:
        sandbox.faults.delay(3600)
        connection = http.client.HTTPConnection("localhost", urlsplit(sandbox.url).port)
        connection.request("GET", "/tokens")
        while sandbox.faults.pending:
            pass
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    connection.close()


async def test_a_bug_of_ours_surfaces(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception inside the sandbox is a 500 and a logged traceback; the next request is served."""

    def broken(_self: Endpoints, _seen: SeenRequest) -> Answer:
        message = "a bug of the sandbox"
        raise LookupError(message)

    async with CobaltSandbox() as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(Endpoints, "answer", broken)
            async with CobaltSandbox() as bad:
                assert (await ask(bad, "secret")).status == 500
        assert (await ask(sandbox, "secret")).status == 401
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)


def test_what_goes_wrong_on_the_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while closing is raised by `with`, and not lost with the thread."""
    stop = Serving.stop

    async def broken(serving: Serving) -> None:
        await stop(serving)
        message = "cannot close"
        raise LookupError(message)

    monkeypatch.setattr(Serving, "stop", broken)
    with pytest.raises(LookupError, match="cannot close"), CobaltSandbox():
        pass


async def test_access_is_not_logged(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """No request leaves a log line, at any level."""
    caplog.set_level(logging.DEBUG)
    async with CobaltSandbox() as sandbox:
        await ask(sandbox, sandbox.add_user("ada").tokens[0].secret)
    assert [record.name for record in caplog.records if record.name.startswith("aiohttp")] == []


async def test_a_body_is_read_and_ignored(session: aiohttp.ClientSession) -> None:
    """A refresh with a body, even one that claims to be compressed, is a refresh; the connection lives on."""
    async with CobaltSandbox() as sandbox:
        ada = sandbox.add_user("ada", tokens=2)
        headers = {
            "Accept": V1,
            "Authorization": f"Bearer {ada.tokens[0].secret}",
            "Content-Encoding": "gzip",
        }
        url = f"{sandbox.url}/tokens/{ada.tokens[1].id}/refresh"
        for _ in range(2):
            async with session.post(url, headers=headers, data=b"not gzip at all") as answer:
                assert answer.status == 200


async def test_a_request_that_breaks_off_executes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes in the middle of its body has asked nothing, and no error is logged."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        address = urlsplit(sandbox.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        head = head_of("POST", refresh_of(token.id), old)
        writer.write(head + b"Content-Length: 10\r\n\r\nfive.")
        await until(lambda: sandbox.requests)
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
    assert token.secret == old
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
