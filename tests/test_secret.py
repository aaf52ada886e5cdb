import copy
import json
import logging
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import RefreshedToken, Secret

TEXT = "canary-of-the-secret-tests-7fQz"
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=512)


@attrs.frozen
class Holder:
    secret: Secret


def shown(secret: Secret, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that Python shows of an object without being asked twice."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("anybody").debug("%s %r", secret, secret)
    kept = RefreshedToken("api_a", "ci", secret)
    return "\n".join(
        [
            str(secret),
            repr(secret),
            f"{secret} {secret!r} {secret:>20}",
            "%s %r" % (secret, secret),  # noqa: UP031 - what it does is the question
            str([secret]),
            str({"secret": secret}),
            str(kept),
            str(attrs.asdict(kept)),
            str(attrs.asdict(Holder(secret))),
            str(attrs.astuple(Holder(secret))),
            str(dir(secret)),
            caplog.text,
        ]
    )


def test_nothing_shows_the_text(caplog: pytest.LogCaptureFixture) -> None:
    """`str`, `repr`, `format`, containers, `attrs.asdict` and log records show a placeholder."""
    assert TEXT not in shown(Secret(TEXT), caplog)


def test_reveal_is_the_way_out() -> None:
    """`reveal()` gives the text as it went in."""
    assert Secret(TEXT).reveal() == TEXT


def test_vars_finds_nothing() -> None:
    """A secret has no `__dict__`."""
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_refuses(protocol: int) -> None:
    """No pickle protocol takes a secret, nor a value that holds one."""
    for value in (Secret(TEXT), RefreshedToken("api_a", "ci", Secret(TEXT))):
        with pytest.raises(TypeError, match="refuses to be pickled"):
            pickle.dumps(value, protocol)


def test_json_refuses() -> None:
    """`json.dumps` does not know a secret, and does not quote it."""
    with pytest.raises(TypeError) as caught:
        json.dumps({"secret": Secret(TEXT)})
    assert TEXT not in str(caught.value)


def test_copies_are_the_same_secret() -> None:
    """`copy` and `deepcopy` keep one text in one place."""
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret


@given(PRINTABLE, PRINTABLE)
def test_secrets_compare_by_their_text(one: str, other: str) -> None:
    """Two secrets are equal, with equal hashes, exactly where their texts are."""
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))


def test_a_secret_is_not_its_text() -> None:
    """A secret equals no str, so that a comparison cannot be a guess."""
    assert Secret(TEXT) != TEXT
    assert {TEXT: 1}.get(Secret(TEXT)) is None  # type: ignore[call-overload]
    assert hash(Secret(TEXT)) != hash(TEXT)


def test_it_does_not_change() -> None:
    """No attribute of a secret can be set or deleted."""
    secret = Secret(TEXT)
    for name in ("text", "_Secret__text"):
        with pytest.raises(AttributeError, match="does not change"):
            setattr(secret, name, "another")
        with pytest.raises(AttributeError, match="does not change"):
            delattr(secret, name)
    assert secret.reveal() == TEXT


@given(PRINTABLE)
def test_any_printable_ascii_is_a_token(text: str) -> None:
    """1 to 512 printable ASCII characters without blanks go in and come out."""
    assert Secret(text).reveal() == text


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", "this one has 0"),
        ("x" * 513, "this one has 513"),
        (f"{TEXT}\n", "a line end, perhaps"),
        (f" {TEXT}", "without blanks"),
        (f"{TEXT}\t{TEXT}", "without blanks"),
        (f"{TEXT}\u200b", "printable ASCII"),
        (f"{TEXT}\x7f", "printable ASCII"),
        (f"{TEXT}\0", "printable ASCII"),
        (f"{TEXT}\u0430", "printable ASCII"),
        (TEXT.encode(), "not bytes"),
        (None, "not NoneType"),
        (5, "not int"),
        ([TEXT], "not list"),
    ],
)
def test_anything_else_is_a_value_error_that_does_not_repeat_it(text: str, flaw: str) -> None:
    """What cannot be a token is named by its flaw; neither message nor frame of ours holds it."""
    with pytest.raises(ValueError, match=flaw) as caught:
        Secret(text)
    assert TEXT not in str(caught.value)
    frame = caught.tb.tb_next
    assert frame is not None
    assert TEXT not in repr(frame.tb_frame.f_locals)
