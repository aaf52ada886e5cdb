import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest

from cobalt_async.audit import Verdict
from cobalt_async.audit.baseline import Baseline, Change, ChangeKind, changes, writing
from cobalt_async.audit.facts import Facts
from cobalt_async.audit.marks import kept_name
from cobalt_async.errors import ConfigurationError
from tests.audit.keeping import lists, saved, tell

SALT = b"s" * 32
LIKELY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


class Save(Protocol):
    def __call__(self, *, verdicts: dict[str, Verdict] | None = None, secrets: dict[str, str] | None = None,
                 salt: bytes = SALT, **users: list[str]) -> Baseline: ...  # fmt: skip


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves what users have, as `id=name` or an id alone; each has a living credential, which is called as the user.

    `verdicts` are of other credentials; `secrets` of any, where they are not the credential's own.
    """
    number = iter(range(100))

    def made(
        *,
        verdicts: dict[str, Verdict] | None = None,
        secrets: dict[str, str] | None = None,
        salt: bytes = SALT,
        **users: list[str],
    ) -> Baseline:
        with closing(Facts(salt=salt)) as facts:
            for user, (label, tokens) in enumerate(users.items(), 1):
                tell(facts, label, Verdict.ALIVE, user, secret=(secrets or {}).get(label, ""))
                pairs = (token.partition("=") for token in tokens)
                lists(facts, user, *((token_id, name or token_id) for token_id, _, name in pairs))
            for label, verdict in (verdicts or {}).items():
                tell(facts, label, verdict, secret=(secrets or {}).get(label, ""))
            return saved(facts, tmp_path / f"baseline {next(number)}")

    return made


def found(first: Baseline, second: Baseline) -> list[Change]:
    """All changes."""
    return list(changes(first, second))


def mark(label: str) -> str:
    """A credential's name in a change."""
    with closing(Facts(salt=SALT)) as facts:
        return facts.label_mark(label).hex()


def test_nothing_changed(save: Save) -> None:
    """Numbers of users are a run's own, and so are the order of tokens and of credentials."""
    first = save(ada=["api_1", "api_2"], bob=["api_3"], verdicts={"x": Verdict.DEAD, "y": Verdict.FORBIDDEN})
    second = save(bob=["api_3"], ada=["api_2", "api_1"], verdicts={"y": Verdict.FORBIDDEN, "x": Verdict.DEAD})
    assert found(first, second) == found(first, first) == []


def test_ids_come_and_go(save: Save) -> None:
    """With the names that they have, or had."""
    first, second = save(ada=["api_1=CI", "api_2=old"]), save(ada=["api_1=CI", "api_3=new", "api_4=CI"])
    assert found(first, second) == [
        Change(ChangeKind.NEW_ID, "api_3", None, "new"),
        Change(ChangeKind.NEW_ID, "api_4", None, "CI"),
        Change(ChangeKind.ID_GONE, "api_2", "old"),
    ]


def test_a_name_changes(save: Save) -> None:
    """The id is the same: from which name to which; to another case, and to none, too."""
    first, second = save(ada=["api_1=CI", "api_2=x", "api_3=y"]), save(ada=["api_1=ci", "api_2=", "api_3=y"])
    assert found(first, second) == [
        Change(ChangeKind.RENAMED, "api_1", "CI", "ci"),
        Change(ChangeKind.RENAMED, "api_2", "x", "api_2"),
    ]


def test_the_same_name_with_another_id(save: Save) -> None:
    """One that came for each that went, of one user; the rest is new, or gone; other users' names are theirs."""
    first = save(ada=["api_0", "api_1=CI", "api_2=CI", "api_3=CI"], bob=["api_b", "api_4=CD"], cyd=["api_c"])
    second = save(ada=["api_0", "api_5=CI", "api_6=CI"], bob=["api_b"], cyd=["api_c", "api_7=CD"])
    assert found(first, second) == [
        Change(ChangeKind.REFRESHED, "api_5", "api_1", "CI"),
        Change(ChangeKind.REFRESHED, "api_6", "api_2", "CI"),
        Change(ChangeKind.NEW_ID, "api_7", None, "CD"),
        Change(ChangeKind.ID_GONE, "api_3", "CI"),
        Change(ChangeKind.ID_GONE, "api_4", "CD"),
    ]


