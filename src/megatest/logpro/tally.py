"""What rules and triggers have come to while a log is being scanned."""

from __future__ import annotations

from megatest.typed import Final

from megatest.logpro.finding import Excerpt, RuleTally
from megatest.logpro.matcher import Groups
from megatest.logpro.rule import Measure, Rule, Trigger
from megatest.model.slotted import dataclass, field
from megatest.scheme.number import format_number, parse_number
from megatest.scheme.value import list_from, to_text

FIRST_LINES: Final = 5
"""So many lines of each rule are kept."""

_EXCERPT_CHARACTERS: Final = 200


@dataclass(slots=True)
class RuleState:
    """What a rule has come to; `section` is the one that makes it count now, None if none does."""

    rule: Rule
    count: int = 0
    passed: int = 0
    failed: int = 0
    measured: str | None = None
    measured_number: int | float | None = None
    first_lines: list[Excerpt] = field(default_factory=list)
    stopped: bool = False
    section: str | None = None

    def tally(self) -> RuleTally:
        """Return it as a record."""
        return RuleTally(
            rule=self.rule,
            count=self.count,
            passed=self.passed,
            failed=self.failed,
            measured=self.measured,
            measured_number=self.measured_number,
            first_lines=tuple(self.first_lines),
            stopped=self.stopped,
        )


@dataclass(slots=True)
class TriggerState:
    """How often a trigger fired; `patterns` are the indexes of its patterns."""

    trigger: Trigger
    patterns: range
    fired: int = 0


def measure(state: RuleState, test: Measure, groups: Groups) -> bool:
    """Read the value off a match and judge it."""
    captured = groups[test.group] if test.group < len(groups) else None
    number = parse_number(captured) if captured is not None else None
    state.measured_number = number
    if number is not None:
        state.measured = format_number(number)
    elif captured is not None:
        state.measured = captured
    else:
        state.measured = to_text(list_from(False if text is None else text for text in groups))
    passed = number is not None and test.holds(number)
    if passed:
        state.passed += 1
    else:
        state.failed += 1
    return passed


def excerpt(line: bytes) -> str:
    """Return a line cut to a readable length."""
    text = line[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace")
    return text if len(text) <= _EXCERPT_CHARACTERS else text[: _EXCERPT_CHARACTERS - 3] + "..."
