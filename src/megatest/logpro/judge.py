"""Findings to verdict: which rules are satisfied, the exit code, the message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from megatest.logpro.finding import Findings, RuleTally, TriggerTally
from megatest.logpro.rule import PRECEDENCE, STATUS_NAMES, Count, Rule
from megatest.model.error import Diagnostic
from megatest.model.slotted import dataclass


class TriggerState(StrEnum):
    """How a trigger came out."""

    OK = "OK"
    FAIL = "FAIL"
    OPTIONAL = "OPTIONAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """A rule, what it has come to, and whether that satisfies it."""

    tally: RuleTally
    ok: bool

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.tally.rule

    @property
    def exit_code(self) -> int:
        """The code that it asks for."""
        if self.ok:
            return 0
        code = self.rule.kind.exit_code
        return 1 if self.tally.stopped and PRECEDENCE.index(code) > PRECEDENCE.index(1) else code


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOutcome:
    """A trigger, and how it came out."""

    tally: TriggerTally
    state: TriggerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a log comes to.

    Attributes:
        exit_code: 0 to 6, see `status`; any up to 255 if the rules called ``exit``.
        status: its name: PASS FAIL WARN CHECK WAIVE ABORT SKIP.
        message: ``KIND: NAME`` of what decided the code, the first in the order of the summary; empty if
            nothing did.
        rules: in the order of the summary: sections by name descending, rules by number ascending.
        triggers: last defined first.
        failing: the rule that decided, None if none did.
        lines: how many the log has.
        findings: what is wrong or doubtful about the rules themselves.
    """

    exit_code: int
    status: str
    message: str = ""
    rules: tuple[RuleOutcome, ...] = ()
    triggers: tuple[TriggerOutcome, ...] = ()
    failing: RuleOutcome | None = None
    lines: int = 0
    findings: tuple[Diagnostic, ...] = ()


def judge(
    findings: Findings, complaints: Sequence[Diagnostic] = (), warnings: Sequence[Diagnostic] = ()
) -> Verdict:
    """Decide.

    Args:
        findings: of the scan.
        complaints: about the rules; with any of them the log cannot pass.
        warnings: about the rules; they change nothing.
    """
    rules = _summary_order(RuleOutcome(tally=t, ok=_is_satisfied(t)) for t in findings.rules)
    triggers = tuple(TriggerOutcome(tally=t, state=_trigger_state(t)) for t in reversed(findings.triggers))
    complaints = (*complaints, *findings.complaints)
    unfired = [t for t in triggers if t.state is TriggerState.FAIL and not t.tally.trigger.is_builtin]
    asked = {outcome.exit_code for outcome in rules} | ({1} if unfired else set())
    code = next((code for code in PRECEDENCE if code in asked), 0)
    failing = next((outcome for outcome in rules if code and outcome.exit_code == code), None)
    message = ""
    if failing is not None:
        message = f"{failing.rule.kind}: {failing.rule.name}"
    elif code:
        message = f"trigger: {unfired[0].tally.trigger.name}"
    if code == 0 and complaints:
        code = 1
    return Verdict(
        exit_code=code,
        status=STATUS_NAMES[code],
        message=message,
        rules=rules,
        triggers=triggers,
        failing=failing,
        lines=findings.lines,
        findings=(*complaints, *findings.warnings, *warnings),
    )


def ended(code: int, ending: Diagnostic) -> Verdict:
    """Return the verdict on a log that was not read because its rules called ``exit``."""
    return Verdict(
        exit_code=code,
        status=STATUS_NAMES.get(code, STATUS_NAMES[1]),
        message=f"exit: {ending.location}: {ending.message}",
        findings=(ending,),
    )


def rejected(findings: Sequence[Diagnostic]) -> Verdict:
    """Return the verdict on a log whose rules cannot be used."""
    first = findings[0]
    place = f"{first.location}: " if first.location else ""
    return Verdict(
        exit_code=1,
        status=STATUS_NAMES[1],
        message=f"error: {place}{first.message}",
        findings=tuple(findings),
    )


def _is_satisfied(tally: RuleTally) -> bool:
    if tally.stopped:
        return False
    test = tally.rule.test
    if isinstance(test, Count):
        return test.comparison.holds(tally.count, test.expected)
    return tally.passed > 0 and tally.failed == 0


def _summary_order(outcomes: Iterable[RuleOutcome]) -> tuple[RuleOutcome, ...]:
    by_number = sorted(outcomes, key=lambda outcome: outcome.rule.number)
    # Sections by their bytes, as the original sorts them.
    return tuple(sorted(by_number, key=lambda outcome: _section_key(outcome.rule), reverse=True))


def _section_key(rule: Rule) -> bytes:
    return rule.section_text.encode("utf-8", "surrogatepass")


def _trigger_state(tally: TriggerTally) -> TriggerState:
    if tally.fired:
        return TriggerState.OK
    return TriggerState.FAIL if tally.trigger.is_required else TriggerState.OPTIONAL
