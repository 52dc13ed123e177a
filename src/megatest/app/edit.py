"""What users change by hand: states, kills, locks; always with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from megatest.app.query import TestFilter, find_tests
from megatest.model.change import TestChange
from megatest.model.error import UserError
from megatest.model.record import RunRecord, TestRecord
from megatest.model.rollup import RollUp
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, State

if TYPE_CHECKING:
    from megatest.app.wiring import AllRecords
    from megatest.workarea.runlog import RunLog

LOCKED = "locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes something, and when."""

    user: str
    time: int


def check_unlocked(run: RunRecord) -> None:
    """Refuse to touch a locked run.

    Raises:
        UserError: it is locked.
    """
    if run.state == LOCKED:
        raise UserError(f"run {run.name} is locked", hint="unlock it with: megatest unlock")


def set_tests(
    records: AllRecords,
    run: RunRecord,
    which: TestFilter,
    *,
    state: str | None,
    status: str | None,
    comment: str | None,
    reason: str,
    author: Author,
    log: RunLog,
) -> Sequence[TestRecord]:
    """Set state and status of tests by hand; parents of items follow their items.

    Args:
        records, run, which: the tests.
        state, status, comment: None leaves what is there.
        reason, author: kept with the change.
        log: the run's journal, which the database can be made from.

    Returns:
        The tests that were set.

    Raises:
        UserError: the run is locked.
    """
    check_unlocked(run)
    chosen = [test for test in find_tests(records, run, which) if not test.is_parent]
    changed = records.set_state_status(
        [test.id for test in chosen],
        state=state,
        status=status,
        comment=comment,
        user=author.user,
        reason=reason,
        time=author.time,
    )
    parents = {test.test_id.test for test in changed if test.test_id.item}
    roll_up_parents(records, run, parents, author)
    rows = {test.id for test in changed}
    now = records.tests(run.id, lambda t: t.id in rows or (t.is_parent and t.test_id.test in parents))
    log.stand(now, [step for test in now for step in records.steps(test.id)])
    return changed


def roll_up_parents(records: AllRecords, run: RunRecord, tests: set[str], author: Author) -> None:
    """Make the parents' rows say what their items say."""
    changes = []
    for name in sorted(tests):
        of_test = records.rows_of(run.id, name)
        parent = next((t for t in of_test if t.is_parent), None)
        items = [t for t in of_test if t.test_id.item]
        roll_up = RollUp((t.state, t.status) for t in items)
        top = roll_up.top()
        if parent is None or top is None:
            continue
        changes.append(
            TestChange(
                row=parent.id,
                expected_state=parent.state,
                state=top[0],
                status=top[1],
                fail_count=roll_up.fail_count,
                pass_count=roll_up.pass_count,
                time=author.time,
            )
        )
    if changes:
        records.commit(changes, None)


def request_kill(
    records: AllRecords, run: RunRecord, which: TestFilter, *, reason: str, author: Author
) -> Sequence[TestRecord]:
    """Ask for the end of the tests that run; the engine that holds the run sees to it.

    Returns:
        The tests whose end was asked for.
    """
    active = [t for t in find_tests(records, run, which) if t.state in ACTIVE and not t.is_parent]
    return records.request_kill([t.id for t in active], user=author.user, reason=reason, time=author.time)


def still_active(records: AllRecords, run: RunRecord, rows: Sequence[int]) -> list[TestRecord]:
    """Return those of these tests in which a process may still exist."""
    wanted = set(rows)
    return [t for t in records.tests(run.id, states=[s.value for s in ACTIVE]) if t.id in wanted]


def set_lock(records: AllRecords, runs: Sequence[RunRecord], *, locked: bool, author: Author) -> int:
    """Lock or unlock runs against removal and changes by hand; return how many changed."""
    changed = 0
    for run in runs:
        if (run.state == LOCKED) != locked:
            records.lock_run(run.id, locked=locked, user=author.user, time=author.time)
            changed += 1
    return changed


def is_under_way(test: TestRecord) -> bool:
    """Return whether a test waits for nothing but its own end."""
    return test.state in ACTIVE and test.state != State.KILLREQ
