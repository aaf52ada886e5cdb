import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cobalt_async.audit.pattern import NamePattern
from cobalt_async.errors import ConfigurationError

CHARACTERS = st.sampled_from(
    ["a", "b", "B", ".", "[ab]", "[^a]", "[]a]", r"[\]a-c_]", r"\d", r"\W", r"\s", r"\.", r"\(", "-", " ", "é", "ß"]
)
REPETITIONS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "{0}", "{,}", "*?", "+?", "??", "{1,2}?"])
PATTERNS = st.recursive(
    CHARACTERS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, REPETITIONS),
        st.builds("{}{}".format, CHARACTERS, REPETITIONS),
    ),
    max_leaves=8,
)
NAMES = st.text(st.sampled_from("abB.-_1 \n)]éß"), max_size=8)


@given(st.sampled_from(["", "^", "(?i)", "(?i)^"]), PATTERNS, st.sampled_from(["", "$"]), st.lists(NAMES, min_size=4))
def test_it_means_what_it_means_in_re(start: str, pattern: str, end: str, names: list[str]) -> None:
    """Whatever is understood matches the very names that `re.fullmatch` does."""
    made, judge = NamePattern(start + pattern + end), re.compile(start + pattern + end)
    assert [made.matches(name) for name in names] == [judge.fullmatch(name) is not None for name in names]


@pytest.mark.parametrize(
    "pattern", [r"(a+)+", r"(a|a)*", r"(a|aa)+", r"(.*a){20}", r"(a*)*b", r"(\w+\s?)*", r"(?i)(a+)+$"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """What keeps `re` busy for years is matched in no time, in the longest name there is."""
    made = NamePattern(pattern)
    began = time.process_time()
    for _ in range(100):
        made.matches("a" * 255 + "!")
    assert time.process_time() - began < 3


def test_what_is_remembered_stays_small() -> None:
    """A name in every script there is leaves a bounded trace."""
    made = NamePattern(".*")
    for start in range(0x4E00, 0x4E00 + 5000, 100):
        assert made.matches("".join(map(chr, range(start, start + 100))))
    assert sum(map(len, made._moves.values())) <= 1000


@pytest.mark.parametrize(
    ("pattern", "flaw"),
    [
        ("(a", "at character 1, a ( without its )"),
        ("a)", "at character 2, a ) without its ("),
        ("[a", "at character 1, a class that is not closed"),
        ("[[a]", "a class with [ or a doubled sign"),
        ("[a--b]", "a class with [ or a doubled sign"),
        ("[z-a]", "a range the wrong way round"),
        (r"[\q]", "unknown escape"),
        ("*", "at character 1, a * with nothing to repeat"),
        ("a|+", "at character 3, a + with nothing to repeat"),
        ("a**", "a repetition of a repetition"),
        ("a*+", "a repetition of a repetition"),
        ("a{2}{3}", "a repetition of a repetition"),
        ("a{3,1}", "the wrong way round"),
        ("a{x}", "a { with nothing to repeat"),
        ("a$b", "a $ with nothing to repeat or end"),
        ("a^", "a ^ with nothing to repeat or end"),
        (r"\bci", r"a \ before what it is not known for"),
        (r"(a)\1", r"a \ before what it is not known for"),
        ("a\\", r"a \ before what it is not known for"),
        ("(?=a)b", "a group of a special kind"),
        ("(?P<x>a)", "a group of a special kind"),
        ("a(?i)", "a group of a special kind"),
        ("(" * 31 + ")" * 31, "more than 30 groups"),
        ("a{9999}", "it repeats too much"),
        ("((a{99}){99}){99}", "it repeats too much"),
        ("(((){999}){999}){999}", "it repeats too much"),
        ("a" * 501, "at most 500 characters"),
    ],
)
def test_what_is_not_understood_is_refused(pattern: str, flaw: str) -> None:
    """One line that says where and what, at once."""
    with pytest.raises(ConfigurationError, match=re.escape(flaw)) as caught:
        NamePattern(pattern)
    assert str(caught.value).startswith("name_pattern: ")
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__cause__ is caught.value.__context__ is None


@given(st.text(st.sampled_from("ab\\d[]^-()|*+?{}0,1.$:i&~"), max_size=30))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    """Nothing else is ever raised; and what is accepted, `re` accepts too, without a warning."""
    try:
        made = NamePattern(text)
    except ConfigurationError:
        return
    assert made.matches("aab") is (re.fullmatch(text, "aab") is not None)
