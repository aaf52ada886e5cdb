import re

import pytest

from cobalt_async.audit import RULES
from cobalt_async.cli.rules import explain, rules
from cobalt_async.errors import ConfigurationError


def test_rules_lists_each_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, with id, severity and title, narrow enough for a terminal."""
    assert rules() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.split(r"\s{2,}", line) for line in lines] == [
        [rule.id, str(rule.severity), rule.title] for rule in RULES.values()
    ]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("rule_id", RULES)
def test_explain_says_what_a_rule_means_and_what_to_do(capsys: pytest.CaptureFixture[str], rule_id: str) -> None:
    """Title and severity, the help, the fix; in lines of 100 columns at most."""
    assert explain(rule_id.lower()) == 0
    text = capsys.readouterr().out
    rule = RULES[rule_id]
    first, meaning, fix = text.split("\n\n")
    assert first == f"{rule_id}: {rule.title} ({rule.severity})"
    assert " ".join(meaning.split()) == rule.help
    assert " ".join(fix.split()) == f"What to do: {rule.fix}"
    assert max(map(len, text.splitlines())) <= 100


def test_explain_refuses_what_is_no_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the nearest, or with where they begin and end; nothing is printed."""
    with pytest.raises(ConfigurationError, match=r"^there is no such rule; perhaps it is CT301, and `cobalt-async"):
        explain("CT303")
    with pytest.raises(ConfigurationError, match="they go from CT101 to CT901"):
        explain("what?")
    assert capsys.readouterr().out == ""
