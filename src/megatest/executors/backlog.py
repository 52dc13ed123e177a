"""Jobs that this machine has no process or descriptor for now: held, and tried again."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from typing import Final

from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.slotted import dataclass, field

NOT_NOW: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
"""Why a process cannot be started that can be later: nothing is wrong with it."""

_AGAIN_S: Final = 1.0


@dataclass(slots=True)
class Backlog:
    """What waits (mutable).

    Attributes:
        jobs: by row, in the order in which they came.
        due_at: when they are tried again (monotonic seconds); infinity while none waits.
    """

    jobs: dict[int, Job] = field(default_factory=dict)
    due_at: float = math.inf

    def hold(self, job: Job, error: OSError, now: float) -> JobChange:
        """Keep a job that could not be started, and return the news of it."""
        self.jobs[job.row] = job
        self.due_at = now + _AGAIN_S
        reason = f"cannot be started now: {error.strerror}"
        return JobChange(row=job.row, attempt=job.attempt, kind=ChangeKind.PENDING, reason=reason)

    def hurry(self) -> None:
        """Something ended: there may be room."""
        if self.jobs:
            self.due_at = 0.0

    def start(self, start: Callable[[Job], Submission]) -> Iterator[JobChange]:
        """Try again; yield the ends of those that will never start.

        Args:
            start: starts a job, or holds it once more.
        """
        waiting, self.jobs, self.due_at = self.jobs, {}, math.inf
        for job in waiting.values():
            if self.jobs:
                self.jobs[job.row] = job  # there is no room yet for the one before it
            elif error := start(job).error:
                yield JobChange(row=job.row, attempt=job.attempt, kind=ChangeKind.ENDED, reason=error)

    def drop(self, row: int) -> JobChange | None:
        """Let a job go that need not start any more; return the news of its end, if it waited."""
        job = self.jobs.pop(row, None)
        if job is None:
            return None
        if not self.jobs:
            self.due_at = math.inf
        reason = "ended before it began"
        return JobChange(row=row, attempt=job.attempt, kind=ChangeKind.LOST, reason=reason)
