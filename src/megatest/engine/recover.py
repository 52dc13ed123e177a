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
from megatest.model.slotted import dataclass, field
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
    recovery = _Recovery(
        ledger=ledger, executors=executors, workarea=workarea, clock=clock, reviewer=reviewer
    )
    for record in records:
        if not record.is_parent and record.state in ACTIVE:
            attempt = _attempt(record, ledger.row(record.test_id), job_prefix)
            attempt.exit_table = exit_table
            recovery.look_at(attempt)
    return recovery.adopt()


@dataclass(slots=True, kw_only=True)
class _Recovery:
    """What is put right, and what still has to be asked for (mutable).

    Attributes:
        ledger, executors, workarea, clock, reviewer: see `recover`.
        found: attempts that may live, by executor.
        gone: jobs that ended while nobody watched, by executor.
    """

    ledger: Ledger
    executors: Mapping[str, Executor]
    workarea: WorkArea
    clock: Clock
    reviewer: Reviewer
    found: dict[str, list[Attempt]] = field(default_factory=dict)
    gone: dict[str, list[Job]] = field(default_factory=dict)

    def look_at(self, attempt: Attempt) -> None:
        """Settle an attempt that is over or never began; note who has to be asked about another."""
        self._read_on(attempt)
        if attempt.ended is not None:
            self.gone.setdefault(attempt.executor, []).append(attempt.job)
            self._settle(attempt, ChangeKind.ENDED)
        elif not self._waits_in_queue(attempt) and self._never_began(attempt):
            self._settle(attempt, ChangeKind.LOST)
        else:
            self.found.setdefault(attempt.executor, []).append(attempt)

    def adopt(self) -> Sequence[Attempt]:
        """Ask the executors about what may live; return what does."""
        adopted = [a for name, attempts in self.found.items() for a in self._adopt(name, attempts)]
        for name, jobs in self.gone.items():
            if name in self.executors:
                self.executors[name].sweep(jobs)
        return adopted

    def _adopt(self, name: str, attempts: Sequence[Attempt]) -> Iterable[Attempt]:
        executor = self.executors.get(name)
        if executor is None:
            for attempt in attempts:
                self._settle(attempt, ChangeKind.LOST)
            return
        by_row = {attempt.row.id: attempt for attempt in attempts}
        for change in executor.adopt([(attempt.job, attempt.handle) for attempt in attempts]):
            attempt = by_row[change.row]
            if change.kind in (ChangeKind.ENDED, ChangeKind.LOST):
                # It may have ended, and said how, since its journal was read.
                self._read_on(attempt)
                if attempt.ended is None:
                    self._never_began(attempt)  # a queue that takes it late must not start it
                self._conclude(attempt, change)
                executor.sweep([attempt.job])
                continue
            attempt.launched_at = self.clock.monotonic() - self._lasted_s(attempt)
            yield attempt

    def _waits_in_queue(self, attempt: Attempt) -> bool:
        """Whether it may wait in a queue that outlived the engine: its place there is worth keeping."""
        executor = self.executors.get(attempt.executor)
        return executor is not None and executor.queues and bool(attempt.prepared.run_dir)

    def _never_began(self, attempt: Attempt) -> bool:
        """Whether the attempt has not begun; if so it now never will."""
        if attempt.started is not None:
            return False
        run_dir = attempt.prepared.run_dir
        return not run_dir or self.workarea.revoke(run_dir, attempt.number)

    def _read_on(self, attempt: Attempt) -> None:
        part = self.workarea.read_journal(attempt.prepared.run_dir, attempt.offset)
        if part.exists:
            take_in(attempt, part, self.ledger, wall_time_on_this_host(self.clock.now()))

    def _lasted_s(self, attempt: Attempt) -> float:
        """Seconds since the attempt began, by the clock of its own journal if that is this host's."""
        if attempt.started is not None and attempt.started.time:
            return max(0.0, self.clock.now() - attempt.started.time)
        if attempt.started is None or not attempt.started.uptime_s:
            return 0.0
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - attempt.started.uptime_s)

    def _settle(self, attempt: Attempt, kind: ChangeKind) -> None:
        self._conclude(attempt, JobChange(row=attempt.row.id, attempt=attempt.number, kind=kind))

    def _conclude(self, attempt: Attempt, change: JobChange) -> None:
        outcome = verdict_on(attempt, change)
        opinion = self.reviewer.answer(failure_of(attempt, outcome)) if is_bad(outcome) else None
        conclude(
            attempt,
            outcome,
            opinion,
            self.ledger,
            time=int(self.clock.now()),
            duration_s=duration_by_journal(attempt),
        )


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
        ending=ON_REQUEST if record.state == State.KILLREQ else "",
        waits=record.comment if record.state == State.LAUNCHED else "",
    )
