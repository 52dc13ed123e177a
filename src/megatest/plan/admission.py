"""How rows join a plan: a test is expanded, each row of it is decided about, some are opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from megatest.model.error import Diagnostic, UserError
from megatest.model.ids import TestId
from megatest.model.rollup import Pair, spoils
from megatest.model.status import State, Status
from megatest.plan.consequence import Register, Settle, Stuck
from megatest.plan.graph import NO_PREREQUISITE, Graph
from megatest.plan.items import Item, expand_items
from megatest.plan.limits import misfit_finding, misfit_sentence
from megatest.plan.node import Need, Test, satisfies
from megatest.plan.records import Records, pair_of
from megatest.plan.rerun import RerunRequest, decide
from megatest.plan.row import Row, Stage

_ROWS_AT_ONCE: Final = 1_000
ZERO_ITEMS: Pair = (State.NOT_STARTED.value, Status.ZERO_ITEMS.value)


class Admission:
    """Expands tests and opens rows.

    Attributes:
        findings: what is wrong with tests that came up.
        opened: rows that have still to demand what they need upstream, by test; a test that
            awaits its items may be there without rows.
    """

    def __init__(self, graph: Graph, records: Records) -> None:
        self._graph = graph
        self._records = records
        self._joined: dict[TestId, bool] = {}
        self.findings: list[Diagnostic] = []
        self.opened: dict[Test, list[Row]] = {}

    def has_rows(self, test: Test) -> bool:
        """Return whether a test is expanded, which it will be now if it need not wait."""
        if test.expanded:
            return True
        if not test.has_items:
            self._make_only_row(test)
            return True
        if test.awaits_items or self.must_await(test):
            return False
        try:
            spec = test.selected.spec
            self.make_rows(test, expand_items(spec.name, spec.items, spec.itemstable))
        except UserError as error:
            self.findings.extend(error.diagnostics())
            self.make_rows(test, (), error.message)
        return True

    def must_await(self, test: Test) -> bool:
        """Return whether a test's items are known only once its prerequisites have ended.

        What is recorded of it does not say: an earlier run may have meant some items only.
        """
        return test.selected.spec.items_need_upstream and bool(test.upstream)

    def await_items(self, test: Test) -> None:
        """Let a test take part whose items are evaluated later."""
        if not test.awaits_items:
            self._graph.await_items(test)
            self.join(TestId(test.name), is_parent=True)
            self.opened.setdefault(test, [])

    def make_rows(self, test: Test, items: Sequence[Item], why_none: str = "") -> None:
        """Expand a test; without items it is settled, with the reason."""
        test.set_rows({item.path: self._row(test, item.path) for item in items})
        self._count_strangers(test)
        if not items:
            self.join(TestId(test.name), is_parent=True)
            self._graph.settle_test(test, ZERO_ITEMS, why_none or "its item lists give no items")
        self._graph.touch(test)

    def _make_only_row(self, test: Test) -> None:
        """Expand a test without items."""
        test.set_only_row(self._row(test, ""))
        self._count_strangers(test)
        self._graph.touch(test)

    def _row(self, test: Test, item: str) -> Row:
        test_id = TestId(test.name, item)
        prior = self._records.prior(test_id)
        if prior is not None and prior.is_parent:
            prior = None  # it had items once
        return Row(test, test_id, prior, pair_of(prior, test.request))

    def _count_strangers(self, test: Test) -> None:
        """Count recorded items that the test has no longer: they are part of its top row."""
        if not test.strangers:
            return
        strangers = {item: pair for item, pair in test.strangers.items() if test.row(item) is None}
        test.strangers = strangers or None
        if test.rollup is not None:
            for pair in strangers.values():
                test.rollup.add(*pair)
                test.spoilers += spoils(*pair)

    def consider(self, row: Row, generation: int, request: RerunRequest, need: Need | None = None) -> None:
        """Decide whether a row runs.

        Args:
            row: it may have been decided about by an earlier request.
            generation: number of the request; it is decided once for each.
            request: about results.
            need: of the test downstream that pulls it in: a result that meets it is kept.
        """
        if row.generation >= generation or row.is_open:
            return
        if need is not None and row.counted and satisfies(need, row.pair):
            row.stage = Stage.DONE
            row.reason = f"it is {'/'.join(row.pair)}, which still counts"
            return
        row.generation = generation
        if self._records.ended_since(row.test_id, generation):
            row.stage = Stage.DONE
            row.reason = "it was running when it was asked for, and has ended"
            return
        decision = decide(row.prior, request)
        row.reason = decision.reason
        row.forced = request.force
        if not (decision.run or decision.active):
            row.stage = Stage.DONE
            return
        if decision.stuck:
            self._graph.news.append(Stuck(row.test_id))
        self._open(row, active=decision.active)

    def _open(self, row: Row, *, active: bool) -> None:
        if not row.counted:
            if not row.test.single and row.test.record is None:
                self.join(TestId(row.test.name), is_parent=True)
            self.join(row.test_id, is_parent=False)
        self._graph.open_row(row)
        misfit = None if active else self._graph.misfit(row)
        if active:
            self._graph.start_row(row)
        elif misfit is not None:
            size = self._graph.limits.size(misfit)
            self.findings.append(misfit_finding(row.test_id, row.test.selected.spec, misfit, size))
            self.give_up(row, f"it can never start: {misfit_sentence(misfit, size)}")
        else:
            self.opened.setdefault(row.test, []).append(row)

    def give_up(self, row: Row, comment: str) -> None:
        """Settle a row that cannot run, whatever becomes of its prerequisites."""
        self._graph.end_row(row, NO_PREREQUISITE, comment)
        self._graph.news.append(Settle(row.test_id, *NO_PREREQUISITE, comment))

    def join(self, test_id: TestId, *, is_parent: bool) -> None:
        """Note that a test or item needs a row."""
        self._joined[test_id] = is_parent

    def publish(self) -> None:
        """Put the rows that joined before all that is said about them.

        In parts, because whoever registers a row holds its whole record meanwhile.  A parent comes
        before its items, so whoever dies between two parts leaves no item without one.
        """
        joined = tuple(self._joined.items())
        self._joined.clear()
        starts = range(0, len(joined), _ROWS_AT_ONCE)
        self._graph.news[:0] = [Register(joined[start : start + _ROWS_AT_ONCE]) for start in starts]
