"""Which run directories there are on the disks, by their markers, whatever any database says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from megatest.workarea.layout import ATTEMPTS
from megatest.workarea.marker import Owner, owner_at


def find_run_dirs(disks: Iterable[str], area: str) -> Iterator[tuple[str, Owner]]:
    """Yield the run directories of an area with their owners; earlier attempts left out.

    Links are not followed, and what lies inside a run directory is not looked at.

    Args:
        disks: absolute paths of disks.
        area: absolute path of the area.

    Cost: one listing for each directory above and of the run directories; no recursion.
    """
    waiting = list(dict.fromkeys(os.path.realpath(disk) for disk in disks))
    while waiting:
        directory = waiting.pop()
        owner = owner_at(directory)
        if owner is not None:
            if owner.area == area:
                yield directory, owner
            continue
        try:
            with os.scandir(directory) as entries:
                waiting += [e.path for e in entries if e.is_dir(follow_symlinks=False) and e.name != ATTEMPTS]
        except OSError:
            continue
