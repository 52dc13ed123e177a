"""What a batch system leaves alive when it ends a job, as far as it is on this host.

Grid Engine ends the process group, Slurm without cgroups what descends from the job script: a
child that left its session and lost its parents survives both.  On the engine's own host such
processes are found by their marks (see `process`); on other hosts only the batch system can
reach them, which is what its cgroup support is for.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence

from megatest.executors import process
from megatest.executors.process import Marks
from megatest.model.job import Job, JobChange
from megatest.model.slotted import dataclass

_STEP_S = 0.05
_LONGEST_STEP_S = 1.0


@dataclass(slots=True)
class _Held:
    """The end of a job, told only when nothing of it is left."""

    marks: Marks
    change: JobChange
    kill_at: float


class Hunt:
    """Ends what is left of jobs on this host.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: list[_Held] = []
        self._due_at = 0.0
        self._step_s = _STEP_S

    def terminate(self, jobs: Sequence[Job]) -> set[int]:
        """Send TERM to all processes of jobs that are on this host; return the rows that have any."""
        found = process.find([_marks_of(job) for job in jobs]) if jobs else {}
        for alive in found.values():
            process.send(alive, signal.SIGTERM)
        return {job.row for job in jobs if job.name in found}

    def finish(self, job: Job, change: JobChange, kill_at: float) -> None:
        """Hold back the news of a job's end until nothing of it is left.

        Args:
            job: its job script has ended.
            change: the news.
            kill_at: from when on what is left is killed; before, it may end by itself.
        """
        self._held.append(_Held(marks=_marks_of(job), change=change, kill_at=kill_at))
        self._step_s = _STEP_S
        self._due_at = 0.0

    def poll(self) -> list[JobChange]:
        """Go on, if it is time; return the news that need not be held any longer."""
        now = self._clock()
        if not self._held or now < self._due_at:
            return []
        found = process.find([held.marks for held in self._held])
        for held in self._held:
            if now >= held.kill_at:
                process.send(found.get(held.marks.job, ()), signal.SIGKILL)
        done = [held.change for held in self._held if held.marks.job not in found]
        self._held = [held for held in self._held if held.marks.job in found]
        self._due_at = now + self._step_s
        self._step_s = min(self._step_s * 1.5, _LONGEST_STEP_S)
        return done

    def due_at(self) -> float | None:
        """Return when `poll` has something to do, if it has."""
        return self._due_at if self._held else None


def _marks_of(job: Job) -> Marks:
    return Marks(job=job.name, run_dir=job.run_dir)
