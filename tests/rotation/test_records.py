from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cobalt_async import Secret
from cobalt_async.ledger import fingerprint
from cobalt_async.rotation import records
from cobalt_async.rotation.intent import Fields, Intent, StoreNote
from cobalt_async.rotation.records import Entry
from cobalt_async.rotation.words import FINISHED, Seen, State
from tests.canary import NEW, TOKEN, Hunter

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SALT = bytes(range(32))
INTENT = Intent(
    rotation_id="rot-1",
    token_id="api_a",
    name="ci",
    base_url="https://api.cobalt.io",
    region="us",
    rotation_class="RECOVERABLE",
    binding="DECLARED",
    salt=SALT,
    old=fingerprint(Secret(TOKEN), SALT),
    listed={"api_a": "ci", "api_b": "other"},
    stores=(StoreNote(described="file /x", reference="file:/x", version="1", held=b"held"),),
    secret_ref="env:OLD",
    sibling_ref=None,
)

quick = settings(max_examples=60, deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)
FIELDS = st.dictionaries(st.text(max_size=9), JSON, max_size=6).filter(lambda fields: "sum" not in fields)


def line(kind: str, second: int = 0, **more: Any) -> dict[str, Any]:
    """A record of the rotation, so many seconds after its beginning."""
    return {"at": records.stamp(AT + timedelta(seconds=second)), "rotation": "rot-1", "kind": kind, **more}


BEGUN = line("INTENT", **INTENT.fields())
STORY = [
    BEGUN,
    line("SENT", 1, n=1, token_id="api_a", by="self"),
    line("ANSWERED", 2, n=1, seen="UNKNOWN"),
    line("SENT", 3, n=2, token_id="api_a", by="sibling"),
    line("ANSWERED", 4, n=2, seen="NEW"),
    line("SPOOLED", 5, token_id="api_n", new=fingerprint(Secret(NEW), SALT).hex()),
    line("PROVEN", 6),
    line("ENDED", 7, state="HELD", why="the store failed"),
]


def folded(lines: Iterable[Fields]) -> Entry:
    """The one rotation in these lines."""
    told = records.Folded()
    told.add(lines)
    [entry] = told.entries.values()
    return entry


@quick
@given(FIELDS)
def test_any_fields_come_back(fields: dict[str, Any]) -> None:
    """One line of ASCII, whatever the texts; what is read is what was written."""
    if not fields:
        return
    written = records.write(fields)
    assert written.isascii()
    assert written.count(b"\n") == 1
    assert records.read(written) == fields


@pytest.mark.parametrize("record", STORY, ids=lambda record: f"{record['kind']} {record['at'][17:19]}")
def test_every_torn_prefix_is_refused(record: dict[str, Any]) -> None:
    """A line that a crash cut is none, at whatever byte; only its end of line may be missing."""
    written = records.write(record)
    for length in range(len(written) - 1):
        assert records.read(written[:length]) is None, length
    assert records.read(written[:-1]) == record


def test_every_flipped_byte_is_refused() -> None:
    """Each byte of a line, changed in its lowest bit, in its case, and into a quote."""
    written = records.write(STORY[5])
    for at, byte in enumerate(written[:-1]):
        for other in {byte ^ 1, byte ^ 0x20, ord('"')} - {byte}:
            assert records.read(written[:at] + bytes([other]) + written[at + 1 :]) is None, at


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\n",
        b"{}\n",
        b"hello\n",
        b'{"kind":"SENT"}\n',
        b'\xff\xfe{"a":1}\n',
        b"[" * 100_000,
        b"null\n",
        b'"sum"\n',
    ],
    ids=repr,
)
def test_a_foreign_line_is_none(foreign: bytes) -> None:
    """Whatever somebody else wrote there; nothing of it is believed, and nothing fails."""
    assert records.read(foreign) is None


def test_a_sum_over_what_is_no_object_is_refused() -> None:
    """The sum is right and the line is no record."""
    for body in (b"[1", b"{]", b'{"a":' + b"[" * 50_000):
        assert records.read(body + b',"sum":"' + records._sum(body) + b'"}') is None


def test_what_a_rotation_came_to() -> None:
    """The records of one rotation, put together."""
    entry = folded(STORY)
    assert entry.intent == INTENT
    assert (entry.state, entry.why, entry.finished) == ("HELD", "the store failed", False)
    assert (entry.token_id, entry.new_token_id) == ("api_n", "api_n")
    assert entry.new == entry.fingerprint(Secret(NEW))
    assert entry.intent.old == entry.fingerprint(Secret(TOKEN))
    assert [(send.by_sibling, send.seen) for send in entry.sends.values()] == [(False, Seen.UNKNOWN), (True, Seen.NEW)]
    assert entry.last_in_doubt() == AT + timedelta(seconds=1)
    assert entry.last_in_doubt(by_sibling=True) is None
    assert entry.last_sent() == AT + timedelta(seconds=3)
    assert (entry.started_at, entry.updated_at) == (AT, AT + timedelta(seconds=7))