def test_somebodys_only_token_was_refreshed(save: Save) -> None:
    """No id is left to know the user by; the label that leads to both is enough, and the user is not gone."""
    first, second = save(ada=["api_1=CI"]), save(ada=["api_2=CI"], secrets={"ada": "new"})
    assert found(first, second) == [
        Change(ChangeKind.REFRESHED, "api_2", "api_1", "CI"),
        Change(ChangeKind.NEW_SECRET, mark("ada")),
    ]


def test_a_user_goes(save: Save) -> None:
    """With neither an id nor a credential left; named by the smallest id, and each id is told too."""
    first, second = save(ada=["api_1"], bob=["api_3", "api_2"]), save(ada=["api_1"])
    assert found(first, second) == [
        Change(ChangeKind.ID_GONE, "api_2", "api_2"),
        Change(ChangeKind.ID_GONE, "api_3", "api_3"),
        Change(ChangeKind.USER_GONE, "api_2"),
        Change(ChangeKind.CREDENTIAL_GONE, mark("bob"), "ALIVE"),
    ]


def test_a_number_is_nobodys_name(save: Save) -> None:
    """Who has the number of somebody who is gone, and a token of the same name, is somebody else all the same."""
    first, second = save(ada=["api_1"], bob=["api_2=CI"]), save(ada=["api_1"], cyd=["api_3=CI"])
    assert [change.kind for change in found(first, second)] == [
        ChangeKind.NEW_ID,
        ChangeKind.ID_GONE,
        ChangeKind.USER_GONE,
        ChangeKind.NEW_CREDENTIAL,
        ChangeKind.CREDENTIAL_GONE,
    ]


def test_users_become_one(save: Save) -> None:
    """Each of them by the smallest id of then; a label that moved to somebody else makes nobody one."""
    first = save(ada=["api_1", "api_2"], bob=["api_3"], cyd=["api_4"], dan=["api_5"])
    second = save(ada=["api_1", "api_2", "api_3", "api_4"], dan=["api_5"])
    merged = [change for change in found(first, second) if change.kind is ChangeKind.USERS_MERGED]
    assert merged == [
        Change(ChangeKind.USERS_MERGED, "api_3", None, "api_1"),
        Change(ChangeKind.USERS_MERGED, "api_4", None, "api_1"),
    ]
    moved = save(ada=["api_5"], bob=["api_3"], cyd=["api_4"], dan=["api_1", "api_2"])
    assert found(first, moved) == []


def test_credentials_change(save: Save) -> None:
    """By the fingerprints of their labels: another verdict, another secret, a new one, one that is gone."""
    first = save(verdicts={"a": Verdict.DEAD, "b": Verdict.DEAD, "c": Verdict.DEAD, "d": Verdict.FORBIDDEN})
    second = save(
        verdicts={"a": Verdict.FORBIDDEN, "b": Verdict.DEAD, "c": Verdict.FORBIDDEN, "e": Verdict.DEAD},
        secrets={"b": "new", "c": "new"},
    )
    verdicts = sorted([mark("a"), mark("c")])
    assert found(first, second) == [
        *(Change(ChangeKind.VERDICT, label, "DEAD", "FORBIDDEN") for label in verdicts),
        *(Change(ChangeKind.NEW_SECRET, label) for label in sorted([mark("b"), mark("c")])),
        Change(ChangeKind.NEW_CREDENTIAL, mark("e"), None, "DEAD"),
        Change(ChangeKind.CREDENTIAL_GONE, mark("d"), "FORBIDDEN"),
    ]


