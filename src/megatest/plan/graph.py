"""The moving part of a plan: rows open and end, goals turn, those who wait are told.

Every event costs what it changes: a row that ends looks at the goals about it, a goal that
turns at its waiters.  Chains of consequences are worked off a queue, never by recursion.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from megatest.model.claim import Share
from megatest.model.ids import TestId
from megatest.model.rollup import Pair, spoils
from megatest.model.status import State, Status
from megatest.plan.consequence import Consequence, Expand, Settle
from megatest.plan.limits import Limits
from megatest.plan.node import Goal, Need, Test, Verdict
from megatest.plan.priority import Rank, duration_s, rank
from megatest.plan.ready import ReadyQueue
from megatest.plan.row import Row, Stage

NO_PREREQUISITE: Pair = (State.NOT_STARTED.value, Status.PREQ_FAIL.value)
# A member looked up in its Enum costs several times as much as a name of the module, and each edge asks.
_WAITING: Final = Stage.WAITING
_READY: Final = Stage.READY
_RUNNING: Final = Stage.RUNNING
_DONE: Final = Stage.DONE
_MET: Final = Verdict.MET
_FAILED: Final = Verdict.FAILED


class Graph:
    """Nodes, the queue of ready rows, and the news for the engine.

    Attributes:
        tests: the closure of all requests so far, each test after those that it waits on.
        news: consequences that the engine has not been told.
        open: rows that are still to end, and tests whose items are still to be evaluated.
        running: rows that are running.
        generation: number of the latest request; what ends after it is news to the next one only.
    """

    def __init__(self, limits: Limits, past: Mapping[TestId, float]) -> None:
        self.tests: dict[str, Test] = {}
        self.limits = limits
        self.past = past
        self.ready = ReadyQueue(limits)
        self.news: list[Consequence] = []
        self.open = 0
        self.running = 0
        self.generation = 0
        self._turning: deque[Goal] = deque()

    def row(self, test_id: TestId) -> Row | None:
        """Return the row of a test or item, if it is known."""
        test = self.tests.get(test_id.test)
        return test.row(test_id.item) if test is not None else None

    # -- stages of rows -------------------------------------------------------------------------

    def open_row(self, row: Row) -> None:
        """Let a row that is idle or done wait to run."""
        if row.lane is None:
            row.lane = self.ready.lane(row.test_id)
        row.test.reopened(row)
        row.stage = _WAITING
        row.blocked = False
        row.comment = ""
        self.open += 1
        self._turning.extend(row.test.goals_about(row.test_id.item))

    def start_row(self, row: Row) -> None:
        """Let an open row run."""
        assert row.lane is not None
        row.stage = _RUNNING
        self.running += 1
        row.lane.account.change(1)

    def end_row(self, row: Row, pair: Pair, comment: str = "") -> None:
        """Let an open row be done."""
        self._stop(row)
        row.test.ended(row, pair)
        row.stage = _DONE
        row.generation = self.generation
        row.comment = comment
        self.open -= 1
        self._turning.extend(row.test.goals_about(row.test_id.item))

    def put_back(self, row: Row) -> None:
        """Let a running row wait again; `reconsider` is left to the caller."""
        self._stop(row)
        row.stage = _WAITING

    def _stop(self, row: Row) -> None:
        if row.stage is _RUNNING:
            assert row.lane is not None
            self.running -= 1
            row.lane.account.change(-1)

    def block(self, row: Row, comment: str) -> None:
        """Let a waiting row be done without having run, with the reason."""
        self.end_row(row, NO_PREREQUISITE, comment)
        row.blocked = True
        self.news.append(Settle(row.test_id, *NO_PREREQUISITE, comment))

    def reconsider(self, row: Row) -> None:
        """Put a row into the stage that its counters ask for."""
        failed = not row.forced and (row.failed or row.test.failed)
        if row.stage is _DONE and row.blocked and not failed:
            self.open_row(row)
        if row.stage not in (_WAITING, _READY):
            return
        if failed:
            self.block(row, _first_failure(self.goals_of(row)))
        elif not row.forced and (row.unmet or row.test.unmet):
            row.stage = _WAITING
        elif row.stage is _WAITING:
            row.stage = _READY
            self.ready.push(row, self.rank(row))

    def rank(self, row: Row) -> Rank:
        """Return a ready row's place."""
        path_s = duration_s(self.past, row.test_id) + row.test.tail_s
        return rank(row.test_id, row.test.requirements, path_s)

    def misfit(self, row: Row) -> Share | None:
        """Return the share for which an opened row could never start; None if it can."""
        assert row.lane is not None
        return row.lane.misfit

    # -- tests that await their items -----------------------------------------------------------

    def await_items(self, test: Test) -> None:
        """Let a test wait until its items can be evaluated."""
        test.awaits_items = True
        test.settled = None
        test.expand_sent = False
        self.open += 1
        self.touch(test)

    def items_came(self, test: Test) -> None:
        """Note that a test's items are known now, or never will be."""
        test.awaits_items = False
        self.open -= 1
        self.touch(test)

    def settle_test(self, test: Test, pair: Pair, comment: str) -> None:
        """Let a test be done as a whole, without rows that run."""
        test.settled = (pair, comment)
        self.news.append(Settle(TestId(test.name), *pair, comment))
        self.touch(test)

    def reconsider_gate(self, test: Test) -> None:
        """Put a test's rows, or the test that awaits its items, where its counters ask."""
        blocked = test.settled is not None and test.settled[0] == NO_PREREQUISITE
        if blocked and not test.failed:
            self.await_items(test)
        if not test.awaits_items:
            for row in test.each_row():
                self.reconsider(row)
        elif test.failed:
            self.items_came(test)
            self.settle_test(test, NO_PREREQUISITE, _first_failure(self.goals_of_gate(test)))
        elif not test.unmet and not test.expand_sent:
            test.expand_sent = True
            self.news.append(Expand(test.name))

    # -- goals ----------------------------------------------------------------------------------

    def attach(self, waiter: Row | Test, goals: Sequence[Goal]) -> None:
        """Let a row or gate wait for goals; `reconsider` is left to the caller."""
        for goal in goals:
            goal.waiters.append(waiter)
            verdict = goal.verdict
            if verdict is not _MET:
                waiter.unmet += 1
                waiter.failed += verdict is _FAILED

    def touch(self, test: Test) -> None:
        """Have every goal about a test judged again."""
        if test.whole_goals or test.item_goals:
            self._turning.extend(test.all_goals())

    def turn(self) -> None:
        """Judge the goals that may have turned, and tell those who wait, until all is quiet."""
        while self._turning:
            goal = self._turning.popleft()
            before, now = goal.verdict, goal.judge()
            if now is before:
                continue
            goal.verdict = now
            goal.comment = ""
            unmet = (now is not _MET) - (before is not _MET)
            failed = (now is _FAILED) - (before is _FAILED)
            self._tell(goal.waiters, unmet, failed)

    def _tell(self, waiters: Iterable[Row | Test], unmet: int, failed: int) -> None:
        """Change the waiters' counters; look at one only if a counter of it left or reached zero."""
        for waiter in waiters:
            were_unmet, had_failed = waiter.unmet, waiter.failed
            waiter.unmet = are_unmet = were_unmet + unmet
            waiter.failed = have_failed = had_failed + failed
            if (not were_unmet) is (not are_unmet) and (not had_failed) is (not have_failed):
                continue
            if isinstance(waiter, Row):
                self.reconsider(waiter)
            else:
                self.reconsider_gate(waiter)

    def goals_of(self, row: Row) -> Iterator[Goal]:
        """Yield the goals that a row waits for, in the order of its file."""
        test = row.test
        if row.linked:
            for upstream in test.upstream:
                yield upstream.goal(item_goal(test, upstream, row.test_id.item), test.need)
        yield from self.goals_of_gate(test)

    def goals_of_gate(self, test: Test) -> Iterator[Goal]:
        """Yield the goals that all rows of a test wait for."""
        if test.linked:
            for upstream in test.upstream:
                yield upstream.goal(None, gate_need(test))


