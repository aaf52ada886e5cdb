"""The public surface is a contract: names, signatures and defaults, to the letter."""

import importlib
import inspect
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import aiohttp
import attrs
import pytest

import cobalt_async
from cobalt_async import AsyncCobalt, Page, RefreshedToken, RetryPolicy, Secret, Timeouts, Token, errors
from cobalt_async.rotation import Rotation, State, resume, rotate
from cobalt_async.testing import CobaltSandbox
from cobalt_async.tokens import Tokens

ROOMS = ("audit", "references", "rotation", "rotation.stores", "testing")
NOTHING = inspect.Parameter.empty
Region = Literal["us", "eu"]


def parameters(function: Callable[..., object]) -> dict[str, tuple[Any, Any]]:
    """Name, annotation and default of each parameter but `self`; keyword-only ones begin with a star."""
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            star = "*" if parameter.kind is parameter.KEYWORD_ONLY else ""
            found[star + parameter.name] = (parameter.annotation, parameter.default)
    return found


def test_the_front_door_is_exact() -> None:
    """`__all__` is sorted, holds the contract's names and the version, and each of them is there."""
    names = [
        "AsyncCobalt",
        "Page",
        "RefreshedToken",
        "RetryPolicy",
        "Secret",
        "Timeouts",
        "Token",
        "__version__",
        "errors",
    ]
    assert cobalt_async.__all__ == names == sorted(names)
    assert all(hasattr(cobalt_async, name) for name in names)


@pytest.mark.parametrize("room", ["cobalt_async", *(f"cobalt_async.{name}" for name in ROOMS)])
def test_every_front_door_is_sorted_and_whole(room: str) -> None:
    """Each package's `__all__` is sorted, constants first, without doubles, and names what is there."""
    module = importlib.import_module(room)
    assert list(module.__all__) == sorted(set(module.__all__), key=lambda name: (not name.isupper(), name))
    assert all(hasattr(module, name) for name in module.__all__)


def test_async_cobalt() -> None:
    """The constructor takes the token, and everything else by keyword, with the contract's defaults."""
    assert parameters(AsyncCobalt.__init__) == {
        "token": (str | Secret | None, None),
        "*base_url": (str | None, None),
        "*region": (Region | None, None),
        "*api_version": (Literal["v1", "v2"], "v1"),
        "*session": (aiohttp.ClientSession | None, None),
        "*ssl": (ssl.SSLContext | None, None),
        "*proxy": (str | None, None),
        "*timeouts": (Timeouts, Timeouts()),
        "*retry": (RetryPolicy, RetryPolicy()),
        "*max_connections": (int, 100),
        "*max_page_bytes": (int, 1_048_576),
        "*trace_configs": (Sequence[aiohttp.TraceConfig], ()),
    }


def test_list() -> None:
    """`list(*, limit=None, cursor=None, deadline=None) -> Page`, a coroutine."""
    assert parameters(Tokens.list) == {
        "*limit": (int | None, None),
        "*cursor": (str | None, None),
        "*deadline": (float | None, None),
    }
    assert inspect.signature(Tokens.list).return_annotation is Page
    assert inspect.iscoroutinefunction(Tokens.list)


@pytest.mark.parametrize(("method", "item"), [(Tokens.iter, Token), (Tokens.pages, Page)])
def test_iter_and_pages(method: Callable[..., object], item: type) -> None:
    """`iter` and `pages` take the same arguments and give async generators of tokens and of pages."""
    assert parameters(method) == {
        "*limit": (int | None, None),
        "*cursor": (str | None, None),
        "*max_pages": (int, 10_000),
        "*max_items": (int, 1_000_000),
        "*deadline": (float | None, None),
    }
    assert str(inspect.signature(method).return_annotation) == str(AsyncGenerator[item])  # type: ignore[valid-type]


def test_refresh() -> None:
    """`refresh(token_id, *, save=None, deadline=None) -> RefreshedToken`, a coroutine."""
    assert parameters(Tokens.refresh) == {
        "token_id": (str, NOTHING),
        "*save": (Callable[[RefreshedToken], Awaitable[object]] | None, None),
        "*deadline": (float | None, None),
    }
    assert inspect.signature(Tokens.refresh).return_annotation is RefreshedToken
    assert inspect.iscoroutinefunction(Tokens.refresh)


def test_views_and_use_token() -> None:
    """`with_token(token, *, region, timeouts, retry) -> AsyncCobalt` and `use_token(token)`."""
    assert parameters(AsyncCobalt.with_token) == {
        "token": (str | Secret, NOTHING),
        "*region": (Region | None, None),
        "*timeouts": (Timeouts | None, None),
        "*retry": (RetryPolicy | None, None),
    }
    assert inspect.signature(AsyncCobalt.with_token).return_annotation in (AsyncCobalt, "AsyncCobalt")
    assert list(parameters(AsyncCobalt.use_token)) == ["token"]


def test_what_else_a_client_has() -> None:
    """Beside these: `tokens`, `unclaimed`, `base_url`, `max_connections`, `aclose`, and `async with`."""
    public = {name for name in vars(AsyncCobalt) if not name.startswith("_")}
    assert public == {"aclose", "base_url", "has_token", "max_connections", "unclaimed", "use_token", "with_token"}
    assert isinstance(AsyncCobalt("token").tokens, Tokens)
    assert {name for name in vars(Tokens) if not name.startswith("_")} == {"iter", "list", "pages", "refresh"}
    assert inspect.iscoroutinefunction(AsyncCobalt.aclose)


