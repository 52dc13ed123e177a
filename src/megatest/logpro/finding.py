"""What scanning a log found: events line by line, and their sums."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

from megatest.logpro.rule import Rule, Trigger
from megatest.model.error import Diagnostic
from megatest.model.slotted import dataclass

# Every counted line makes one of these, and a named tuple is made four times as fast as a frozen dataclass.


class TriggerHit(NamedTuple):
    """A trigger fired on a line."""

    trigger: Trigger


class RuleHit(NamedTuple):
    """A rule counted a line.

    Attributes:
        rule: which.
        occurrence: 1 for its first line.
        section: the active one (for ``not-in`` the inactive one) that made it count.
        measured: what a value rule found, as printed; None for other rules.
        passed: whether the value was right.
    """

    rule: Rule
    occurrence: int
    section: str
    measured: str | None = None
    passed: bool = False


Event: TypeAlias = TriggerHit | RuleHit


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A counted line, cut to a readable length; `number` is 1-based."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTally:
    """What a rule has come to.

    Attributes:
        rule: which.
        count: how many lines it counted.
        passed, failed: of these, for a value rule, the right and the wrong ones.
        measured: the last value found, as printed; None if there was none.
        measured_number: the same as a number, if it is one.
        first_lines: the first few.
        stopped: its pattern took too long and was given up; the rule cannot be satisfied.
    """

    rule: Rule
    count: int = 0
    passed: int = 0
    failed: int = 0
    measured: str | None = None
    measured_number: int | float | None = None
    first_lines: tuple[Excerpt, ...] = ()
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerTally:
    """How often a trigger fired."""

    trigger: Trigger
    fired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The sums of a scan: rules and triggers in order of definition, and what went wrong on the way.

    Complaints keep the log from passing, warnings do not.
    """

    lines: int
    rules: tuple[RuleTally, ...]
    triggers: tuple[TriggerTally, ...]
    complaints: tuple[Diagnostic, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()


class Sink(Protocol):
    """Receives the log as it is scanned, in order, nothing left out.

    `raw` are the bytes as read; `text` is the same in valid UTF-8.
    """

    def plain(self, raw: bytes, text: bytes) -> None:
        """Receive lines without events, or a piece of an overlong line, or the LF that ends it."""
        ...

    def hit(self, number: int, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        """Receive a line with events.

        Args:
            number: of the line, from 1.
            raw, text: the line, without its end; of an overlong one its head.
            events: at least one; triggers first, and at most one rule.
            end: what ends it: LF, or nothing if more of the line is to come.
        """
        ...