def test_salts_of_their_own(save: Save) -> None:
    """Nothing says which credentials are the same, and a comparison of half is no comparison: one line that helps."""
    first, second = save(ada=["api_1"]), save(ada=["api_1"], salt=b"t" * 32)
    with pytest.raises(ConfigurationError) as caught:
        found(first, second)
    assert str(caught.value) == (
        f"{first.path} and {second.path} cannot be compared: each has a salt of its own; "
        "save the second from an audit with --baseline, given the first"
    )


def test_a_file_that_changed_in_between(save: Save) -> None:
    """What was read is what is compared."""
    first, second = save(ada=["api_1"]), save(ada=["api_2"])
    second.path.write_bytes(first.path.read_bytes())
    with pytest.raises(ConfigurationError, match="it was changed while it was in use"):
        found(first, second)


def test_memory_does_not_grow_with_the_files(save: Save) -> None:
    """Twenty times the changes take no more of it, though all have one name and are one user's."""

    def peak(tokens: int) -> int:
        first, second = (save(ada=["api_0", *(f"api_{start}{n}=CI" for n in range(tokens))]) for start in "ab")
        tracemalloc.start()
        try:
            assert sum(change.kind is ChangeKind.REFRESHED for change in changes(first, second)) == tokens
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(300)
    assert peak(9000) < 1.3 * peak(1500)


def kept(name: str) -> str:
    """What stands for a name that holds a secret."""
    return kept_name(name, SALT)


def test_names_that_hold_secrets_are_compared_and_not_repeated(save: Save) -> None:
    """The same one is no change, another one is; a secret of the inventory is one though it looks like nothing."""
    first = save(ada=[f"api_1={LIKELY}", f"api_2={LIKELY}", "api_3=secret-of-ada", "api_4=CI"])
    second = save(ada=[f"api_1={LIKELY}", f"api_2={LIKELY}x", "api_3=secret-of-ada", "api_4=secret-of-ada"])
    assert found(first, second) == [
        Change(ChangeKind.RENAMED, "api_2", kept(LIKELY), kept(f"{LIKELY}x")),
        Change(ChangeKind.RENAMED, "api_4", "CI", kept("secret-of-ada")),
    ]
    for baseline in (first, second):
        text = baseline.path.read_text()
        assert LIKELY not in text
        assert "secret-of-ada" not in text


@pytest.mark.parametrize("which", ["first", "second", "both"])
def test_names_that_an_older_version_wrote(save: Save, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """They hold their secrets in clear: that is no change, nor is it repeated."""
    ids = ["api_1=CI", f"api_2={LIKELY}", "api_3=secret-of-ada", f"api_4={LIKELY}"]

    def made(name: str, *more: str) -> Baseline:
        with monkeypatch.context() as patch:
            if which in {name, "both"}:
                patch.setattr(writing, "_kept", lambda texts, name, salt: name)
            return save(ada=[*ids, *more])

    first, second = made("first"), made("second", f"api_5={LIKELY}", "api_6=secret-of-ada")
    assert (LIKELY in first.path.read_text()) is (which != "second")
    assert found(first, second) == [
        Change(ChangeKind.NEW_ID, "api_5", None, kept(LIKELY)),
        Change(ChangeKind.NEW_ID, "api_6", None, kept("secret-of-ada")),
    ]


def test_what_one_file_does_not_say_the_other_does_not_tell(save: Save) -> None:
    """A secret that only one of the two inventories had."""
    first, second = save(ada=["api_1=secret-of-bob"]), save(ada=["api_1=secret-of-bob"], bob=["api_2"])
    kinds = [ChangeKind.NEW_ID, ChangeKind.NEW_CREDENTIAL]
    assert [change.kind for change in found(first, second)] == kinds
    assert "secret-of-bob" not in repr(found(second, first))
