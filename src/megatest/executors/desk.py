"""What the parts of a batch executor share: the jobs, the batch system, the news."""

from __future__ import annotations

from collections.abc import Callable, Collection

from megatest.executors.call import Calls
from megatest.executors.command import Glance
from megatest.executors.hunt import Hunt
from megatest.executors.queue import BatchSystem, FinalWord
from megatest.executors.setting import BatchSettings
from megatest.executors.spool import Spool
from megatest.executors.tracked import Register, Tracked
from megatest.model.job import ChangeKind, JobChange
from megatest.model.slotted import dataclass, field

_SIGNAL_CODES = 128


@dataclass(slots=True, kw_only=True)
class Desk:
    """The one place where jobs are let go and news is told (mutable).

    Attributes:
        system, settings: the batch system and what the area says about it.
        spool: the array scripts.
        glance: reads the begin and the end from a journal.
        clock: monotonic seconds.
        calls: the commands under way.
        hunt: ends what is left on this host of jobs that were cancelled.
        jobs: those we answer for.
        news: what `poll` will return next.
        adopted: names of arrays that an earlier engine submitted: tasks of them may be in the
            queue that we do not know.
    """

    system: BatchSystem
    settings: BatchSettings
    spool: Spool
    glance: Glance
    clock: Callable[[], float]
    calls: Calls
    hunt: Hunt
    jobs: Register = field(default_factory=Register)
    news: list[JobChange] = field(default_factory=list)
    adopted: set[str] = field(default_factory=set)

    def tell(self, tracked: Tracked, kind: ChangeKind, reason: str = "") -> bool:
        """Tell news once; return whether it was news."""
        if tracked.told == (kind, reason):
            return False
        tracked.told = (kind, reason)
        self.news.append(tracked.change(kind, reason))
        return True

    def has_begun(self, tracked: Tracked) -> bool:
        """Return whether the job script has begun, by its journal."""
        return self.glance(tracked.job.run_dir)[0] is not None

    def end_by_record(self, tracked: Tracked) -> bool:
        """End a job by the exit record in its journal, if that says all there is to say.

        A code from a signal may be the batch system's doing: it is asked for the reason, unless
        the signal was ours.
        """
        _, ended = self.glance(tracked.job.run_dir)
        return ended is not None and self.end_with_code(tracked, ended.code)

    def end_with_code(self, tracked: Tracked, code: int) -> bool:
        """End a job by the code of its exit record; see `end_by_record`."""
        tracked.exit_code = code
        if code > _SIGNAL_CODES and tracked.kill_at is None:
            return False
        self.end(tracked, FinalWord(ref=tracked.ref, code=code))
        return True

    def end(self, tracked: Tracked, word: FinalWord) -> None:
        """Let a job go and tell how it ended; the exit record outranks the batch system."""
        recorded = tracked.exit_code is not None
        # By a signal its script may have ended because the batch system had no verdict: a host was lost.
        is_verdict = tracked.exit_code is not None and tracked.exit_code <= _SIGNAL_CODES
        reason = word.reason
        if word.code and not reason and not recorded:
            # It never reached its journal: what the shell complained of is all there is.
            reason = self.spool.complaint(tracked.ref.name, tracked.job.run_dir)
        change = JobChange(
            row=tracked.job.row,
            attempt=tracked.job.attempt,
            kind=ChangeKind.ENDED if is_verdict else word.kind,
            code=tracked.exit_code if recorded else word.code,
            signal=None if recorded else word.signal,
            reason=reason,
            cpu_s=word.cpu_s,
            max_rss_kib=word.max_rss_kib,
            host=word.host or tracked.host,
        )
        self.forget(tracked)
        if tracked.kill_at is None:
            self.news.append(change)
        else:
            self.hunt.finish(tracked.job, change, tracked.kill_at)

    def forget(self, tracked: Tracked) -> None:
        """Let a job go; the script of an array of ours goes with its last one."""
        name = tracked.ref.name
        if self.jobs.remove(tracked) and name not in self.adopted:
            self.spool.remove(name)

    def tidy(self, queued: Collection[str]) -> None:
        """Remove the scripts of adopted arrays that neither we nor the queue need any more."""
        over = self.adopted.difference(queued, self.jobs.arrays())
        for name in over:
            self.spool.remove(name)
        self.adopted -= over
