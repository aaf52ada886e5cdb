import copy
import inspect
import pickle
from typing import TypeVar

import pytest

from cobalt_async import RefreshedToken, Secret, errors

E = TypeVar("E", bound=errors.CobaltError)

TREE = """
CobaltError
    ConfigurationError
    NotSentError
    NoAnswerError
    UnreadableError
        PaginationError
    RefusedError
        BadRequestError
        UnauthorizedError
        ForbiddenError
        NotFoundError
        ConflictError
        GoneError
        UnprocessableError
        RateLimitedError
        ServerError
    RefreshError
        RefreshInDoubtError
        SecretLostError
    StoreError
        StoreConflictError
        UnreadableStoreError
"""
REFUSALS = [
    errors.RefusedError,
    errors.BadRequestError,
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.GoneError,
    errors.UnprocessableError,
    errors.ServerError,
]
REFRESHES = [errors.RefreshError, errors.RefreshInDoubtError, errors.SecretLostError]
STORES = [errors.StoreError, errors.StoreConflictError, errors.UnreadableStoreError]
FRESH = RefreshedToken("api_new", "ci", Secret("canary-of-the-errors"))

EVERY: list[errors.CobaltError] = [
    errors.CobaltError("something"),
    errors.ConfigurationError("limit: an int of at least 1, not str"),
    errors.NotSentError("GET /tokens", "no connection"),
    errors.NotSentError("GET /tokens", "a certificate", True),
    errors.NoAnswerError("GET /tokens", "no answer within 20 s"),
    errors.UnreadableError("GET /tokens", "data[3].resource.id: missing"),
    errors.PaginationError("GET /tokens", "it loops", "a1", 20),
    *[kind("GET /tokens", 418, "a teapot", True) for kind in REFUSALS],
    errors.RateLimitedError("GET /tokens", 509, "slow down", False, 12.5),
    errors.RateLimitedError("GET /tokens", 429),
    *[kind("api_a", "the connection broke") for kind in REFRESHES],
    *[kind("file /srv/token", "it is full") for kind in STORES],
]


def tree_of(kind: type[BaseException], depth: int = 0) -> str:
    """The library's classes under `kind`, as they are drawn in the contract."""
    ours = [below for below in kind.__subclasses__() if below.__module__.startswith("cobalt_async")]
    return "    " * depth + kind.__name__ + "\n" + "".join(tree_of(below, depth + 1) for below in ours)


def travelled(error: E, protocol: int = pickle.HIGHEST_PROTOCOL) -> E:
    """What comes out of a pickle of this error."""
    twin = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - pickled on this very line
    assert isinstance(twin, type(error))
    return twin


def numbered(number: int) -> list[str]:
    """Names for the tests of the errors from this number on."""
    return [f"{type(error).__name__}-{place}" for place, error in enumerate(EVERY)][number:]


def test_the_tree_is_the_contracts() -> None:
    """The classes are those of the contract, each below the one it belongs to, and no other."""
    assert tree_of(errors.CobaltError) == TREE.lstrip()
    public = {name for name, value in vars(errors).items() if inspect.isclass(value) and name.endswith("Error")}
    assert public == set(TREE.split())


def test_the_tree_is_drawn_on_top() -> None:
    """The module's docstring names every class."""
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in TREE.split())


def test_a_wrong_argument_is_a_value_error_too() -> None:
    """ConfigurationError is a ValueError, for callers who know only Python."""
    assert issubclass(errors.ConfigurationError, ValueError)
    assert not issubclass(errors.UnreadableError, ValueError)


