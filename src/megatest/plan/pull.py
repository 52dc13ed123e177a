"""What opened rows need of the tests upstream: those take part, and are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from megatest.model.error import UserError
from megatest.model.pattern import Pattern, pattern_from_elements
from megatest.plan.admission import Admission
from megatest.plan.graph import Graph, gate_need, item_goal
from megatest.plan.node import Need, Test, satisfies
from megatest.plan.row import NEVER_RUN, Row, Stage

_GOOD: Final = Need.GOOD  # looked up for each edge


class Puller:
    """Pulls in upstream tests for opened rows, and ties rows to their goals."""

    def __init__(self, graph: Graph, admission: Admission) -> None:
        self._graph = graph
        self._admission = admission
        self._needed: dict[Test, Pattern] = {}
        self._extras_seen: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """Begin with a new request, which may need other items."""
        self._needed.clear()
        self._extras_seen.clear()

    def demand_again(self) -> None:
        """Let all that still waits pull in upstream tests whose results have ceased to count."""
        for test in self._graph.tests.values():
            if test.open or test.awaits_items:
                test.generation = self._graph.generation
                waiting = [r for r in test.each_row() if r.stage in (Stage.WAITING, Stage.READY)]
                self._admission.opened.setdefault(test, []).extend(waiting)

    def come_to_rest(self) -> None:
        """Pull in what the opened rows need, until nothing more opens; then tie and turn."""
        opened = self._admission.opened
        untied: dict[Test, list[Row]] = {}
        while opened:
            test, rows = opened.popitem()
            known = untied.setdefault(test, rows)
            if known is not rows:
                known.extend(rows)
            waiting = [row for row in rows if not row.forced]
            if waiting or _awaits_upstream(test):
                self._pull_upstream(test, waiting)
        for test, rows in untied.items():
            self._tie(test, rows)
        self._graph.turn()
        for test, rows in untied.items():
            for row in rows:
                self._graph.reconsider(row)
            if test.awaits_items:
                self._graph.reconsider_gate(test)
        self._graph.turn()

    def _pull_upstream(self, test: Test, rows: Sequence[Row]) -> None:
        """Let the tests upstream take part as far as these rows, or the test's items, need them."""
        need, generation = test.need, test.generation
        for upstream in test.upstream:
            if not test.item_match or not upstream.has_items:
                if pulled(upstream, need) < generation:
                    self._pull_whole(upstream, test)
            elif test.awaits_items:
                self._pull_needed(upstream, test)
            else:
                self.pull_items(upstream, test, rows)

    def _pull_whole(self, upstream: Test, test: Test) -> None:
        if pulled(upstream, test.need) >= test.generation:
            return
        if not upstream.awaits_items and satisfies(test.need, upstream.top()):
            return  # its result counts; if it runs all the same, its goal is open until it ended
        if test.need is Need.GOOD:
            upstream.pulled_good = test.generation
        else:
            upstream.pulled_ended = test.generation
        if not self._admission.has_rows(upstream):
            self._admission.await_items(upstream)
            return
        for row in upstream.each_row():
            self._admission.consider(row, test.generation, test.request, test.need)

    def _pull_needed(self, upstream: Test, test: Test) -> None:
        """Pull the items that the request means, for a test whose own items are not known."""
        if not self._admission.has_rows(upstream):
            self._pull_whole(upstream, test)
            return
        needed = self._needed_of(upstream)
        for row in upstream.each_row():
            if needed.matches(*row.test_id):
                self._admission.consider(row, test.generation, test.request, test.need)

    def pull_items(self, upstream: Test, test: Test, rows: Sequence[Row]) -> None:
        """Pull in the items that these rows match, and those that nobody matches."""
        items = self._mapped(upstream, test, rows)
        if None in items:
            self._pull_whole(upstream, test)
        wanted = [item for item in items if item is not None]
        if self._admission.has_rows(upstream):
            for item in wanted:
                row = upstream.row(item)
                if row is not None:
                    self._admission.consider(row, test.generation, test.request, test.need)
            self._pull_extras(upstream, test)
        elif not all(satisfies(test.need, upstream.pair_of(item)) for item in wanted):
            upstream.pulled_by = [*(upstream.pulled_by or ()), test]
            self._admission.await_items(upstream)

    def _pull_extras(self, upstream: Test, test: Test) -> None:
        """Pull what the request means of an upstream test, has never run, and is nobody's match.

        ``run d`` where d matches c item by item runs the items of c that d has not, too, once.
        """
        if (upstream.name, test.name) in self._extras_seen:
            return
        self._extras_seen.add((upstream.name, test.name))
        needed = self._needed_of(upstream)
        idle = [
            row
            for row in upstream.each_row()
            if row.stage is Stage.IDLE and row.pair == NEVER_RUN and needed.matches(*row.test_id)
        ]
        if idle:
            matched = self._mapped(upstream, test, test.each_row())
            for row in idle:
                if row.test_id.item not in matched:
                    self._admission.consider(row, test.generation, test.request, test.need)

    def _needed_of(self, upstream: Test) -> Pattern:
        if upstream not in self._needed:
            self._needed[upstream] = pattern_from_elements(upstream.selected.needed)
        return self._needed[upstream]

    @staticmethod
    def _mapped(upstream: Test, test: Test, rows: Iterable[Row]) -> dict[str | None, None]:
        """Return what these rows wait for, without those whose map fails: tying reports them."""
        found: dict[str | None, None] = {}
        for row in rows:
            try:
                found[item_goal(test, upstream, row.test_id.item)] = None
            except UserError:
                continue
        return found

    def _tie(self, test: Test, rows: Sequence[Row]) -> None:
        if not test.item_match or test.awaits_items:
            if not test.linked and (_awaits_upstream(test) or any(not row.forced for row in rows)):
                test.linked = True
                need = gate_need(test)
                self._graph.attach(test, [upstream.whole_goal(need) for upstream in test.upstream])
            return
        for row in rows:
            if not row.linked and not row.forced:
                self._tie_row(test, row)

    def _tie_row(self, test: Test, row: Row) -> None:
        try:
            items = [item_goal(test, upstream, row.test_id.item) for upstream in test.upstream]
        except UserError as error:
            self._admission.give_up(row, error.message)
            return
        row.linked = True
        goals = [upstream.goal(item, test.need) for upstream, item in zip(test.upstream, items, strict=True)]
        self._graph.attach(row, goals)


def _awaits_upstream(test: Test) -> bool:
    """Return whether a test's items wait for tests upstream; under -force nothing does."""
    return test.awaits_items and not test.request.force


def pulled(test: Test, need: Need) -> int:
    """Return the number of the latest request that pulled a whole test in; 0 for none."""
    return test.pulled_good if need is _GOOD else test.pulled_ended
