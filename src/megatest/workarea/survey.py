"""Which run directories there are on the disks, by their markers, whatever any database says."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from megatest.workarea.former import lies_inside, was_here
from megatest.workarea.layout import ATTEMPTS
from megatest.workarea.marker import Owner, owner_at


def find_run_dirs(
    disks: Iterable[str], area: str, former: Collection[str] = ()
) -> Iterator[tuple[str, Owner]]:
    """Yield the run directories of an area with their owners; earlier attempts left out.

    Links are not followed, and what lies inside a run directory is not looked at.  On disks outside of the
    area also lies what is left of others that are gone: there only the known former places count.

    Args:
        disks: absolute paths of disks.
        area: absolute path of the area.
        former: where it is known to have been before it was moved or copied.

    Cost: one listing for each directory above and of the run directories; no recursion.
    """
    waiting = list(dict.fromkeys(os.path.realpath(disk) for disk in disks))
    while waiting:
        directory = waiting.pop()
        owner = owner_at(directory)
        if owner is not None:
            if owner.area == area or owner.area in former or _came_along(directory, owner, area):
                yield directory, owner
            continue
        try:
            with os.scandir(directory) as entries:
                waiting += [e.path for e in entries if e.is_dir(follow_symlinks=False) and e.name != ATTEMPTS]
        except OSError:
            continue


def _came_along(directory: str, owner: Owner, area: str) -> bool:
    return lies_inside(directory, area) and was_here(owner.area, area, directory)
