"""How the engine's changes are written, one after the other, within a transaction.

Grouping them by the columns they set, for `executemany`, was measured: 6 % less time for 10,000
changes, and conflicts that had to be found afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from megatest.model.change import AttemptKept, Change, StepChange, TestChange
from megatest.model.record import StepRecord, ValueRecord
from megatest.model.status import legal_change
from megatest.store.database import Database
from megatest.store.fault import IllegalChange
from megatest.store.rows import (
    bindable,
    columns_from_change,
    row_from_value,
    step_from_change,
    test_from_row,
)


def write_changes(database: Database, changes: Iterable[Change]) -> Sequence[int]:
    """Write changes in order; return the rows that were not in the expected state.

    Raises:
        IllegalChange: a state may not follow; the caller's transaction must not be committed.
    """
    moved: dict[int, None] = {}
    for change in changes:
        if isinstance(change, TestChange):
            if not _update_test(database, change):
                moved[change.row] = None
        elif isinstance(change, StepChange):
            put_step(database, step_from_change(change))
        elif isinstance(change, ValueRecord):
            put_value(database, change)
        elif isinstance(change, AttemptKept):
            database.run("keep_attempt", change.row)
        else:
            database.run("clear_steps", change.row)
            database.run("delete_values", change.row)
    return list(moved)


def _update_test(database: Database, change: TestChange) -> bool:
    """Write one change; return False if the row is not in the expected state."""
    if change.state is not None and not legal_change(change.expected_state, change.state):
        _refuse_unless_parent(database, change)
    columns, values = columns_from_change(change)
    values += (*database.stamp, change.row, str(change.expected_state))
    try:
        return database.run_with("update_test", columns, values) > 0
    except UnicodeEncodeError:  # before anything was written; to look at each text first would cost more
        return database.run_with("update_test", columns, [bindable(value) for value in values]) > 0


def _refuse_unless_parent(database: Database, change: TestChange) -> None:
    row = database.row("test_by_id", change.row)
    record = None if row is None else test_from_row(row)
    if record is not None and not record.is_parent:
        raise IllegalChange(
            f"{record.test_id} (row {change.row}): {change.state} may not follow {change.expected_state}"
        )


def put_step(database: Database, step: StepRecord) -> None:
    """Write a step over what its test, name and state said before."""
    texts = map(bindable, (step.stepname, step.state, step.status))
    more = map(bindable, (step.comment, step.logfile))
    _, now = database.stamp
    database.run("put_step", *texts, step.event_time, *more, now, step.test_row)


def put_value(database: Database, value: ValueRecord) -> None:
    """Write a measured value over what its test, category and variable had before."""
    _, now = database.stamp
    database.run("put_value", *row_from_value(value), now, value.test_row)
