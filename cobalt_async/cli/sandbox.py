"""`cobalt-async sandbox`: a make-believe Cobalt on this machine, until somebody stops it."""

import asyncio
import contextlib
import shlex
import signal

from cobalt_async import errors
from cobalt_async.testing import CobaltSandbox, populate

from .exit_codes import ExitCode
from .people import write_inventory

_ACCEPT = "-H 'Accept: application/vnd.cobalt.v1+json'"


def serve(*, port: int, users: int, inventory: str | None) -> int:
    """Serve until SIGINT or SIGTERM; `inventory` names a file to write what a security team would have on record."""
    return asyncio.run(_serve(port, users, inventory))


async def _serve(port: int, users: int, inventory: str | None) -> int:
    sandbox = CobaltSandbox(port=port, rate_limit=True)
    async with contextlib.AsyncExitStack() as stack:
        if (flaw := await open_sandbox(sandbox, stack)) is not None:
            raise errors.ConfigurationError(f"{flaw}; take another with --port, or leave it out")
        stop = asyncio.Event()
        _on_signal(stop, stack)
        print(_welcome(sandbox, users, inventory), flush=True)
        await stop.wait()
    print("stopped")
    return ExitCode.DONE


async def open_sandbox(sandbox: CobaltSandbox, stack: contextlib.AsyncExitStack) -> str | None:
    """Start serving; or say why that cannot be."""
    try:
        await stack.enter_async_context(sandbox)
    except RuntimeError as error:
        return str(error)
    return None


def _on_signal(stop: asyncio.Event, stack: contextlib.AsyncExitStack) -> None:
    """Let SIGINT and SIGTERM stop the server."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
            stack.callback(loop.remove_signal_handler, number)


def _welcome(sandbox: CobaltSandbox, users: int, inventory: str | None) -> str:
    """What to type to see it work; the first user is made for it, whatever becomes of the others."""
    ada = sandbox.add_user("Ada", tokens=3)
    population = populate(sandbox, users=users - 1)
    mine, other, _ = ada.tokens
    audit = ""
    if inventory is not None:
        own = [(f"Ada / {token.name}", token.secret) for token in (mine, other)]
        write_inventory([*own, *population.inventory], inventory)
        audit = f"""
An audit of {inventory}, which holds the secrets that a security team would know of:
  COBALT_BASE_URL={sandbox.url} cobalt-async audit {shlex.quote(inventory)}"""
    bearer = f"-H 'Authorization: Bearer {mine.secret}'"
    return f"""\
A make-believe Cobalt with {users} users is at {sandbox.url} until Ctrl-C.
It forgets everything then; its secrets open nothing else, so they may be shown.

List the tokens of one user:
  curl -s {_ACCEPT} {bearer} {sandbox.url}/tokens
Refresh one of them (the answer holds its new secret):
  curl -s -X POST {_ACCEPT} {bearer} {sandbox.url}/tokens/{other.id}/refresh
See a refusal, 401:
  curl -s -i {_ACCEPT} -H 'Authorization: Bearer nobody' {sandbox.url}/tokens
The same listing with this command:
  COBALT_API_TOKEN={mine.secret} COBALT_BASE_URL={sandbox.url} cobalt-async tokens list{audit}"""
