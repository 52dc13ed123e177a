"""What an engine does first: put right what the last one left, however it ended.

For each test that the records say is under way, in this order: its exit record settles it; an
attempt that never began is revoked, so that it never will, unless it waits in a queue that still
knows it; the executor adopts what lives; what nobody accounts for is INCOMPLETE, never a verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from megatest.engine.attempt import Attempt, Row
from megatest.engine.conclude import conclude, duration_by_journal, failure_of, is_bad, verdict_on
from megatest.engine.endings import ON_REQUEST
from megatest.engine.ledger import Ledger
from megatest.engine.listen import take_in, wall_time_on_this_host
from megatest.engine.ports import Clock, Executor, Reviewer, WorkArea
from megatest.model.attempt import Prepared
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.record import TestRecord
from megatest.model.rundir import JOB_LOG, SCRIPT
from megatest.model.status import ACTIVE, State


def recover(
    records: Iterable[TestRecord],
    *,
    ledger: Ledger,
    executors: Mapping[str, Executor],
    workarea: WorkArea,
    clock: Clock,
    reviewer: Reviewer,
    job_prefix: str,
    exit_table: bool = False,
) -> Sequence[Attempt]:
    """Settle or adopt every attempt that the records say is under way.

    The changes are left pending in the ledger.

    Args:
        records: of tests and items; those that are not under way are passed over.
        ledger, executors, workarea, clock, reviewer: of the new engine.
        job_prefix: begins the name of every job of the area.
        exit_table: see `Attempt`.

    Returns:
        The attempts that live; the engine takes them over.
    """
    found: dict[str, list[Attempt]] = {}
    gone: dict[str, list[Job]] = {}
    for record in records:
        if record.is_parent or record.state not in ACTIVE:
            continue
        attempt = _attempt(record, ledger.row(record.test_id), job_prefix)
        attempt.exit_table = exit_table
        if record.state == State.KILLREQ:
            attempt.ending = ON_REQUEST
        _read_on(attempt, workarea, ledger, clock)
        if attempt.ended is not None:
            gone.setdefault(record.executor, []).append(attempt.job)
            _settle(
                attempt,
                JobChange(row=record.id, attempt=attempt.number, kind=ChangeKind.ENDED),
                ledger,
                clock,
                reviewer,
            )
        elif not _waits_in_queue(attempt, executors) and _never_began(attempt, workarea):
            lost = JobChange(row=record.id, attempt=attempt.number, kind=ChangeKind.LOST)
            _settle(attempt, lost, ledger, clock, reviewer)
        else:
            found.setdefault(record.executor, []).append(attempt)
    adopted = [
        attempt
        for name, attempts in found.items()
        for attempt in _adopt(name, attempts, executors, workarea, ledger, clock, reviewer)
    ]
    for name, jobs in gone.items():
        if name in executors:
            executors[name].sweep(jobs)
    return adopted


def _attempt(record: TestRecord, row: Row, job_prefix: str) -> Attempt:
    run_dir = record.shortdir
    prepared = Prepared(
        run_dir=run_dir,
        link=record.rundir,
        script=f"{run_dir}/{SCRIPT}",
        log=f"{run_dir}/{JOB_LOG}",
    )
    job = Job(
        row=record.id,
        attempt=record.attempt,
        name=f"{job_prefix}-{record.id}-{record.attempt}",
        run_dir=run_dir,
        script=prepared.script,
        log=prepared.log,
    )
    return Attempt(
        row=row,
        number=record.attempt,
        executor=record.executor,
        job=job,
        prepared=prepared,
        handle=record.handle,
        waits=record.comment if record.state == State.LAUNCHED else "",
    )


def _waits_in_queue(attempt: Attempt, executors: Mapping[str, Executor]) -> bool:
    """Whether it may wait in a queue that outlived the engine: its place there is worth keeping."""
    executor = executors.get(attempt.executor)
    return executor is not None and executor.queues and bool(attempt.prepared.run_dir)


def _never_began(attempt: Attempt, workarea: WorkArea) -> bool:
    """Whether the attempt has not begun; if so it now never will."""
    if attempt.started is not None:
        return False
    return not attempt.prepared.run_dir or workarea.revoke(attempt.prepared.run_dir, attempt.number)


def _adopt(
    name: str,
    attempts: Sequence[Attempt],
    executors: Mapping[str, Executor],
    workarea: WorkArea,
    ledger: Ledger,
    clock: Clock,
    reviewer: Reviewer,
) -> Iterable[Attempt]:
    executor = executors.get(name)
    if executor is None:
        for attempt in attempts:
            lost = JobChange(row=attempt.row.id, attempt=attempt.number, kind=ChangeKind.LOST)
            _settle(attempt, lost, ledger, clock, reviewer)
        return
    by_row = {attempt.row.id: attempt for attempt in attempts}
    for change in executor.adopt([(attempt.job, attempt.handle) for attempt in attempts]):
        attempt = by_row[change.row]
        if change.kind in (ChangeKind.ENDED, ChangeKind.LOST):
            # It may have ended, and said how, since its journal was read.
            _read_on(attempt, workarea, ledger, clock)
            if attempt.ended is None:
                _never_began(attempt, workarea)  # a queue that takes it late must not start it
            _settle(attempt, change, ledger, clock, reviewer)
            executor.sweep([attempt.job])
            continue
        attempt.launched_at = clock.monotonic() - _lasted_s(attempt, clock)
        yield attempt


def _read_on(attempt: Attempt, workarea: WorkArea, ledger: Ledger, clock: Clock) -> None:
    part = workarea.read_journal(attempt.prepared.run_dir, attempt.offset)
    if part.exists:
        take_in(attempt, part, ledger, wall_time_on_this_host(clock.now()))


def _lasted_s(attempt: Attempt, clock: Clock) -> float:
    """Seconds since the attempt began, by the clock of its own journal if that is this host's."""
    if attempt.started is not None and attempt.started.time:
        return max(0.0, clock.now() - attempt.started.time)
    if attempt.started is None or not attempt.started.uptime_s:
        return 0.0
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - attempt.started.uptime_s)


def _settle(attempt: Attempt, change: JobChange, ledger: Ledger, clock: Clock, reviewer: Reviewer) -> None:
    outcome = verdict_on(attempt, change)
    duration = duration_by_journal(attempt)
    opinion = reviewer.answer(failure_of(attempt, outcome)) if is_bad(outcome) else None
    conclude(attempt, outcome, opinion, ledger, time=int(clock.now()), duration_s=duration)
