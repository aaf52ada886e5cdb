"""`cobalt-async rules` and `cobalt-async explain RULE`: what the audit looks for."""

import textwrap

from cobalt_async.audit import RULES, Rule

from .exit_codes import ExitCode

_WIDTH = 100  # columns, at most


def rules() -> int:
    """Print each rule on a line: id, severity, title."""
    widest = max(len(rule.severity) for rule in RULES.values())
    for rule in RULES.values():
        print(f"{rule.id}  {rule.severity:{widest}}  {rule.title}")
    return ExitCode.DONE


def explain(rule_id: str) -> int:
    """Print what a rule means, how it can be a false alarm, and what to do; ConfigurationError where there is none."""
    rule = Rule.find(rule_id)
    print(f"{rule.id}: {rule.title} ({rule.severity})")
    for text in (rule.help, f"What to do: {rule.fix}"):
        print("", textwrap.fill(text, _WIDTH), sep="\n")
    return ExitCode.DONE