def _first_failure(goals: Iterator[Goal]) -> str:
    return next(failure_of(goal) for goal in goals if goal.verdict is _FAILED)


def gate_need(test: Test) -> Need:
    """Return what a test's gate asks of the tests upstream as wholes.

    With item matching only a test that awaits its items has a gate: any item may have
    made what its items come from, so all must be over, and some must be good.
    """
    if test.item_match and test.need is Need.GOOD:
        return Need.SOME
    return test.need


def item_goal(test: Test, upstream: Test, item: str) -> str | None:
    """Return which item of an upstream test an item waits for; None for the whole test.

    A map that leads to no item at all, or to a pattern (``%``), means the whole test.

    Raises:
        UserError: the item map cannot be applied to this item.
    """
    if not upstream.has_items:
        return None
    mapped = test.selected.maps.for_upstream(upstream.name)(item)
    if mapped == "" or ("%" in mapped and upstream.row(mapped) is None):
        return None
    return mapped


def failure_of(goal: Goal) -> str:
    """Return the sentence that names a failed prerequisite and its status."""
    if not goal.comment:
        goal.comment = _failure(goal)
    return goal.comment


def _failure(goal: Goal) -> str:
    test = goal.test
    if goal.item is not None and test.settled is None and test.pair_of(goal.item) is None:
        return f"prerequisite {test.name} has no item {goal.item!r}"
    if goal.item is None and test.open:
        ended = (row for row in test.each_row() if row.counted and not row.is_open)
        spoiler = next((row for row in ended if spoils(*row.pair)), None)
        if spoiler is not None:
            return f"prerequisite {spoiler.test_id} is {'/'.join(spoiler.pair)}"
    pair = test.settled[0] if test.settled else None
    if pair is None:
        pair = test.top() if goal.item is None else test.pair_of(goal.item)
    if pair is None:
        return f"prerequisite {goal.name()} has not run"
    return f"prerequisite {goal.name()} is {'/'.join(pair)}"