def test_the_values() -> None:
    """The values' fields, with their types."""
    typed = {
        kind.__name__: {field.name: field.type for field in attrs.fields(kind)}
        for kind in (Token, RefreshedToken, Page)
    }
    assert typed == {
        "Token": {"id": str, "name": str, "last_characters": str | None, "expire_at": datetime | None},
        "RefreshedToken": {"id": str, "name": str, "secret": Secret, "expire_at": datetime | None},
        "Page": {"items": tuple[Token, ...], "next_page": str | None, "prev_page": str | None},
    }
    assert isinstance(Page.next_cursor, property)
    assert isinstance(Page.prev_cursor, property)


def test_the_limits() -> None:
    """Timeouts and RetryPolicy have the contract's fields and defaults."""
    assert parameters(Timeouts.__init__) == {
        "*total": (float, 30.0),
        "*connect": (float, 10.0),
        "*read": (float, 20.0),
        "*refresh": (float, 90.0),
    }
    assert parameters(RetryPolicy.__init__) == {
        "*tries": (int, 4),
        "*base": (float, 0.1),
        "*cap": (float, 10.0),
        "*max_wait": (float, 120.0),
    }


def test_a_secrets_only_way_out() -> None:
    """Beside `reveal`, a Secret has nothing public."""
    assert [name for name in dir(Secret) if not name.startswith("_")] == ["reveal"]


def test_public_errors_end_in_error() -> None:
    """Every public exception says so in its name, and stands under CobaltError."""
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)]
    assert all(kind.__name__.endswith("Error") and issubclass(kind, errors.CobaltError) for kind in kinds)


def test_the_audit() -> None:
    """`audit(cobalt, credentials, *, …)` with the contract's defaults, and the names to import beside it."""
    from cobalt_async.audit import AuditResult, Credential, Verdict, audit

    assert {name: default for name, (_, default) in parameters(audit).items()} == {
        "cobalt": NOTHING,
        "credentials": NOTHING,
        "*concurrency": 64,
        "*rate": 20.0,
        "*share": 0.8,
        "*regions": (),
        "*policy": None,
        "*baseline": None,
        "*ledger": (),
        "*checkpoint": None,
    }
    assert all(inspect.isclass(kind) for kind in (AuditResult, Credential, Verdict))


def test_the_sandbox() -> None:
    """`CobaltSandbox(api_version="v1", page_size=10, rate_limit=None, …)`: the rest by keyword, all with defaults."""
    found = {name: default for name, (_, default) in parameters(CobaltSandbox.__init__).items()}
    assert list(found.items())[:3] == [("api_version", "v1"), ("page_size", 10), ("rate_limit", None)]
    assert all(name.startswith("*") and default is not NOTHING for name, default in list(found.items())[3:])


def public_things() -> list[object]:
    """Everything that can be reached through the front door, with its public methods."""
    things: list[object] = [
        AsyncCobalt,
        Tokens,
        Page,
        RefreshedToken,
        RetryPolicy,
        Secret,
        Timeouts,
        Token,
        cobalt_async,
        errors,
    ]
    things += [kind for kind in vars(errors).values() if inspect.isclass(kind) and kind.__module__ == errors.__name__]
    for kind in [thing for thing in things if inspect.isclass(thing)]:
        things += [
            value for name, value in vars(kind).items() if not name.startswith("_") and inspect.isfunction(value)
        ]
    return things


@pytest.mark.parametrize("thing", public_things(), ids=lambda thing: getattr(thing, "__qualname__", thing.__name__))
def test_everything_public_is_explained(thing: object) -> None:
    """Each public class, function and module has a docstring that ends its first sentence."""
    assert thing.__doc__
    assert not thing.__doc__.startswith("Method generated")


def test_rotate_and_resume() -> None:
    """`rotate(cobalt, token_id, *, store, journal=None, …) -> Rotation`, and `resume(journal, …)` gives several."""
    asked = parameters(rotate)
    assert [name for name, (_, default) in asked.items() if default is NOTHING] == ["cobalt", "token_id", "*store"]
    assert {name: asked[name][1] for name in ("*journal", "*sibling", "*accept_one_shot", "*hook", "*settle")} == {
        "*journal": None,
        "*sibling": None,
        "*accept_one_shot": False,
        "*hook": None,
        "*settle": None,
    }
    assert inspect.signature(rotate).return_annotation is Rotation
    assert list(parameters(resume))[:2] == ["journal", "rotation_id"]
    assert inspect.signature(resume).return_annotation == tuple[Rotation, ...]
    assert inspect.iscoroutinefunction(rotate)
    assert inspect.iscoroutinefunction(resume)
    assert {"state", "why", "token_id", "new_token_id", "rotation_class", "advice", "events"} <= set(dir(Rotation))


def test_the_states_of_a_rotation() -> None:
    """The words that exit codes and people go by."""
    words = "SUCCESS ADOPTED HELD UNCERTAIN LOST MISMATCH CONFLICT REFUSED NOT_ROTATED"
    assert [state.value for state in State] == words.split()
