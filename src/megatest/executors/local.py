"""The executor of this machine: one shell per job, its end by pidfd, its whole tree on request.

How it works.  A job is ``/bin/sh job.sh`` made by ``posix_spawn`` (a fork would copy the page
tables of the engine's heap), leader of a session of its own, its output straight to the log's
descriptor.  A pidfd per job sits in one epoll set, whose own descriptor the engine waits on.
Jobs of an engine that died are not our children: a pidfd wakes for their end all the same, but
how they ended only their journal knows.

The engine's process is made the *subreaper* of everything below it, so that a daemon that left
its session and lost its parents becomes our child instead of init's.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from megatest.executors import process
from megatest.executors.backlog import NOT_NOW, Backlog
from megatest.executors.kills import Kills, left_behind
from megatest.executors.process import Marks, Process
from megatest.failpoint import reach
from megatest.model.attempt import Started
from megatest.model.error import EnvironmentFault
from megatest.model.job import ChangeKind, Job, JobChange, Submission
from megatest.model.slotted import dataclass

_MARK = os.fsencode(process.MARK)
_PR_SET_CHILD_SUBREAPER = 36
_PLAIN_HOST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_SOONEST_SWEEP_S = 1.0
_LATEST_SWEEP_S = 4.0

StartedReader = Callable[[str], Started | None]
"""Returns the Started record of the journal in a run directory, or None."""


@dataclass(slots=True)
class _Running:
    """A job that lives, as far as we know."""

    job: Job
    pid: int
    started: int = 0
    pidfd: int = -1
    ours: bool = True
    told: bool = False


class LocalExecutor:
    """Runs jobs on this machine.

    Args:
        read_started: tells the identity that a job's journal recorded.
        sweep: whether processes that a job leaves behind are ended (else only reported).
        leftover_grace_s: between TERM and KILL for what was left behind.

    Raises:
        EnvironmentFault: the kernel cannot tell of the end of a process (no pidfd).
    """

    name = "local"
    queues = False
    trouble = ""

    def __init__(
        self,
        *,
        slots: int | None,
        read_started: StartedReader,
        sweep: bool = True,
        leftover_grace_s: float = 1.0,
    ) -> None:
        _check_kernel()
        self.slots = slots
        self._read_started = read_started
        self._sweep_leftovers = sweep
        self._leftover_grace_s = leftover_grace_s
        self._epoll = select.epoll()
        self._running: dict[int, _Running] = {}
        self._row_of_fd: dict[int, int] = {}
        self._kills = Kills()
        self._backlog = Backlog()
        self._news: list[JobChange] = []
        self._unswept: list[_Running] = []
        self._sweep_s = _SOONEST_SWEEP_S
        self._next_sweep = 0.0
        self._here = _here()
        self._environment: tuple[Mapping[str, str], Mapping[bytes, bytes]] = ({}, {})
        self._is_subreaper = _become_subreaper()

    # -- starting -----------------------------------------------------------------------------

    def submit(self, jobs: Sequence[Job]) -> Sequence[Submission]:
        """Start each job; see the port."""
        return [self._start(job) for job in jobs]

    def _start(self, job: Job) -> Submission:
        known = self._running.get(job.row)
        if known is not None and known.job.name == job.name:
            return Submission(row=job.row, handle=str(known.pid))
        environment = {**self._encoded(job.environment), _MARK: os.fsencode(job.name)}
        try:
            reach("spawn before")
            pid, pidfd = spawn(["/bin/sh", job.script, *self._here], environment, job.log)
            reach("spawn after")
        except OSError as error:
            if error.errno in NOT_NOW:
                self._news.append(self._backlog.hold(job, error, time.monotonic()))
                return Submission(row=job.row)
            return Submission(row=job.row, error=f"cannot start /bin/sh {job.script}: {error.strerror}")
        self._watch(_Running(job=job, pid=pid, pidfd=pidfd))
        return Submission(row=job.row, handle=str(pid))

    def _encoded(self, environment: Mapping[str, str]) -> Mapping[bytes, bytes]:
        """Return an environment as the kernel wants it; that of one job is nearly always that of all."""
        latest, encoded = self._environment
        if environment is not latest:
            encoded = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
            self._environment = environment, encoded
        return encoded

    def _watch(self, running: _Running) -> None:
        row = running.job.row
        self._running[row] = running
        self._row_of_fd[running.pidfd] = row
        self._epoll.register(running.pidfd, select.EPOLLIN)

    def adopt(self, jobs: Sequence[tuple[Job, str]]) -> Sequence[JobChange]:
        """Take over jobs of an engine that died; the journal says who they are."""
        changes = []
        unknown = []
        for job, _handle in jobs:
            started = self._read_started(job.run_dir)
            if started is None or started.pid <= 0:
                unknown.append(job)
            else:
                changes.append(self._adopt_known(job, started))
        # The journal has no identity yet: the script may be between its first two lines.
        found = process.find([_marks_of(job, 0, 0) for job in unknown]) if unknown else {}
        for job in unknown:
            leader = min(found.get(job.name, ()), key=lambda p: p.started, default=None)
            if leader is None:
                changes.append(_change(job, ChangeKind.LOST, reason="no process of it is alive"))
            else:
                changes.append(self._adopt_process(job, leader.pid, leader.started))
        return changes

    def _adopt_known(self, job: Job, started: Started) -> JobChange:
        if started.host and started.host != os.uname().nodename:
            return _change(job, ChangeKind.LOST, reason=f"it was started on {started.host}")
        ticks = started.pid_started or process.start_before(started.pid, started.uptime_s)
        if not process.is_alive(started.pid, ticks, started.boot_id):
            return _change(job, ChangeKind.LOST, reason=f"its process {started.pid} is gone")
        return self._adopt_process(job, started.pid, ticks)

    def _adopt_process(self, job: Job, pid: int, ticks: int) -> JobChange:
        try:
            with process.reserved_descriptor():
                pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return _change(job, ChangeKind.LOST, reason=f"its process {pid} is gone")
        except OSError as error:
            raise EnvironmentFault(
                f"cannot watch process {pid} of {job.name}: {error.strerror}",
                hint="allow more open files (ulimit -n) and run again: nothing is lost",
            ) from error
        if not process.is_alive(pid, ticks, ""):
            os.close(pidfd)
            return _change(job, ChangeKind.LOST, reason=f"its process {pid} is gone")
        self._watch(_Running(job=job, pid=pid, started=ticks, pidfd=pidfd, ours=False, told=True))
        return _change(job, ChangeKind.STARTED)

    # -- news ---------------------------------------------------------------------------------

    def poll(self) -> Sequence[JobChange]:
        """Collect what ended, go on with kills, look for what jobs left behind."""
        while True:
            events = self._epoll.poll(0, 256)
            for fd, _mask in events:
                self._collect(self._running[self._row_of_fd[fd]])
            if len(events) < 256:
                break
        now = time.monotonic()
        if now >= self._backlog.due_at:
            self._news += self._backlog.start(self._start)
        self._news += self._kills.go_on(now)
        if self._unswept and now >= self._next_sweep:
            self._sweep(now)
        news, self._news = self._news, []
        return news

    def _collect(self, running: _Running) -> None:
        """A job script has ended: learn how, and let go of it."""
        job = running.job
        change = _change(job, ChangeKind.ENDED)
        if running.ours:
            change = self._reap(job, running.pid)
        # Closing is not enough: a job that is being started has a copy until its exec is through.
        self._epoll.unregister(running.pidfd)
        del self._row_of_fd[running.pidfd]
        os.close(running.pidfd)
        del self._running[job.row]
        self._backlog.hurry()
        if self._kills.ended(job, change):
            return  # told when nothing of it is left
        self._news.append(change)
        self._unswept.append(running)
        if _group_exists(running.pid):
            self._next_sweep = 0

    def _reap(self, job: Job, pid: int) -> JobChange:
        try:
            _, status, usage = os.wait4(pid, 0)
            reach("job reaped")
        except ChildProcessError:
            return _change(job, ChangeKind.ENDED)
        exited = os.WIFEXITED(status)
        return JobChange(
            row=job.row,
            attempt=job.attempt,
            kind=ChangeKind.ENDED,
            code=os.WEXITSTATUS(status) if exited else None,
            signal=None if exited else os.WTERMSIG(status),
            cpu_s=usage.ru_utime + usage.ru_stime,
            max_rss_kib=usage.ru_maxrss,
        )

    def recorded(self, row: int, code: int) -> None:
        """Nothing to do: ends are known as they happen."""

    def fds(self) -> Sequence[int]:
        """Return the epoll set's descriptor: readable when a job ended."""
        return (self._epoll.fileno(),)

    def next_poll_s(self) -> float | None:
        """Return when a kill goes on or a sweep is due."""
        sweep_at = self._next_sweep if self._unswept else math.inf
        due = min(self._kills.next_at(), sweep_at, self._backlog.due_at)
        return None if due == math.inf else max(0.0, due - time.monotonic())

    # -- ending -------------------------------------------------------------------------------

    def cancel(self, rows: Sequence[int], grace_s: float) -> None:
        """Begin to end jobs; `poll` carries it on."""
        now = time.monotonic()
        for row in rows:
            running = self._running.get(row)
            if running is not None:
                marks = _marks_of(running.job, running.pid, running.started)
                self._kills.begin(running.job, marks, now, grace_s)
            elif (change := self._backlog.drop(row)) is not None:
                self._news.append(change)

    # -- what jobs leave behind -----------------------------------------------------------------

    def _sweep(self, now: float) -> None:
        """Look for processes of jobs that ended; end them too, unless told not to."""
        ended, self._unswept = self._unswept, []
        if self._is_subreaper and all(running.ours for running in ended) and self._has_only_its_jobs():
            self._next_sweep = now + self._sweep_s
            return
        by_name = {r.job.name: r for r in ended}
        found = process.find(_marks_of(r.job, r.pid, r.started, is_over=r.ours) for r in ended)
        # A pass over /proc costs as much as ten short tests: where nothing is ever left, look less.
        self._sweep_s = _SOONEST_SWEEP_S if found else min(2 * self._sweep_s, _LATEST_SWEEP_S)
        self._next_sweep = now + self._sweep_s
        self._reap_orphans()
        for name, alive in found.items():
            self._left_over(by_name[name], alive, now)

    def _has_only_its_jobs(self) -> bool:
        """Return whether all children of this process are the scripts of jobs that run.

        What an ended job of ours left behind has become our child, whatever session or environment
        it has: this process is its subreaper.
        """
        jobs = {running.pid for running in self._running.values()}
        # Twice: the kernel may pass over a child while a sibling of it ends.
        return all((found := process.children()) is not None and found <= jobs for _ in range(2))

    def _left_over(self, running: _Running, alive: list[Process], now: float) -> None:
        job = running.job
        names = {p.pid: p.name for p in alive}
        if not self._sweep_leftovers:
            self._news.append(left_behind(job, names, ended=False))
            return
        marks = _marks_of(job, running.pid, running.started, is_over=running.ours)
        self._kills.begin_after_end(job, marks, now, self._leftover_grace_s, names)

    def _reap_orphans(self) -> None:
        """Collect orphans that ended after they became our children."""
        own_session = os.getsid(0)
        for orphan in process.ended_children():
            # What somebody in this process started is that one's to wait for: it is in our session
            # or leads one of its own; an orphan is in the session of the job that it was of.
            if orphan.session not in (own_session, orphan.pid):
                with suppress(ChildProcessError):
                    os.waitpid(orphan.pid, os.WNOHANG)

    def sweep(self, jobs: Sequence[Job]) -> None:
        """Look for what jobs left behind that ended while nobody watched; `poll` carries it on."""
        for job in jobs:
            started = self._read_started(job.run_dir)
            known = started is not None and started.host in ("", os.uname().nodename)
            pid, ticks = (started.pid, started.pid_started) if started is not None and known else (0, 0)
            self._unswept.append(_Running(job=job, pid=pid, started=ticks, ours=False))
            self._next_sweep = 0.0

    def finish(self) -> Sequence[JobChange]:
        """Look once more for what jobs left behind, and wait until it is gone."""
        news: list[JobChange] = []
        self._next_sweep = 0.0
        while self._unswept or self._kills:
            news += self.poll()
            wait_s = self.next_poll_s()
            if wait_s:
                time.sleep(wait_s)
        return news

    def close(self) -> None:
        """Close descriptors; jobs go on."""
        for running in self._running.values():
            os.close(running.pidfd)
        self._running.clear()
        self._row_of_fd.clear()
        self._epoll.close()


