"""The nodes of a plan: tests, their rows, and the goals that rows wait for.

A *row* is one thing to run: an item, or the only row of a test without items.  A *goal* is
what is waited for: a whole test or one row of it, judged by a need.  Rows of one test
that wait for the same whole tests share one *gate*, the test itself, so n items behind a
test of m items cost n + m edges, not n * m.  Who waits counts what it waits for and what
of that has failed; a goal that turns tells those who wait, and nobody polls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum, auto
from megatest.typed import TYPE_CHECKING, Final
from types import MappingProxyType

from megatest.model.ids import TestId
from megatest.model.pattern import Pattern
from megatest.model.rollup import Pair, RollUp, spoils
from megatest.model.status import State, Status, is_ended, is_good
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.select import SelectedTest

if TYPE_CHECKING:
    from megatest.plan.ready import Lane

NEVER_RUN: Pair = (State.NOT_STARTED.value, Status.NA.value)
_NO_REQUEST: Final = RerunRequest()
_NO_ROWS: Final[Mapping[str, Row]] = MappingProxyType({})


class Stage(Enum):
    """Where a row is in the plan."""

    IDLE = auto()  # known, not in the plan
    WAITING = auto()  # for prerequisites
    READY = auto()  # for limits
    RUNNING = auto()
    DONE = auto()  # ended, or will not run


_AT_REST: Final = (Stage.IDLE, Stage.DONE)


class Need(Enum):
    """When a goal is met, once nothing of it is open any more."""

    GOOD = auto()  # it ended well
    ENDED = auto()  # it ended
    SOME = auto()  # any row of it ended well


class Verdict(Enum):
    """What is known of a goal."""

    OPEN = auto()
    MET = auto()
    FAILED = auto()  # and will not be met unless something is run again


class Row:
    """One item, or the only row of a test without items."""

    __slots__ = (
        "blocked",
        "comment",
        "counted",
        "failed",
        "forced",
        "generation",
        "lane",
        "linked",
        "pair",
        "prior",
        "queued",
        "reason",
        "stage",
        "test",
        "test_id",
        "unmet",
    )

    def __init__(self, test: Test, test_id: TestId, prior: Prior | None, pair: Pair | None) -> None:
        self.test = test
        self.test_id = test_id
        self.prior = prior
        self.pair = pair or NEVER_RUN
        self.counted = pair is not None  # in the roll-up: it has a record or will have one
        self.stage = Stage.IDLE
        self.unmet = 0
        self.failed = 0
        self.blocked = False  # DONE because of a prerequisite, by this plan
        self.linked = False
        self.forced = False  # it waits for no prerequisite
        self.generation = 0  # of the request that last decided about it
        self.reason = ""
        self.comment = ""
        self.lane: Lane | None = None  # where it gets ready, once it has been open
        self.queued = False  # there

    @property
    def is_open(self) -> bool:
        """Whether it is still to end."""
        return self.stage not in _AT_REST


class Goal:
    """What rows and gates wait for; `item` is None for the whole test."""

    __slots__ = ("comment", "item", "need", "test", "verdict", "waiters")

    def __init__(self, test: Test, item: str | None, need: Need) -> None:
        self.test = test
        self.item = item
        self.need = need
        self.verdict = self.judge()
        self.comment = ""  # why it failed
        self.waiters: list[Row | Test] = []

    def judge(self) -> Verdict:
        """Return what the nodes say now; cost O(1), or the roll-up of its distinct pairs."""
        test = self.test
        if test.awaits_items:
            return Verdict.OPEN
        if self.item is not None:
            return self._judge_item(self.item)
        if test.open:
            return Verdict.FAILED if self.need is Need.GOOD and test.spoilers else Verdict.OPEN
        met = test.has_good_row() if self.need is Need.SOME else satisfies(self.need, test.top())
        return Verdict.MET if met else Verdict.FAILED

    def _judge_item(self, item: str) -> Verdict:
        row = self.test.row(item)
        if row is not None and row.is_open:
            return Verdict.OPEN
        met = satisfies(self.need, self.test.pair_of(item))
        return Verdict.MET if met else Verdict.FAILED

    def name(self) -> str:
        """Return what it is about, as users write it."""
        return str(TestId(self.test.name, self.item or ""))


def satisfies(need: Need, pair: Pair | None) -> bool:
    """Return whether a settled state and status meet a need; None: there is no such row."""
    if pair is None:
        return False
    return is_ended(pair[0]) if need is Need.ENDED else is_good(*pair)


class Test:
    """One test of the closure: its rows once expanded, the gate of its rows, the goals about it."""

    __test__ = False  # pytest: a word of the domain
    __slots__ = (
        "_rows",
        "asks",
        "awaits_items",
        "expand_sent",
        "expanded",
        "failed",
        "generation",
        "has_items",
        "item_goals",
        "item_match",
        "linked",
        "name",
        "need",
        "only",
        "open",
        "pulled_by",
        "pulled_ended",
        "pulled_good",
        "record",
        "request",
        "requirements",
        "rollup",
        "selected",
        "settled",
        "spoilers",
        "strangers",
        "tail_s",
        "unmet",
        "upstream",
        "whole_goals",
    )

    def __init__(self, selected: SelectedTest, upstream: tuple[Test, ...]) -> None:
        self.selected = selected
        self.name = selected.spec.name
        self.upstream = upstream
        self.request = _NO_REQUEST
        self.generation = 0
        self.awaits_items = False  # they are evaluated when its prerequisites are met
        self.expand_sent = False
        self.expanded = False
        self.only: Row | None = None  # its row, if it has exactly one, without an item path
        self._rows: Mapping[str, Row] = _NO_ROWS
        self.strangers: dict[str, Pair] | None = None  # recorded items that it has no longer
        self.record: Pair | None = None  # its top row's, from before the plan
        self.settled: tuple[Pair, str] | None = None  # as a whole, without rows; and why
        self.rollup: RollUp | None = None
        self.open = 0
        self.spoilers = 0
        self.unmet = 0
        self.failed = 0
        self.linked = False
        self.asks: tuple[tuple[Pattern, RerunRequest, int], ...] = ()  # until it is expanded
        self.pulled_good = 0  # as a whole, by the request of this number
        self.pulled_ended = 0
        self.pulled_by: list[Test] | None = None  # item by item, while it awaits its items
        self.whole_goals: tuple[Goal, ...] = ()  # one for each need, so three at most
        self.item_goals: dict[str, tuple[Goal, ...]] | None = None
        self.tail_s = 0.0
        # Looked at for each edge of the graph, so kept here.
        self.requirements = selected.spec.requirements
        self.has_items = bool(selected.spec.items or selected.spec.itemstable)
        self.item_match = self.requirements.item_match
        self.need = Need.ENDED if self.requirements.toplevel else Need.GOOD  # of upstream tests

    @property
    def single(self) -> bool:
        """Whether it has exactly one row, without an item path."""
        return self.only is not None

    @property
    def rows(self) -> Mapping[str, Row]:
        """Its rows by item; nothing may be put in."""
        return self._rows if self.only is None else {"": self.only}

    def set_rows(self, rows: Mapping[str, Row]) -> None:
        """Expand it over its items."""
        only = rows.get("") if len(rows) == 1 else None
        if only is not None:
            self.set_only_row(only)
            return
        self.expanded = True
        self.settled = None
        self._rows = rows
        self.rollup = RollUp()
        for row in rows.values():
            if row.counted:
                self.count(row)

    def set_only_row(self, row: Row) -> None:
        """Expand it into one row without an item path; that needs no table of rows."""
        self.expanded = True
        self.settled = None
        self.only = row
        if row.counted:
            self.count(row)

    def each_row(self) -> Collection[Row]:
        """Return its rows in order."""
        return self._rows.values() if self.only is None else (self.only,)

    def row(self, item: str) -> Row | None:
        """Return the row of an item; of the test itself, if it has no items, for the empty item."""
        if self.only is not None:
            return None if item else self.only
        return self._rows.get(item)

    def top(self) -> Pair | None:
        """Return state and status of its top row; None if there is none."""
        if self.settled is not None:
            return self.settled[0]
        if not self.expanded:
            return self.record
        only = self.only
        if only is not None:
            return only.pair if only.counted else None
        return self.rollup.top() if self.rollup is not None else None

    def pair_of(self, item: str) -> Pair | None:
        """Return state and status of one item; None if there is no such row."""
        if self.settled is not None:
            return None
        row = self.row(item)
        if row is not None:
            return row.pair if row.counted else None
        return (self.strangers or {}).get(item)

    def has_good_row(self) -> bool:
        """Return whether any row ended well."""
        if self.single or not self.expanded:
            top = self.top()
            return top is not None and is_good(*top)
        pairs = self.rollup.pairs() if self.rollup is not None else ()
        return any(is_good(*pair) for pair in pairs)

    def goals_about(self, item: str) -> tuple[Goal, ...]:
        """Return the goals that a change of one row may turn."""
        if self.item_goals is None:
            return self.whole_goals
        return (*self.whole_goals, *self.item_goals.get(item, ()))

    def all_goals(self) -> Iterator[Goal]:
        """Yield every goal about this test or a row of it."""
        yield from self.whole_goals
        for goals in (self.item_goals or {}).values():
            yield from goals

    def whole_goal(self, need: Need) -> Goal:
        """Return the goal that is the whole test, made at the first time of asking."""
        for goal in self.whole_goals:
            if goal.need is need:
                return goal
        self.whole_goals = (*self.whole_goals, made := Goal(self, None, need))
        return made

    def goal(self, item: str | None, need: Need) -> Goal:
        """Return the goal, made at the first time of asking."""
        if item is None:
            return self.whole_goal(need)
        if self.item_goals is None:
            self.item_goals = {}
        known = self.item_goals.get(item, ())
        for goal in known:
            if goal.need is need:
                return goal
        self.item_goals[item] = (*known, made := Goal(self, item, need))
        return made

    def count(self, row: Row) -> None:
        """Take the record of a row that is not open into account."""
        if self.rollup is not None:
            self.rollup.add(*row.pair)
        self.spoilers += spoils(*row.pair)

    def reopened(self, row: Row) -> None:
        """Note that a row is to end (again)."""
        self.open += 1
        if row.counted:
            self.spoilers -= spoils(*row.pair)
            return
        row.counted = True
        if self.rollup is not None:
            self.rollup.add(*row.pair)

    def ended(self, row: Row, pair: Pair) -> None:
        """Note how an open row came out."""
        if self.rollup is not None:
            self.rollup.replace(row.pair, pair)
        row.pair = pair
        self.open -= 1
        self.spoilers += spoils(*pair)

    def replace(self, row: Row, pair: Pair) -> None:
        """Note that the result of a row that is not open counts as another."""
        self.spoilers -= spoils(*row.pair)
        self.open += 1
        self.ended(row, pair)
