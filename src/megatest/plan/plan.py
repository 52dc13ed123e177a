"""The plan: what runs next, what follows from each end, and why.  No I/O, no clock.

It is told of events (`started`, `ended`, `expand` ...) and answers with consequences
for the engine to carry out.  The work of an event does not grow with the plan: rows count
what they wait for, and what turns tells those who wait (after ninja's plan).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from megatest.model.claim import Share
from megatest.model.ids import TestId
from megatest.model.rollup import Pair
from megatest.plan.assemble import Assembler
from megatest.plan.consequence import Consequence as Consequence
from megatest.plan.consequence import Expand as Expand
from megatest.plan.consequence import Register as Register
from megatest.plan.consequence import Settle as Settle
from megatest.plan.consequence import Stuck as Stuck
from megatest.plan.consequence import Unmatched as Unmatched
from megatest.plan.explain import Planned, planned_order, why
from megatest.plan.graph import Graph
from megatest.plan.items import Item
from megatest.plan.limits import Demand, Limits
from megatest.plan.rerun import Prior, RerunRequest
from megatest.plan.row import NEVER_RUN, Stage
from megatest.plan.select import Selection


class Plan:
    """Everything that one run is to do, from the first request to the last end.

    Attributes:
        limits: who uses what; `Limits.set_elsewhere` may be called at any time.
    """

    def __init__(
        self, *, limits: Limits | None = None, past_durations: Mapping[TestId, float] | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._graph = Graph(self.limits, past_durations or {})
        self._assembler = Assembler(self._graph)
        self._guests: dict[TestId, Demand] = {}

    # -- requests -------------------------------------------------------------------------------

    def add(
        self,
        selection: Selection,
        request: RerunRequest | None = None,
        priors: Mapping[TestId, Prior] | None = None,
    ) -> None:
        """Bring in a request, at first or while the plan runs; `begin` says what follows.

        Rows that are asked for and open already are left as they are.  A row that this plan
        has seen to its end is decided about again, as if a new command had come after it.

        Args:
            selection: what is asked, and everything upstream of it.
            request: about tests that have results.
            priors: the records of the run, parents included, by test and item.

        Raises:
            ConfigError: of the first request only, which is then useless: items that cannot be,
                and tests that could never start.  Later such tests are settled with the reason.

        Cost: O(n log n + m) for n tests and items and m prerequisites; no recursion.
        """
        self._assembler.add(selection, request or RerunRequest(), priors or {})
        for test_id in [test_id for test_id in self._guests if self._graph.row(test_id) is not None]:
            self.limits.give_back(self._guests.pop(test_id))
            self.started(test_id)

    def begin(self) -> Sequence[Consequence]:
        """Return what follows from the requests added since the last call."""
        news = self._graph.news
        self._graph.news = []
        return news

    def expand(self, test: str, items: Sequence[Item]) -> Sequence[Consequence]:
        """Take the items of a test for which `Expand` asked; further calls change nothing."""
        node = self._graph.tests[test]
        if node.awaits_items:
            self._assembler.expand(node, items)
        return self.begin()

    def refuse(self, test: str, message: str) -> Sequence[Consequence]:
        """Take the news that the items of a test cannot be evaluated."""
        node = self._graph.tests[test]
        if node.awaits_items:
            self._assembler.refuse(node, message)
        return self.begin()

    # -- events ---------------------------------------------------------------------------------

    def next_ready(self) -> TestId | None:
        """Return the test or item to start now, None if nothing may; it stays until `started`.

        Cost: O(d + log n) for d different demands on the limits.
        """
        row = self._graph.ready.first()
        return row.test_id if row is not None else None

    def shares(self, test_id: TestId) -> Sequence[Share]:
        """Return what a test or item takes of each limit that there is."""
        row = self._graph.row(test_id)
        lane = row.lane if row is not None else None
        account = lane.account if lane is not None else self.limits.account(self.limits.demand(test_id))
        return account.shares

    def wants(self) -> Mapping[tuple[str, str], Share]:
        """Return what ready tests lack because of other runs; asked when none may start."""
        return self._graph.ready.wants()

    def upcoming(self, count: int) -> Sequence[TestId]:
        """Return which would be next if no limit held them, to prepare for them."""
        return [row.test_id for row in self._graph.ready.upcoming(count)]

    def started(self, test_id: TestId) -> None:
        """Take the news that a test or item runs.

        It need not have been ready: an attempt that an earlier engine left is taken over
        so.  Of a test that is running already this is no news.
        """
        row = self._graph.row(test_id)
        if row is None:
            self._take_guest(test_id)
        elif row.stage is not Stage.RUNNING:
            if not row.is_open:
                self._graph.open_row(row)
            self._graph.start_row(row)
            self._graph.turn()

    def _take_guest(self, test_id: TestId) -> None:
        """Count a test that runs in this run and that no request has named."""
        if test_id not in self._guests:
            self._guests[test_id] = demand = self.limits.demand(test_id)
            self.limits.take(demand)

    def _dismiss_guest(self, test_id: TestId, pair: Pair) -> None:
        guest = self._guests.pop(test_id, None)
        if guest is not None:
            self.limits.give_back(guest)
            self._assembler.learn_end(test_id, pair)

    def ended(self, test_id: TestId, state: str, status: str, comment: str = "") -> Sequence[Consequence]:
        """Take the news that a test or item is over, whether it ran or not.

        Of one that is over already this is no news.

        Cost: O(1) and what follows from it.
        """
        self._dismiss_guest(test_id, (state, status))
        row = self._graph.row(test_id)
        if row is not None and row.is_open:
            self._graph.end_row(row, (state, status), comment)
            self._graph.turn()
        return self.begin()

    def retry(self, test_id: TestId) -> Sequence[Consequence]:
        """Let a test that runs or has ended run once more, and those behind it wait for it.

        Best called instead of `ended`: after it, tests behind may have been settled already.
        They are taken up again.  What runs without having been asked for just ends.
        """
        self._dismiss_guest(test_id, NEVER_RUN)
        row = self._graph.row(test_id)
        if row is not None and row.stage is Stage.RUNNING:
            self._graph.put_back(row)
            self._assembler.wait_again(row)
        elif row is not None and row.stage is Stage.DONE and not row.blocked:
            self._graph.open_row(row)
            self._assembler.wait_again(row)
        return self.begin()

    # -- questions ------------------------------------------------------------------------------

    def is_done(self) -> bool:
        """Return whether nothing is left to run or to wait for."""
        return self._graph.open == 0 and not self._guests

    def waiting_count(self) -> int:
        """Return how many tests and items have still to start."""
        return self._graph.open - self._graph.running

    def is_ready(self, test_id: TestId) -> bool:
        """Return whether a test or item waits for nothing but limits."""
        row = self._graph.row(test_id)
        return row is not None and row.stage is Stage.READY

    def waiting(self) -> Iterator[TestId]:
        """Yield what has still to start; a test whose items are not known yet by its name."""
        for test in self._graph.tests.values():
            if test.awaits_items:
                yield TestId(test.name)
            for row in test.each_row():
                if row.stage in (Stage.WAITING, Stage.READY):
                    yield row.test_id

    def why(self, test_id: TestId) -> list[str]:
        """Return sentences: why it waits, does not run, runs again, and for what or whom.

        Cost: O(prerequisites).
        """
        return why(self._graph, test_id)

    def order(self) -> list[Planned]:
        """Return what is to run in the order in which it would start, if all goes well.

        Cost: O(n log n + m).
        """
        return planned_order(self._graph)
