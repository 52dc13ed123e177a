"""Why a log came out as it did: for each rule what it asked, what it counted, and the first lines."""

from __future__ import annotations

from collections.abc import Iterator

from megatest.logpro.judge import RuleOutcome, TriggerOutcome, TriggerState, Verdict
from megatest.logpro.rule import STATUS_NAMES, Count
from megatest.logpro.wording import comparison_text, expected_text, found_text, status_text
from megatest.scheme.number import format_number


def explain(verdict: Verdict) -> str:
    """Return the explanation, one paragraph a rule; lines count from 1."""
    return "\n".join(_paragraphs(verdict)) + "\n"


def _paragraphs(verdict: Verdict) -> Iterator[str]:
    for trigger in verdict.triggers:
        if trigger.state is not TriggerState.OK:
            yield f"trigger {trigger.tally.trigger.name!r} never fired ({_consequence(trigger)})"
    for outcome in verdict.rules:
        yield from _rule_lines(outcome)
    decided = f" by {verdict.message}" if verdict.message else ""
    yield f"{verdict.lines} lines: {verdict.status}, exit {verdict.exit_code}{decided}"


def _consequence(unfired: TriggerOutcome) -> str:
    if unfired.tally.trigger.is_builtin:
        return "the log is empty"
    return "required: the log fails" if unfired.state is TriggerState.FAIL else "not required"


def _rule_lines(outcome: RuleOutcome) -> Iterator[str]:
    rule, tally = outcome.rule, outcome.tally
    status = status_text(outcome)
    if not outcome.ok and outcome.exit_code:
        status += f", asks for {STATUS_NAMES[outcome.exit_code]}"
    yield f"rule-{rule.number} {rule.kind} {rule.name!r} {rule.where} {rule.section_text}: {status}"
    yield f"    at {rule.location}"
    if isinstance(rule.test, Count):
        yield f"    wants {comparison_text(rule)} {expected_text(rule)} lines, counted {tally.count}"
    else:
        tolerance = "" if rule.test.tolerance is None else f" {format_number(rule.test.tolerance)}"
        wanted = f"{expected_text(rule)} {comparison_text(rule)}{tolerance}"
        found = f"{found_text(outcome)} ({tally.passed} right, {tally.failed} wrong)"
        yield f"    wants {wanted}, measured {found}"
    for excerpt in tally.first_lines:
        yield f"    {excerpt.number}: {excerpt.text}"
    if tally.count > len(tally.first_lines):
        yield f"    ... and {tally.count - len(tally.first_lines)} more"
