"""The store's queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from megatest.model.ids import Target, TestId
from megatest.model.lease import Holder
from megatest.model.record import (
    AttemptRecord,
    EditRecord,
    Glance,
    RunRecord,
    StepRecord,
    TestRecord,
    ValueRecord,
)
from megatest.model.spec import TestMeta
from megatest.model.status import State
from megatest.store.database import Database
from megatest.store.rows import (
    attempt_from_row,
    bindable,
    edit_from_row,
    holder_from_row,
    meta_from_row,
    run_from_row,
    step_from_row,
    test_from_row,
    value_from_row,
)

if TYPE_CHECKING:
    from megatest.store.port import StatusCounts

_STATE, _STATUS = 6, 7  # where the fragment `test_columns` has them


class SqliteReading:
    """Satisfies `megatest.store.port.Reading`; see there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, predicate: Callable[[RunRecord], bool] | None = None) -> Sequence[RunRecord]:
        """Return the runs that satisfy the predicate."""
        found = map(run_from_row, self._database.rows("runs"))
        return [run for run in found if predicate is None or predicate(run)]

    def run(self, target: Target, runname: str) -> RunRecord | None:
        """Return the run of this target and name."""
        found = self._any_run(target, runname)
        return None if found is None or found.state == "deleted" else found

    def _any_run(self, target: Target, runname: str) -> RunRecord | None:
        row = self._database.row("run", bindable(runname), *map(bindable, target.values))
        return None if row is None else run_from_row(row)

    def run_by_id(self, run_id: int) -> RunRecord | None:
        """Return a run by its row."""
        row = self._database.row("run_by_id", run_id)
        return None if row is None else run_from_row(row)

    def tests(
        self,
        run_id: int,
        predicate: Callable[[TestRecord], bool] | None = None,
        *,
        states: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> Sequence[TestRecord]:
        """Return a run's tests; 10,000 take 6 ms in SQLite and 120 ms as records."""
        rows = self._database.rows("tests", run_id)
        if states:
            rows = [row for row in rows if row[_STATE] in states]
        if statuses:
            rows = [row for row in rows if row[_STATUS] in statuses]
        found = map(test_from_row, rows)
        return list(found) if predicate is None else [test for test in found if predicate(test)]

    def glances(self, run_id: int) -> Sequence[Glance]:
        """Return what a list shows of a run's tests; 10,000 take 16 ms."""
        return list(map(Glance._make, self._database.rows("glances", run_id)))

    def tests_since(self, run_id: int, seq: int) -> tuple[int, Sequence[TestRecord]]:
        """Return the latest commit's number and what changed after commit `seq`."""
        # The number first: a commit in between is then reported twice rather than never.
        number = self._database.row("seq")
        assert number is not None
        return number[0], [test_from_row(row) for row in self._database.rows("tests_since", run_id, seq)]

    def test(self, run_id: int, test_id: TestId) -> TestRecord | None:
        """Return one test of a run."""
        row = self._database.row("test", run_id, bindable(test_id.test), bindable(test_id.item))
        return None if row is None else test_from_row(row)

    def test_by_id(self, row: int) -> TestRecord | None:
        """Return a test by its row."""
        found = self._database.row("test_by_id", row)
        return None if found is None else test_from_row(found)

    def history(self, test_id: TestId) -> Sequence[TestRecord]:
        """Return one test over all runs."""
        rows = self._database.rows("history", bindable(test_id.test), bindable(test_id.item))
        return [test_from_row(row) for row in rows]

    def steps(self, row: int) -> Sequence[StepRecord]:
        """Return a test's steps."""
        return [step_from_row(found) for found in self._database.rows("steps", row)]

    def values(self, row: int) -> Sequence[ValueRecord]:
        """Return a test's measured values."""
        return [value_from_row(found) for found in self._database.rows("values", row)]

    def attempts(self, row: int) -> Sequence[AttemptRecord]:
        """Return a test's earlier attempts."""
        return [attempt_from_row(found) for found in self._database.rows("attempts", row)]

    def values_of_run(self, run_id: int) -> Sequence[tuple[TestId, ValueRecord]]:
        """Return the measured values of a run."""
        rows = self._database.rows("values_of_run", run_id)
        return [(TestId(row[0], row[1]), value_from_row(row[2:])) for row in rows]

    def meta(self) -> Mapping[str, TestMeta]:
        """Return what was recorded of tests for people."""
        return {row[0]: meta_from_row(row) for row in self._database.rows("meta")}

    def rows_of(self, run_id: int, test: str) -> Sequence[TestRecord]:
        """Return a test of a run and its items."""
        return [test_from_row(row) for row in self._database.rows("rows_of", run_id, bindable(test))]

    def edits(self, row: int) -> Sequence[EditRecord]:
        """Return who changed a test by hand."""
        return [edit_from_row(found) for found in self._database.rows("edits", row)]

    def counts(self, run_ids: Iterable[int] | None = None) -> Mapping[int, StatusCounts]:
        """Return how many tests of each run are in each state and status."""
        if run_ids is None:
            rows = self._database.rows("counts_of_all_runs")
        else:
            rows = [row for run_id in dict.fromkeys(run_ids) for row in self._database.rows("counts", run_id)]
        found: dict[int, dict[tuple[str, str], int]] = {}
        for run_id, is_parent, state, status, count in rows:
            if not is_parent and state != State.DELETED:
                found.setdefault(run_id, {})[state, status] = count
        return found

    def flaky_counts(self) -> Mapping[int, int]:
        """Return how many tests of each run are flaky."""
        return {row[0]: row[1] for row in self._database.rows("flaky")}

    def failures(self, run_id: int) -> Sequence[TestRecord]:
        """Return a run's tests that failed in a known way."""
        return [test_from_row(row) for row in self._database.rows("failed_alike", run_id)]

    def holder(self, run_id: int) -> Holder | None:
        """Return the process that holds a run."""
        row = self._database.row("holder", run_id)
        return None if row is None else holder_from_row(row)

    def data_version(self) -> int:
        """Return a number that changes when another connection has written."""
        return self._database.data_version()

    def close(self) -> None:
        """Give the connection up."""
        self._database.close()
