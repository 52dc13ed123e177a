"""The executor for any launcher line: ``[jobtools] launcher CMD...``.

The launcher is the user's own program (a queue's submit command, an ssh wrapper, ``nice``).  It
gets ``sh .../job.sh`` appended and may return at once or when the test is done; what became of
the test is read from the journal in its run directory, never from the launcher.  Only a
launcher that fails before the journal exists is taken at its word: the test did not start.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from megatest.executors import process
from megatest.executors.backlog import NOT_NOW, Backlog
from megatest.executors.hunt import Hunt
from megatest.executors.local import spawn
from megatest.executors.process import Find, Marks
from megatest.model.attempt import Ended, Started
from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.rundir import JOURNAL
from megatest.model.slotted import dataclass, field

_FASTEST_POLL_S = 0.05
_SLOWEST_POLL_S = 2.0
_KILL_STEP_S = 0.1
_GRACE_FOR_THE_LAST_LINE_S = 0.5

Glance = Callable[[str], tuple[Started | None, Ended | None]]
"""Returns from the journal in a run directory how the job began and how it ended."""


@dataclass(slots=True)
class _Launched:
    """A job that a launcher was given."""

    job: Job
    launcher_pid: int = 0
    pidfd: int = -1
    launcher_code: int | None = None
    told_started: bool = False
    seen_dead_at: float = 0
    kill_at: float = 0
    silent_since: float = 0
    termed: set[tuple[int, int]] = field(default_factory=set)


class CommandExecutor:
    """Hands jobs to the user's launcher and watches their journals.

    Args:
        glance: reads the begin and the end from a journal.
        dead_time_s: a job on another host that says nothing for this long is lost.
        clock: monotonic seconds.
        find: finds the processes of jobs on this host.
    """

    name = "command"
    queues = False
    trouble = ""
    slots: int | None = None

    def __init__(
        self,
        *,
        glance: Glance,
        dead_time_s: float = 7200,
        clock: Callable[[], float] = time.monotonic,
        find: Find = process.find,
    ) -> None:
        self._glance = glance
        self._dead_time_s = dead_time_s
        self._clock = clock
        self._find = find
        self._jobs: dict[int, _Launched] = {}
        self._epoll = select.epoll()
        self._row_of_fd: dict[int, int] = {}
        self._poll_s = _FASTEST_POLL_S
        self._next_poll = 0.0
        self._backlog = Backlog()
        self._news: list[JobChange] = []
        self._host = os.uname().nodename
        self._hunt = Hunt(clock)

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Call the launcher for each job; see the port."""
        self._hurry()
        return [self._launch(job) for job in jobs]

    def _launch(self, job: Job) -> Submission:
        known = self._jobs.get(job.row)
        if known is not None and known.job.name == job.name:
            return Submission(row=job.row, handle=job.name)
        # The line is the user's shell text; what we add to it travels as arguments.
        line = f'cd "$1" || exit 127; shift; {job.launcher} "$@"'
        argv = ["/bin/sh", "-c", line, "launcher", job.run_dir, "sh", job.script]
        try:
            pid, pidfd = spawn(argv, {**job.environment, process.MARK: job.name}, job.log)
        except OSError as error:
            if error.errno in NOT_NOW:
                self._news.append(self._backlog.hold(job, error, self._clock()))
                return Submission(row=job.row)
            return Submission(row=job.row, error=f"cannot start the launcher: {error.strerror}")
        launched = _Launched(job=job, launcher_pid=pid, pidfd=pidfd)
        launched.silent_since = self._clock()
        self._jobs[job.row] = launched
        self._row_of_fd[launched.pidfd] = job.row
        self._epoll.register(launched.pidfd, select.EPOLLIN)
        return Submission(row=job.row, handle=job.name)

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Watch the journals of jobs that another engine launched."""
        self._hurry()
        changes = []
        for job, _handle in jobs:
            launched = _Launched(job=job, silent_since=self._clock(), launcher_code=0)
            change = self._look(launched, self._clock())
            if change is None:
                change = _change(job, ChangeKind.PENDING, reason="the launcher has not started it yet")
            if change.kind in (ChangeKind.PENDING, ChangeKind.STARTED):
                launched.told_started = change.kind is ChangeKind.STARTED
                self._jobs[job.row] = launched
            changes.append(change)
        return changes

    def poll(self) -> Sequence[JobChange]:
        """Look at the launchers that returned and, when due, at every journal."""
        returned = self._collect_launchers()
        now = self._clock()
        if now >= self._backlog.due_at:
            self._news += self._backlog.start(self._launch)
        due = now >= self._next_poll
        rows = list(self._jobs) if due else returned
        self._go_on_killing([self._jobs[row] for row in rows if self._jobs[row].kill_at], now)
        news, self._news = self._news, []
        for row in rows:
            launched = self._jobs[row]
            change = self._look(launched, now)
            if change is None:
                continue
            over = change.kind in (ChangeKind.ENDED, ChangeKind.LOST)
            if over:
                self._forget(launched)
            if over and launched.kill_at:
                # Its script is gone; what it had started may not be.
                self._hunt.finish(launched.job, change, launched.kill_at)
            else:
                news.append(change)
        news += self._hunt.poll()
        if due:
            self._poll_s = _FASTEST_POLL_S if news else min(self._poll_s * 1.3, _SLOWEST_POLL_S)
            self._next_poll = now + (_KILL_STEP_S if self._killing() else self._poll_s)
        return news

    def _collect_launchers(self) -> list[int]:
        rows = []
        for fd, _mask in self._epoll.poll(0, 256):
            launched = self._jobs[self._row_of_fd.pop(fd)]
            self._epoll.unregister(fd)
            os.close(fd)
            launched.pidfd = -1
            with suppress(ChildProcessError):
                _, status = os.waitpid(launched.launcher_pid, 0)
                launched.launcher_code = os.waitstatus_to_exitcode(status)
            rows.append(launched.job.row)
        if rows:
            self._hurry()
            self._backlog.hurry()
        return rows

    def _look(self, launched: _Launched, now: float) -> JobChange | None:
        """Return what is new about one job, if anything is."""
        job = launched.job
        started, ended = self._glance(job.run_dir)
        if ended is not None:
            return _change(job, ChangeKind.ENDED, code=ended.code)
        if started is not None:
            return self._look_at_started(launched, started, now)
        code = launched.launcher_code
        if code is not None and code != 0:
            how = f"exit {code}" if code > 0 else f"signal {-code}"
            return _change(job, ChangeKind.ENDED, reason=f"launcher failed ({how}): {job.launcher}")
        if launched.kill_at and code is not None:
            return _change(job, ChangeKind.LOST, reason="ended before it began")
        return None

    def _look_at_started(self, launched: _Launched, started: Started, now: float) -> JobChange | None:
        job = launched.job
        if started.host in ("", self._host):
            if not process.is_alive(started.pid, started.pid_started, started.boot_id):
                # Its last line may have been written between our two looks.
                launched.seen_dead_at = launched.seen_dead_at or now
                if now - launched.seen_dead_at >= _GRACE_FOR_THE_LAST_LINE_S:
                    return _change(job, ChangeKind.LOST, reason=f"its process {started.pid} is gone")
        elif self._silent_s(launched, now) > self._dead_time_s:
            return _change(
                job, ChangeKind.LOST, reason=f"silent for {self._dead_time_s:g} s on {started.host}"
            )
        if launched.told_started:
            return None
        launched.told_started = True
        return _change(job, ChangeKind.STARTED, host=started.host)

    def _silent_s(self, launched: _Launched, now: float) -> float:
        """Seconds since the log or the journal last changed, as far as this host can see."""
        newest = 0.0
        for path in (launched.job.log, f"{launched.job.run_dir}/{JOURNAL}"):
            with suppress(OSError):
                newest = max(newest, os.stat(path).st_mtime)
        return min(time.time() - newest, now - launched.silent_since)

    def recorded(self, row: int, code: int) -> None:
        """Nothing to do: ends are known as they happen."""

    def fds(self) -> Sequence[int]:
        """Return the descriptor that wakes when a launcher returns."""
        return (self._epoll.fileno(),)

    def next_poll_s(self) -> float | None:
        """Return when the journals are looked at next."""
        due = [self._next_poll] if self._jobs else []
        due += [at] if (at := self._hunt.due_at()) is not None else []
        due += [self._backlog.due_at] if self._backlog.jobs else []
        return max(0.0, min(due) - self._clock()) if due else None

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """End jobs of this host; what runs elsewhere ends with its launcher, if that waits."""
        for row in rows:
            launched = self._jobs.get(row)
            if launched is not None:
                at = self._clock() + grace_s
                launched.kill_at = min(launched.kill_at, at) if launched.kill_at else at
            elif (change := self._backlog.drop(row)) is not None:
                self._news.append(change)
        self._hurry()

    def _go_on_killing(self, ending: Sequence[_Launched], now: float) -> None:
        """Signal what lives of jobs that are being ended: one pass over /proc, however many they are."""
        found = self._find([self._marks_of(launched.job) for launched in ending]) if ending else {}
        for launched in ending:
            alive = found.get(launched.job.name, ())
            if now >= launched.kill_at:
                process.send(alive, signal.SIGKILL)
                continue
            fresh = [p for p in alive if (p.pid, p.started) not in launched.termed]
            process.send(fresh, signal.SIGTERM)
            launched.termed.update((p.pid, p.started) for p in fresh)

    def _marks_of(self, job: Job) -> Marks:
        started, _ended = self._glance(job.run_dir)
        here = started is not None and started.host in ("", self._host)
        return Marks(
            job=job.name,
            session=started.pid if started and here else 0,
            session_started=started.pid_started if started and here else 0,
            run_dir=job.run_dir,
        )

    def _killing(self) -> bool:
        return any(launched.kill_at for launched in self._jobs.values())

    def _hurry(self) -> None:
        self._poll_s = _FASTEST_POLL_S
        self._next_poll = 0.0

    def _forget(self, launched: _Launched) -> None:
        del self._jobs[launched.job.row]
        if launched.pidfd >= 0:
            # The launcher itself may go on; it is collected as an orphan of ours later.
            del self._row_of_fd[launched.pidfd]
            self._epoll.unregister(launched.pidfd)
            os.close(launched.pidfd)

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Nothing to do: what a launcher left is its own."""

    def finish(self) -> Sequence[JobChange]:
        """Nothing remains: what a launcher left is its own."""
        return ()

    def close(self) -> None:
        """Close descriptors; jobs and launchers go on."""
        for launched in self._jobs.values():
            if launched.pidfd >= 0:
                os.close(launched.pidfd)
        self._jobs.clear()
        self._row_of_fd.clear()
        self._epoll.close()


def _change(
    job: Job, kind: ChangeKind, *, code: int | None = None, reason: str = "", host: str = ""
) -> JobChange:
    return JobChange(row=job.row, attempt=job.attempt, kind=kind, code=code, reason=reason, host=host)
