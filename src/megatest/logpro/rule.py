"""Rules, triggers and sections: what a rule file asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from megatest.typed import Final

from megatest.model.error import Diagnostic, Location
from megatest.model.slotted import dataclass, field
from megatest.scheme.value import Regexp

BODY: Final = "LogFileBody"
"""The section that is the whole log."""

BODY_START: Final = BODY + "Start"
"""The trigger that fires on the first line."""

BODY_END: Final = BODY + "End"
"""A trigger of this name, if the user defines one, ends the body."""


class Kind(StrEnum):
    """What it means when a rule is not satisfied."""

    ERROR = "error"
    REQUIRED = "required"
    VALUE = "value"
    WARNING = "warning"
    REQUIRED_WARN = "required-warn"
    CHECK = "check"
    WAIVE = "waive"
    ABORT = "abort"
    SKIP = "skip"
    IGNORE = "ignore"
    NOTE = "note"

    @property
    def exit_code(self) -> int:
        """The code that an unsatisfied rule of this kind asks for; 0 for none."""
        return _EXIT_CODES[self]


_EXIT_CODES: Final = {
    Kind.ERROR: 1,
    Kind.REQUIRED: 1,
    Kind.VALUE: 1,
    Kind.WARNING: 2,
    Kind.REQUIRED_WARN: 2,
    Kind.CHECK: 3,
    Kind.WAIVE: 4,
    Kind.ABORT: 5,
    Kind.SKIP: 6,
    Kind.IGNORE: 0,
    Kind.NOTE: 0,
}

STATUS_NAMES: Final[Mapping[int, str]] = {
    0: "PASS",
    1: "FAIL",
    2: "WARN",
    3: "CHECK",
    4: "WAIVE",
    5: "ABORT",
    6: "SKIP",
}

PRECEDENCE: Final = (6, 5, 3, 1, 2, 4, 0)
"""Exit codes from the strongest to the weakest."""


class Where(StrEnum):
    """On which lines a rule counts, as to its sections."""

    IN = "in"
    NOT_IN = "not-in"
    BEFORE = "before"  # accepted, never counts
    AFTER = "after"  # accepted, never counts


class Comparison(StrEnum):
    """How a count or a value is compared with what the rule expects."""

    EQUAL = "="
    LESS = "<"
    GREATER = ">"
    AT_MOST = "<="
    AT_LEAST = ">="

    def holds(self, found: float, expected: float) -> bool:
        """Tell whether ``found CMP expected``; numbers compare by value."""
        if self is Comparison.EQUAL:
            return found == expected
        if self is Comparison.LESS:
            return found < expected
        if self is Comparison.GREATER:
            return found > expected
        if self is Comparison.AT_MOST:
            return found <= expected
        return found >= expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The test of a plain rule: how many lines it counts."""

    comparison: Comparison
    expected: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The test of a value rule.

    Attributes:
        expected: the value wanted.
        tolerance: how far off it may be, both ways; None if `comparison` decides.
        comparison: ``measured CMP expected``; None if `tolerance` decides.
        group: which group of the match holds the value; 0 is the whole match.
    """

    expected: int | float
    tolerance: int | float | None = None
    comparison: Comparison | None = None
    group: int = 1

    @property
    def type_text(self) -> str:
        """How the test is named in the ``.dat``: ``+/-`` or the comparison."""
        return self.comparison or "+/-"

    def holds(self, measured: float) -> bool:
        """Tell whether a number passes; not-a-number never does."""
        if self.comparison is not None:
            return self.comparison.holds(measured, self.expected)
        tolerance = self.tolerance or 0
        return self.expected - tolerance <= measured <= self.expected + tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One ``expect:`` form.

    Attributes:
        number: its place in the order of definition, waivers first; dropped rules keep theirs.
        kind: what it means when the test fails.
        where, sections: on which lines it counts; one of the sections is enough.
        name: for people.
        patterns: any of these; the first that matches gives the value.
        test: what is asked of the count or of the value.
        hook: name of the hook to run for each counted line; empty without.
        css_class: of its lines in the page, beside its kind.
        location: of the form.
    """

    number: int
    kind: Kind
    where: Where
    sections: tuple[str, ...]
    name: str
    patterns: tuple[Regexp, ...]
    test: Count | Measure
    hook: str = ""
    css_class: str = ""
    location: Location

    @property
    def section_text(self) -> str:
        """Its sections in one line."""
        return ", ".join(self.sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Something in the log that starts or ends sections.

    Attributes:
        name: what sections refer to; several triggers may share one.
        patterns: any of these; the built-in trigger has none and fires on the first line.
        limit: how often it may fire.
        is_required: a log in which it never fires fails.
        is_builtin: `BODY_START`, which is not required of an empty log.
    """

    name: str
    patterns: tuple[Regexp, ...] = ()
    limit: float = 1
    is_required: bool = True
    is_builtin: bool = False
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the log: from the line that fires `start` to the one before that which fires `end`."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Shell text to run for counted lines."""

    name: str
    text: str
    one_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A rule file, with its waivers, as read.

    Attributes:
        rules: in order of definition, without those that have expired.
        triggers: in order of definition; the built-in one is first.
        sections: in order of definition, `BODY` first; one defined twice starts and ends by either.
        hooks: by name.
        complaints: mistakes that do not keep the rules from running but from passing.
        warnings: what is probably not meant.
    """

    rules: tuple[Rule, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    sections: tuple[Section, ...] = ()
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    complaints: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
