"""What a baseline keeps of the one before it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cobalt_async.audit import Verdict
from cobalt_async.audit.baseline import Baseline, changes, read_baseline
from cobalt_async.audit.facts import Facts
from tests.audit.keeping import lists, saved, tell

ALIVE, DEAD, FORBIDDEN, INDETERMINATE, NOT_TRIED = Verdict
Known = dict[str, tuple[str, int | None]]


@pytest.fixture
def first(tmp_path: Path) -> Baseline:
    """Ada (1) with two tokens and a credential, Bob (2) with one of each, and a dead one."""
    with closing(Facts()) as facts:
        tell(facts, "ada", ALIVE, 1)
        lists(facts, 1, "api_1", "api_2")
        tell(facts, "bob", ALIVE, 2)
        lists(facts, 2, "api_3")
        tell(facts, "dead", DEAD)
        return saved(facts, tmp_path / "first")


@contextmanager
def after(baseline: Baseline) -> Iterator[Facts]:
    """A run that goes by a baseline."""
    with closing(Facts(salt=baseline.salt)) as facts:
        baseline.load_into(facts)
        yield facts


def kept(facts: Facts, path: Path, *labels: str, **more: Any) -> tuple[Known, dict[str, int]]:
    """Verdict and user of each label, and the user of each id, as the next baseline has them."""
    baseline = saved(facts, path, **more)
    with after(baseline) as later:
        rows = {mark: (verdict, user) for mark, verdict, user in
                later.query("SELECT label_mark, verdict, user FROM was_credential")}  # fmt: skip
        known = {label: rows.pop(later.label_mark(label)) for label in labels if later.label_mark(label) in rows}
        assert not rows
        return known, dict(later.query("SELECT id, user FROM was_token"))


@pytest.mark.parametrize("verdict", [INDETERMINATE, NOT_TRIED])
def test_a_failed_check_erases_nothing(first: Baseline, tmp_path: Path, verdict: Verdict) -> None:
    """A credential without a verdict keeps that of the baseline, and its user the tokens; a new one has none."""
    with after(first) as facts:
        tell(facts, "ada", verdict)
        tell(facts, "bob", ALIVE, 1)
        lists(facts, 1, "api_3")
        tell(facts, "dead", verdict)
        tell(facts, "new", verdict)
        known, ids = kept(facts, tmp_path / "second", "ada", "bob", "dead", "new")
    assert known == {"ada": ("ALIVE", ids["api_1"]), "bob": ("ALIVE", 1), "dead": ("DEAD", None)}
    assert ids["api_1"] == ids["api_2"] != ids["api_3"] == 1


def test_it_is_kept_for_many_runs(first: Baseline, tmp_path: Path) -> None:
    """Nothing wears off, however often a check fails."""
    baseline = first
    for run in range(5):
        with after(baseline) as facts:
            tell(facts, "ada", INDETERMINATE)
            tell(facts, "bob", ALIVE, 1)
            lists(facts, 1, "api_3")
            baseline = saved(facts, tmp_path / f"run {run}")
    with after(baseline) as facts:
        users = dict(facts.query("SELECT id, user FROM was_token"))
    assert users.pop("api_3") == 1
    assert set(users) == {"api_1", "api_2"}
    assert len(set(users.values())) == 1


def test_what_was_seen_counts(first: Baseline, tmp_path: Path) -> None:
    """Of a user who was seen, ids of then that are listed no longer go, though one of the credentials failed."""
    with after(first) as facts:
        tell(facts, "ada", INDETERMINATE)
        tell(facts, "ada too", ALIVE, 7)
        lists(facts, 7, "api_2", "api_9")
        tell(facts, "bob", ALIVE, 8)
        lists(facts, 8, "api_3")
        known, ids = kept(facts, tmp_path / "second", "ada", "ada too", "bob")
    assert known == {"ada": ("ALIVE", 7), "ada too": ("ALIVE", 7), "bob": ("ALIVE", 8)}
    assert ids == {"api_2": 7, "api_9": 7, "api_3": 8}


@pytest.mark.parametrize("verdict", [DEAD, FORBIDDEN])
def test_a_refusal_keeps_whose_it_was(first: Baseline, tmp_path: Path, verdict: Verdict) -> None:
    """The verdict is the new one; its user, who was not seen, may have other tokens still, so what is known stays."""
    with after(first) as facts:
        tell(facts, "ada", verdict)
        tell(facts, "bob", ALIVE, 3)
        lists(facts, 3, "api_3")
        known, ids = kept(facts, tmp_path / "second", "ada", "bob")
    assert known == {"ada": (verdict.value, ids["api_1"]), "bob": ("ALIVE", 3)}
    assert ids["api_1"] == ids["api_2"] not in (3, None)


def test_what_left_the_inventory_goes(first: Baseline, tmp_path: Path) -> None:
    """A label that is there no longer, and a user of whom no credential is."""
    with after(first) as facts:
        tell(facts, "bob", INDETERMINATE)
        known, ids = kept(facts, tmp_path / "second", "bob", "ada", "dead")
    assert known == {"bob": ("ALIVE", ids["api_3"])}
    assert set(ids) == {"api_3"}


def test_a_run_that_was_stopped_forgets_nothing(first: Baseline, tmp_path: Path) -> None:
    """Its inventory may not have been read to its end."""
    with after(first) as facts:
        tell(facts, "bob", DEAD)
        known, ids = kept(facts, tmp_path / "second", "bob", "ada", "dead", stopped=True)
    assert known == {"bob": ("DEAD", ids["api_3"]), "ada": ("ALIVE", ids["api_1"]), "dead": ("DEAD", None)}
    assert set(ids) == {"api_1", "api_2", "api_3"}


def test_the_same_secret_under_another_label(first: Baseline, tmp_path: Path) -> None:
    """A relabelled credential that is refused keeps its user too."""
    with after(first) as facts:
        tell(facts, "ada's own", DEAD, secret="secret-of-ada")
        known, ids = kept(facts, tmp_path / "second", "ada's own", "ada")
    assert known == {"ada's own": ("DEAD", ids["api_1"])}
    assert set(ids) == {"api_1", "api_2"}


def test_a_new_secret_that_could_not_be_checked(first: Baseline, tmp_path: Path) -> None:
    """The label keeps the line that it had, of the secret before, and so its user the tokens."""
    with after(first) as facts:
        tell(facts, "ada", INDETERMINATE, secret="new")
        before = set(facts.query("SELECT mark FROM was_credential"))
        known, ids = kept(facts, tmp_path / "second", "ada")
        with after(read_baseline(tmp_path / "second")) as later:
            assert set(later.query("SELECT mark FROM was_credential")) < before
    assert known == {"ada": ("ALIVE", ids["api_1"])}
    assert set(ids) == {"api_1", "api_2"}


def test_users_who_became_one(first: Baseline, tmp_path: Path) -> None:
    """Two users of the baseline whose ids one user lists now are that user, for credentials that failed too."""
    with after(first) as facts:
        tell(facts, "both", ALIVE, 4)
        lists(facts, 4, "api_1", "api_3")
        tell(facts, "ada", INDETERMINATE)
        tell(facts, "bob", NOT_TRIED)
        known, ids = kept(facts, tmp_path / "second", "both", "ada", "bob")
    assert known == dict.fromkeys(("both", "ada", "bob"), ("ALIVE", 4))
    assert ids == {"api_1": 4, "api_3": 4}


def test_an_id_stands_there_once(tmp_path: Path) -> None:
    """What nothing should list twice would make a baseline that cannot be read: the first user has it."""
    with closing(Facts()) as facts:
        for user in (1, 2):
            tell(facts, f"label {user}", ALIVE, user)
            lists(facts, user, "api_1", f"api_of_{user}")
        _, ids = kept(facts, tmp_path / "first", "label 1", "label 2")
    assert ids == {"api_1": 1, "api_of_1": 1, "api_of_2": 2}


def test_it_is_saved_twice_the_same(first: Baseline, tmp_path: Path) -> None:
    """Saving changes nothing of what is saved."""
    with after(first) as facts:
        tell(facts, "ada", INDETERMINATE)
        one, two = saved(facts, tmp_path / "one"), saved(facts, tmp_path / "two")
    assert one.sha256 == two.sha256


def test_a_name_that_was_not_written_never_is(tmp_path: Path) -> None:
    """It held a secret of the inventory; when that is gone from there, and from the baseline, it is not shown."""
    path = tmp_path / "baseline"
    with closing(Facts()) as facts:
        tell(facts, "ada", ALIVE, 1)
        tell(facts, "bob", ALIVE, 2)
        lists(facts, 1, ("api_1", "secret-of-bob"), ("api_2", "CI"))
        baseline = saved(facts, path)
    for _ in range(3):
        with after(baseline) as facts:
            tell(facts, "ada", ALIVE, 1)
            lists(facts, 1, ("api_1", "secret-of-bob"), ("api_2", "CI"))
            baseline = saved(facts, path)
        text = path.read_text()
        assert "secret-of-bob" not in text
        assert '{"id": "api_2", "name": "CI"}' in text
    with after(baseline) as facts:  # nobody was seen
        tell(facts, "ada", NOT_TRIED)
        again = saved(facts, tmp_path / "again")
    assert list(changes(baseline, again)) == []
