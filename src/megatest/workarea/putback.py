"""The latest attempt is put back in its place when the next one was prepared and never launched.

A run directory is made before its launch is recorded, so an engine that dies in between, or is
told to end, leaves a record whose directory was moved aside for nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from megatest.failpoint import reach
from megatest.model.error import EnvironmentFault
from megatest.model.ids import TestId
from megatest.model.slotted import replace
from megatest.workarea.aside import removed_as_unfinished
from megatest.workarea.directory import make_directories
from megatest.workarea.former import was_here
from megatest.workarea.journal import revoke
from megatest.workarea.layout import ATTEMPTS
from megatest.workarea.linktree import link_up
from megatest.workarea.marker import Owner, is_of_test, owner_at
from megatest.workarea.removal import Removed, Roots, earlier_attempts, place_of_owner, remove_run_dir


def put_back_all(run: str, latest: Mapping[TestId, int], area: str, roots: Roots) -> None:
    """Put back what was moved aside of a run though nothing newer was launched.

    Args:
        run: ``T1/T2/RUNNAME``.
        latest: the number of the latest attempt that is on record, of tests that do not run.
        area: its absolute path; directories of other areas are left alone.
        roots: the disks and the link tree.

    Cost: looks at each attempt that is kept aside, and at nothing else.
    """
    for disk in map(os.path.realpath, roots.disks):
        for path, owner in list(_kept_aside(f"{disk}/{run}/{ATTEMPTS}")):
            is_latest = latest.get(TestId(owner.test, owner.item)) == owner.attempt
            if is_latest and was_here(owner.area, area, path):
                _put_back(path, disk, replace(owner, area=area), roots)


def put_back_before(owner: Owner, roots: Roots) -> None:
    """Put back the attempt before one that was taken away again, if it is kept aside."""
    for disk in map(os.path.realpath, roots.disks):
        for path in earlier_attempts(owner, [disk]):
            found = owner_at(path)
            if found is not None and found.attempt == owner.attempt - 1:
                _put_back(path, disk, found, roots)
                return


def _kept_aside(top: str) -> Iterator[tuple[str, Owner]]:
    """Yield the attempts below a directory of attempts, items' in directories of their own."""
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for path in below:
            owner = owner_at(path)
            if owner is None:
                waiting.append(path)
            elif path.endswith(f".{owner.attempt}"):
                yield path, owner


def _put_back(path: str, disk: str, owner: Owner, roots: Roots) -> None:
    """Put one attempt back; where that cannot be, it stays aside and nothing is lost."""
    place = place_of_owner(owner)
    run_dir = f"{disk}/{place.path}"
    with suppress(OSError, EnvironmentFault):
        there = [f"{os.path.realpath(other)}/{place.path}" for other in roots.disks]
        if not all(_is_free(path, owner, roots) for path in there if not os.path.islink(path)):
            return
        if os.path.islink(run_dir):
            os.unlink(run_dir)  # it led to what was never launched, on another disk
        make_directories(os.path.dirname(run_dir))
        reach("attempt before its return")
        # The rename last: as long as it is aside, whoever comes next does all of this again.
        link_up(roots.linktree, run_dir, place)
        reach("attempt linked again")
        os.rename(path, run_dir)


def _is_free(run_dir: str, owner: Owner, roots: Roots) -> bool:
    """Return whether nothing is in the way; a newer attempt that never began is taken away."""
    if not os.path.lexists(run_dir) or removed_as_unfinished(run_dir):
        return True
    found = owner_at(run_dir)
    if found is None or not is_of_test(found, owner, run_dir) or found.attempt <= owner.attempt:
        return False
    return revoke(run_dir, found.attempt) and isinstance(remove_run_dir(run_dir, found, roots), Removed)
