"""The machine under the figures: what it is, and whether it is quiet enough to be measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BUSY_SHARE: Final = 0.05
"""Above this share of the processors in use by others, figures are marked as disturbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a reader needs to know to compare figures with their own."""

    processor: str
    processors: int
    memory_gib: float
    kernel: str
    python: str

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.processors} processors, {self.memory_gib:.0f} GiB, "
            f"Linux {self.kernel}, Python {self.python}"
        )


def this_machine() -> Machine:
    """Return the facts of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        processor=_processor_name(),
        processors=len(os.sched_getaffinity(0)),
        memory_gib=memory / 2**30,
        kernel=platform.release().partition("-")[0],  # behind it stands who built it
        python=platform.python_version(),
    )


def _processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def filesystem(path: Path) -> str:
    """Return the type of the file system that holds `path`, such as ``ext4`` or ``tmpfs``."""
    real = path.resolve()
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if real.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def busy_share(seconds: float = 1.0, sleep: Callable[[float], None] = time.sleep) -> float:
    """Return the share of all processors that was in use during the next `seconds`, 0 to 1."""
    before = _ticks()
    sleep(seconds)
    after = _ticks()
    total = sum(after) - sum(before)
    idle = (after[3] + after[4]) - (before[3] + before[4])  # idle and waiting for a disk
    return 1 - idle / total if total else 0.0


def _ticks() -> list[int]:
    with open("/proc/stat", encoding="ascii") as file:
        return [int(word) for word in file.readline().split()[1:9]]
