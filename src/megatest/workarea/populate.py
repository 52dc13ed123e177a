"""Copying a test's own files into its run directory, without a process per copy.

Modes, times and links are kept, as ``rsync -a`` did for the original (a makefile that finds its
sources younger than its results would build again).  Contents are copied, never hard-linked: a
test that writes to its files must not write to the area's.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from enum import Enum
from operator import itemgetter
from typing import Final

from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault, MegatestError, NoSpace, UserError
from megatest.model.rundir import JOB_LOG, OURS
from megatest.model.slotted import dataclass

RESERVED: Final = frozenset({OURS, JOB_LOG})
"""Names that are ours in a run directory; files of these names are not copied."""

_NAME: Final = itemgetter(0)
_SETTLED_NS: Final = 2_000_000_000
_MOST_LISTINGS: Final = 500  # the items of a test come one after the other; a test is rarely needed twice
_SMALL: Final = 1 << 17
_BLOCK: Final = 1 << 20
_LEAST: Final = 1 << 12  # some files do not tell their size
_NOT_SO: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SICK: Final = frozenset({errno.EROFS, errno.EIO, errno.ESTALE})


class Kind(Enum):
    """What a name in a source directory stands for."""

    FILE = "file"
    LINK = "link"
    DIRECTORY = "directory"
    SPECIAL = "special file"


@dataclass(frozen=True, slots=True)
class Listing:
    """The names below a source directory.

    Attributes:
        entries: path relative to the source and kind; a directory before what is in it.
        seen: the source and every directory below, with its mtime in ns at the listing.
        settled: no directory had been changed just then, so equal mtimes mean equal names.
    """

    entries: tuple[tuple[str, Kind], ...]
    seen: tuple[tuple[str, int], ...]
    settled: bool


class Sources:
    """Lists source directories and remembers the lists while the directories stay unchanged."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Take the clock: seconds since the epoch, to compare with the files' times."""
        self._now = now
        self._listings: dict[str, Listing] = {}

    def listing(self, source: str) -> Listing:
        """Return the names below `source`.

        Raises:
            UserError: it or a directory in it cannot be read.

        Cost: one stat per directory if nothing changed.
        """
        known = self._listings.get(source)
        if known is None or not known.settled or not _unchanged(known):
            known = _list(source, int(self._now() * 1e9))
            if len(self._listings) >= _MOST_LISTINGS:
                self._listings.clear()
            self._listings[source] = known
        return known


def _unchanged(listing: Listing) -> bool:
    try:
        return all(os.stat(path).st_mtime_ns == mtime for path, mtime in listing.seen)
    except OSError:
        return False


def _list(source: str, now_ns: int) -> Listing:
    entries: list[tuple[str, Kind]] = []
    seen: list[tuple[str, int]] = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        path = f"{source}/{below}" if below else source
        try:
            # The time comes first: a name that is added meanwhile makes the list stale, not wrong.
            seen.append((path, os.stat(path).st_mtime_ns))
            with os.scandir(path) as found:
                names = sorted([(entry.name, _kind(entry)) for entry in found], key=_NAME)
        except OSError as error:
            raise UserError(f"cannot read the test's files: {path}: {error.strerror}") from error
        for name, kind in names:
            if not below and name in RESERVED:
                continue
            relative = f"{below}/{name}" if below else name
            entries.append((relative, kind))
            if kind is Kind.DIRECTORY:
                waiting.append(relative)
    settled = all(mtime < now_ns - _SETTLED_NS for _, mtime in seen)
    return Listing(tuple(entries), tuple(seen), settled)


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_file(follow_symlinks=False):
        return Kind.FILE
    if entry.is_symlink():
        return Kind.LINK
    return Kind.DIRECTORY if entry.is_dir() else Kind.SPECIAL


def populate(source: str, listing: Listing, run_dir: str) -> tuple[str, ...]:
    """Copy a test's files into its new run directory.

    Returns:
        Sentences about what was left out, for the log.

    Raises:
        UserError: a file cannot be read, or its name is in the way of another.
        EnvironmentFault: the disk is full or does not take it.
    """
    notes: list[str] = []
    modes: list[tuple[str, int]] = []
    for relative, kind in listing.entries:
        origin, target = f"{source}/{relative}", f"{run_dir}/{relative}"
        try:
            if kind is Kind.FILE:
                _copy_file(origin, target)
            elif kind is Kind.LINK:
                os.symlink(os.readlink(origin), target)
            elif kind is Kind.DIRECTORY:
                os.mkdir(target)
                modes.append((target, stat.S_IMODE(os.stat(origin).st_mode)))
            else:
                notes.append(f"not copied: {origin} is a special file")
        except OSError as error:
            raise _fault(f"cannot copy {origin} to {run_dir}: {error.strerror}", error.errno) from error
    for path, mode in reversed(modes):
        os.chmod(path, mode)  # only now: a directory may be read-only for its owner too
    return tuple(notes)


def _fault(message: str, number: int | None) -> MegatestError:
    if number in _FULL:
        return NoSpace(message)
    return EnvironmentFault(message) if number in _SICK else UserError(message)


def _copy_file(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(reading)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        reach("copy made")
        try:
            _copy_bytes(reading, writing, status.st_size)
            # Set-id bits are for installed programs: on a copy in a shared area they are a trap.
            os.fchmod(writing, stat.S_IMODE(status.st_mode) & 0o777)
            os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_bytes(reading: int, writing: int, size: int) -> None:
    """Copy until the end of the file, whatever its size was; the kernel may share the blocks."""
    if size > _SMALL and _copied_by_kernel(reading, writing):
        return
    most = _BLOCK if size > _SMALL else max(size, _LEAST) + 1
    while block := os.read(reading, most):
        _write_all(writing, block)
        if len(block) == size:
            return  # all of a small file at once, as nearly always


def _copied_by_kernel(reading: int, writing: int) -> bool:
    try:
        while os.copy_file_range(reading, writing, 1 << 30):
            pass
    except OSError as error:
        # Both descriptors stand behind what was copied, so reading and writing can go on.
        if error.errno in _NOT_SO:
            return False
        raise
    return True


def _write_all(descriptor: int, block: bytes) -> None:
    written = os.write(descriptor, block)
    while written < len(block):
        block = block[written:]
        written = os.write(descriptor, block)
