import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async import Secret
from cobalt_async.rotation.stores.versions import NOTHING, is_version_of, version_of
from tests.canary import NEW, TOKEN

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=512)


@given(TEXTS, TEXTS)
def test_a_version_is_of_one_secret(one: str, other: str) -> None:
    """It is recognised by the secret that it was taken of, and by no other."""
    version = version_of(Secret(one))
    assert is_version_of(version, Secret(one))
    assert is_version_of(version, Secret(other)) == (one == other)
    assert not is_version_of(version, None)
    assert not is_version_of(NOTHING, Secret(one))


def test_a_version_tells_nothing() -> None:
    """Two of one secret differ, so a list of versions does not even tell which secrets are the same."""
    versions = {version_of(Secret(TOKEN)) for _ in range(20)}
    assert len(versions) == 20
    assert all(TOKEN[:6] not in version and len(version) == 65 for version in versions)


def test_it_means_the_same_elsewhere() -> None:
    """A version that another process took long ago is recognised."""
    version = "000102030405060708090a0b0c0d0e0f:1f1995554cbe7d412dd76f685acd144a"
    assert is_version_of(version, Secret(TOKEN))
    assert not is_version_of(version, Secret(NEW))


def test_nothing_is_a_version() -> None:
    """What holds nothing has a version, always the same."""
    assert version_of(None) == NOTHING
    assert is_version_of(NOTHING, None)


@pytest.mark.parametrize("version", ["", ":", "zz:00", "00:", "00:00", "00" * 65 + ":00", "é", "00:é"])
def test_what_is_no_version(version: str) -> None:
    """It is the version of nothing that is held, and no error."""
    assert not is_version_of(version, Secret(TOKEN))
    assert not is_version_of(version, None)
