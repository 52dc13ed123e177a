"""Rules and their outcomes in words that several outputs share."""

from __future__ import annotations

from megatest.logpro.judge import RuleOutcome
from megatest.logpro.rule import Count, Rule
from megatest.scheme.number import format_number


def comparison_text(rule: Rule) -> str:
    """Return how found and expected are compared: an operator or ``+/-``."""
    return rule.test.comparison if isinstance(rule.test, Count) else rule.test.type_text


def expected_text(rule: Rule) -> str:
    """Return the count or value that the rule expects."""
    return format_number(rule.test.expected)


def found_text(outcome: RuleOutcome) -> str:
    """Return the count, or the last value of a value rule (``-`` without)."""
    if isinstance(outcome.rule.test, Count):
        return str(outcome.tally.count)
    return "-" if outcome.tally.measured is None else outcome.tally.measured


def pattern_text(rule: Rule) -> str:
    """Return the patterns as they are written."""
    return " ".join(f"#/{pattern.source}/" for pattern in rule.patterns)


def status_text(outcome: RuleOutcome) -> str:
    """Return ``OK`` or ``FAIL``."""
    return "OK" if outcome.ok else "FAIL"
