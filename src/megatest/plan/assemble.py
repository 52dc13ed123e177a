"""Putting tests into a plan: what is asked runs or keeps its result, and pulls in what it needs.

A test upstream takes part only for a test that really runs: whoever keeps a good result asks
nothing of anybody.  So rows are decided first, then those that run demand their upstream
tests, whose rows are decided in turn, and only when that has come to rest are rows tied to
the goals that they wait for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from megatest.model.error import ConfigError
from megatest.model.ids import TestId
from megatest.model.pattern import Pattern, is_plain
from megatest.model.rollup import Pair
from megatest.model.slotted import replace
from megatest.plan.admission import ZERO_ITEMS, Admission
from megatest.plan.consequence import Settle, Unmatched
from megatest.plan.graph import Graph
from megatest.plan.items import Item
from megatest.plan.node import Need, Test
from megatest.plan.priority import UNKNOWN_DURATION_S, duration_s, longest_tails
from megatest.plan.pull import Puller, pulled
from megatest.plan.records import Records, replace_result
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.row import Row, Stage
from megatest.plan.select import SelectedTest, Selection


class Assembler:
    """Adds requests, and the items of tests that had to wait for them, to a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._records = Records()
        self._admission = Admission(graph, self._records)
        self._puller = Puller(graph, self._admission)

    def add(self, selection: Selection, request: RerunRequest, priors: Mapping[TestId, Prior]) -> None:
        """Bring in a request; see `Plan.add`."""
        self._graph.generation += 1
        self._puller.forget()
        self._records.learn(priors, self._graph.generation)
        for name, selected in selection.tests.items():
            self._know(name, selected, request)
        self._set_tails()
        asked = [self._graph.tests[name] for name, selected in selection.tests.items() if selected.asked]
        if request.resets:
            self._puller.demand_again()
        now = self._graph.generation
        unmatched = [test for test in asked if not self._ask(test, selection.pattern, request, now)]
        self._puller.come_to_rest()
        for test in unmatched:
            self._report_unmatched(test, selection.pattern)
        self._admission.publish()
        findings, self._admission.findings = self._admission.findings, []
        if findings and self._graph.generation == 1:
            raise ConfigError(findings)

    def expand(self, test: Test, items: Sequence[Item]) -> None:
        """Bring in the items of a test that awaited them."""
        self._graph.items_came(test)
        self._admission.make_rows(test, items)
        asks, test.asks = test.asks, ()
        matched = [self._ask(test, *ask) for ask in asks]
        for need in (Need.GOOD, Need.ENDED):
            if pulled(test, need):
                for row in test.each_row():
                    self._admission.consider(row, test.generation, test.request, need)
        pulled_by, test.pulled_by = test.pulled_by, None
        for behind in pulled_by or ():
            self._puller.pull_items(test, behind, [row for row in behind.each_row() if row.is_open])
        self._puller.come_to_rest()
        for (pattern, _, _), any_matched in zip(asks, matched, strict=True):
            if any_matched:
                self._report_missing(test, pattern)
            else:
                self._report_unmatched(test, pattern)
        self._admission.publish()

    def refuse(self, test: Test, message: str) -> None:
        """Settle a test whose items cannot be evaluated."""
        self._graph.items_came(test)
        self._graph.settle_test(test, ZERO_ITEMS, message)
        self._puller.come_to_rest()
        self._admission.publish()

    def wait_again(self, row: Row) -> None:
        """Tie in a row that waits once more; it may have begun before this plan."""
        self._admission.opened.setdefault(row.test, []).append(row)
        self._puller.come_to_rest()
        self._admission.publish()

    def learn_end(self, test_id: TestId, pair: Pair) -> None:
        """Take in the end of a test or item that ran without being in the plan."""
        self._records.learn_end(test_id, pair)
        test = self._graph.tests.get(test_id.test)
        row = self._graph.row(test_id)
        if row is not None and row.counted:
            replace_result(row, pair)
        elif test is not None and not test.expanded:
            self._records.read(test)
        if test is not None:
            self._graph.touch(test)
            self._graph.turn()

    def _know(self, name: str, selected: SelectedTest, request: RerunRequest) -> None:
        """Make the node of a test, or renew what a later request may say differently."""
        known = self._graph.tests.get(name)
        test = known or Test(selected, tuple([self._graph.tests[before] for before in selected.upstream]))
        test.request = request if selected.asked else request.for_others()
        test.generation = self._graph.generation
        if not test.expanded:
            self._records.read(test)
        if known is None:
            self._graph.tests[name] = test
            return
        test.selected = replace(
            test.selected, whole_needed=selected.whole_needed, items_needed=selected.items_needed
        )
        self._records.refresh(test)
        self._graph.touch(test)

    def _set_tails(self) -> None:
        """Give each test the longest chain of work behind it, and sort the ready rows anew."""
        graph = self._graph
        tests = list(graph.tests.values())
        index = {test.name: number for number, test in enumerate(tests)}
        upstream = [[index[before.name] for before in test.upstream] for test in tests]
        weights = [self._weight_s(test) for test in tests]
        for test, tail in zip(tests, longest_tails(upstream, weights), strict=True):
            test.tail_s = tail
        ready = (row for test in tests for row in test.each_row() if row.stage is Stage.READY)
        graph.ready.rebuild((row, graph.rank(row)) for row in ready)

    def _weight_s(self, test: Test) -> float:
        """Return the seconds of a test's slowest item; items run side by side."""
        past = self._graph.past
        if not past:
            return UNKNOWN_DURATION_S
        alone = duration_s(past, TestId(test.name))
        return max(
            (duration_s(past, TestId(test.name, item)) for item in test.strangers or ()), default=alone
        )

    def _ask(self, test: Test, pattern: Pattern, request: RerunRequest, generation: int) -> bool:
        """Decide about the rows that a request means; return whether there are any."""
        if not self._admission.has_rows(test):
            test.asks = (*test.asks, (pattern, request, generation))
            self._admission.await_items(test)
            return True
        matched = [row for row in test.each_row() if pattern.matches(*row.test_id)]
        for row in matched:
            row.generation = 0  # whatever was decided by an earlier request, or for another test
            self._admission.consider(row, generation, request)
        return bool(matched) or not test.each_row()

    def _report_unmatched(self, test: Test, pattern: Pattern) -> None:
        """Say that a test was named and none of its items was meant: in its record, unless it has results."""
        named = ",".join(str(element) for element in pattern.elements if element.test == test.name)
        if not named:
            return
        comment = f"no item of test {test.name!r} matches {named!r}"
        if not (test.open or test.record is not None or any(r.counted for r in test.each_row())):
            self._admission.join(TestId(test.name), is_parent=not test.single)
            self._graph.news.append(Settle(TestId(test.name), *ZERO_ITEMS, comment))
        elif self._admission.must_await(test):
            self._graph.news.append(Unmatched(comment))  # of other tests it was said before anything began

    def _report_missing(self, test: Test, pattern: Pattern) -> None:
        """Name the items that a pattern names and a test has not, now that its items are known."""
        for item in pattern.item_patterns_for(test.name):
            if item and is_plain(item) and test.row(item) is None:
                self._graph.news.append(Unmatched(f"test {test.name!r} has no item {item!r}"))
