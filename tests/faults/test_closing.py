"""Closing, torn in the middle."""

import asyncio

from tests.faults.raw import client, ok, raw
from tests.faults.stepping import Stepper


async def test_a_cancelled_close_leaves_no_timer() -> None:
    """Cancelled while its connections close, a client has no timer on the loop any more: it is closed for good."""
    async with raw(ok()) as server, client(server) as cobalt:
        await cobalt.tokens.list()
        outcome = await Stepper(1).outcome(cobalt.aclose())
        assert isinstance(outcome, asyncio.CancelledError)
        await cobalt.aclose()  # does nothing: it is closed
        assert cobalt._root._transport._watch._timer is None
