"""Jobs of this machine on their way out: first TERM, after the grace KILL, until nothing is left."""

from __future__ import annotations

import math
import signal
from collections.abc import Mapping, Sequence

from megatest.executors import process
from megatest.executors.process import Find, Marks, Process
from megatest.model.job import ChangeKind, Job, JobChange
from megatest.model.slotted import dataclass, field

_STEP_S = 0.02
_LONGEST_STEP_S = 0.5


@dataclass(slots=True)
class _Kill:
    """One job of which processes are ended (mutable: as far as that has come).

    Attributes:
        marks: what its processes are known by.
        job: which.
        kill_at: when TERM has had its time (monotonic).
        next_at: when it goes on.
        step_s: how long after that again.
        termed: pid and start of the processes that were sent TERM.
        left_behind: names of the processes that outlived their job, by pid.
        leader_ended: how the job's script ended; None before.
        after_end: the job is over, and this is about what it left.
    """

    marks: Marks
    job: Job
    kill_at: float
    next_at: float
    step_s: float = _STEP_S
    termed: set[tuple[int, int]] = field(default_factory=set)
    left_behind: dict[int, str] = field(default_factory=dict)
    leader_ended: JobChange | None = None
    after_end: bool = False


class Kills:
    """All of them; `go_on` carries them on.  All times are monotonic seconds given by the caller.

    Args:
        find: finds the processes of jobs.
    """

    def __init__(self, find: Find = process.find) -> None:
        self._find = find
        self._kills: dict[str, _Kill] = {}  # by job name: a row may run again meanwhile

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._kills)

    def begin(self, job: Job, marks: Marks, now: float, grace_s: float) -> None:
        """Begin to end a job that lives; of one that is being ended the shorter grace counts."""
        kill = self._kills.get(job.name)
        if kill is None:
            self._kills[job.name] = _Kill(marks=marks, job=job, kill_at=now + grace_s, next_at=now)
        else:
            kill.kill_at = min(kill.kill_at, now + grace_s)
            kill.next_at = now

    def begin_after_end(
        self, job: Job, marks: Marks, now: float, grace_s: float, left_behind: Mapping[int, str]
    ) -> None:
        """Begin to end what a job left behind, by pid and name."""
        self._kills[job.name] = _Kill(
            marks=marks,
            job=job,
            kill_at=now + grace_s,
            next_at=now,
            left_behind=dict(left_behind),
            after_end=True,
        )

    def ended(self, job: Job, change: JobChange) -> bool:
        """Take the news how a job's script ended; return whether that job is being ended."""
        kill = self._kills.get(job.name)
        if kill is None:
            return False
        kill.leader_ended = change
        kill.next_at = 0
        return True

    def next_at(self) -> float:
        """Return when the next one goes on; infinite if there is none."""
        return min((kill.next_at for kill in self._kills.values()), default=math.inf)

    def go_on(self, now: float) -> list[JobChange]:
        """Take the next step of those whose time has come; return the news of those that are done.

        Cost: one pass over /proc, however many they are.
        """
        due = [kill for kill in self._kills.values() if kill.next_at <= now]
        found = self._find([kill.marks for kill in due]) if due else {}
        return [change for kill in due for change in self._go_on(kill, found.get(kill.job.name, ()), now)]

    def _go_on(self, kill: _Kill, alive: Sequence[Process], now: float) -> list[JobChange]:
        """Signal what lives; done when nothing does."""
        if not alive and (kill.after_end or kill.leader_ended is not None):
            del self._kills[kill.job.name]
            return _news_of(kill)
        if now >= kill.kill_at:
            process.send(alive, signal.SIGKILL)
            kill.next_at = now + _STEP_S
        else:
            fresh = [p for p in alive if (p.pid, p.started) not in kill.termed]
            process.send(fresh, signal.SIGTERM)
            # A stopped process cannot act on TERM before it is continued.
            process.send(fresh, signal.SIGCONT)
            kill.termed.update((p.pid, p.started) for p in fresh)
            kill.next_at = min(now + kill.step_s, kill.kill_at)
            kill.step_s = min(kill.step_s * 1.5, _LONGEST_STEP_S)
        if kill.after_end:
            kill.left_behind.update((p.pid, p.name) for p in alive)
        return []


def _news_of(kill: _Kill) -> list[JobChange]:
    news = [] if kill.leader_ended is None else [kill.leader_ended]
    if kill.left_behind:
        news.append(left_behind(kill.job, kill.left_behind, ended=True))
    return news


def left_behind(job: Job, names: Mapping[int, str], *, ended: bool) -> JobChange:
    """Return the news that processes of a job outlived it.

    Args:
        job: which.
        names: of the processes, by pid.
        ended: whether they are gone now.
    """
    return JobChange(
        row=job.row,
        attempt=job.attempt,
        kind=ChangeKind.LEFT_BEHIND,
        reason="ended by us" if ended else "still running",
        left_behind=tuple(f"{pid} {name}" for pid, name in sorted(names.items())),
    )
