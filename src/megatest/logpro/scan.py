"""Applies rules to a log of any length, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from megatest.logpro.finding import (
    Event,
    Excerpt,
    Findings,
    RuleHit,
    RuleTally,
    Sink,
    TriggerHit,
    TriggerTally,
)
from megatest.logpro.line import Block, Head, Lines
from megatest.logpro.matcher import Groups, Matcher, PatternTooSlowError
from megatest.logpro.rule import Measure, Rule, RuleSet, Trigger, Where
from megatest.model.error import Diagnostic, Severity
from megatest.scheme.number import format_number, parse_number
from megatest.scheme.value import Regexp, list_from, to_text

_FIRST_LINES: Final = 5
_EXCERPT_CHARACTERS: Final = 200
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


class _Cursor:
    """How far a block of lines has been passed on, in its bytes and in its text, which is often the same.

    Where it is not, offsets in the text are none in the bytes, but the lines are the same lines.
    """

    def __init__(self, raw: bytes, text: bytes) -> None:
        self._text = text
        self._raws = None if raw is text else raw.split(b"\n")
        self.done = 0
        self._done_lines = 0

    def lines_before(self, begin: int, index: int) -> tuple[bytes, bytes]:
        """Return bytes and text of the lines not yet passed on, up to a place in the text and its line."""
        text = self._text[self.done : begin]
        if self._raws is None:
            return text, text
        raw = b"".join(line + b"\n" for line in self._raws[self._done_lines : index])
        self.done, self._done_lines = begin, index
        return raw, text

    def line(self, line: bytes, end: int, index: int) -> bytes:
        """Return the bytes of a line, and go past it."""
        self.done, self._done_lines = end + 1, index + 1
        return line if self._raws is None else self._raws[index]


def _all_lines(text: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while (end := text.find(b"\n", start)) >= 0:
        yield start, end
        start = end + 1


@dataclass(slots=True)
class _RuleState:
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
class _TriggerState:
    """How often a trigger fired; `patterns` are the indexes of its patterns."""

    trigger: Trigger
    patterns: range
    fired: int = 0


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
        self._states = [_RuleState(rule) for rule in rules.rules]
        self._owners = [state for state in self._states for _ in state.rule.patterns]
        self._triggers = self._trigger_states(len(self._owners))
        # The original tries the triggers that were defined last first.
        self._may_fire = [state for state in reversed(self._triggers) if state.trigger.limit > 0]
        self._active = {section.name: False for section in rules.sections}
        self._doubtful = matcher.doubtful
        self._given_up: set[int] = set()
        self._complaints: list[Diagnostic] = []
        self._find_live_rules()

    def _trigger_states(self, first: int) -> list[_TriggerState]:
        states: list[_TriggerState] = []
        for trigger in self._rules.triggers:
            end = first + len(trigger.patterns)
            states.append(_TriggerState(trigger, range(first, end)))
            first = end
        return states

    def findings(self) -> Findings:
        return Findings(
            lines=self._number,
            rules=tuple(state.tally() for state in self._states),
            triggers=tuple(TriggerTally(trigger=s.trigger, fired=s.fired) for s in self._triggers),
            complaints=tuple(self._complaints),
        )

    # The log, block by block

    def take(self, block: Block) -> None:
        if isinstance(block, Lines):
            self._take_lines(block.data)
        elif isinstance(block, Head):
            self._take_head(block.data)
        else:
            end = b"\n" if block.is_last else b""
            self._pass(block.data + end, _valid(block.data) + end)

    def _take_lines(self, raw: bytes) -> None:
        """Look at the lines that may match, and pass on in one piece what lies between those with events.

        Where every line may match, looking for candidates is only a detour.
        """
        text = _valid(raw)
        is_first = self._number == 0
        spans = _all_lines(text) if self._dense or is_first else self._matcher.candidates(text)
        cursor = _Cursor(raw, text)
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
        text = _valid(raw)
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
        fired: list[_TriggerState] = []
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
            if state.section is not None and (index not in self._doubtful or self._confirm(index, line)):
                return self._counted(state, index, line)
        return None

    def _counted(self, state: _RuleState, index: int, line: bytes) -> RuleHit:
        rule = state.rule
        state.count += 1
        if len(state.first_lines) < _FIRST_LINES:
            state.first_lines.append(Excerpt(number=self._number, text=_excerpt(line)))
        groups: Groups = ()
        if rule.hook or isinstance(rule.test, Measure):
            groups = self._groups(index, line)
        passed = isinstance(rule.test, Measure) and _measure(state, rule.test, groups)
        if rule.hook and self._on_counted is not None:
            self._on_counted(rule, line.decode("utf-8", "replace"), groups)
        return RuleHit(rule, state.count, state.section or "", state.measured, passed)

    # Searches that may take too long

    def _matches(self, index: int, line: bytes) -> bool:
        return index not in self._doubtful or self._confirm(index, line)

    def _confirm(self, index: int, line: bytes) -> bool:
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


def _measure(state: _RuleState, test: Measure, groups: Groups) -> bool:
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


def _valid(raw: bytes) -> bytes:
    """Return the bytes as valid UTF-8, themselves if they are: what is none becomes U+FFFD."""
    if raw.isascii():
        return raw
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw


def _excerpt(line: bytes) -> str:
    text = line[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace")
    return text if len(text) <= _EXCERPT_CHARACTERS else text[: _EXCERPT_CHARACTERS - 3] + "..."
