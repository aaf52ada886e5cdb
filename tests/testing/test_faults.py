import asyncio
import json
from typing import Any

import aiohttp
import pytest

from cobalt_async.testing import CobaltSandbox
from cobalt_async.testing.serving import Serving
from tests.testing.asking import V1, Ask, off_the_wire, refresh_of, until


async def test_faults_happen_in_order_and_then_all_is_well(ask: Ask) -> None:
    """Each request meets the next fault, `times` times; `pending` shows what is left."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        sandbox.faults.answer(503)
        sandbox.faults.answer(500, times=2)
        assert [pending.times for pending in sandbox.faults.pending] == [1, 2]
        assert [(await ask(sandbox, secret)).status for _ in range(2)] == [503, 500]
        assert [pending.times for pending in sandbox.faults.pending] == [1]
        assert [(await ask(sandbox, secret)).status for _ in range(2)] == [500, 200]
        assert sandbox.faults.pending == ()


async def test_a_fault_can_stay_until_it_is_cleared(ask: Ask) -> None:
    """`times=None` never wears out; `clear` forgets everything."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        sandbox.faults.answer(503, times=None)
        assert [(await ask(sandbox, secret)).status for _ in range(3)] == [503] * 3
        sandbox.faults.clear()
        assert (await ask(sandbox, secret)).status == 200


async def test_a_fault_waits_for_its_method_and_path(ask: Ask) -> None:
    """A fault for other requests lets this one pass and stays; the query of a target does not count."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        sandbox.faults.answer(502, method="POST")
        sandbox.faults.answer(503, path="/tokens/*/refresh")
        sandbox.faults.answer(504, path="/tokens")
        got = [
            (await ask(sandbox, token.secret, "/tokens?limit=1")).status,
            (await ask(sandbox, token.secret)).status,
            (await ask(sandbox, token.secret, refresh_of(token.id), method="POST")).status,
            (await ask(sandbox, token.secret, refresh_of(token.id), method="POST")).status,
            (await ask(sandbox, token.secret, refresh_of(token.id), method="POST")).status,
        ]
        assert got == [504, 200, 502, 503, 200]


@pytest.mark.parametrize("status", [200, 299, 304, 418, 509, 599, 999])
async def test_any_status_can_be_answered(ask: Ask, status: int) -> None:
    """Whatever HTTP can carry arrives, also a status that http.HTTPStatus does not know."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(status)
        reply = await ask(sandbox, "wrong")
        assert (reply.status, reply.body) == (status, b"")
        assert "Content-Type" not in reply.headers
        assert (await ask(sandbox, "wrong")).status == 401


@pytest.mark.parametrize("status", [100, 103, 204])
async def test_a_status_without_a_body_promises_none(status: int) -> None:
    """An interim status is all that comes; no length is promised where HTTP allows none."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(status, headers={"Connection": "close"} if status == 204 else {})
        wire = await head_off_the_wire(sandbox)
        assert wire.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Content-Length" not in wire


async def head_off_the_wire(sandbox: CobaltSandbox) -> bytes:
    """Give the head of one answer, and leave."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /tokens HTTP/1.1\r\nHost: h\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head


async def test_a_body_where_none_may_be_is_sent_all_the_same() -> None:
    """204 with a body: the bytes are on the wire, and the connection ends."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(204, b"junk")
        wire = await off_the_wire(sandbox, "wrong")
        assert wire.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert wire.endswith(b"\r\n\r\njunk")


@pytest.mark.parametrize(
    ("body", "arrives"),
    [
        (b"\xff\x00", b"\xff\x00"),
        (bytearray(b"ab"), b"ab"),
        ("Zoë", "Zoë".encode()),
        ({"data": None}, b'{"data": null}'),
        ([], b"[]"),
        (None, b"null"),
        (5, b"5"),
    ],
    ids=repr,
)
async def test_a_body_is_bytes_text_or_json(ask: Ask, body: object, arrives: bytes) -> None:
    """Bytes and text go as they are, anything else as JSON; all are called what Cobalt would call them."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(200, body)
        sandbox.faults.answer(200, body)
        reply = await ask(sandbox, None, version="v2")
        assert (reply.body, reply.headers["Content-Type"]) == (arrives, "application/vnd.cobalt.v2+json")
        plain = await ask(sandbox, None, headers={"Accept": None})
        assert plain.headers["Content-Type"] == "application/json"


