"""What users change by hand: states, kills, locks; always with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from megatest.app.query import TestFilter, find_tests
from megatest.app.runjournal import log_edits, log_run
from megatest.model.change import TestChange
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.record import RunRecord, TestRecord
from megatest.model.rollup import RollUp
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE

if TYPE_CHECKING:
    from megatest.app.session import Session
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
    conclude_edits(records, run, changed, author=author, log=log)
    return changed


def conclude_edits(
    records: AllRecords, run: RunRecord, changed: Sequence[TestRecord], *, author: Author, log: RunLog
) -> None:
    """Do what follows from changes by hand: parents say what their items say, the journal says it all.

    Args:
        records, run: where they were made.
        changed: the tests as they are now, each changed once.
        author: who made them.
        log: the run's journal, which the database can be made from.
    """
    parents = {test.test_id.test for test in changed if test.test_id.item}
    roll_up_parents(records, run, parents, author, log)
    log_edits(log, records, changed)
    log.stand(changed, [step for test in changed for step in records.steps(test.id)])


def roll_up_parents(
    records: AllRecords, run: RunRecord, tests: set[str], author: Author, log: RunLog
) -> None:
    """Make the parents' rows, and the journal, say what their items say."""
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
        log.stand([now for change in changes if (now := records.test_by_id(change.row)) is not None], ())


def request_kill(
    records: AllRecords,
    run: RunRecord,
    which: TestFilter,
    *,
    held: bool,
    reason: str,
    author: Author,
    log: RunLog,
) -> Sequence[TestRecord]:
    """Ask for the end of the tests that run; the engine that holds the run sees to it.

    Args:
        records, run, which: the tests.
        held: such an engine lives; then it is also asked not to start what still waits.
        reason, author: for the audit.
        log: the run's journal, which the database can be made from.

    Returns:
        The tests whose end was asked for.
    """
    rows = [test.id for test in find_tests(records, run, which) if test.is_under_way(held=held)]
    asked = records.request_kill(rows, held=held, user=author.user, reason=reason, time=author.time)
    with suppress(EnvironmentFault):  # a full disk is a reason to kill tests, not one against it
        log_edits(log, records, asked)
    return asked


def still_active(records: AllRecords, run: RunRecord, rows: Sequence[int]) -> list[TestRecord]:
    """Return those of these tests in which a process may still exist."""
    wanted = set(rows)
    return [t for t in records.tests(run.id, states=ACTIVE) if t.id in wanted]


def set_lock(
    session: Session, records: AllRecords, runs: Sequence[RunRecord], *, locked: bool, author: Author
) -> None:
    """Lock or unlock runs against removal and changes by hand."""
    for run in runs:
        if (run.state == LOCKED) == locked:
            continue
        now = records.lock_run(run.id, locked=locked, user=author.user, time=author.time)
        if now is not None:
            log_run(session, now)


def set_run(
    session: Session, records: AllRecords, run: RunRecord, *, status: str, comment: str | None
) -> None:
    """Set the status of a run itself, and its comment unless that is None."""
    records.set_run(run.id, status=status, comment=comment)
    now = records.run_by_id(run.id)
    if now is not None:
        log_run(session, now)
