import pytest

from cobalt_async.testing import CobaltSandbox
from tests.testing.asking import Ask


async def names_of_all_pages(ask: Ask, sandbox: CobaltSandbox, secret: str, path: str = "/tokens") -> list[list[str]]:
    """Follow next_page to the end, and give the names on each page."""
    pages = []
    following: str | None = path
    while following is not None:
        reply = await ask(sandbox, secret, following)
        pages.append(reply.names)
        following = reply.json["pagination"]["next_page"]
    return pages


async def test_pages_run_to_the_end(ask: Ask) -> None:
    """Every token is on one page, in order; the last page has no next one, also where it is full."""
    async with CobaltSandbox(page_size=2) as sandbox:
        five, four = sandbox.add_user("a", tokens=5), sandbox.add_user("b", tokens=4)
        pages = await names_of_all_pages(ask, sandbox, five.tokens[0].secret)
        assert pages == [["a 1", "a 2"], ["a 3", "a 4"], ["a 5"]]
        assert await names_of_all_pages(ask, sandbox, four.tokens[0].secret) == [
            ["b 1", "b 2"],
            ["b 3", "b 4"],
        ]


async def test_prev_page_leads_back(ask: Ask) -> None:
    """prev_page is null on the first page, and elsewhere names the page before."""
    async with CobaltSandbox(page_size=2) as sandbox:
        secret = sandbox.add_user("a", tokens=5).tokens[0].secret
        first = await ask(sandbox, secret)
        second = await ask(sandbox, secret, first.next_page)
        third = await ask(sandbox, secret, second.next_page)
        assert first.json["pagination"]["prev_page"] is None
        back = await ask(sandbox, secret, third.json["pagination"]["prev_page"])
        assert back.json == second.json
        assert (await ask(sandbox, secret, back.json["pagination"]["prev_page"])).json == first.json


async def test_a_cursor_stays_while_the_list_changes(ask: Ask) -> None:
    """Tokens that go, on either side of a cursor, shift no other; a new one comes at the end."""
    async with CobaltSandbox(page_size=2) as sandbox:
        user = sandbox.add_user("a", tokens=6)
        secret = user.tokens[5].secret
        cursor = (await ask(sandbox, secret)).next_page
        user.tokens[0].revoke()
        user.tokens[1].revoke()
        assert (await ask(sandbox, secret, cursor)).names == ["a 3", "a 4"]
        user.tokens[2].revoke()
        user.add_token("new")
        assert await names_of_all_pages(ask, sandbox, secret, cursor) == [["a 4", "a 5"], ["a 6", "new"]]


async def test_a_cursor_behind_which_all_is_gone_gives_an_empty_page(ask: Ask) -> None:
    """It is no error: the page is empty, has no next one, and names the one before."""
    async with CobaltSandbox(page_size=2) as sandbox:
        user = sandbox.add_user("a", tokens=3)
        secret = user.tokens[0].secret
        cursor = (await ask(sandbox, secret)).next_page
        user.tokens[2].revoke()
        reply = await ask(sandbox, secret, cursor)
        assert (reply.names, reply.json["pagination"]["next_page"]) == ([], None)
        assert (await ask(sandbox, secret, reply.json["pagination"]["prev_page"])).names == ["a 1", "a 2"]


async def test_a_refreshed_token_keeps_its_place(ask: Ask) -> None:
    """A refresh moves no token in the list, even if it gets a new id."""
    async with CobaltSandbox(refreshed_id="new") as sandbox:
        user = sandbox.add_user("a", tokens=3)
        user.tokens[0].refresh()
        assert (await ask(sandbox, user.tokens[1].secret)).names == ["a 1", "a 2", "a 3"]


@pytest.mark.parametrize("cursor", ["", "a1b2c3d4", "0", "%00"])
async def test_an_unknown_cursor_is_400(ask: Ask, cursor: str) -> None:
    """A cursor that this sandbox never gave out is a bad request."""
    async with CobaltSandbox(page_size=1) as sandbox:
        secret = sandbox.add_user("a", tokens=2).tokens[0].secret
        assert (await ask(sandbox, secret, f"/tokens?cursor={cursor}")).status == 400


async def test_another_users_cursor_is_400(ask: Ask) -> None:
    """A cursor works for the user to whom it was given, with any of their tokens, and for nobody else."""
    async with CobaltSandbox(page_size=1) as sandbox:
        ada, eve = sandbox.add_user("ada", tokens=2), sandbox.add_user("eve", tokens=2)
        cursor = (await ask(sandbox, ada.tokens[0].secret)).next_page
        assert (await ask(sandbox, ada.tokens[1].secret, cursor)).names == ["ada 2"]
        assert (await ask(sandbox, eve.tokens[0].secret, cursor)).status == 400


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=-5", 422),
        ("limit=", 400),
        ("limit=ten", 400),
        ("limit=1.5", 400),
        ("limit=%D9%A5", 400),
        ("limit=1e1", 400),
        ("limit=+5", 400),
        ("limit=5&limit=6", 400),
        (f"limit={'9' * 5000}", 400),
    ],
)
async def test_a_limit_below_one_or_no_number_is_refused(ask: Ask, query: str, status: int) -> None:
    """400 where it cannot be read as a whole number, 422 where it is below 1."""
    async with CobaltSandbox() as sandbox:
        secret = sandbox.add_user("a").tokens[0].secret
        assert (await ask(sandbox, secret, f"/tokens?{query}")).status == status


async def test_limit_counts_for_one_page_only(ask: Ask) -> None:
    """A next_page carries no limit: page two has the page size, unless the limit is asked for again."""
    async with CobaltSandbox(page_size=2) as sandbox:
        secret = sandbox.add_user("a", tokens=9).tokens[0].secret
        first = await ask(sandbox, secret, "/tokens?limit=4&unknown=1")
        assert len(first.names) == 4
        assert "limit" not in first.next_page
        assert len((await ask(sandbox, secret, first.next_page)).names) == 2
        assert len((await ask(sandbox, secret, first.next_page + "&limit=4")).names) == 4


async def test_next_page_may_keep_the_limit(ask: Ask) -> None:
    """`next_page_keeps_limit=True` puts the limit that was asked for, if any, into both paths."""
    async with CobaltSandbox(page_size=2, next_page_keeps_limit=True) as sandbox:
        secret = sandbox.add_user("a", tokens=9).tokens[0].secret
        first = await ask(sandbox, secret, "/tokens?limit=4")
        assert first.next_page.endswith("&limit=4")
        second = await ask(sandbox, secret, first.next_page)
        assert len(second.names) == 4
        assert second.json["pagination"]["prev_page"].endswith("&limit=4")
        assert "limit" not in (await ask(sandbox, secret)).next_page


async def test_a_limit_above_the_largest_is_capped_or_refused(ask: Ask) -> None:
    """`max_limit` caps silently, or 422 with `over_max_limit="refused"`; without it any limit is served."""
    async with (
        CobaltSandbox() as free,
        CobaltSandbox(max_limit=3) as capping,
        CobaltSandbox(max_limit=3, over_max_limit="refused") as refusing,
    ):
        secrets = {box: box.add_user("a", tokens=30).tokens[0].secret for box in (free, capping, refusing)}
        assert len((await ask(free, secrets[free], "/tokens?limit=1000")).names) == 30
        assert len((await ask(capping, secrets[capping], "/tokens?limit=4")).names) == 3
        assert (await ask(refusing, secrets[refusing], "/tokens?limit=4")).status == 422
        assert len((await ask(refusing, secrets[refusing], "/tokens?limit=3")).names) == 3
