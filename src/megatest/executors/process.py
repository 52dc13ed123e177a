"""Processes of this host: who they are, and which belong to a job.

A pid alone names nobody: it is reused.  A process is its pid, its start time and the boot of
its host.  A job's processes are found by four marks, because each can be shed: descent from
the job script, its session, the job's name in the environment, and a working directory inside
the run directory (a daemon that cleaned its environment usually keeps that one).
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from megatest.failpoint import reach
from megatest.model.slotted import dataclass

MARK = "MT_JOB"
"""Environment variable that carries the job's name into every process of it."""

_PIECE = 65536
_KEPT_DESCRIPTORS = 64  # for journals, the database and all else that is not a job


@dataclass(frozen=True, slots=True)
class Process:
    """One process as /proc shows it.

    Attributes:
        pid, parent, session: its ids.
        started: start time in clock ticks since boot.
        name: the command name, for people.
        zombie: it ended and only waits to be collected.
    """

    pid: int
    parent: int
    session: int
    started: int
    name: str
    zombie: bool


def boot_id() -> str:
    """Return the id of this boot of this host; empty where the kernel has none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


@contextmanager
def reserved_descriptor() -> Iterator[None]:
    """Start a process inside, and open its pidfd behind: the place for that is certain.

    A process that cannot be watched must not be started, and to find out afterwards is too late.

    Raises:
        OSError: there is none (EMFILE, ENFILE), or too few would be left for everything else.
    """
    spare = os.eventfd(0)  # any will do
    try:
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most != resource.RLIM_INFINITY and spare >= max(most - _KEPT_DESCRIPTORS, most // 2):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        yield
    finally:
        os.close(spare)


def look_up(pid: int) -> Process | None:
    """Return the process with this pid, or None if there is none."""
    text = _content(f"/proc/{pid}/stat")
    if not text:
        return None
    # The name is in parentheses and may itself hold blanks and parentheses.
    head, _, tail = text.rpartition(b")")
    fields = tail.split()
    name = head.partition(b"(")[2].decode("utf-8", "replace")
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        name=name,
        zombie=fields[0] in (b"Z", b"X"),
    )


def is_alive(pid: int, started: int, boot: str) -> bool:
    """Return whether exactly this process still runs.

    Args:
        pid: its id; 0 is nobody.
        started: its start time in ticks; 0 means not known, then the pid must do.
        boot: the boot it belongs to; empty means not known.
    """
    if pid <= 0 or (boot and boot != boot_id()):
        return False
    process = look_up(pid)
    return process is not None and not process.zombie and (started in (0, process.started))


def start_before(pid: int, uptime_s: float) -> int:
    """Return the start time, in ticks, of the process that had this pid at some time of this boot.

    A pid has one owner at a time, so whoever has it now and began before then had it then.

    Args:
        pid: its id.
        uptime_s: seconds since boot; 0 means not known.

    Returns:
        0 if the time is not known; -1 if that process is gone.
    """
    if not uptime_s:
        return 0
    process = look_up(pid)
    # Both times are cut to a tick or to 10 ms.
    latest = uptime_s * os.sysconf("SC_CLK_TCK") + 1
    return process.started if process is not None and process.started <= latest else -1


def all_processes() -> Iterator[Process]:
    """Yield every process of this host; those that end meanwhile are left out."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (process := look_up(int(entry.name))) is not None:
            yield process


def children() -> set[int] | None:
    """Return the pids of this process's children, ended ones included; None if the kernel does not say.

    Cost: a file for each thread, where `all_processes` opens one for each process of the host.
    """
    found: set[int] = set()
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                found.update(map(int, file.read().split()))
    except OSError:
        return None
    return found