async def test_headers_are_sent_and_may_lie(ask: Ask) -> None:
    """Headers replace ours: another Content-Type, or an untrue length, which ends the connection."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.answer(502, "<h1>Bad</h1>", {"content-type": "text/html", "Retry-After": "5"})
        reply = await ask(sandbox, None)
        assert (reply.headers["Content-Type"], reply.headers["Retry-After"]) == ("text/html", "5")
        sandbox.faults.answer(200, b"short", {"Content-Length": "100"})
        wire = await off_the_wire(sandbox, "wrong")
        assert wire.count(b"Content-Length") == 1
        assert wire.endswith(b"\r\n\r\nshort")


async def test_an_answer_may_come_before_or_after_execution(ask: Ask) -> None:
    """Not executed: the secret stays, no budget is used. `executed=True`: only the answer is lost."""
    async with CobaltSandbox(rate_limit=True) as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old, path = token.secret, refresh_of(token.id)
        sandbox.faults.answer(502)
        assert (await ask(sandbox, old, path, method="POST")).status == 502
        assert token.secret == old
        assert (await ask(sandbox, old)).headers["X-Rate-Limit-Remaining"] == "99"
        sandbox.faults.answer(502, executed=True)
        assert (await ask(sandbox, old, path, method="POST")).status == 502
        assert token.secret != old
        assert not sandbox.alive(old)


async def test_it_hangs_up_before_execution(ask: Ask) -> None:
    """Not a byte comes back, and nothing happened; the request was still seen."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        sandbox.faults.hang_up_before()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await ask(sandbox, old, refresh_of(token.id), method="POST")
        assert (token.secret, len(sandbox.requests)) == (old, 1)


async def test_it_hangs_up_after_execution() -> None:
    """Not a byte comes back, and the old secret is dead."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        sandbox.faults.hang_up_after()
        assert await off_the_wire(sandbox, old, refresh_of(token.id), "POST") == b""
        assert not sandbox.alive(old)
        assert token.alive


async def test_a_delayed_answer_was_executed_at_once(ask: Ask) -> None:
    """While its answer is held back the request has already happened; the answer then comes whole."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        sandbox.faults.delay(0.05)
        waiting = asyncio.create_task(ask(sandbox, old, refresh_of(token.id), method="POST"))
        await until(lambda: not sandbox.alive(old))
        assert not waiting.done()
        assert (await waiting).json["secret"] == token.secret
        sandbox.faults.delay(0)
        assert (await ask(sandbox, token.secret)).status == 200


async def test_the_sandboxs_clock_does_not_end_a_delay(ask: Ask) -> None:
    """A delay is real time: pushing the clock forward brings no answer."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.delay(3600)
        waiting = asyncio.create_task(ask(sandbox, None))
        await until(lambda: not sandbox.faults.pending)
        sandbox.clock.advance(7200)
        assert (await ask(sandbox, None)).status == 401
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.parametrize("at_byte", [0, 1, 40, 10_000])
async def test_a_body_is_cut_at_its_byte(at_byte: int) -> None:
    """The head promises the whole body, exactly so many bytes of it come, and the request was executed."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        sandbox.faults.cut(at_byte)
        wire = await off_the_wire(sandbox, old, refresh_of(token.id), "POST")
        head, _, body = wire.partition(b"\r\n\r\n")
        whole = {"id": token.id, "secret": token.secret, "name": "ada 1", "expire_at": None}
        expected = json.dumps(whole, separators=(",", ":")).encode()
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"Content-Length: {len(expected)}".encode() in head
        assert body == expected[:at_byte]
        assert not sandbox.alive(old)


async def test_a_cut_body_is_an_error_of_the_payload(ask: Ask) -> None:
    """A client that counts notices."""
    async with CobaltSandbox() as sandbox:
        sandbox.faults.cut(5)
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(sandbox, sandbox.add_user("ada").tokens[0].secret)


