"""The ``.dat``: the verdict and the values in the syntax of configuration files, for megatest to import."""

from __future__ import annotations

from collections.abc import Mapping
from megatest.typed import Final

from megatest.logpro.judge import RuleOutcome, Verdict
from megatest.logpro.rule import Measure
from megatest.scheme.number import format_number

Sections = dict[str, dict[str, str]]
"""The keys of each section, both in the order of the file."""

_LINE_ENDS: Final[Mapping[int, str]] = {ord(c): " " for c in "\n\r\0"}


def dat_text(verdict: Verdict) -> str:
    """Return a section for each value rule, in the order of the summary, and one for the verdict."""
    sections = [_rule_section(outcome) for outcome in verdict.rules if isinstance(outcome.rule.test, Measure)]
    final = ["[final]", f"exit-code {verdict.exit_code}", f"exit-status {verdict.status}"]
    if verdict.message:
        final.append(f"message {_one_line(verdict.message)}")
    return "\n\n".join("\n".join(section) for section in [*sections, final]) + "\n"


def _rule_section(outcome: RuleOutcome) -> list[str]:
    rule, tally, test = outcome.rule, outcome.tally, outcome.rule.test
    assert isinstance(test, Measure)
    lines = [
        f"[rule-{rule.number}]",
        f"operator {rule.where}",
        f"section {_one_line(rule.section_text)}",
        f"desc {_one_line(rule.name)}",
        f"status {'OK' if outcome.ok else 'FAIL'}",
        f"expected {format_number(test.expected)}",
        f"measured {'-' if tally.measured is None else _one_line(tally.measured)}",
        f"type {test.type_text}",
    ]
    if test.tolerance is not None:
        lines.append(f"tolerance {format_number(test.tolerance)}")
    return [*lines, f"pass {tally.passed}", f"fail {tally.failed}"]


def _one_line(text: str) -> str:
    return text.translate(_LINE_ENDS)


def sections_from_dat(text: str) -> Sections:
    """Return what a ``.dat`` says, also one that another tool wrote.

    Nothing in it is expanded or run.  A line that says nothing is passed over; the last of equal
    keys counts.
    """
    sections: Sections = {}
    keys: dict[str, str] = {}
    for line in map(str.strip, text.split("\n")):
        if line.startswith("[") and line.endswith("]"):
            keys = sections.setdefault(line[1:-1], {})
        elif line and sections and not line.startswith("#"):
            key, _, value = line.partition(" ")
            keys[key] = value.strip()
    return sections
