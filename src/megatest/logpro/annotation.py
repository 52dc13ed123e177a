"""The log as text, with a line before each line that was counted, and the summary at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from megatest.logpro.finding import Event, RuleHit, TriggerHit
from megatest.logpro.judge import Verdict
from megatest.logpro.rule import Measure
from megatest.logpro.wording import comparison_text, expected_text, found_text, pattern_text, status_text
from megatest.scheme.number import format_number


class AnnotatedText:
    """A `finding.Sink` that writes the log through, with annotations; lines count from 0, as in the original.

    Args:
        write: receives the bytes.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._notes: dict[tuple[int, str], str] = {}

    def header(self, paths: Mapping[str, str]) -> None:
        """Write which files are read and written."""
        width = max(map(len, paths), default=0) + 1
        self._line("")
        for what, path in paths.items():
            self._line(f"{what + ':':{width}} {path}")

    def plain(self, raw: bytes, text: bytes) -> None:
        """See `finding.Sink`."""
        self._write(raw)

    def hit(self, number: int, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        """See `finding.Sink`."""
        notes = self._annotation(events[0], number - 1)
        for event in events[1:]:
            notes += self._annotation(event, number - 1)
        self._write(notes.encode("utf-8", "replace") + raw + end)

    def summary(self, verdict: Verdict) -> None:
        """Write how the triggers and the rules came out."""
        self._line(f"{'LOGPRO SUMMARY':=^66}")
        for trigger in verdict.triggers:
            tally = trigger.tally
            self._line(f"Trigger: {tally.trigger.name} {trigger.state}, count {tally.fired}")
        for outcome in verdict.rules:
            rule = outcome.rule
            self._line(
                f"Expect: rule-{rule.number} {rule.kind.capitalize()} {rule.where} {rule.section_text} "
                f"{status_text(outcome)} {comparison_text(rule)}, expected of {expected_text(rule)}, "
                f"got {found_text(outcome)}, desc={rule.name} rx={pattern_text(rule)}"
            )
        self._line(f"EXIT CODE: {verdict.exit_code} ({verdict.status})")

    def _line(self, text: str) -> None:
        self._write(text.encode("utf-8", "replace") + b"\n")

    def _annotation(self, event: Event, index: int) -> str:
        if isinstance(event, TriggerHit):
            return f"LOGPRO: hit trigger {event.trigger.name} on line {index}\n"
        test = event.rule.test
        if isinstance(test, Measure):
            return f"{_beginning(event)} {_value(event, test)} in section {event.section} on line {index}\n"
        key = (event.rule.number, event.section)
        if key not in self._notes:
            wanted = f"{test.comparison} {format_number(test.expected)}"
            self._notes[key] = f"{_beginning(event)} {wanted} in section {event.section} on line "
        return f"{self._notes[key]}{index}\n"


def _beginning(hit: RuleHit) -> str:
    return f"LOGPRO {hit.rule.kind.capitalize()}: {hit.rule.name}"


def _value(hit: RuleHit, test: Measure) -> str:
    verdict = "PASS" if hit.passed else "FAIL"
    wanted = f"{format_number(test.expected)} {test.type_text}"
    if test.tolerance is not None:
        wanted += f" {format_number(test.tolerance)}"
    return f"{wanted} got {hit.measured} which is {verdict}"