def ended_children() -> list[Process]:
    """Return the children of this process that ended and that nobody has waited for yet."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    if ended is None:  # the usual answer, without a look at every process of the host
        return []
    me = os.getpid()
    return [p for p in all_processes() if p.zombie and p.parent == me]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What makes a process belong to a job.

    Attributes:
        job: the job's name, as in the environment variable `MARK`.
        session: pid of the job script, which leads a session of its own; 0 if not known.
        session_started: start time of the job script: a session's id can be reused too.
        run_dir: real path of the run directory.
        is_over: the job script was collected: the kernel gives its pid to nobody as long as its session
            has members, so a process that has that pid now shows that there are none.
    """

    job: str
    session: int = 0
    session_started: int = 0
    run_dir: str = ""
    is_over: bool = False


Find = Callable[[Iterable[Marks]], Mapping[str, Sequence[Process]]]
"""Returns the living processes of each job, by job name, as `find` does."""


def find(jobs: Iterable[Marks]) -> dict[str, list[Process]]:
    """Return the living processes of each job, by job name.

    Cost: one pass over /proc, reading each foreign process's environment and directory.
    """
    by_name = {marks.job: marks for marks in jobs}
    by_session = {marks.session: marks for marks in by_name.values() if marks.session}
    by_directory = {marks.run_dir: marks.job for marks in by_name.values() if marks.run_dir}
    living = [p for p in all_processes() if not p.zombie and p.pid != os.getpid()]
    for process in living:
        marks = by_session.get(process.pid)
        if marks is not None and marks.is_over:
            del by_session[process.pid]
    owner: dict[int, str] = {}
    for process in living:
        name = _owner_of(process, by_name, by_session, by_directory)
        if name is not None:
            owner[process.pid] = name
    _add_descendants(living, owner)
    found: dict[str, list[Process]] = {}
    for process in living:
        if process.pid in owner:
            found.setdefault(owner[process.pid], []).append(process)
    return found


def _owner_of(
    process: Process, by_name: dict[str, Marks], by_session: dict[int, Marks], by_directory: dict[str, str]
) -> str | None:
    marks = by_session.get(process.session)
    # A process older than the job script cannot be of its session: the id was reused.
    if marks is not None and process.started >= marks.session_started:
        return marks.job
    name = _job_in_environment(process.pid)
    if name is not None:
        return name if name in by_name else None
    # Only what has lost its parents is taken by its directory: a user's shell that looks into the
    # run directory must live on.
    if process.parent not in (1, os.getpid()):
        return None
    directory = _working_directory(process.pid)
    while directory and directory != "/":
        if directory in by_directory:
            return by_directory[directory]
        directory = directory.rpartition("/")[0]
    return None


def _add_descendants(living: list[Process], owner: dict[int, str]) -> None:
    """Extend `owner` to the children of owned processes, however deep."""
    children: dict[int, list[int]] = {}
    for process in living:
        children.setdefault(process.parent, []).append(process.pid)
    todo = list(owner)
    while todo:
        pid = todo.pop()
        for child in children.get(pid, ()):
            if child not in owner:
                owner[child] = owner[pid]
                todo.append(child)


def _job_in_environment(pid: int) -> str | None:
    data = _content(f"/proc/{pid}/environ")
    key = MARK.encode() + b"="
    if key not in data:
        return None
    for entry in data.split(b"\0"):
        if entry.startswith(key):
            return entry[len(key) :].decode("utf-8", "surrogateescape")
    return None


def _content(path: str) -> bytes:
    """Return a file of /proc; empty if it is gone.  A third of the time of `open`: a host has hundreds."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    content = b""
    try:
        while piece := os.read(descriptor, _PIECE):
            content += piece
    except OSError:  # it ended meanwhile, or is somebody else's
        return b""
    finally:
        os.close(descriptor)
    return content


def _working_directory(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to processes, each only if it is still the one that was found."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError, OSError):
            # A pidfd pins the process: between look-up and signal the pid cannot be reused.
            fd = os.pidfd_open(process.pid)
            try:
                now = look_up(process.pid)
                if now is not None and now.started == process.started:
                    reach("process before signal")
                    signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)
