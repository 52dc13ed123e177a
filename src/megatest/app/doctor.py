"""``megatest doctor``: what is wrong with an area and its surroundings, and the remedy.

Looks only; nothing is repaired here.  Each check yields what it found; a check that finds
nothing wrong says so in one line.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

from megatest.app import wiring
from megatest.app.check import findings_of
from megatest.app.runlogs import run_logs
from megatest.app.session import AreaRequest, Session, open_area
from megatest.model.error import Diagnostic, MegatestError, Severity
from megatest.model.ids import TestId
from megatest.model.slotted import dataclass
from megatest.model.status import ACTIVE, State
from megatest.store.health import examine
from megatest.workarea.survey import find_run_dirs

_MOST_SHOWN = 5
_CLOCK_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One check: what was looked at, and what is wrong with it (nothing: all is well)."""

    what: str
    findings: Sequence[Diagnostic]

    @property
    def is_well(self) -> bool:
        """Whether nothing needs doing."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)


def doctor(request: AreaRequest) -> Iterator[Examination]:
    """Yield the checks of an area, one after the other.

    Raises:
        UserError: there is no area.
        ConfigError: its configuration cannot be used at all.
    """
    session = open_area(request)
    yield Examination(what="configuration", findings=_configuration(session))
    checks: Sequence[tuple[str, Callable[[Session], Iterator[Diagnostic]]]] = (
        ("disks", _disks),
        ("link tree", _link_tree),
        ("clock of the file system", _clock),
        ("database", _database),
        ("runs under way", _under_way),
        ("run directories", _run_directories),
    )
    for what, check in checks:
        try:
            findings = tuple(check(session))
        except MegatestError as error:
            findings = tuple(error.diagnostics())
        yield Examination(what=what, findings=findings)


def _configuration(session: Session) -> Sequence[Diagnostic]:
    _, found = findings_of(session.request)
    errors = [f for f in found if f.severity is Severity.ERROR]
    if not errors:
        return ()
    return (_warning(f"the area's files have {len(errors)} errors", "see them with: megatest check"),)


def _disks(session: Session) -> Iterator[Diagnostic]:
    area = session.area
    for disk in area.disks:
        if not os.path.isdir(disk.path):
            yield _warning(f"disk {disk.name} {disk.path} is no directory", "make it, or mend [disks]")
        elif not os.access(disk.path, os.W_OK | os.X_OK):
            yield _warning(f"disk {disk.name} {disk.path} cannot be written", "mend its permissions")
    for path in [d.path for d in area.disks if os.path.isdir(d.path)] or [area.home]:
        room = os.statvfs(path)
        free_kib = room.f_bavail * room.f_frsize // 1024
        if free_kib <= area.min_space_kib:
            yield _warning(
                f"{path} has {free_kib} KiB free; nothing is launched below {area.min_space_kib}",
                "make room, or set [setup] minspace",
            )
        if room.f_files and room.f_favail < 1000:
            yield _warning(f"{path} has only {room.f_favail} free inodes", "remove files")


def _link_tree(session: Session) -> Iterator[Diagnostic]:
    top = session.area.linktree
    if not os.path.isdir(top):
        yield _note(f"{top} does not exist yet", "the first run makes it")
        return
    if not os.access(top, os.W_OK | os.X_OK):
        yield _warning(f"{top} cannot be written", "mend its permissions")
    dangling = list(_dangling(top, len(session.area.fields)))
    if dangling:
        yield _warning(
            f"{_some(dangling)}: links that lead nowhere", "remove the tests with: megatest rm, or the links"
        )


def _dangling(top: str, fields: int) -> Iterator[str]:
    level = [top]
    for _ in range(fields + 1):
        below = []
        for directory in level:
            with os.scandir(directory) as entries:
                below += [e.path for e in entries if e.is_dir(follow_symlinks=False)]
        level = below
    for directory in level:
        with os.scandir(directory) as entries:
            yield from (e.path for e in entries if e.is_symlink() and not os.path.exists(e.path))


def _clock(session: Session) -> Iterator[Diagnostic]:
    """Compare the file server's clock with ours; only people are misled, no verdict hangs on it."""
    try:
        with tempfile.NamedTemporaryFile(dir=session.area.home, prefix=".megatest-doctor-") as file:
            before = time.time()
            file.write(b"x")
            file.flush()
            stamp = os.fstat(file.fileno()).st_mtime
            after = time.time()
    except OSError as error:
        yield _warning(f"{session.area.home} cannot be written: {error.strerror}", "nothing can be run here")
        return
    if not before - _CLOCK_TOLERANCE_S <= stamp <= after + _CLOCK_TOLERANCE_S:
        yield _warning(
            f"the clock behind {session.area.home} differs by {stamp - after:.0f} s from this machine's",
            "synchronise the clocks; times that people read will be wrong",
        )


def _database(session: Session) -> Iterator[Diagnostic]:
    yield from examine(session.database)
    logs = run_logs(session.area).own
    if logs and not os.path.exists(session.database):
        yield _warning(f"{len(logs)} runs lie on disk, but there is no database", "use: megatest rebuild")
    elif wiring.on_network(session.area.home):
        yield _note("it lies on a network file system; it is used without a write-ahead log")


def _under_way(session: Session) -> Iterator[Diagnostic]:
    records = wiring.open_records_if_any(session)
    if records is None:
        return
    for run in records.runs(None):
        holder = records.holder(run.id)
        active = [t for t in records.tests(run.id, states=ACTIVE) if not t.is_parent]
        if holder is not None and wiring.is_dead(holder):
            yield _note(
                f"the engine of run {run.name} (process {holder.pid}) is gone", "the next run takes its place"
            )
        if active and (holder is None or wiring.is_dead(holder)):
            names = _some([str(t.test_id) for t in active])
            yield _warning(
                f"run {run.name}: {names} under way and no engine looks after them",
                "settle them with: megatest list, go on with: megatest run",
            )


def _run_directories(session: Session) -> Iterator[Diagnostic]:
    area = session.area
    records = wiring.open_records_if_any(session)
    known: set[tuple[str, str, TestId]] = set()
    missing = []
    for run in records.runs(None) if records is not None else ():
        for test in records.tests(run.id) if records is not None else ():
            known.add((str(run.target), run.runname, test.test_id))
            ran = test.state in (State.COMPLETED, State.KILLED, State.INCOMPLETE)
            if ran and test.shortdir and not os.path.isdir(test.shortdir):
                missing.append(f"{run.name}/{test.test_id}")
    disks = [*(disk.path for disk in area.disks), os.path.join(area.home, "runs")]
    orphans = [
        path
        for path, owner in find_run_dirs(disks, area.home)
        if (owner.target, owner.runname, TestId(owner.test, owner.item)) not in known
    ]
    if missing:
        yield _warning(
            f"{_some(missing)}: results whose run directory is gone", "run them again, or: megatest rm"
        )
    if orphans:
        yield _warning(
            f"{_some(orphans)}: run directories that the database does not know",
            "take them in with: megatest rebuild, or remove them",
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _warning(message: str, hint: str) -> Diagnostic:
    return Diagnostic(severity=Severity.WARNING, message=message, hint=hint)


def _note(message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, message=message, hint=hint)
