"""The executor for batch systems: one query a tick for all jobs, many jobs in one array.

The life of a job here.  `submission` writes an array script and runs the submit command; a job
id makes the job QUEUED.  A queued job that a list does not know is GONE: its exit record says
how it ended, else the batch system's final word does (see `aftermath`), else, after patience,
it is LOST.  A query that fails proves nothing and moves no job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from megatest.executors.aftermath import Aftermath
from megatest.executors.call import Calls, Command, Reply, Start
from megatest.executors.command import Glance
from megatest.executors.desk import Desk
from megatest.executors.hunt import Hunt
from megatest.executors.pace import Pace
from megatest.executors.queue import BatchSystem, FinalWord, QueueRow, Standing, ref_from_handle
from megatest.executors.setting import BatchSettings
from megatest.executors.spool import Spool
from megatest.executors.submission import Submitter
from megatest.executors.tracked import Stage, Tracked
from megatest.model.job import ChangeKind, Job, JobChange, Submission

_FAILURES_WORTH_TELLING = 3
_FORCE_AGAIN_S = 5.0


class BatchExecutor:
    """Runs jobs through a batch system.

    Args:
        system: its commands.
        settings: limits and rates.
        spool: absolute directory for array scripts, seen by the compute nodes.
        glance: reads the begin and the end from a journal.
        start: starts commands.
        name: in records; the batch system's own name unless given.
        clock: monotonic seconds.

    Attributes:
        name, queues: see the port.
        trouble: a sentence for the user while the batch system does not answer; else empty.
    """

    queues = True

    def __init__(
        self,
        *,
        system: BatchSystem,
        settings: BatchSettings,
        spool: str,
        glance: Glance,
        start: Start,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name or system.name
        self._desk = Desk(
            system=system,
            settings=settings,
            spool=Spool(spool),
            glance=glance,
            clock=clock,
            calls=Calls(start),
            hunt=Hunt(clock),
        )
        self._submitter = Submitter(self._desk)
        self._aftermath = Aftermath(self._desk)
        self._pace = Pace(fastest_s=settings.fastest_poll_s, slowest_s=settings.slowest_poll_s)
        self._listing = False
        self._lists = 0
        self._ending: dict[int, Tracked] = {}
        self._unexplained: dict[int, tuple[float, Tracked]] = {}
        self.trouble = ""

    @property
    def slots(self) -> int | None:
        """The limit that the area sets; a queue has none of its own."""
        return self._desk.settings.slots

    @property
    def queries(self) -> int:
        """How many times the batch system was asked so far, for whoever measures."""
        return self._lists + self._aftermath.queries

    # -- beginning ------------------------------------------------------------------------------

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Submit jobs as arrays; see the port.

        Blocks for at most the time limit of one submit command per array.  A batch system that
        does not answer is no error: its jobs are pending, and are submitted later.
        """
        fresh = [job for job in jobs if not self._is_tracked(job)]
        # An earlier engine may have come as far as this with the same attempt.
        earlier = self._desk.spool.earlier()
        again = [(job, "") for job in fresh if job.name in earlier]
        if again:
            found = self.adopt(again)
            self._desk.news += found
        errors = self._submitter.submit([job for job in fresh if job.name not in earlier])
        self._pace.hurry(self._desk.clock())
        return [self._answer(job, errors.get(job.row, "")) for job in jobs]

    def _is_tracked(self, job: Job) -> bool:
        tracked = self._desk.jobs.of_row(job.row)
        return tracked is not None and tracked.job.name == job.name

    def _answer(self, job: Job, error: str) -> Submission:
        tracked = self._desk.jobs.of_row(job.row)
        if error or tracked is None:
            return Submission(row=job.row, error=error, handle="" if error else f"{self.name}:ended")
        return Submission(row=job.row, handle=tracked.ref.handle(self._desk.system.name))

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Take over jobs of an earlier engine; blocks for the time limits of two queries at most."""
        desk = self._desk
        earlier, desk.news = desk.news, []
        for job, handle in jobs:
            ref = ref_from_handle(desk.system.name, handle) or desk.spool.earlier().get(job.name)
            if ref is not None:
                desk.adopted.add(ref.name)
                desk.jobs.add(Tracked(job=job, ref=ref, stage=Stage.QUEUED, since=desk.clock()))
        for tracked in desk.jobs:
            desk.end_by_record(tracked)
        self._list_and_wait()
        self._aftermath.ask_and_wait()
        rows = {job.row for job, _ in jobs}
        latest = {change.row: change for change in desk.news if change.row in rows}
        desk.news = earlier + [change for change in desk.news if change.row not in rows]
        return [latest.get(job.row) or self._unsettled(job) for job, _ in jobs]

    def _list_and_wait(self) -> None:
        desk = self._desk
        if len(desk.jobs):
            asked_at = desk.clock()
            command = self._list_command(asked_at)
            self._listed(asked_at, desk.calls.wait(command, desk.settings.submit_timeout_s))

    def _unsettled(self, job: Job) -> JobChange:
        """Return what can be said of an adopted job that no answer was about."""
        tracked = self._desk.jobs.of_row(job.row)
        if tracked is None:
            reason = f"it was never handed to {self.name}"
            return JobChange(row=job.row, attempt=job.attempt, kind=ChangeKind.LOST, reason=reason)
        kind = ChangeKind.STARTED if self._desk.has_begun(tracked) else ChangeKind.PENDING
        return tracked.change(kind, self.trouble or f"it left the queue of {self.name}; its end is sought")

    # -- news -----------------------------------------------------------------------------------

    def poll(self) -> Sequence[JobChange]:
        """Take in replies and begin what is due; never blocks."""
        desk = self._desk
        desk.calls.collect()
        now = desk.clock()
        self._go_on_ending(now)
        self._settle_unexplained(now)
        if len(desk.jobs):
            self._list(now)
            self._aftermath.poll(now)
        news, desk.news = desk.news + desk.hunt.poll(), []
        return news

    def recorded(self, row: int, code: int) -> None:
        """Let a job go whose exit record was read, or ask why a signal ended it; see the port.

        The batch system has as long as the settings are patient for the reason.
        """
        tracked = self._desk.jobs.of_row(row)
        if tracked is not None and not self._desk.end_with_code(tracked, code):
            now = self._desk.clock()
            self._unexplained[row] = (now + self._desk.settings.patience_s, tracked)
            self._pace.hurry(now)

    def _settle_unexplained(self, now: float) -> None:
        """End what nobody explained in time, by its exit record alone."""
        for row, (until, tracked) in list(self._unexplained.items()):
            if self._desk.jobs.of_row(row) is not tracked:
                del self._unexplained[row]
            elif now >= until:
                del self._unexplained[row]
                self._desk.end(tracked, FinalWord(ref=tracked.ref, code=tracked.exit_code))

    def _list(self, now: float) -> None:
        if not self._listing and now >= self._pace.due_at():
            self._listing = True
            command = self._list_command(now)
            self._desk.calls.begin(command, self._desk.settings.command_timeout_s, partial(self._listed, now))

    def _list_command(self, now: float) -> Command:
        self._pace.asked(now)
        self._lists += 1
        return self._desk.system.list_jobs()

    def _listed(self, asked_at: float, reply: Reply) -> None:
        """Compare the queue with what we know."""
        self._listing = False
        now = self._desk.clock()
        if not self._desk.system.is_listing(reply):
            self._list_failed(reply, now)
            return
        self.trouble = ""
        rows = {row.ref.key: row for row in self._desk.system.rows(reply.out)}
        changed = False
        for tracked in self._desk.jobs:
            row = rows.get(tracked.ref.key)
            if row is not None:
                changed |= self._seen(tracked, row)
            elif tracked.stage is Stage.QUEUED and tracked.since <= asked_at:
                # (A list that was asked for before the job was accepted cannot know it.)
                self._missed(tracked)
                changed = True
        names = {name for name, _ in rows}
        self._submitter.listed(asked_at, names)
        self._desk.tidy(names)
        # The clock anew: what the answer cost to read counts, too.
        self._pace.answered(self._desk.clock(), changed=changed)

    def _list_failed(self, reply: Reply, now: float) -> None:
        complaint = reply.complaint(self._desk.system.list_jobs().program)
        wait_s = self._pace.failed(now)
        self.trouble = f"{complaint} ({self._pace.failures} times in a row; again in {wait_s:g} s)"
        if self._pace.failures == _FAILURES_WORTH_TELLING:
            for tracked in self._desk.jobs:
                if tracked.told is None or tracked.told[0] is ChangeKind.PENDING:
                    self._desk.tell(tracked, ChangeKind.PENDING, complaint)

    def _seen(self, tracked: Tracked, row: QueueRow) -> bool:
        """Move a job to where the queue has it; return whether that is news."""
        if tracked.stage is Stage.UNSENT or not tracked.ref.job_id:
            self._submitter.found(tracked.ref.name, row.ref.job_id)
        tracked.ref = row.ref
        tracked.confirmed = True
        tracked.stage = Stage.QUEUED
        tracked.host = row.host or tracked.host
        if row.standing is Standing.PENDING:
            return self._desk.tell(tracked, ChangeKind.PENDING, row.reason)
        if row.standing is Standing.RUNNING:
            return self._desk.tell(tracked, ChangeKind.STARTED)
        return self._desk.end_by_record(tracked)

    def _missed(self, tracked: Tracked) -> None:
        """The queue does not know a job any more."""
        if self._desk.end_by_record(tracked):
            return
        if tracked.kill_at is not None:
            self._desk.end(tracked, FinalWord(ref=tracked.ref, reason="ended on request"))
            return
        self._aftermath.take(tracked)

    # -- ending ---------------------------------------------------------------------------------

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Begin to end jobs; `poll` carries it on.

        A job that the batch system never took ends when a list has shown so.
        """
        now = self._desk.clock()
        for row in rows:
            tracked = self._desk.jobs.of_row(row)
            if tracked is not None:
                at = now + grace_s
                tracked.kill_at = at if tracked.kill_at is None else min(tracked.kill_at, at)
                self._ending[row] = tracked
        self._go_on_ending(now)
        self._pace.hurry(now)

    def _go_on_ending(self, now: float) -> None:
        """Send TERM to what has not had it, and force to what had its grace."""
        ending = self._still_ending()
        fresh = [tracked for tracked in ending if not tracked.softly]
        if fresh:
            self._end_softly(fresh, now)
        late = [tracked for tracked in ending if now >= _force_at(tracked)]
        for tracked in late:
            tracked.kill_again_at = now + _FORCE_AGAIN_S
        if late:
            self._end(late, force=True)
            self._pace.hurry(now)

    def _still_ending(self) -> list[Tracked]:
        """Return the jobs to be ended that the batch system is known to have."""
        of_row = self._desk.jobs.of_row
        self._ending = {row: tracked for row, tracked in self._ending.items() if of_row(row) is tracked}
        return [tracked for tracked in self._ending.values() if tracked.confirmed]

    def _end_softly(self, fresh: Sequence[Tracked], now: float) -> None:
        for tracked in fresh:
            tracked.softly = True
        if self._desk.system.can_signal:
            self._end(fresh, force=False)
            return
        here = self._desk.hunt.terminate([tracked.job for tracked in fresh])
        for tracked in fresh:
            if tracked.job.row not in here:
                # Nothing but the hard end reaches it where it is.
                tracked.kill_at = now

    def _end(self, jobs: Sequence[Tracked], *, force: bool) -> None:
        for command in self._desk.system.end([tracked.ref for tracked in jobs], force=force):
            # Whatever it says: the queue tells whether it had an effect, and it is repeated.
            self._desk.calls.begin(command, self._desk.settings.command_timeout_s, _ignore)

    # -- waiting --------------------------------------------------------------------------------

    def fds(self) -> Sequence[int]:
        """Return the descriptors of the commands under way."""
        return self._desk.calls.fds()

    def next_poll_s(self) -> float | None:
        """Return when something is due: a query, an end by force, a command's time limit."""
        desk = self._desk
        if desk.news:
            return 0.0
        due = [desk.calls.next_deadline(), desk.hunt.due_at(), self._aftermath.due_at()]
        if len(desk.jobs) and not self._listing:
            due.append(self._pace.due_at())
        due += [_force_at(tracked) for tracked in self._still_ending()]
        due += [until for until, _ in self._unexplained.values()]
        at = min((at for at in due if at is not None), default=None)
        return None if at is None else max(0.0, at - desk.clock())

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Nothing to do: the batch system is asked to end it when the job ends."""

    def finish(self) -> Sequence[JobChange]:
        """Nothing remains: an end is told only when all is done."""
        return ()

    def close(self) -> None:
        """End the queries under way; jobs go on, and their array scripts stay."""
        self._desk.calls.close()


def _force_at(tracked: Tracked) -> float:
    """Return when force is due (monotonic); only of jobs whose end was asked for."""
    assert tracked.kill_at is not None
    return max(tracked.kill_at, tracked.kill_again_at)


def _ignore(_reply: Reply) -> None:
    pass
