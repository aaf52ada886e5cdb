"""A field that the documents do not name is ignored, and told of in the report's footer, once a run."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from cobalt_async import AsyncCobalt, Secret
from cobalt_async.audit import Credential, Verdict, audit
from cobalt_async.audit.engine.undocumented import Undocumented
from cobalt_async.testing import CobaltSandbox
from tests.audit.asking import controlled

RESOURCE = {"id": "api_a", "name": "n", "last_characters": None, "expire_at": None}
MANY = [f"field_{letter}" for letter in "nmlkjihgfedcba"]


def page(
    *resources: Mapping[str, Any],
    row: Mapping[str, Any] | None = None,
    pagination: Mapping[str, Any] | None = None,
    listing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A page of these tokens, with more in its rows, its pagination and beside them."""
    return {
        "data": [{"resource": resource, **(row or {})} for resource in resources or (RESOURCE,)],
        "pagination": {"next_page": None, "prev_page": None, **(pagination or {})},
        **(listing or {}),
    }


async def notes(sandbox: CobaltSandbox, cobalt: AsyncCobalt, *pages: object) -> list[str]:
    """What an audit notes of fields, where it reads these pages, each for a credential of its own."""

    async def inventory() -> AsyncIterator[Credential]:
        yield Credential("before", sandbox.add_user("before").tokens[0].secret)
        await controlled(sandbox)
        for number, answer in enumerate(pages):
            sandbox.faults.answer(200, answer)
            yield Credential(f"page {number}", f"the-secret-of-page-{number}")

    async with audit(cobalt, inventory(), concurrency=1) as run:
        async for result in run:
            assert result.verdict is Verdict.ALIVE
    assert not sandbox.faults.pending
    return [note for note in run.report().notes if "do not name" in note]


def said(fields: str) -> list[str]:
    """The one line."""
    return [
        f"Cobalt's answers have fields that the documents do not name: {fields}; this version does not look into them"
    ]


async def test_what_is_documented_is_not_told(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """The documented fields (F6, F7) are nothing to tell of, and neither is one that is missing."""
    bare = {"data": [{"resource": {"id": "api_b", "name": "n"}}], "pagination": {"next_page": None}}
    without = {"id": "api_c", "name": "n", "expire_at": None}
    assert await notes(sandbox, cobalt, page(), page(RESOURCE, RESOURCE), bare, page(without)) == []


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        (page({**RESOURCE, "scopes": [], "created_at": "2026-01-01"}), "resource.created_at, resource.scopes"),
        (page(RESOURCE, {**RESOURCE, "id": "api_b", "lastUsedAt": None}), "resource.lastUsedAt"),
        (page({"id": "api_a", "name": "n", "expire_at": None, "scopes": []}), "resource.scopes"),
        (page({"id": "api_a", "name": "n", "last_characters": "", "scopes": []}), "resource.scopes"),
        (page(row={"type": "token"}), "data.type"),
        (page(pagination={"total2": 5}), "pagination.total2"),
        ({"data": [], "pagination": {"next_page": None, "total": 5}}, "pagination.total"),
        (page(listing={"_links": {"secret_stuff": 1}}), "_links"),
        (page({**RESOURCE, "data": 1}, row={"data": 1}, listing={"name": 1}), "data.data, name, resource.data"),
    ],
    ids=range(9),
)
async def test_what_is_not_documented_is_told(
    sandbox: CobaltSandbox, cobalt: AsyncCobalt, answer: object, fields: str
) -> None:
    """One line names the fields and where they stand, and none of their values."""
    assert await notes(sandbox, cobalt, answer) == said(fields)


async def test_once_a_run(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """Many pages make one line, which names each field once."""
    pages = [page({**RESOURCE, "id": f"api_{number}", "scopes": [], f"more{number % 2}": 1}) for number in range(6)]
    assert await notes(sandbox, cobalt, *pages) == said("resource.more0, resource.more1, resource.scopes")
    assert await notes(sandbox, cobalt, page({**RESOURCE, "id": "api_7", "other": []})) == said("resource.other")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a.b",
        "a\n",
        "naïve",
        "\u202egnp",
        "\x1b[31m",
        "\ud800",
        "<script>",
        "n" * 41,
        "n" * 100_000,
        "x7Yk2Pq9Lm4Rt8Vw",
        "__",
    ],
    ids=lambda name: f"{len(name)} {name[:20]!r}",
)
async def test_a_name_that_is_no_name_is_counted(sandbox: CobaltSandbox, cobalt: AsyncCobalt, name: str) -> None:
    """What does not look like a field's name is not shown, but told."""
    answer = json.dumps(page({**RESOURCE, "scopes": [], name: 1}))
    assert await notes(sandbox, cobalt, answer) == said("resource.scopes, and 1 whose names are not shown")


@pytest.mark.parametrize(
    ("secret", "name"),
    [
        ("createdAtByUser", "createdAtByUser"),
        ("prefix-created_at-suffix", "created_at"),
        ("prefix-created_a", "x_created_at"),
        ("short", "ashortname"),
    ],
)
def test_a_name_never_shows_a_secret(secret: str, name: str) -> None:
    """A name that holds eight characters in a row of the secret that was asked with, or all of it, is not shown."""
    fields = Undocumented()
    fields.look(page({**RESOURCE, name: 1}), Secret(secret))
    assert [fields.note()] == said("1 whose names are not shown")
    other = Undocumented()
    other.look(page({**RESOURCE, name: 1}), Secret("another"))
    assert [other.note()] == said(f"resource.{name}")


async def test_no_more_than_ten(sandbox: CobaltSandbox, cobalt: AsyncCobalt) -> None:
    """Ten fields are told, those that came first, in the order of their names; of the others only that they are."""
    ten = ", ".join(f"resource.{name}" for name in sorted(MANY[:10]))
    assert await notes(sandbox, cobalt, page({**RESOURCE, **dict.fromkeys(MANY[:10])})) == said(ten)
    many = [page({**RESOURCE, "id": f"api_{name}", name: 1}) for name in MANY]
    assert await notes(sandbox, cobalt, *many) == said(f"{ten}, and more")


def test_a_flood_of_names_is_not_kept() -> None:
    """However many names come, and however long, a few short ones are kept."""
    fields = Undocumented()
    for number in range(3):
        fields.look(page(listing={f"{'n' * 10_000} {number} {more}": 1 for more in range(100)}), Secret("a-secret"))
    assert [fields.note()] == said("10 whose names are not shown, and more")
    assert sum(map(len, map(repr, vars(fields).values()))) < 1_000
    fields.look({}, Secret("a-secret"))  # and no further page is looked into
