"""Which disk takes the next run directory: the usable one with the most free space."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from typing import Final

from megatest.model.error import EnvironmentFault
from megatest.model.slotted import dataclass
from megatest.model.spec import Disk
from megatest.workarea.directory import make_directories

_FRESH_S: Final = 3.0
_SCRIPT_LIMIT_S: Final = 20.0
_SIZE: Final = r"\s*(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)"
_MAKE_ROOM: Final = "megatest rm takes old runs away; a lower [setup] minspace holds for the next command"
_UNIT_KIB: Final = {"": 1, "k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}


@dataclass(frozen=True, slots=True)
class _Room:
    """What is known of one directory: free KiB (-1: unknown), or why it cannot be used."""

    free_kib: int
    problem: str
    asked_at: float


class Disks:
    """Chooses among disks; asks each at most every few seconds."""

    def __init__(
        self,
        *,
        default: Disk,
        disks: Sequence[Disk],
        min_space_kib: int,
        free_space_script: str,
        monotonic: Callable[[], float],
    ) -> None:
        """Take the area's settings.

        Args:
            default: used, and created, where neither the area nor the test names a disk.
            disks: the area's.
            min_space_kib: a disk is usable with more than this.
            free_space_script: prints the free KiB of the directory that it is given.
            monotonic: the clock; seconds.
        """
        self._default = default
        self._disks = tuple(disks) or (default,)
        self._min_space_kib = min_space_kib
        self._script = free_space_script
        self._monotonic = monotonic
        self._rooms: dict[str, _Room] = {}
        self._best = ""  # the area's disk with the most room, as long as that is known
        self._best_until = -math.inf
        self._real_paths: dict[str, str] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """The directories of the area's disks."""
        return tuple(disk.path for disk in self._disks)

    def choose(self, disks: Sequence[Disk] = ()) -> str:
        """Return the directory of the disk with the most room, of `disks` or else of the area's.

        Raises:
            EnvironmentFault: none is usable; says why each is not.
        """
        if not disks and self._knows_best():
            return self._best
        candidates = tuple(disks) or self._disks
        rooms = [(self._room(disk), disk) for disk in candidates]
        usable = [(room.free_kib, disk) for room, disk in rooms if not room.problem]
        if not usable:
            raise EnvironmentFault(self._why_none(rooms), hint="see [disks] and [setup] minspace")
        # The first of equals, so that the choice is the same on every machine.
        best = max(usable, key=lambda pair: pair[0])[1].path
        if not disks:
            self._best, self._best_until = best, min(room.asked_at for room, _ in rooms) + _FRESH_S
        return best

    def _knows_best(self) -> bool:
        return 0 <= self._best_until - self._monotonic() < _FRESH_S

    def low_space(self) -> str:
        """Return why none of the area's disks is usable; empty if one is."""
        if self._knows_best():
            return ""
        rooms = [(self._room(disk), disk) for disk in self._disks]
        if not all(room.problem for room, _ in rooms):
            return ""
        return f"{self._why_none(rooms)}; it goes on when there is room ({_MAKE_ROOM})"

    def unusable(self) -> str:
        """Return why none of the area's disks is usable, whatever room there will be; empty if one may be."""
        rooms = [(self._room(disk), disk) for disk in self._disks]
        return self._why_none(rooms) if all(room.problem and room.free_kib < 0 for room, _ in rooms) else ""

    def free_kib(self, path: str) -> int:
        """Return the free KiB of the file system that holds `path`; -1 if it cannot be asked."""
        for disk in self._disks:
            if path.startswith((f"{disk.path}/", f"{self.real(disk.path)}/")):
                return self._room(disk).free_kib
        return self._ask(path_on_disk(path), self._monotonic()).free_kib

    def real(self, disk: str) -> str:
        """Return a disk's path without links; disks do not move while a run goes on."""
        if disk not in self._real_paths:
            self._real_paths[disk] = os.path.realpath(disk)
        return self._real_paths[disk]

    def _why_none(self, rooms: Sequence[tuple[_Room, Disk]]) -> str:
        reasons = "; ".join(f"{_named(disk)} {room.problem}" for room, disk in rooms)
        return f"no disk can take a run directory: {reasons}"

    def _room(self, disk: Disk) -> _Room:
        now = self._monotonic()
        room = self._rooms.get(disk.path)
        if room is None or not 0 <= now - room.asked_at < _FRESH_S:
            room = self._ask(disk, now)
            self._rooms[disk.path] = room
        return room

    def _ask(self, disk: Disk, now: float) -> _Room:
        problem = _create(disk.path) if disk is self._default else ""
        problem = problem or _why_unusable(disk.path)
        if problem:
            return _Room(-1, problem, now)
        free_kib = self._script_says(disk.path) if self._script else _kernel_says(disk.path)
        if free_kib < 0:
            return _Room(-1, "does not tell its free space", now)
        if free_kib <= self._min_space_kib:
            return _Room(free_kib, f"has {free_kib} KiB free, not more than {self._min_space_kib}", now)
        return _Room(free_kib, "", now)

    def _script_says(self, path: str) -> int:
        """Ask the area's script; the path is an argument, never text of the shell line."""
        argv = ["/bin/sh", "-c", f'{self._script} "$1"', "sh", path]
        import subprocess  # most areas ask the kernel

        try:
            done = subprocess.run(
                argv, capture_output=True, timeout=_SCRIPT_LIMIT_S, stdin=subprocess.DEVNULL, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return -1
        return kib_from_text(done.stdout.decode("utf-8", "replace")) if done.returncode == 0 else -1


def _named(disk: Disk) -> str:
    place = f", {disk.location}" if disk.location else ""
    return f"{disk.name} ({disk.path}{place})"


def kib_from_text(text: str) -> int:
    """Return the KiB that `text` starts with (``10``, ``10M``, ``1.5G``); -1 if none."""
    match = re.match(_SIZE, text)
    if match is None:
        return -1
    return int(float(match[1]) * _UNIT_KIB[match[2].lower()])


def path_on_disk(path: str) -> Disk:
    """Return the nearest directory above (or at) `path` that exists, as a nameless disk."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return Disk(name="", path=path)


def _create(path: str) -> str:
    """Make sure that a directory exists; return why it cannot be made."""
    try:
        make_directories(path)
    except OSError as error:
        return f"cannot be created: {error.strerror}"
    return ""


def _why_unusable(path: str) -> str:
    if not os.path.isabs(path):
        return "is not an absolute path"
    if not os.path.exists(path):
        return "does not exist"
    if not os.path.isdir(path):
        return "is not a directory"
    return "" if os.access(path, os.W_OK | os.X_OK) else "cannot be written"


def _kernel_says(path: str) -> int:
    try:
        room = os.statvfs(path)
    except OSError:
        return -1
    return room.f_bavail * room.f_frsize // 1024
