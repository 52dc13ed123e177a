"""The one place that picks adapters: clock, store, work area, executors."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from megatest.app.launcher import COMMAND, LOCAL
from megatest.model.error import EnvironmentFault, UserError

# Every command passes here, and most need one adapter: each function imports its own.
if TYPE_CHECKING:
    from megatest.app.session import Session
    from megatest.engine.ports import Clock, Executor
    from megatest.model.attempt import Ended, Started
    from megatest.model.job import Resources
    from megatest.model.lease import Holder
    from megatest.model.spec import Area
    from megatest.store.port import Editing, EngineStore, Reading
    from megatest.workarea.away import Luggage
    from megatest.workarea.ondisk import WorkAreaOnDisk

    Records = Reading

    class AllRecords(Reading, Editing, EngineStore, Protocol):
        """Everything that a store can do."""

        def close(self) -> None:
            """Close the connection."""
            ...


SSH = "ssh"
SPOOL = ".spool"
"""Directory of the link tree for array scripts: compute nodes see it."""

_PROGRAMS = {
    "slurm": "sbatch",
    "gridengine": "qsub",
    "lsf": "bsub",
    "pbs": "qsub",
    "torque": "qsub",
    "flux": "flux",
}
"""What each batch system submits with."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """See `megatest.engine.ports.Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See `megatest.engine.ports.Clock`."""
        return time.monotonic()


def open_records(session: Session, *, create: bool = False, read_only: bool = False) -> AllRecords:
    """Open the area's database.

    Raises:
        UserError: nothing has run in this area yet.
        EnvironmentFault: it is damaged, newer than this program, cannot be written; or it would be
            made where it is known that there was one.
    """
    if create and not _has_records(session.database):
        from megatest.app.runlogs import refuse_to_begin_anew

        refuse_to_begin_anew(session)
    if not create and not os.path.exists(session.database):
        raise UserError(
            f"nothing has run in this area yet: there is no {session.database}",
            hint="start with: megatest run (a lost database is made again by: megatest rebuild)",
        )
    from megatest.store.sqlite import open_store

    return open_store(
        session.database,
        session.area.fields,
        create=create,
        read_only=read_only,
        network=on_network(session.area.home),
        clock=SystemClock(),
    )


def _has_records(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False


def open_records_if_any(session: Session) -> AllRecords | None:
    """Open the area's database for reading; None if nothing has run in the area yet."""
    return open_records(session, read_only=True) if os.path.exists(session.database) else None


_NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "beegfs",
        "afs",
        "ceph",
        "glusterfs",
        "9p",
        "panfs",
    }
)


def on_network(path: str) -> bool:
    """Return whether a path lies on a file system that several hosts share."""
    best, kind = "", ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                left, _, right = line.partition(" - ")
                mount = left.split()[4].replace("\\040", " ")
                inside = (path + "/").startswith(mount.rstrip("/") + "/")
                if inside and len(mount) >= len(best):
                    best, kind = mount, right.split()[0]
    except (OSError, IndexError):
        return False
    return kind in _NETWORK_FILE_SYSTEMS or kind.startswith("fuse.sshfs")


def make_executors(session: Session, names: Collection[str], slots: int | None) -> Mapping[str, Executor]:
    """Return the executors of these names, as far as this program has them.

    Args:
        session: the opened area.
        names: which.
        slots: tests at once on this machine; None for no limit.
    """
    makers = _executor_makers(session, slots)
    return {name: makers[name]() for name in names if name in makers}


def check_executor(session: Session, name: str) -> None:
    """Refuse the name of an executor that does not exist.

    Raises:
        UserError: there is none of this name, with those that there are.
    """
    known = _executor_makers(session, None)
    if name not in known:
        raise UserError(f"there is no executor {name!r}", hint=f"known: {', '.join(known)}")


def _executor_makers(session: Session, slots: int | None) -> Mapping[str, Callable[[], Executor]]:
    """Return what makes each executor that this area may name; each module is loaded when it is made."""
    area = session.area

    def local() -> Executor:
        from megatest.executors.local import LocalExecutor

        return LocalExecutor(slots=slots, read_started=read_started)

    def command() -> Executor:
        from megatest.executors.command import CommandExecutor

        return CommandExecutor(glance=glance, dead_time_s=area.dead_time_s)

    def ssh() -> Executor:
        from megatest.executors.setting import ssh_settings
        from megatest.executors.ssh import SshExecutor

        if not area.hosts:
            raise UserError(
                "executor 'ssh' has no hosts", hint="name them in [hosts], a line each: HOST slots 4"
            )
        settings = ssh_settings("executor ssh", area.executors.get("ssh", {}))
        return SshExecutor(
            hosts=area.hosts,
            settings=settings,
            glance=glance,
            luggage=make_luggage(),
            environment=session.request.environ,
        )

    makers: dict[str, Callable[[], Executor]] = {LOCAL: local, COMMAND: command, SSH: ssh}
    for name in (*_PROGRAMS, *area.executors):
        makers.setdefault(name, partial(_make_batch_executor, session, name))
    return makers


def _make_batch_executor(session: Session, name: str) -> Executor:
    import shutil

    from megatest.executors.known import BATCH_SYSTEMS, make_batch_executor

    area = session.area
    program = _PROGRAMS.get(_kind_of(area, name))
    if program and shutil.which(program, path=session.request.environ.get("PATH", os.defpath)) is None:
        raise EnvironmentFault(
            f"executor {name} needs the program {program}, which is not on PATH",
            hint="run on a host that submits to the batch system, or choose another --executor",
        )
    executor = make_batch_executor(
        name,
        area.executors.get(name, {}),
        spool=os.path.join(area.linktree, SPOOL),
        glance=glance,
        environment=session.request.environ,
    )
    if executor is None:
        raise UserError(
            f"[executor {name}] does not say which batch system it is",
            hint=f"add a line: type {' or '.join(BATCH_SYSTEMS)}",
        )
    return executor


def _kind_of(area: Area, name: str) -> str:
    """Return which batch system an executor's section is about."""
    return area.executors.get(name, {}).get("type", name)


def unmet_wishes(area: Area, executor: str, resources: Resources) -> Sequence[str]:
    """Return what a test asks for that its batch system has no words for; nothing for other executors."""
    if executor in (LOCAL, COMMAND, SSH):
        return ()
    from megatest.executors import known

    return known.unmet_wishes(_kind_of(area, executor), resources)


def make_workarea(area: Area, environment: Mapping[str, str], clock: Clock) -> WorkAreaOnDisk:
    """Return what makes and removes the area's run directories.

    Args:
        area: its settings.
        environment: the caller's.
        clock: the clocks.
    """
    from megatest.app.session import inherited_environment
    from megatest.workarea.ondisk import WorkAreaOnDisk

    inherited = inherited_environment(environment)
    return WorkAreaOnDisk(
        area,
        monotonic=clock.monotonic,
        now=clock.now,
        environment=inherited,
        python=sys.executable,
        home=inherited.get("HOME", ""),
    )


def check_disks(session: Session, clock: Clock) -> None:
    """Refuse to begin where no disk is usable: room may come, a directory that is not there will not.

    Raises:
        EnvironmentFault: each disk's trouble with its place in the file.
    """
    why = make_workarea(session.area, session.request.environ, clock).unusable()
    if why:
        raise EnvironmentFault(
            why,
            hint="make such a directory, let it be written, or correct [disks] or [setup] free-space-script",
        )


def make_luggage() -> Luggage:
    """Return what carries run directories to hosts that do not share them."""
    import megatest
    from megatest.workarea.away import Luggage
    from megatest.workarea.ondisk import SHIM_DIR

    return Luggage(shim_dir=SHIM_DIR, package=os.path.dirname(os.path.abspath(megatest.__file__)))


def clear_copy(session: Session, run_dir: str) -> str:
    """Remove what an ssh host has of a run directory that it does not share.

    Returns:
        Why it may still have it; empty if it has not.
    """
    from megatest.workarea.away import read_note

    note = read_note(run_dir)
    if note is None:
        return ""
    from megatest.executors.clearing import clear_copy as clear
    from megatest.executors.setting import ssh_settings

    area = session.area
    return clear(
        note.host,
        note.directory,
        hosts=area.hosts,
        settings=ssh_settings("executor ssh", area.executors.get("ssh", {})),
        environment=session.request.environ,
    )


def read_started(run_dir: str) -> Started | None:
    """Return how the attempt in a run directory began, if it has."""
    return glance(run_dir)[0]


def glance(run_dir: str) -> tuple[Started | None, Ended | None]:
    """Return how the attempt in a run directory began and ended, as far as its journal says."""
    from megatest.model.attempt import Ended, Started
    from megatest.workarea.journal import read_journal

    started: Started | None = None
    ended: Ended | None = None
    for entry in read_journal(run_dir, 0).entries:
        if isinstance(entry, Started):
            started = entry
        elif isinstance(entry, Ended):
            ended = entry
    return started, ended


def this_process(user: str) -> Holder:
    """Return who we are, so that others can find out whether we still live."""
    from megatest.executors import process
    from megatest.model.lease import Holder

    me = process.look_up(os.getpid())
    return Holder(
        host=os.uname().nodename,
        pid=os.getpid(),
        pid_started=me.started if me else 0,
        boot_id=process.boot_id(),
        user=user,
        time=int(time.time()),
    )


def is_dead(holder: Holder) -> bool:
    """Return whether the process that holds a run is surely gone.

    Only a process of this host can be asked; one of another host counts as living.
    """
    if holder.host != os.uname().nodename:
        return False
    from megatest.executors import process

    return not process.is_alive(holder.pid, holder.pid_started, holder.boot_id)


def job_prefix(area: Area) -> str:
    """Return the beginning of the names of an area's jobs: no two areas of a machine share one."""
    from binascii import crc32

    return f"mt{crc32(area.home.encode('utf-8', 'surrogateescape')):08x}"


def user_name(environ: Mapping[str, str]) -> str:
    """Return who runs this command, as runs record their owner."""
    name = environ.get("USER") or environ.get("LOGNAME")
    if name:
        return name
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
