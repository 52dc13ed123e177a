"""Applies rules to a log of any length, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from megatest.logpro.finding import Event, Excerpt, Findings, RuleHit, Sink, TriggerHit, TriggerTally
from megatest.logpro.line import Block, Cursor, Head, Lines, line_spans, valid_text
from megatest.logpro.matcher import Groups, Matcher, PatternTooSlowError
from megatest.logpro.rule import Measure, Rule, RuleSet, Trigger, Where
from megatest.logpro.tally import FIRST_LINES, RuleState, TriggerState, excerpt, measure
from megatest.model.error import Diagnostic, Severity
from megatest.scheme.value import Regexp

_DENSE: Final = 0.2  # from this share of lines on, finding candidates costs more than it saves

CountedHook = Callable[[Rule, str, Groups], None]
"""Told of each line that a rule with a hook counts: the rule, the line, the groups of the match."""


def patterns_of(rules: RuleSet) -> list[Regexp]:
    """Return the patterns that a matcher for these rules must have: the rules', then the triggers'."""
    patterns = [pattern for rule in rules.rules for pattern in rule.patterns]
    return patterns + [pattern for trigger in rules.triggers for pattern in trigger.patterns]


def scan(
    rules: RuleSet,
    matcher: Matcher,
    blocks: Iterable[Block],
    sinks: Sequence[Sink] = (),
    on_counted: CountedHook | None = None,
) -> Findings:
    """Scan a log.

    Args:
        rules: what to look for.
        matcher: for `patterns_of` the rules, in that order.
        blocks: the log.
        sinks: receive the log with its events.
        on_counted: called for each counted line of a rule with a hook.

    Cost: time linear in the log for what RE2 can match; memory independent of its length.
    """
    scanner = _Scanner(rules, matcher, sinks, on_counted)
    for block in blocks:
        scanner.take(block)
    return scanner.findings()


class _Scanner:
    """The state of a scan: what is active, what was counted, how far it has come."""

    def __init__(
        self, rules: RuleSet, matcher: Matcher, sinks: Sequence[Sink], on_counted: CountedHook | None
    ) -> None:
        self._rules = rules
        self._matcher = matcher
        self._sinks = sinks
        self._on_counted = on_counted
        self._number = 0
        self._dense = False
        self._looked = 0
        self._states = [RuleState(rule) for rule in rules.rules]
        self._owners = [state for state in self._states for _ in state.rule.patterns]
        self._triggers = self._trigger_states(len(self._owners))
        # The original tries the triggers that were defined last first.
        self._may_fire = [state for state in reversed(self._triggers) if state.trigger.limit > 0]
        self._active = {section.name: False for section in rules.sections}
        self._doubtful = matcher.doubtful
        self._given_up: set[int] = set()
        self._complaints: list[Diagnostic] = []
        self._warnings: list[Diagnostic] = []
        self._find_live_rules()

    def _trigger_states(self, first: int) -> list[TriggerState]:
        states: list[TriggerState] = []
        for trigger in self._rules.triggers:
            end = first + len(trigger.patterns)
            states.append(TriggerState(trigger, range(first, end)))
            first = end
        return states

    def findings(self) -> Findings:
        return Findings(
            lines=self._number,
            rules=tuple(state.tally() for state in self._states),
            triggers=tuple(TriggerTally(trigger=s.trigger, fired=s.fired) for s in self._triggers),
            complaints=tuple(self._complaints),
            warnings=tuple(self._warnings),
        )

    # The log, block by block

    def take(self, block: Block) -> None:
        if isinstance(block, Lines):
            self._take_lines(block.data)
        elif isinstance(block, Head):
            self._take_head(block.data)
        else:
            end = b"\n" if block.is_last else b""
            self._pass(block.data + end, valid_text(block.data) + end)

    def _take_lines(self, raw: bytes) -> None:
        """Look at the lines that may match, and pass on in one piece what lies between those with events.

        Where every line may match, looking for candidates is only a detour.
        """
        text = valid_text(raw)
        is_first = self._number == 0
        spans = line_spans(text) if self._dense or is_first else self._matcher.candidates(text)
        cursor = Cursor(raw, text)
        before, looked = self._number, self._looked
        counted = 0
        for begin, end in spans:
            self._number += 1 + (text.count(b"\n", counted, begin) if begin > counted else 0)
            counted = end + 1
            line = text[begin:end]
            if events := self._events(line):
                index = self._number - before - 1
                if begin > cursor.done:
                    self._pass(*cursor.lines_before(begin, index))
                self._hit(cursor.line(line, end, index), line, events, b"\n")
        self._number += text.count(b"\n", counted)
        self._pass(*cursor.lines_before(len(text), self._number - before))
        self._dense = self._looked - looked > _DENSE * (self._number - before)

    def _take_head(self, raw: bytes) -> None:
        self._number += 1
        if not self._warnings:
            message = f"line {self._number} is too long: only its first {len(raw)} bytes are judged"
            hint = "what the rules look for should stand in shorter lines; this is said of the first only"
            self._warnings.append(Diagnostic(severity=Severity.WARNING, message=message, hint=hint))
        text = valid_text(raw)
        if events := self._events(text):
            self._hit(raw, text, events, b"")
        else:
            self._pass(raw, text)

    def _pass(self, raw: bytes, text: bytes) -> None:
        if raw:
            for sink in self._sinks:
                sink.plain(raw, text)

    def _hit(self, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        for sink in self._sinks:
            sink.hit(self._number, raw, text, events, end)

    # One line

    def _events(self, line: bytes) -> tuple[Event, ...]:
        possible = self._matcher.possible(line)
        if not possible and self._number > 1:
            return ()
        self._looked += 1
        fired = self._fire(line, possible) if self._may_fire else ()
        if not fired:
            hit = self._count(line, possible)
            return () if hit is None else (hit,)
        ending = self._switch_sections({trigger.name for trigger in fired})
        hit = self._count(line, possible)
        if ending:
            self._active.update(dict.fromkeys(ending, False))
            self._find_live_rules()
        events = (TriggerHit(trigger) for trigger in fired)
        return tuple(events) if hit is None else (*events, hit)

    def _fire(self, line: bytes, possible: Sequence[int]) -> Sequence[Trigger]:
        fired: list[TriggerState] = []
        for state in self._may_fire:
            is_first = state.trigger.is_builtin and self._number == 1
            if is_first or any(i in state.patterns and self._matches(i, line) for i in possible):
                state.fired += 1
                fired.append(state)
        if any(state.fired >= state.trigger.limit for state in fired):
            self._may_fire = [s for s in self._may_fire if s.fired < s.trigger.limit]
        return [state.trigger for state in fired]

    def _switch_sections(self, fired: set[str]) -> set[str]:
        """Start and end sections; return those that both start and end here: they last for this line."""
        starting = {section.name for section in self._rules.sections if section.start in fired}
        # A trigger that is both start and end only starts, as in the original.
        ending = {s.name for s in self._rules.sections if s.end in fired and s.end != s.start}
        for name in self._active:
            self._active[name] = name in starting or (self._active[name] and name not in ending)
        self._find_live_rules()
        return starting & ending

    def _find_live_rules(self) -> None:
        for state in self._states:
            state.section = self._live_section(state.rule)

    def _live_section(self, rule: Rule) -> str | None:
        if rule.where not in (Where.IN, Where.NOT_IN):
            return None
        wanted = rule.where is Where.IN
        return next((name for name in rule.sections if self._active.get(name) is wanted), None)

    def _count(self, line: bytes, possible: Sequence[int]) -> RuleHit | None:
        """Give the line to the rule that was defined first of those that match it here."""
        for index in possible:
            if index >= len(self._owners):
                break
            state = self._owners[index]
            if state.section is not None and self._matches(index, line):
                return self._counted(state, index, line)
        return None

    def _counted(self, state: RuleState, index: int, line: bytes) -> RuleHit:
        rule = state.rule
        state.count += 1
        if len(state.first_lines) < FIRST_LINES:
            state.first_lines.append(Excerpt(number=self._number, text=excerpt(line)))
        groups: Groups = ()
        if rule.hook or isinstance(rule.test, Measure):
            groups = self._groups(index, line)
        passed = isinstance(rule.test, Measure) and measure(state, rule.test, groups)
        if rule.hook and self._on_counted is not None:
            self._on_counted(rule, line.decode("utf-8", "replace"), groups)
        return RuleHit(rule, state.count, state.section or "", state.measured, passed)

    # Searches that may take too long

    def _matches(self, index: int, line: bytes) -> bool:
        """Tell whether a pattern that may match a line does."""
        if index not in self._doubtful:
            return True
        if index in self._given_up:
            return False
        try:
            return self._matcher.confirm(index, line)
        except PatternTooSlowError:
            self._give_up(index)
            return False

    def _groups(self, index: int, line: bytes) -> Groups:
        try:
            return self._matcher.groups(index, line)
        except PatternTooSlowError:
            self._give_up(index)
            return ()

    def _give_up(self, index: int) -> None:
        """A pattern has run away: its rule or trigger is out, and the log cannot pass."""
        self._given_up.add(index)
        if index < len(self._owners):
            self._owners[index].stopped = True
            owner: Rule | Trigger = self._owners[index].rule
        else:
            owner = next(s.trigger for s in self._triggers if index in s.patterns)
        self._complaints.append(
            Diagnostic(
                severity=Severity.ERROR,
                message=f"{owner.name!r}: its pattern took too long on line {self._number} and was given up",
                location=owner.location,
                hint="avoid repetitions of repetitions together with look-around or back-references",
            )
        )
