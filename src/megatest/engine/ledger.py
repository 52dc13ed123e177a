"""The run's rows as the engine knows them, and the one way in which it writes them.

Changes gather in a batch and go to the store in one transaction a turn.  A parent of items is
rolled up when one of its items changed, at the cost of the distinct states of its items.  The
store refuses a change to a row that somebody else has moved meanwhile; the ledger then takes
over what the row says now and hands the lost change back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from megatest.typed import Any

from megatest.engine.attempt import Row
from megatest.engine.batch import Batch
from megatest.engine.ports import Bell, Clock, Lease, Move, RunLog, Store
from megatest.failpoint import reach
from megatest.model.change import AttemptKept, StepChange, StepsCleared, TestChange
from megatest.model.ids import TestId
from megatest.model.record import TestRecord, ValueRecord
from megatest.model.rollup import RollUp
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, State, Status
from megatest.plan.rerun import Prior


@dataclass(frozen=True, slots=True)
class Conflict:
    """A change that was not made, because the row was not in the state that we believed."""

    row: Row
    lost: TestChange


class Ledger:
    """Rows, roll-ups and the pending batch of one run.

    Args:
        run_id: the run's row.
        store, log, lease, clock: see `megatest.engine.ports`.
        records: every test of the run that the store has.
        bell: hears what was committed; None if nobody wants to.
    """

    def __init__(
        self,
        *,
        run_id: int,
        store: Store,
        log: RunLog,
        lease: Lease,
        clock: Clock,
        records: Iterable[TestRecord],
        bell: Bell | None = None,
    ) -> None:
        self.run_id = run_id
        self._store = store
        self._log = log
        self._lease = lease
        self._clock = clock
        self._bell = bell
        self._moves: list[Move] = []
        self._rows: dict[TestId, Row] = {}
        self._by_id: dict[int, Row] = {}
        self._roll_ups: dict[str, RollUp] = {}
        self._written_counts: dict[str, tuple[int, int]] = {}
        self._dirty: dict[str, None] = {}
        self._batch = Batch()
        self._logged = 0  # the version of the batch that the run's journal has
        for record in records:
            self._take(record)

    def _take(self, record: TestRecord) -> None:
        if record.test_id in self._rows:
            return
        row = Row(
            id=record.id,
            test_id=record.test_id,
            state=record.state,
            status=record.status,
            attempt=record.attempt,
            is_parent=record.is_parent,
            retries=record.retries,
            flaky=record.flaky,
            run_dir=record.shortdir,
        )
        self._rows[record.test_id] = row
        self._by_id[record.id] = row
        if record.is_parent:
            self._written_counts[record.test_id.test] = (record.fail_count, record.pass_count)
        elif record.test_id.item:
            self._roll_up_of(record.test_id).add(record.state, record.status)
            self._dirty[record.test_id.test] = None

    def _roll_up_of(self, test_id: TestId) -> RollUp:
        roll_up = self._roll_ups.get(test_id.test)
        if roll_up is None:
            roll_up = self._roll_ups[test_id.test] = RollUp()
        return roll_up

    @property
    def lease(self) -> Lease:
        """The right under which it writes."""
        return self._lease

    # -- reading ----------------------------------------------------------------------------------

    def row(self, test_id: TestId) -> Row:
        """Return the row of a test that is known to exist."""
        return self._rows[test_id]

    def row_of_id(self, row_id: int) -> Row | None:
        """Return a row by its number, if it is of this run."""
        return self._by_id.get(row_id)

    def parent(self, test_id: TestId) -> Row | None:
        """Return the parent's row of an item, or the test's own row."""
        return self._rows.get(TestId(test_id.test))

    def priors(self) -> dict[TestId, Prior]:
        """Return every row as the plan wants to know it; cost grows with the run."""
        return {
            test_id: Prior(
                state=row.state,
                status=row.status,
                attempt=row.attempt,
                accounted=row.state in ACTIVE,
                is_parent=row.is_parent,
            )
            for test_id, row in self._rows.items()
        }

    # -- writing ----------------------------------------------------------------------------------

    def register(self, tests: Iterable[tuple[TestId, bool]]) -> None:
        """Make sure that these rows exist, in a transaction of their own."""
        records = self._store.register_tests(self.run_id, tests, int(self._clock.now()), self._lease)
        reach("rows registered")
        # Nothing of these rows is launched before the next commit, which comes after this.
        self._log.rows(records.values())
        for record in records.values():
            self._take(record)

    def change(self, row: Row, **values: Any) -> None:
        """Set columns of a row (the fields of `TestChange`) with the next commit."""
        self._batch.set_columns(row.id, row.state, values)
        state, status = values.get("state"), values.get("status")
        if state is None and status is None:
            return
        self._move(row, state or row.state, status or row.status)
        self._ring(row)

    def _ring(self, row: Row) -> None:
        """Let the bell hear, after the next commit, how the row stands now."""
        if self._bell is not None:
            self._moves.append(
                Move(
                    row=row.id,
                    test_id=row.test_id,
                    state=row.state,
                    status=row.status,
                    run_dir=row.run_dir,
                    time=int(self._clock.now()),
                )
            )

    def _move(self, row: Row, state: str, status: str) -> None:
        if row.test_id.item:
            self._roll_up_of(row.test_id).replace((row.state, row.status), (state, status))
            self._dirty[row.test_id.test] = None
        row.state, row.status = state, status

    def keep_attempt(self, row: Row) -> None:
        """Copy what the row says of its latest attempt to the attempts, with the next commit."""
        self._batch.add(AttemptKept(row=row.id))

    def try_again(self, row: Row, state: str, status: str, *, comment: str) -> None:
        """Record that the latest attempt came out so, and that another is due.

        The first is for the attempts only: nobody sees the row, or its parent, in that state.
        """
        self._batch.set_columns(row.id, row.state, {"state": state, "status": status})
        self._batch.add(AttemptKept(row=row.id))
        row.retries += 1
        due = {"state": State.NOT_STARTED, "status": Status.NA, "comment": comment, "retries": row.retries}
        self._batch.set_columns(row.id, state, due)
        self._move(row, State.NOT_STARTED, Status.NA)
        self._ring(row)

    def notice(self, row: Row, state: str, status: str) -> None:
        """Take over what somebody else has written into a row."""
        self._move(row, state, status)

    def step(self, change: StepChange | ValueRecord | StepsCleared) -> None:
        """Record a step or a measured value with the next commit."""
        self._batch.add(change)

    def commit(self) -> Sequence[Conflict]:
        """Write everything pending in one transaction.

        Returns:
            What could not be written, because somebody else moved the rows.

        Raises:
            EnvironmentFault: the store cannot be written now; everything stays pending.
            LeaseLost: the run is another engine's now.
        """
        self._roll_up_dirty()
        if not self._batch:
            return ()
        changes = self._batch.changes()
        if self._batch.version != self._logged:  # else the store failed, and this is the next try
            reach("run log before write")
            self._log.changes(changes, self._lease.token)
            reach("run log after write")
            self._logged = self._batch.version
        records = self._store.commit(changes, self._lease)
        reach("commit after")
        conflicts = [c for record in records if (c := self._conflict(record)) is not None]
        self._batch.clear()
        self._ring_bell(conflicts)
        return conflicts

    def _ring_bell(self, conflicts: Sequence[Conflict]) -> None:
        if self._bell is None or not self._moves:
            return
        lost = {conflict.row.id for conflict in conflicts}
        moves = [move for move in self._moves if move.row not in lost]
        self._moves.clear()
        self._bell.moved(moves)

    def renew(self) -> None:
        """Say that this engine lives.

        Raises:
            LeaseLost: the run is another engine's now.
        """
        self._store.renew(self._lease, int(self._clock.now()))
        reach("lease renewed")

    @property
    def pending(self) -> bool:
        """Whether something waits to be committed."""
        return bool(self._batch or self._dirty)

    def _conflict(self, record: TestRecord) -> Conflict | None:
        row = self._by_id.get(record.id)
        lost = self._batch.columns_of(record.id)
        if row is None or lost is None:
            return None
        self.notice(row, record.state, record.status)
        return Conflict(row, lost)

    def _roll_up_dirty(self) -> None:
        for test in self._dirty:
            parent = self._rows.get(TestId(test))
            if parent is None or not parent.is_parent:
                continue
            roll_up = self._roll_ups[test]
            state, status = roll_up.top() or (parent.state, parent.status)
            counts = (roll_up.fail_count, roll_up.pass_count)
            if (state, status) == (parent.state, parent.status) and counts == self._written_counts.get(test):
                continue
            self._written_counts[test] = counts
            self.change(
                parent,
                state=state,
                status=status,
                fail_count=counts[0],
                pass_count=counts[1],
                time=int(self._clock.now()),
            )
        self._dirty.clear()