@pytest.mark.parametrize("error", EVERY, ids=numbered(0))
def test_every_error_pickles(error: errors.CobaltError) -> None:
    """An error comes out of every pickle protocol, copy and deepcopy with its type, args, text and fields."""
    twins = [travelled(error, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in [*twins, copy.copy(error), copy.deepcopy(error)]:
        assert type(twin) is type(error)
        assert twin.args == error.args
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


@pytest.mark.parametrize("error", EVERY, ids=numbered(0))
def test_every_error_says_it_in_one_line(error: errors.CobaltError) -> None:
    """`str` is one printable line, without a full stop at its end."""
    assert str(error)
    assert str(error).isprintable()
    assert not str(error).endswith(".")


@pytest.mark.parametrize("error", EVERY, ids=numbered(0))
def test_every_error_keeps_its_arguments(error: errors.CobaltError) -> None:
    """What an error was made from stands in `args`, and each of it in an attribute of its own."""
    assert error.args
    if type(error) not in (errors.CobaltError, errors.ConfigurationError):
        assert set(error.args) <= set(vars(error).values())


@pytest.mark.parametrize("error", EVERY[2:], ids=numbered(2))
def test_every_error_names_what_it_happened_to(error: errors.CobaltError) -> None:
    """The sentence begins with the request, with the token id of a refresh, or with the store."""
    assert str(error).startswith(("GET /tokens ", "refresh of api_a: ", "file /srv/token: "))


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_has_status_and_excerpt(kind: type[errors.RefusedError]) -> None:
    """`.status` and `.excerpt` stand on every refusal, and the sentence quotes both."""
    error = kind("GET /tokens", 418, "a teapot")
    assert (error.status, error.excerpt, error.foreign) == (418, "a teapot", False)
    assert "was answered 418" in str(error)
    assert '"a teapot"' in str(error)
    assert '""' not in str(kind("GET /tokens", 418))


def test_a_rate_limit_says_how_long() -> None:
    """`.retry_after` is in the sentence, as seconds, or as a minute where nobody said."""
    assert errors.RateLimitedError("GET /tokens", 509, retry_after=12.4).retry_after == 12.4
    assert "try again in 12 s" in str(errors.RateLimitedError("GET /tokens", 509, retry_after=12.4))
    assert "try again in a minute" in str(errors.RateLimitedError("GET /tokens", 509))


def test_pagination_says_that_the_list_is_not_complete() -> None:
    """`.cursor` and `.items_so_far` are there, and the sentence leaves no doubt."""
    error = errors.PaginationError("GET /tokens", "it loops", "a1", 20)
    assert (error.cursor, error.items_so_far) == ("a1", 20)
    assert "20 items were delivered, the list is NOT complete" in str(error)


@pytest.mark.parametrize("kind", REFRESHES)
def test_the_secret_in_hand_does_not_travel(kind: type[errors.RefreshError]) -> None:
    """`.refreshed` stands outside `args`; a pickle or a copy has dropped it, and says so, and stays so."""
    error = kind("api_a", "its save failed", refreshed=FRESH)
    assert error.refreshed is FRESH
    assert error.args == ("api_a", "its save failed")
    assert ".refreshed and nowhere else: store it now" in str(error)
    for twin in (travelled(error), copy.copy(error)):
        assert type(twin) is kind
        assert twin.refreshed is None
        assert "does not travel" in str(twin)
        assert "does not travel" in str(travelled(twin))
    assert b"canary" not in pickle.dumps(error)
    assert error.refreshed is FRESH


@pytest.mark.parametrize("kind", REFRESHES)
def test_a_secret_that_was_saved_is_not_said_to_be_nowhere_else(kind: type[errors.RefreshError]) -> None:
    """Where `save` has taken it the error says so, and so do its copies."""
    error = kind("api_a", "its answer does not fit", refreshed=FRESH, saved=True)
    for one in (error, travelled(error), copy.copy(error)):
        assert one.saved
        assert str(one).endswith("save has taken the new secret: ask with it before you rely on it")


@pytest.mark.parametrize("kind", REFRESHES)
def test_no_text_of_an_error_shows_the_secret_in_hand(kind: type[errors.RefreshError]) -> None:
    """Neither `str` nor `repr` nor the attributes of an error that carries a secret show it."""
    error = kind("api_a", "its save failed", refreshed=FRESH)
    assert "canary" not in f"{error} {error!r} {vars(error)}"


def test_a_lost_secret_comes_with_advice() -> None:
    """`.advice` says what a person must do and to which token, and is in the sentence."""
    error = errors.SecretLostError("api_a", "it ran after all")
    assert "web app" in error.advice
    assert "api_a" in error.advice
    assert error.advice in str(error)


def test_notes_travel() -> None:
    """A note that somebody adds survives pickling, of a refresh's errors too."""
    for error in (errors.NotSentError("GET /tokens", "x"), errors.RefreshError("api_a", "x", refreshed=FRESH)):
        error.add_note("row 7")
        assert travelled(error).__notes__ == ["row 7"]
