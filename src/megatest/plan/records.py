"""What the records say of the tests of a plan, and how each request reads them."""

from __future__ import annotations

from collections.abc import Mapping

from megatest.model.ids import TestId
from megatest.model.rollup import Pair, roll_up
from megatest.model.status import State
from megatest.plan.node import Test
from megatest.plan.rerun import Prior, RerunRequest, counts
from megatest.plan.row import NEVER_RUN, Row


class Records:
    """The records as the latest request found them, and what ended since beside the plan."""

    def __init__(self) -> None:
        self._priors: Mapping[TestId, Prior] = {}
        self._items_by_test: dict[str, list[str]] = {}
        self._ended: dict[TestId, tuple[int, Prior]] = {}  # after which request, and how
        self._generation = 0

    def learn(self, priors: Mapping[TestId, Prior], generation: int) -> None:
        """Replace the records by those that come with a request."""
        self._generation = generation
        self._priors = priors
        self._items_by_test = {}
        for test_id in priors:
            if test_id.item:
                self._items_by_test.setdefault(test_id.test, []).append(test_id.item)

    def learn_end(self, test_id: TestId, pair: Pair) -> None:
        """Take in the end of what ran without being in the plan."""
        self._ended[test_id] = self._generation, Prior(state=pair[0], status=pair[1])

    def prior(self, test_id: TestId) -> Prior | None:
        """Return the record of a test or item."""
        if self._ended:
            generation, prior = self._ended.get(test_id, (0, None))
            if generation == self._generation:
                return prior
        return self._priors.get(test_id) if self._priors else None

    def ended_since(self, test_id: TestId, generation: int) -> bool:
        """Return whether it ran beside the plan and ended after the request of this number."""
        return bool(self._ended) and self._ended.get(test_id, (0, None))[0] >= generation

    def read(self, test: Test) -> None:
        """Give a test that is not expanded what the records say about it."""
        if not self._priors and not self._ended:
            test.strangers = test.record = None
            return
        test.strangers = self._items_of(test)
        test.record = self._top_of(test)

    def refresh(self, test: Test) -> None:
        """Let the results of a test's rows count as its latest request sees them."""
        for row in test.each_row():
            if row.counted and not row.is_open:
                prior = Prior(state=row.pair[0], status=row.pair[1])
                replace_result(row, row.pair if counts(prior, test.request) else NEVER_RUN)

    def _items_of(self, test: Test) -> dict[str, Pair] | None:
        found: dict[str, Pair] = {}
        for item in self._items_by_test.get(test.name, ()):
            pair = pair_of(self.prior(TestId(test.name, item)), test.request)
            if pair is not None:
                found[item] = pair
        return found or None

    def _top_of(self, test: Test) -> Pair | None:
        prior = self.prior(TestId(test.name))
        if prior is not None and prior.is_parent and test.strangers and test.request.resets:
            return roll_up(test.strangers.values())
        return pair_of(prior, test.request)


def pair_of(prior: Prior | None, request: RerunRequest) -> Pair | None:
    """Return what a record says for the tests behind it; None if there is no result to speak of."""
    if prior is None or prior.state == State.DELETED:
        return None
    return (prior.state, prior.status) if counts(prior, request) else NEVER_RUN


def replace_result(row: Row, pair: Pair) -> None:
    """Let another result count for a row that is not open."""
    row.test.replace(row, pair)
    row.prior = Prior(state=pair[0], status=pair[1])
