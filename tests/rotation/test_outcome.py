import string
from pathlib import Path

import pytest

from cobalt_async import RefreshedToken, Secret
from cobalt_async.rotation import Rotation, State
from cobalt_async.rotation.outcome import _ADVICE
from tests.canary import NEW, Hunter


def ended(state: State, **more: object) -> Rotation:
    """A rotation that ended so."""
    known: dict[str, object] = {
        "state": state,
        "why": "it is so",
        "token_id": "api_a",
        "rotation_id": "rot-1",
        "name": "ci",
        "stores": ("file /x", "file /y"),
        "spool": Path("/j/spool/rot-1.1.raw"),
        "died_at": "2026-11-24T03:00:00.000+00:00",
    }
    return Rotation(**{**known, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", State)
def test_each_state_has_an_advice_of_one_line(state: State) -> None:
    """It is filled in, with what is known and without, and says what to do."""
    for advice in (ended(state).advice, Rotation(state=state, why="", token_id="api_a").advice):
        assert advice
        assert advice.isprintable()
        assert "{" not in advice


def test_each_advice_names_only_what_is_filled_in() -> None:
    """A name that `advice` does not know would be a KeyError at the worst moment."""
    names = {name for text in _ADVICE.values() for _, name, _, _ in string.Formatter().parse(text) if name}
    assert names <= {"rotation", "token", "name", "when", "stores", "spool", "web"}


def test_lost_says_which_token_when_and_where_to_put_the_new_one() -> None:
    """What a person needs in the web app."""
    advice = ended(State.LOST).advice
    for needed in ("api_a", "ci", "2026-11-24", "web app", "file /x and file /y"):
        assert needed in advice


def test_held_says_what_must_not_be_deleted() -> None:
    """The spool is the only place where the secret stands."""
    advice = ended(State.HELD).advice
    for needed in ("do not delete /j/spool/rot-1.1.raw", "resume rot-1"):
        assert needed in advice


def test_what_resume_refuses_may_have_been_sent() -> None:
    """By an earlier process, or one that is at it now: only of a rotation that was not begun nothing was sent."""
    assert ended(State.REFUSED).advice == "nothing was done now; mend what is named, then: cobalt-async resume rot-1"
    assert ended(State.REFUSED, rotation_id=None).advice.startswith("nothing was sent; ")


def test_what_stands_nowhere_else_is_said_first() -> None:
    """The disk took it as little as the store did: it is in this value alone, and in no repr."""
    new = RefreshedToken(id="api_a", name="ci", secret=Secret(NEW), expire_at=None)
    rotation = ended(State.LOST, refreshed=new)
    assert "`.refreshed`" in rotation.advice
    hunter = Hunter(NEW)
    hunter.look_inside("a rotation", rotation)
    hunter.look("its repr", rotation, rotation.advice)
    assert hunter.found == []
