"""Putting tests into a plan: what is asked runs or keeps its result, and pulls in what it needs.

A test upstream takes part only for a test that really runs: whoever keeps a good result asks
nothing of anybody.  So rows are decided first, then those that run demand their upstream
tests, whose rows are decided in turn, and only when that has come to rest are rows tied to
the goals that they wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from megatest.model.error import ConfigError, Diagnostic, Severity, UserError
from megatest.model.ids import TestId
from megatest.model.pattern import Pattern, pattern_from_elements
from megatest.model.rollup import Pair, RollUp, roll_up, spoils
from megatest.model.status import State, Status
from megatest.plan.consequence import Register, Settle, Stuck
from megatest.plan.graph import NO_PREREQUISITE, Graph, gate_need, item_goal
from megatest.plan.items import Item, expand_items
from megatest.plan.node import NEVER_RUN, Need, Row, Stage, Test, satisfies
from megatest.plan.priority import duration_s, longest_tails
from megatest.plan.rerun import Prior, RerunRequest, counts, decide
from megatest.plan.select import SelectedTest, Selection

ZERO_ITEMS: Pair = (State.NOT_STARTED.value, Status.ZERO_ITEMS.value)


class Assembler:
    """Adds requests, and the items of tests that had to wait for them, to a graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._priors: Mapping[TestId, Prior] = {}
        self._items_by_test: dict[str, list[str]] = {}
        self._ended: dict[TestId, tuple[int, Prior]] = {}  # outside the plan: after which request, and how
        self._findings: list[Diagnostic] = []
        self._opened: dict[Test, list[Row]] = {}  # have still to demand what they need
        self._untied: dict[Test, list[Row]] = {}
        self._needed: dict[Test, Pattern] = {}
        self._extras_seen: set[tuple[str, str]] = set()
        self._joined: dict[TestId, bool] = {}

    def add(self, selection: Selection, request: RerunRequest, priors: Mapping[TestId, Prior]) -> None:
        """Bring in a request; see `Plan.add`."""
        self._graph.generation += 1
        self._needed.clear()
        self._extras_seen.clear()
        self._learn(priors)
        for name, selected in selection.tests.items():
            self._know(name, selected, request)
        self._set_tails()
        asked = [self._graph.tests[name] for name, selected in selection.tests.items() if selected.asked]
        if request.resets:
            self._demand_again()
        now = self._graph.generation
        unmatched = [test for test in asked if not self._ask(test, selection.pattern, request, now)]
        self._come_to_rest()
        for test in unmatched:
            self._report_unmatched(test, selection.pattern)
        self._publish()
        findings, self._findings = self._findings, []
        if findings and self._graph.generation == 1:
            raise ConfigError(findings)

    def _demand_again(self) -> None:
        """Let what still waits pull in upstream tests whose results have ceased to count."""
        for test in self._graph.tests.values():
            if test.open or test.awaits_items:
                test.generation = self._graph.generation
                waiting = [r for r in test.rows.values() if r.stage in (Stage.WAITING, Stage.READY)]
                self._opened.setdefault(test, []).extend(waiting)

    def expand(self, test: Test, items: Sequence[Item]) -> None:
        """Bring in the items of a test that awaited them."""
        self._graph.items_came(test)
        self._make_rows(test, items)
        asks, test.asks = test.asks, []
        unmatched = [ask for ask in asks if not self._ask(test, *ask)]
        for need in (Need.GOOD, Need.ENDED):
            if _pulled(test, need):
                for row in test.rows.values():
                    self._consider(row, test.generation, test.request, need)
        pulled_by, test.pulled_by = test.pulled_by, None
        for behind in pulled_by or ():
            self._pull_items(test, behind, [row for row in behind.rows.values() if row.is_open])
        self._come_to_rest()
        for pattern, _, _ in unmatched:
            self._report_unmatched(test, pattern)
        self._publish()

    def refuse(self, test: Test, message: str) -> None:
        """Settle a test whose items cannot be evaluated."""
        self._graph.items_came(test)
        self._graph.settle_test(test, ZERO_ITEMS, message)
        self._come_to_rest()

    def wait_again(self, row: Row) -> None:
        """Tie in a row that waits once more; it may have begun before this plan."""
        self._opened.setdefault(row.test, []).append(row)
        self._come_to_rest()
        self._publish()

    def learn_end(self, test_id: TestId, pair: Pair) -> None:
        """Take in the end of a test or item that ran without being in the plan."""
        self._ended[test_id] = self._graph.generation, Prior(state=pair[0], status=pair[1])
        test = self._graph.tests.get(test_id.test)
        row = self._graph.row(test_id)
        if row is not None and row.counted:
            _replace(row, pair)
        elif test is not None and not test.expanded:
            self._read_records(test)
        if test is not None:
            self._graph.touch(test)
            self._graph.turn()

    # -- what is known --------------------------------------------------------------------------

    def _learn(self, priors: Mapping[TestId, Prior]) -> None:
        self._priors = priors
        self._items_by_test = {}
        for test_id in priors:
            if test_id.item:
                self._items_by_test.setdefault(test_id.test, []).append(test_id.item)

    def _know(self, name: str, selected: SelectedTest, request: RerunRequest) -> None:
        """Make the node of a test, or renew what a later request may say differently."""
        test = self._graph.tests.get(name)
        if test is None:
            upstream = [self._graph.tests[before] for before in selected.upstream]
            self._graph.tests[name] = test = Test(selected, upstream)
        else:
            test.selected = replace(test.selected, needed=selected.needed)
        test.request = request
        test.generation = self._graph.generation
        if not test.expanded:
            self._read_records(test)
        for row in test.rows.values():
            if row.counted and not row.is_open:
                prior = Prior(state=row.pair[0], status=row.pair[1])
                _replace(row, row.pair if counts(prior, request) else NEVER_RUN)
        self._graph.touch(test)

    def _prior(self, test_id: TestId) -> Prior | None:
        generation, prior = self._ended.get(test_id, (0, None))
        return prior if generation == self._graph.generation else self._priors.get(test_id)

    def _read_records(self, test: Test) -> None:
        test.strangers = self._records_of(test)
        test.record = self._record_of(test)

    def _records_of(self, test: Test) -> dict[str, Pair] | None:
        records: dict[str, Pair] = {}
        for item in self._items_by_test.get(test.name, ()):
            prior = self._prior(TestId(test.name, item))
            pair = _pair_of(prior, test.request) if prior is not None else None
            if pair is not None:
                records[item] = pair
        return records or None

    def _record_of(self, test: Test) -> Pair | None:
        prior = self._prior(TestId(test.name))
        if prior is None:
            return None
        if prior.is_parent and test.strangers and test.request.resets:
            return roll_up(test.strangers.values())
        return _pair_of(prior, test.request)

    def _set_tails(self) -> None:
        """Give each test the longest chain of work behind it, and sort the ready rows anew."""
        graph = self._graph
        tests = list(graph.tests.values())
        index = {test.name: number for number, test in enumerate(tests)}
        upstream = [[index[before.name] for before in test.upstream] for test in tests]
        weights = [self._weight_s(test) for test in tests]
        for test, tail in zip(tests, longest_tails(upstream, weights), strict=True):
            test.tail_s = tail
        ready = (row for test in tests for row in test.rows.values() if row.stage is Stage.READY)
        graph.ready.rebuild((row, graph.rank(row)) for row in ready)

    def _weight_s(self, test: Test) -> float:
        """Return the seconds of a test's slowest item; items run side by side."""
        past = self._graph.past
        alone = duration_s(past, TestId(test.name))
        return max(
            (duration_s(past, TestId(test.name, item)) for item in test.strangers or ()), default=alone
        )

    # -- rows -----------------------------------------------------------------------------------

    def _ask(self, test: Test, pattern: Pattern, request: RerunRequest, generation: int) -> bool:
        """Decide about the rows that a request means; return whether there are any."""
        if not self._has_rows(test):
            test.asks.append((pattern, request, generation))
            self._await_items(test)
            return True
        matched = [row for row in test.rows.values() if pattern.matches(*row.test_id)]
        for row in matched:
            row.generation = 0  # whatever was decided by an earlier request, or for another test
            self._consider(row, generation, request)
        return bool(matched) or not test.rows

    def _has_rows(self, test: Test) -> bool:
        """Return whether a test is expanded, which it will be now if it need not wait."""
        if test.expanded:
            return True
        if test.awaits_items or self._must_await(test):
            return False
        spec = test.selected.spec
        try:
            self._make_rows(test, expand_items(spec.name, spec.items, spec.itemstable))
        except UserError as error:
            self._findings.extend(error.diagnostics())
            self._make_rows(test, (), error.message)
        return True

    def _must_await(self, test: Test) -> bool:
        """Return whether prerequisites may still change the items, and it matters."""
        if not (test.selected.spec.items_need_upstream and test.upstream and test.has_items):
            return False
        if test.request.force:
            return False
        known = [self._prior(TestId(test.name, item)) for item in test.strangers or ()]
        return not known or any(decide(prior, test.request).run for prior in known)

    def _await_items(self, test: Test) -> None:
        if not test.awaits_items:
            self._graph.await_items(test)
            self._join(TestId(test.name), is_parent=True)
            self._opened.setdefault(test, [])

    def _make_rows(self, test: Test, items: Sequence[Item], why_none: str = "") -> None:
        test.expanded = True
        test.settled = None
        test.single = len(items) == 1 and items[0].path == ""
        test.rollup = None if test.single else RollUp()
        for item in items:
            test_id = TestId(test.name, item.path)
            prior = self._prior(test_id)
            if prior is not None and prior.is_parent:
                prior = None  # it had items once
            pair = _pair_of(prior, test.request) if prior is not None else None
            test.rows[item.path] = row = Row(test, test_id, prior, pair)
            if row.counted:
                test.count(row)
        self._count_strangers(test)
        if not items:
            self._join(TestId(test.name), is_parent=True)
            self._graph.settle_test(test, ZERO_ITEMS, why_none or "its item lists give no items")
        self._graph.touch(test)

    def _count_strangers(self, test: Test) -> None:
        """Count recorded items that the test has no longer: they are part of its top row."""
        if not test.strangers:
            return
        strangers = {item: pair for item, pair in test.strangers.items() if item not in test.rows}
        test.strangers = strangers or None
        if test.rollup is not None:
            for pair in strangers.values():
                test.rollup.add(*pair)
                test.spoilers += spoils(*pair)

    def _consider(self, row: Row, generation: int, request: RerunRequest, need: Need | None = None) -> None:
        """Decide whether a row runs.

        Args:
            row: it may have been decided about by an earlier request.
            generation: number of the request; it is decided once for each.
            request: about results.
            need: of the test downstream that pulls it in: a result that meets it is kept.
        """
        if row.is_open or row.generation >= generation:
            return
        if need is not None and row.counted and satisfies(need, row.pair):
            row.stage = Stage.DONE
            row.reason = f"it is {'/'.join(row.pair)}, which still counts"
            return
        row.generation = generation
        if self._ended.get(row.test_id, (0, None))[0] >= generation:
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
            self._join(row.test_id, is_parent=False)
            if not row.test.single and row.test.record is None:
                self._join(TestId(row.test.name), is_parent=True)
        self._graph.open_row(row)
        refusal = "" if active else self._graph.refusal(row)
        if active:
            self._graph.start_row(row, None)
        elif refusal:
            message = f"test {str(row.test_id)!r} can never start: {refusal}"
            self._findings.append(Diagnostic(severity=Severity.ERROR, message=message))
            self._give_up(row, f"it can never start: {refusal}")
        else:
            self._opened.setdefault(row.test, []).append(row)

    def _give_up(self, row: Row, comment: str) -> None:
        """Settle a row that cannot run, whatever becomes of its prerequisites."""
        self._graph.end_row(row, NO_PREREQUISITE, comment)
        self._graph.news.append(Settle(row.test_id, *NO_PREREQUISITE, comment))

    # -- what they need -------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        """Pull in what the opened rows need, until nothing more opens; then tie and turn."""
        while self._opened:
            test, rows = self._opened.popitem()
            self._untied.setdefault(test, []).extend(rows)
            waiting = [row for row in rows if not row.forced]
            if waiting or test.awaits_items:
                for upstream in test.upstream:
                    self._pull(upstream, test, waiting)
        untied, self._untied = self._untied, {}
        for test, rows in untied.items():
            self._tie(test, rows)
        self._graph.turn()
        for test, rows in untied.items():
            for row in rows:
                self._graph.reconsider(row)
            if test.awaits_items:
                self._graph.reconsider_gate(test)
        self._graph.turn()

    def _pull(self, upstream: Test, test: Test, rows: Sequence[Row]) -> None:
        """Let a test upstream take part as far as these rows, or the test's items, need it."""
        if not test.item_match or not upstream.has_items:
            self._pull_whole(upstream, test)
        elif test.awaits_items:
            self._pull_needed(upstream, test)
        else:
            self._pull_items(upstream, test, rows)

    def _pull_whole(self, upstream: Test, test: Test) -> None:
        if _pulled(upstream, test.need) >= test.generation:
            return
        if not upstream.awaits_items and satisfies(test.need, upstream.top()):
            return  # its result counts; if it runs all the same, its goal is open until it ended
        if test.need is Need.GOOD:
            upstream.pulled_good = test.generation
        else:
            upstream.pulled_ended = test.generation
        if not self._has_rows(upstream):
            self._await_items(upstream)
            return
        for row in upstream.rows.values():
            self._consider(row, test.generation, test.request, test.need)

    def _pull_needed(self, upstream: Test, test: Test) -> None:
        """Pull the items that the request means, for a test whose own items are not known."""
        if not self._has_rows(upstream):
            self._pull_whole(upstream, test)
            return
        needed = self._needed_of(upstream)
        for row in upstream.rows.values():
            if needed.matches(*row.test_id):
                self._consider(row, test.generation, test.request, test.need)

    def _pull_items(self, upstream: Test, test: Test, rows: Sequence[Row]) -> None:
        items = self._mapped(upstream, test, rows)
        if None in items:
            self._pull_whole(upstream, test)
        wanted = [item for item in items if item is not None]
        if self._has_rows(upstream):
            for item in wanted:
                if item in upstream.rows:
                    self._consider(upstream.rows[item], test.generation, test.request, test.need)
            self._pull_extras(upstream, test)
        elif not all(satisfies(test.need, upstream.pair_of(item)) for item in wanted):
            upstream.pulled_by = [*(upstream.pulled_by or ()), test]
            self._await_items(upstream)

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
            for row in upstream.rows.values()
            if row.stage is Stage.IDLE and row.pair == NEVER_RUN and needed.matches(*row.test_id)
        ]
        if idle:
            matched = self._mapped(upstream, test, test.rows.values())
            for row in idle:
                if row.test_id.item not in matched:
                    self._consider(row, test.generation, test.request, test.need)

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

    # -- what they wait for ---------------------------------------------------------------------

    def _tie(self, test: Test, rows: Sequence[Row]) -> None:
        if not test.item_match or test.awaits_items:
            if not test.linked and (test.awaits_items or any(not row.forced for row in rows)):
                test.linked = True
                need = gate_need(test)
                for upstream in test.upstream:
                    self._graph.attach(test, upstream.goal(None, need))
            return
        for row in rows:
            if not row.linked and not row.forced:
                self._tie_row(test, row)

    def _tie_row(self, test: Test, row: Row) -> None:
        try:
            items = [item_goal(test, upstream, row.test_id.item) for upstream in test.upstream]
        except UserError as error:
            self._give_up(row, error.message)
            return
        row.linked = True
        for upstream, item in zip(test.upstream, items, strict=True):
            self._graph.attach(row, upstream.goal(item, test.need))

    # -- what is told ---------------------------------------------------------------------------

    def _join(self, test_id: TestId, *, is_parent: bool) -> None:
        self._joined[test_id] = is_parent

    def _publish(self) -> None:
        """Put the rows that joined before all that is said about them."""
        if self._joined:
            self._graph.news.insert(0, Register(tuple(self._joined.items())))
            self._joined.clear()

    def _report_unmatched(self, test: Test, pattern: Pattern) -> None:
        """Say that a test was named and none of its items was meant, unless it has results."""
        named = ",".join(str(element) for element in pattern.elements if element.test == test.name)
        if not named or test.open or test.record is not None or any(r.counted for r in test.rows.values()):
            return
        self._join(TestId(test.name), is_parent=not test.single)
        comment = f"no item of test {test.name!r} matches {named!r}"
        self._graph.news.append(Settle(TestId(test.name), *ZERO_ITEMS, comment))


def _pulled(test: Test, need: Need) -> int:
    """Return the number of the latest request that pulled a whole test in; 0 for none."""
    return test.pulled_good if need is Need.GOOD else test.pulled_ended


def _pair_of(prior: Prior, request: RerunRequest) -> Pair | None:
    """Return what a record says for the tests behind it; None if there is no result to speak of."""
    if prior.state == State.DELETED:
        return None
    return (prior.state, prior.status) if counts(prior, request) else NEVER_RUN


def _replace(row: Row, pair: Pair) -> None:
    """Let another result count for a row that is not open."""
    row.test.replace(row, pair)
    row.prior = Prior(state=pair[0], status=pair[1])