def spawn(
    argv: list[str], environment: Mapping[str, str] | Mapping[bytes, bytes], log: str
) -> tuple[int, int]:
    """Start a program as leader of a session of its own, its output appended to `log`.

    Returns:
        Its pid and a pidfd of it.

    Raises:
        OSError: the program or the log cannot be opened, or there is no room for it (`NOT_NOW`).
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with process.reserved_descriptor():
        pid = os.posix_spawn(
            argv[0],
            argv,
            environment,
            file_actions=(
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o666),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ),
            setsid=True,
            setsigmask=(),
            # The engine ignores or handles these; a test starts with the defaults.
            setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT),
        )
    return pid, os.pidfd_open(pid)


def _here() -> tuple[str, ...]:
    """Return the arguments that spare a job script reading this boot's id and this host's name."""
    host, boot = os.uname().nodename, process.boot_id()
    known = boot and _PLAIN_HOST.issuperset(host)
    return ("--here", boot, host) if known else ()


def _group_exists(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _check_kernel() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise EnvironmentFault(
            "this system cannot watch processes: pidfd_open does not work",
            hint="Linux 5.3 or newer is needed",
        ) from error


def _become_subreaper() -> bool:
    """Become the parent of every orphan below this process; return whether that worked."""
    try:
        # What ctypes is made of: all of it takes 2 ms to load, for this one call.
        from _ctypes import call_function, dlopen, dlsym

        program = dlopen(None, 0)  # type: ignore[arg-type] # None: this program itself
        return bool(call_function(dlsym(program, "prctl"), (_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0)
    except (OSError, ImportError):
        return False


def _change(job: Job, kind: ChangeKind, *, reason: str = "") -> JobChange:
    return JobChange(row=job.row, attempt=job.attempt, kind=kind, reason=reason)


def _marks_of(job: Job, session: int, started: int, *, is_over: bool = False) -> Marks:
    return Marks(job=job.name, session=session, session_started=started, run_dir=job.run_dir, is_over=is_over)