def test_what_the_table_is_told_of_it() -> None:
    """Doubt is about the answers that did not come, and `in_hand` about those that did."""
    facts = folded(STORY).facts(sibling=True, resumed=True)
    assert (facts.doubt, facts.recovery_in_doubt, facts.in_hand, facts.had_sibling) == (True, False, True, True)
    facts = folded(STORY[:4]).facts(sibling=False, resumed=True)
    assert (facts.doubt, facts.recovery_in_doubt, facts.in_hand, facts.sibling) == (True, True, False, False)
    facts = folded(STORY[:1]).facts(sibling=False, resumed=False)
    assert (facts.doubt, facts.recovery_in_doubt, facts.in_hand) == (False, False, False)


@quick
@given(st.lists(st.integers(0, len(STORY) - 1), max_size=12))
def test_a_line_that_stands_twice_counts_once(again: list[int]) -> None:
    """Duplicates of any lines, after the first of each, change nothing."""
    assert folded([*STORY, *(STORY[at] for at in again)]) == folded(STORY)


@quick
@given(FIELDS, st.integers(0, len(STORY)))
def test_foreign_records_are_passed_over(fields: dict[str, Any], at: int) -> None:
    """Records with a right sum that say nothing of ours, in whatever shape, anywhere."""
    assert folded([*STORY[:at], {**fields, "rotation": "other"}, *STORY[at:]]).sends == folded(STORY).sends
    assert folded([*STORY[:at], fields, *STORY[at:]]).sends == folded(STORY).sends


@pytest.mark.parametrize(
    "broken",
    [
        {"at": "yesterday"},
        {"at": None},
        {"rotation": None},
        {"rotation": "rot-2"},
        {"kind": "ANSWERED", "n": 9, "seen": "NEW"},
        {"kind": "ANSWERED", "n": 1, "seen": "WHATEVER"},
        {"kind": "SPOOLED", "new": "no hex", "token_id": "api_n"},
        {"kind": "ENDED", "state": "WHATEVER"},
        {"kind": "SENT"},
    ],
    ids=repr,
)
def test_a_record_that_does_not_fit_changes_nothing(broken: dict[str, Any]) -> None:
    """A time, an id, a state or a number that there is not."""
    known = folded(STORY)
    entry = folded([*STORY, {**line("PROVEN", 9), **broken}])
    assert (entry.state, entry.sends, entry.new) == (known.state, known.sends, known.new)


def test_a_kind_that_is_not_known_yet_is_a_word_for_people() -> None:
    """A later version may write down more: it shows where the rotation stands, and decides nothing."""
    entry = folded([*STORY, line("POLISHED", 9)])
    assert entry.state == "POLISHED"
    assert not entry.finished
    assert entry.facts(sibling=True, resumed=True) == folded(STORY).facts(sibling=True, resumed=True)


@pytest.mark.parametrize("state", State)
def test_a_rotation_that_ended(state: State) -> None:
    """`finished` is what resume leaves alone."""
    entry = folded([*STORY, line("ENDED", 9, state=state.value, why="")])
    assert entry.state == state
    assert entry.finished == (state in FINISHED)


def test_the_audit_reads_a_rotation_record() -> None:
    """Both fingerprints, both ids, and both times."""
    record = folded(STORY).record()
    assert (record.rotation_id, record.token_id, record.new_token_id) == ("rot-1", "api_a", "api_n")
    assert (record.region, record.state, record.finished) == ("us", "HELD", False)
    assert (record.old, record.new) == (INTENT.old, fingerprint(Secret(NEW), SALT))


def test_no_line_holds_a_secret() -> None:
    """Fingerprints only; a repr does not even show those."""
    hunter = Hunter(TOKEN, NEW)
    for record in STORY:
        hunter.look_at_bytes("a line", records.write(record))
    hunter.look_inside("an entry", folded(STORY))
    assert hunter.found == []
    assert INTENT.old.hex() not in repr(folded(STORY))
    assert str(INTENT.old) not in repr(folded(STORY))


def test_a_time_is_written_in_utc() -> None:
    """Whatever zone the machine is in, to the millisecond."""
    assert records.stamp(datetime.fromisoformat("2026-11-24T05:00:00.123456+02:00")) == "2026-11-24T03:00:00.123+00:00"