async def test_a_body_drips(session: aiohttp.ClientSession) -> None:
    """The body comes whole, in pieces of the size asked for."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        sandbox.faults.drip(50, 0.01)
        headers = {"Accept": V1, "Authorization": f"Bearer {secret}"}
        async with session.get(sandbox.url + "/tokens", headers=headers) as answer:
            pieces = [piece async for piece in answer.content.iter_any()]
        assert len(pieces) > 1
        assert max(map(len, pieces[:1])) == 50
        assert json.loads(b"".join(pieces))["data"][0]["resource"]["name"] == "ada 1"


async def test_a_drip_ends_when_its_client_goes(
    session: aiohttp.ClientSession, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further piece is prepared for a client that left, no error is logged, and the sandbox serves on."""
    gone, pauses = asyncio.Event(), []

    async def pause(_serving: Serving, seconds: float) -> bool:
        pauses.append(seconds)
        return await gone.wait()

    monkeypatch.setattr(Serving, "_sleep", pause)
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("ada").tokens[0].secret
        sandbox.faults.drip(1, 0.5)
        headers = {"Accept": V1, "Authorization": f"Bearer {secret}"}
        answer = await session.get(sandbox.url + "/tokens", headers=headers)
        await until(lambda: pauses)
        answer.close()
        assert (await ask(sandbox, secret)).status == 200
        gone.set()
        assert (await ask(sandbox, secret)).status == 200
    assert pauses == [0.5]


@pytest.mark.parametrize("executed", [False, True])
async def test_raw_bytes_are_the_whole_answer(*, executed: bool) -> None:
    """What is given is what comes, and then the connection ends; executed or not as asked."""
    async with CobaltSandbox() as sandbox:
        token = sandbox.add_user("ada").tokens[0]
        old = token.secret
        sandbox.faults.raw(b"SSH-2.0-OpenSSH\r\n", executed=executed)
        assert await off_the_wire(sandbox, old, refresh_of(token.id), "POST") == b"SSH-2.0-OpenSSH\r\n"
        assert sandbox.alive(old) == (not executed)


def test_no_repr_of_a_fault_shows_its_bytes() -> None:
    """A canary in a body or in raw bytes is in no repr."""
    sandbox = CobaltSandbox()
    sandbox.faults.answer(200, {"secret": "canary"})
    sandbox.faults.raw(b"canary")
    assert "canary" not in repr(sandbox.faults) + repr(sandbox.faults.pending)


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("answer", {"status": 99}, "status"),
        ("answer", {"status": 1000}, "status"),
        ("answer", {"status": True}, "status"),
        ("answer", {"status": "200"}, "status"),
        ("answer", {"status": 200, "body": {1, 2}}, "body"),
        ("answer", {"status": 200, "body": "\ud800"}, "body"),
        ("answer", {"status": 200, "headers": {"a b": "c"}}, "headers"),
        ("answer", {"status": 200, "headers": {"": "c"}}, "headers"),
        ("answer", {"status": 200, "headers": {"A": "b\r\nC: d"}}, "headers"),
        ("answer", {"status": 200, "headers": {"A": 5}}, "headers"),
        ("answer", {"status": 200, "executed": 1}, "executed"),
        ("answer", {"status": 200, "times": 0}, "times"),
        ("answer", {"status": 200, "times": True}, "times"),
        ("hang_up_before", {"method": "post"}, "method"),
        ("hang_up_after", {"path": "tokens"}, "path"),
        ("hang_up_after", {"path": "/tokens?limit=1"}, "path"),
        ("delay", {"seconds": -1}, "seconds"),
        ("delay", {"seconds": float("inf")}, "seconds"),
        ("cut", {"at_byte": -1}, "at_byte"),
        ("cut", {"at_byte": 1.5}, "at_byte"),
        ("drip", {"bytes_per_chunk": 0, "interval": 1}, "bytes_per_chunk"),
        ("drip", {"bytes_per_chunk": 1, "interval": -1}, "interval"),
        ("raw", {"data": "text"}, "data"),
        ("raw", {"data": b"", "executed": None}, "executed"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(name: str, arguments: dict[str, Any], named: str) -> None:
    """Each fault refuses what it cannot do with a ValueError naming the argument, and queues nothing."""
    faults = CobaltSandbox().faults
    with pytest.raises(ValueError, match=f"^{named} "):
        getattr(faults, name)(**arguments)
    assert faults.pending == ()
