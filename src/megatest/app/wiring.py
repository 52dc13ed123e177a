"""The one place that picks adapters: clock, store, work area, executors."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Collection, Mapping
from typing import Protocol

from megatest.app.launcher import COMMAND, LOCAL
from megatest.app.session import Session
from megatest.engine.ports import Executor
from megatest.executors import process
from megatest.model.attempt import Ended, Started
from megatest.model.error import UserError
from megatest.model.lease import Holder
from megatest.model.spec import Area
from megatest.store.port import Editing, EngineStore, Reading
from megatest.store.sqlite import open_store
from megatest.workarea.journal import read_journal

Records = Reading


class AllRecords(Reading, Editing, EngineStore, Protocol):
    """Everything that a store can do."""

    def close(self) -> None:
        """Close the connection."""
        ...


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
        EnvironmentFault: it is not there, damaged, newer than this program, cannot be written.
    """
    return open_store(
        session.database,
        session.area.fields,
        create=create,
        read_only=read_only,
        network=on_network(session.area.home),
        clock=SystemClock(),
    )


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


def make_executors(area: Area, names: Collection[str], slots: int | None) -> Mapping[str, Executor]:
    """Return the executors that a run needs, by name.

    Args:
        area: its settings.
        names: which.
        slots: tests at once on this machine; None for no limit.

    Raises:
        UserError: there is no executor of such a name.
    """
    return {name: _make_executor(area, name, slots) for name in names}


def _make_executor(area: Area, name: str, slots: int | None) -> Executor:
    if name == LOCAL:
        from megatest.executors.local import LocalExecutor

        return LocalExecutor(slots=slots, read_started=read_started)
    if name == COMMAND:
        from megatest.executors.command import CommandExecutor

        return CommandExecutor(glance=glance, dead_time_s=area.dead_time_s)
    raise UserError(f"there is no executor {name!r}", hint=f"known: {LOCAL}, {COMMAND}")


def read_started(run_dir: str) -> Started | None:
    """Return how the attempt in a run directory began, if it has."""
    return glance(run_dir)[0]


def glance(run_dir: str) -> tuple[Started | None, Ended | None]:
    """Return how the attempt in a run directory began and ended, as far as its journal says."""
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
    return not process.is_alive(holder.pid, holder.pid_started, holder.boot_id)


def job_prefix(area: Area) -> str:
    """Return the beginning of the names of an area's jobs: no two areas of a machine share one."""
    return f"mt{zlib.crc32(area.home.encode('utf-8', 'surrogateescape')):08x}"


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
